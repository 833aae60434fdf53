from __future__ import annotations

import os
import random
import stat
import struct
import zipfile
import zlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from persona_packs import (
    CAST,
    NOW,
    SIDE_PX,
    SUBJECT,
    TrustsAll,
    face,
    files,
    picture,
    record_for,
    table,
    write_folder,
    write_zip,
)

from mien.engines.consent.errors import ConsentExpiredError, ConsentRevokedError
from mien.engines.consent.gate import Gate
from mien.engines.consent.record import parse_record
from mien.engines.consent.revocation import places, revoke, write_revocation
from mien.engines.personas.container import MAX_FILES
from mien.engines.personas.pack import load_pack, read_contents, write_pack
from mien.engines.personas.picture import encode_png
from mien.engines.personas.trust import Trust
from mien.realtime.errors import PersonaError


def test_a_good_folder_gives_the_persona_with_read_only_arrays(tmp_path: Path) -> None:
    persona = load_pack(write_folder(tmp_path / "pat", files()), trust=Trust(tmp_path))
    assert (persona.name, persona.kind, persona.engine) == ("pat", "consented", "mesh")
    assert np.array_equal(persona.portrait, picture())
    assert np.allclose(persona.landmarks, face().landmarks, atol=6e-4)
    assert np.allclose(persona.blendshapes, face().blendshapes, atol=1e-5)
    assert persona.exclusion is None
    for array in (persona.portrait, persona.landmarks, persona.blendshapes):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize("top", ["", "pat/"])
def test_a_zip_and_a_zipped_folder_are_the_same_pack_as_the_folder(tmp_path: Path, top: str) -> None:
    folder = load_pack(write_folder(tmp_path / "pat", files()))
    zipped = load_pack(write_zip(tmp_path / "pat.zip", files(), top=top))
    assert zipped.digest == folder.digest
    assert np.array_equal(zipped.portrait, folder.portrait)


@pytest.mark.parametrize("name", sorted(files()))
def test_one_changed_byte_names_the_file_and_loads_nothing(tmp_path: Path, name: str) -> None:
    root = write_folder(tmp_path / "pat", files())
    data = bytearray((root / name).read_bytes())
    data[len(data) // 2] ^= 1
    (root / name).write_bytes(bytes(data))
    with pytest.raises(PersonaError, match=rf"pat: {name} was changed: its SHA-256 is .* Nothing was loaded"):
        load_pack(root)


def test_the_hash_is_checked_before_the_file_is_parsed(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "pat", files())
    (root / "portrait.png").write_bytes(b"no picture at all")
    with pytest.raises(PersonaError, match=r"portrait\.png was changed"):
        load_pack(root)


@pytest.mark.parametrize("write", [write_folder, write_zip])
def test_a_pack_that_has_not_changed_is_not_loaded_twice(tmp_path: Path, write: Any) -> None:
    path = write(tmp_path / "pat.zip", files())
    known = load_pack(path)
    assert load_pack(path, known=known) is known
    assert load_pack(path) is not known
    # Another pack is another persona, whatever was known.
    assert load_pack(write(tmp_path / "other.zip", files()), known=known) is not known
    write(path, files(), table(description="made anew"))
    again = load_pack(path, known=known)
    assert again.manifest.description == "made anew"


def test_a_known_pack_with_a_changed_missing_or_new_file_is_refused_as_ever(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "pat", files())
    known = load_pack(root)
    portrait = (root / "portrait.png").read_bytes()
    (root / "portrait.png").write_bytes(portrait[:-1] + b"x")
    with pytest.raises(PersonaError, match=r"portrait\.png was changed"):
        load_pack(root, known=known)
    (root / "portrait.png").unlink()
    with pytest.raises(PersonaError, match=r"portrait\.png is missing"):
        load_pack(root, known=known)
    (root / "portrait.png").write_bytes(portrait)
    (root / "more.txt").write_text("x")
    with pytest.raises(PersonaError, match=r"more\.txt is not listed"):
        load_pack(root, known=known)


def test_whether_a_known_pack_may_be_loaded_is_asked_anew(tmp_path: Path) -> None:
    clock = [NOW]
    trust = Trust(tmp_path / "data", gate=Gate(tmp_path / "data", now=lambda: clock[0]))
    root = write_folder(tmp_path / "pat", files())
    known = load_pack(root, trust=trust)
    assert load_pack(root, trust=trust, known=known) is known
    clock[0] += timedelta(days=400)
    with pytest.raises(ConsentExpiredError):
        load_pack(root, trust=trust, known=known)
    clock[0] = NOW
    record = parse_record(record_for("pat")).record
    write_revocation(revoke(record, SUBJECT, NOW), places(record.id, root, tmp_path / "data")[1])
    with pytest.raises(ConsentRevokedError):
        load_pack(root, trust=trust, known=known)
    drawn = write_folder(tmp_path / "drawn", files("synthetic"), table("synthetic"))
    rendered = load_pack(drawn, trust=TrustsAll(tmp_path))
    with pytest.raises(PersonaError, match="never rendered and compared"):
        load_pack(drawn, trust=trust, known=rendered)


def test_a_missing_and_an_unlisted_file_are_named(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "pat", files())
    (root / "extra.txt").write_text("hello")
    with pytest.raises(PersonaError, match=r"extra\.txt is not listed in persona\.toml, so it has no hash"):
        load_pack(root)
    (root / "extra.txt").unlink()
    (root / "landmarks.json").unlink()
    with pytest.raises(PersonaError, match=r"landmarks\.json is missing; persona\.toml lists it"):
        load_pack(root)


def test_what_a_desktop_leaves_behind_is_no_file_of_the_pack(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "pat", files())
    (root / ".DS_Store").write_bytes(b"\0")
    assert load_pack(root).name == "pat"


def test_a_consented_pack_without_its_statement_is_refused(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "a", files("synthetic"), table(consent=None))
    with pytest.raises(PersonaError, match=r"kind 'consented' without a \[consent\] table"):
        load_pack(root)
    root = write_folder(tmp_path / "b", files())
    (root / "consent.json").unlink()
    with pytest.raises(PersonaError, match=r"consent\.json is missing"):
        load_pack(root)


def test_another_record_than_the_bound_one_is_refused(tmp_path: Path) -> None:
    held = {**files(), "consent.json": record_for("pat") + b" "}
    with pytest.raises(PersonaError, match=r"\[consent\] and \[files\] give different hashes for consent\.json"):
        load_pack(write_folder(tmp_path / "pat", held))


def test_a_synthetic_pack_needs_its_seed_and_a_check_on_this_machine(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "pat", files("synthetic"), table("synthetic"))
    trust = Trust(tmp_path / "data")
    with pytest.raises(PersonaError, match=r"never rendered and compared on this machine\. Run `mien persona check"):
        load_pack(root, trust=trust)
    trust.remember(read_contents(root).digest)
    persona = load_pack(root, trust=trust)
    assert persona.label("portrait") == "generated"
    assert persona.label("swap") == "modified"


def test_a_photo_pack_relabelled_as_synthetic_is_refused_at_each_step(tmp_path: Path) -> None:
    trust = Trust(tmp_path / "data")
    with pytest.raises(PersonaError, match=r"kind 'synthetic' with a \[consent\] table"):
        load_pack(write_folder(tmp_path / "a", files(), {**table(), "kind": "synthetic"}), trust=trust)
    with pytest.raises(PersonaError, match=r"kind 'synthetic' without a \[cast\] table"):
        load_pack(write_folder(tmp_path / "b", files("synthetic"), table("synthetic", cast=None)), trust=trust)
    trust.remember(read_contents(write_folder(tmp_path / "c", files("synthetic"), table("synthetic"))).digest)
    held = {**files("synthetic"), "portrait.png": encode_png(picture()[::-1])}
    with pytest.raises(PersonaError, match="never rendered"):
        load_pack(write_folder(tmp_path / "d", held, table("synthetic")), trust=trust)


def test_a_consented_pack_with_a_seed_and_its_label(tmp_path: Path) -> None:
    with pytest.raises(PersonaError, match=r"kind 'consented' with a \[cast\] table"):
        load_pack(write_folder(tmp_path / "a", files(), table(cast=CAST)))
    assert load_pack(write_folder(tmp_path / "b", files())).label("portrait") == "modified"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"licens": "x"}, r"has the unknown key 'licens'\. Did you mean 'licence'\?"),
        ({"zzz": "x"}, r"has the unknown key 'zzz'\. Known keys: format, name"),
        (
            {"mesh": {"portrait": "portrait.png", "landmark": "landmarks.json"}},
            r"\[mesh\] has the unknown key 'landmark'",
        ),
        ({"format": 2}, r"has format 2; this version of Mien reads 1\. Update Mien"),
        ({"kind": "real"}, r"the key 'kind' is wrong"),
        ({"name": "../pat"}, r"the key 'name' is wrong"),
        ({"name": None}, r"the key 'name' is wrong: Field required"),
        ({"description": "\x1b[2J"}, r"the key 'description' is wrong"),
        ({"engine": "quantum"}, r"is made for the engine 'quantum' and has files for mesh alone"),
        ({"engine": "swapnet"}, r"is made for the engine 'swapnet' and has files for mesh alone"),
        ({"mesh": {"portrait": "other.png", "landmarks": "landmarks.json"}}, r"which \[files\] does not list"),
    ],
)
def test_a_wrong_manifest_names_the_key(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(PersonaError, match=message):
        load_pack(write_folder(tmp_path / "pat", files(), table(**changes)))


def test_a_manifest_that_is_no_toml_or_nested_without_end(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "pat", files())
    for data in (b"name = ", b"\xff\xfe", b"a = " + b"[" * 20_000):
        (root / "persona.toml").write_bytes(data)
        with pytest.raises(PersonaError, match=r"persona\.toml is not TOML in UTF-8"):
            load_pack(root)
    (root / "persona.toml").write_bytes(b"#" * 70_000)
    with pytest.raises(PersonaError, match=r"persona\.toml has more than 65536 bytes"):
        load_pack(root)


def test_a_folder_without_a_manifest_and_no_pack_at_all(tmp_path: Path) -> None:
    with pytest.raises(PersonaError, match=r"persona\.toml is missing; that is no persona pack"):
        load_pack(tmp_path)
    with pytest.raises(PersonaError, match="There is no persona pack at"):
        load_pack(tmp_path / "nowhere")
    (tmp_path / "file").write_bytes(b"hello, I am longer than the last record of a zip")
    with pytest.raises(PersonaError, match="file is neither a folder nor a readable zip"):
        load_pack(tmp_path / "file")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../evil.png", "leaves the pack's folder by '..'"),
        ("a/../../evil.png", "leaves the pack's folder by '..'"),
        ("..\\evil.png", "leaves the pack's folder by '..'"),
        ("/etc/evil.png", "is absolute"),
        ("C:/evil.png", "is absolute"),
        ("a\\b.png", "is not allowed"),
        ("a b.png", "is not allowed"),
        ("a/b/c/d/e.png", "is not allowed"),
        ("PORTRAIT.png", "is there twice"),
    ],
)
def test_a_zip_with_a_wicked_name_is_refused_before_anything_is_read(tmp_path: Path, name: str, message: str) -> None:
    path = write_zip(tmp_path / "pat.zip", files())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"x")
    with pytest.raises(PersonaError, match=message.replace(".", r"\.")):
        load_pack(path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["pat.zip"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_twice_in_a_zip_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "pat.zip", files())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("portrait.png", b"another")
    with pytest.raises(PersonaError, match=r"'portrait\.png' is there twice"):
        load_pack(path)


@pytest.mark.parametrize("name", ["../evil.png", "/evil.png", "run.pkl", "run.py"])
def test_a_manifest_cannot_list_what_a_pack_may_not_hold(tmp_path: Path, name: str) -> None:
    entry = {name: {"sha256": "0" * 64, "size": 1}}
    with pytest.raises(PersonaError, match=r"is absolute|leaves the pack|a pack may hold \.png"):
        load_pack(write_folder(tmp_path / "pat", files(), table(files=entry, mesh=None, consent=None)))


def test_a_zip_bomb_is_refused_by_its_ratio_and_by_its_sizes(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "pat.zip", {**files(), "zero.txt": b"\0" * 2_000_000})
    with pytest.raises(PersonaError, match=r"zero\.txt grows from \d+ to 2000000 bytes; .* zip bomb"):
        load_pack(path)
    path = write_zip(tmp_path / "large.zip", {**files(), "zero.txt": b"\0" * (33 * 2**20)})
    with pytest.raises(PersonaError, match=r"zero\.txt has 34603008 bytes; a file of a pack may have 33554432"):
        load_pack(path)


def test_a_zip_that_lies_about_a_size_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "pat.zip", files())
    data = bytearray(path.read_bytes())
    size = len(files()["landmarks.json"])
    for at in [index for index in range(len(data) - 4) if data[index : index + 4] == struct.pack("<L", size)]:
        data[at : at + 4] = struct.pack("<L", size - 100)
    path.write_bytes(bytes(data))
    with pytest.raises(PersonaError, match=r"landmarks\.json cannot be unpacked \(Bad CRC-32"):
        load_pack(path)


def test_a_damaged_zip_stream_and_an_encrypted_entry(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "pat.zip", files())
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo("landmarks.json")
    data = bytearray(path.read_bytes())
    data[entry.header_offset + 200] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(PersonaError, match=r"landmarks\.json cannot be unpacked"):
        load_pack(path)
    data = bytearray(write_zip(tmp_path / "b.zip", files()).read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 8] |= 1
    (tmp_path / "b.zip").write_bytes(bytes(data))
    with pytest.raises(PersonaError, match=r"persona\.toml is encrypted"):
        load_pack(tmp_path / "b.zip")


def test_a_zip_with_a_comment_or_a_huge_directory_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "pat.zip", files())
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"hello"
    with pytest.raises(PersonaError, match="neither a folder nor a readable zip"):
        load_pack(path)
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(1500):
            archive.writestr(f"{number}.txt", b"")
    with pytest.raises(PersonaError, match=f"more than {MAX_FILES} files"):
        load_pack(tmp_path / "many.zip")


def _spoil(data: bytes, rng: random.Random) -> bytes:
    spoilt = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(spoilt))
        if rng.random() < 0.7:
            spoilt[place] = rng.randrange(256)
        else:
            del spoilt[place : place + rng.randint(1, 8)]
    return bytes(spoilt)


def test_no_damage_to_a_zip_raises_anything_else_than_a_persona_error(tmp_path: Path) -> None:
    good = write_zip(tmp_path / "pat.zip", files()).read_bytes()
    directory = good.index(b"PK\x01\x02")
    rng = random.Random(3)
    refused = 0
    for number in range(400):
        cut = directory if number % 2 else 0  # every other time in the directory alone, where the parsing is
        (tmp_path / "pat.zip").write_bytes(good[:cut] + _spoil(good[cut:], rng))
        try:
            load_pack(tmp_path / "pat.zip")
        except PersonaError:
            refused += 1
    assert refused > 300


def test_a_zip_that_wants_a_later_version_or_has_an_empty_name_is_refused(tmp_path: Path) -> None:
    good = write_zip(tmp_path / "pat.zip", files()).read_bytes()
    directory = good.index(b"PK\x01\x02")
    later = bytearray(good)
    later[directory + 6] = 199
    (tmp_path / "later.zip").write_bytes(bytes(later))
    with pytest.raises(PersonaError, match=r"neither a folder nor a readable zip \(zip file version 19\.9"):
        load_pack(tmp_path / "later.zip")
    with zipfile.ZipFile(tmp_path / "pat.zip", "a") as archive:
        archive.writestr(zipfile.ZipInfo("\0"), b"x")  # zipfile cuts a name at its first zero
    with pytest.raises(PersonaError, match="the file name '' is not allowed"):
        load_pack(tmp_path / "pat.zip")


def test_too_many_files_in_a_folder_are_refused(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "pat", files())
    for number in range(MAX_FILES):
        (root / f"{number}.txt").write_bytes(b"x")
    with pytest.raises(PersonaError, match=f"more than {MAX_FILES} files"):
        load_pack(root)


def test_a_symlink_out_of_the_folder_is_refused_and_one_within_is_not(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "pat", files())
    outside = tmp_path / "outside.png"
    (root / "portrait.png").rename(outside)
    (root / "portrait.png").symlink_to(outside)
    with pytest.raises(PersonaError, match=r"portrait\.png is a link that leaves the pack's folder"):
        load_pack(root)
    (tmp_path / "folder").mkdir()
    (root / "portrait.png").unlink()
    outside.rename(root / "portrait.png")
    (root / "more").symlink_to(tmp_path / "folder")
    with pytest.raises(PersonaError, match="more is a link to a folder"):
        load_pack(root)


def test_a_symlink_in_a_zip_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "pat.zip", files())
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(PersonaError, match=r"link\.txt is a link or a special file"):
        load_pack(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_a_folder_does_not_hang(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "pat", files())
    (root / "consent.json").unlink()
    os.mkfifo(root / "consent.json")
    with pytest.raises(PersonaError, match=r"consent\.json is not a plain file"):
        load_pack(root)


_IDAT = struct.pack(">L", 9) + b"IDAT" + bytes(13)


def _png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">2L5B", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">L", 13) + chunk + struct.pack(">L", zlib.crc32(chunk)) + _IDAT


@pytest.mark.parametrize(("width", "height"), [(9000, 100), (8000, 8000), (60_000, 60_000)])
def test_an_oversized_picture_is_refused_by_its_header(tmp_path: Path, width: int, height: int) -> None:
    held = {**files(), "portrait.png": _png_header(width, height)}
    with pytest.raises(PersonaError, match=r"portrait\.png is too large.* at most 40 megapixels"):
        load_pack(write_folder(tmp_path / "pat", held))


def test_a_picture_that_is_none_or_small_or_cut_off(tmp_path: Path) -> None:
    good = files()
    for number, (data, message) in enumerate(
        [
            (b"GIF89a" + bytes(50), "is not a readable picture; allowed are PNG and JPEG"),
            (encode_png(picture(32)), "is too small: 32x32 px"),
            (good["portrait.png"][:-200], "is damaged or cut off"),
        ]
    ):
        root = write_folder(tmp_path / str(number), {**good, "portrait.png": data})
        with pytest.raises(PersonaError, match=message):
            load_pack(root)


def test_a_mask_of_another_size_is_refused_and_a_fitting_one_is_kept(tmp_path: Path) -> None:
    mesh = {"portrait": "portrait.png", "landmarks": "landmarks.json", "mask": "mask.png"}
    grey = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    grey[:20] = 255
    persona = load_pack(write_folder(tmp_path / "a", {**files(), "mask.png": encode_png(grey)}, table(mesh=mesh)))
    assert persona.exclusion is not None
    assert np.array_equal(persona.exclusion, grey)
    held = {**files(), "mask.png": encode_png(grey[:100])}
    with pytest.raises(PersonaError, match=r"mask\.png has 160x100 px; the portrait has 160x160 px"):
        load_pack(write_folder(tmp_path / "b", held, table(mesh=mesh)))


@pytest.mark.parametrize("suffix", ["", ".zip"])
def test_what_is_written_is_what_is_read(tmp_path: Path, suffix: str) -> None:
    given = {key: value for key, value in table("synthetic").items() if key != "format"}
    digest = write_pack(tmp_path / f"pat{suffix}", given, files("synthetic"))
    persona = load_pack(tmp_path / f"pat{suffix}", trust=TrustsAll(tmp_path))
    assert persona.digest == digest
    assert persona.manifest.cast == CAST
    with pytest.raises(PersonaError, match="is there already"):
        write_pack(tmp_path / f"pat{suffix}", given, files("synthetic"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"pat{suffix}"]
