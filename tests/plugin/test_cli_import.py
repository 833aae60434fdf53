"""Models that were made elsewhere, from the consent to the converted film; what comes out is known by number."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from cli_runner import Mien, write_face_clip
from dfm_files import SWAP, KnownModel, ellipse
from tensorrt_machine import machine_with_tensorrt

from mien.engines.formats.dfm import DEFAULT_MORPH
from mien.engines.formats.whole_face import POINTS
from mien.engines.personas.library import find
from mien.engines.personas.manifest import sha256
from mien.engines.personas.still import StillTracker
from mien.engines.preparations import persona_preparations
from mien.plugin import Live, LiveConfig
from mien.realtime.errors import ConfigError, EngineError
from mien.realtime.face import Face
from mien.realtime.frame import Floats, Pixels

#: x264 at the recorder's quality, the watermark and two resamplings, levels: measured 1.2 to 1.9 and 6 to 7.
MEAN_LEVELS, MOST_LEVELS = 3.0, 12.0
#: Greatest distance from DeepFaceLab's template, px of the crop.
ALIGNED_PX = 0.5


@pytest.fixture
def mien(capsys: pytest.CaptureFixture[str]) -> Mien:
    return Mien(capsys)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("words.txt").write_text(
        "I made this model of a figure that I painted, and hold all rights. Signed: A. Painter"
    )
    return folder


def consented(mien: Mien, file: str, name: str = "known") -> None:
    made = mien(
        "consent", "figure", "--name", name, "--model", file, "--statement", "words.txt", "--holder", "A. Painter",
        "--basis", "own-work", "--key", "my.key", answers="yes\n",
    )  # fmt: skip
    assert made.code == 0, made.err


def imported(mien: Mien, model: KnownModel) -> None:
    Path("known.dfm").write_bytes(model.file)
    consented(mien, "known.dfm")
    made = mien("persona", "import", "known.dfm", "--name", "known", "--consent", "known.consent.json")
    assert made.code == 0, made.err


@dataclass
class Film:
    """The driver's frame, what came out in its place, and the crop that DeepFaceLab's template asks for."""

    before: Pixels
    after: Pixels
    matrix: np.ndarray
    side_px: int

    @property
    def crop(self) -> Pixels:
        return np.asarray(
            cv2.warpAffine(self.before, self.matrix, (self.side_px,) * 2, borderMode=cv2.BORDER_REPLICATE), np.uint8
        )

    def back(self, crop: np.ndarray) -> np.ndarray:
        """A crop laid into the frame, the rest 0."""
        return cv2.warpAffine(
            crop.astype(np.float32),
            self.matrix,
            self.before.shape[1::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )


def converted(mien: Mien, here: Path, model: KnownModel, *options: str) -> Film:
    clip, out = write_face_clip(here / "in.mp4"), here / "out.mp4"
    result = mien("convert", clip, out, "--persona", "known", *options, "--json")
    assert result.code == 0, result.err
    assert result.document["frames"]["errors"] == 0
    assert result.document["frames"]["held"] == 0
    before, after = (list(frames(path)) for path in (clip, out))
    assert len(before) == len(after)
    return Film(before[-1], after[-1], template_matrix(before[-1], model.side_px), model.side_px)


def frames(path: Path) -> Iterator[Pixels]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="bgr24")


def template_matrix(picture: Pixels, side_px: int) -> np.ndarray:
    """Whole face, coverage 2.2, shift -0.08: from the template's numbers alone, by OpenCV's own fit."""
    face: Face = StillTracker()(picture)[0]
    seen = np.array([face.landmarks[list(used), :2].mean(0) for *_, used in POINTS])
    places = (np.array([(x, y) for _, x, y, _ in POINTS]) - [0.5, 0.42]) / 2.2 + 0.5
    one = np.hstack([seen, np.ones((len(seen), 1))])
    # Four unknowns of a similarity: a, b, x, y with [a -b x; b a y].
    rows = np.vstack(
        [
            np.column_stack([one[:, 0], -one[:, 1], one[:, 2], 0 * one[:, 2]]),
            np.column_stack([one[:, 1], one[:, 0], 0 * one[:, 2], one[:, 2]]),
        ]
    )
    a, b, x, y = np.linalg.lstsq(rows, (places * side_px).T.reshape(-1), rcond=None)[0]
    return np.array([[a, -b, x], [b, a, y]])


def assert_answer(film: Film, model: KnownModel, morph: float = 1.0) -> None:
    """Inside the mask the film is the network's exact answer; far outside it is the driver's frame."""
    face, mask = model.expected(film.crop, morph)
    inside = film.back(cv2.erode(mask, np.ones((25, 25)))) > 0.99
    outside = cv2.dilate(film.back(mask), np.ones((9, 9))) <= 0
    # The badge is on the right.
    outside[:, outside.shape[1] // 2 :] = False
    assert inside.sum() > 2000
    error = np.abs(film.after.astype(float) - film.back(face * 255))[inside]
    assert error.mean() < MEAN_LEVELS, error.mean()
    assert np.percentile(error, 99) < MOST_LEVELS, np.percentile(error, 99)
    assert np.abs(film.after.astype(float) - film.before)[outside].mean() < MEAN_LEVELS


def absent(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)


def spot(side_px: int, x: float, y: float, sigma_px: float) -> Floats:
    """(S, S) 0..1: a soft spot around (x, y), px."""
    row, column = np.mgrid[:side_px, :side_px]
    return np.exp(-((column - x) ** 2 + (row - y) ** 2) / (2 * sigma_px**2)).astype(np.float32)


def centre_of(weight: np.ndarray) -> np.ndarray:
    """(x, y), px."""
    rows, columns = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()


#: Each part of the contract at once: swapped channels, a white spot on one cheek alone, two masks, a morph value.
KNOWN = KnownModel(
    side_px=224,
    colours=SWAP,
    spot=spot(224, 84.0, 128.0, 9.0),
    spot_colour=(1.0, 1.0, 1.0),
    driver_mask=ellipse(224, width=0.23),
    mask=ellipse(224, height=0.26),
    morphs=True,
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("missing", "runtime", "morph"),
    [
        ((), "openvino", "1"),
        (("openvino",), "onnxruntime", "1"),
        # Installed where the extra [onnx-torch] is; the test of the engine fetches it.
        (("openvino", "onnxruntime"), "onnx2pytorch", "1"),
        ((), "openvino", None),
    ],
)
def test_a_model_s_exact_answer_comes_out(
    mien: Mien, here: Path, monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...], runtime: str, morph: str | None
) -> None:
    pytest.importorskip(runtime)
    absent(monkeypatch, *missing)
    imported(mien, KNOWN)
    film = converted(mien, here, KNOWN, *(() if morph is None else ("--morph", morph)))
    share = DEFAULT_MORPH if morph is None else float(morph)
    assert_answer(film, KNOWN, share)
    # That it is no other answer: another morph, another order of channels, another mask.
    for other, at in (
        (KNOWN, 0.4),
        (replace(KNOWN, colours=None), share),
        (replace(KNOWN, driver_mask=None, mask=None), share),
    ):
        with pytest.raises(AssertionError):
            assert_answer(film, other, at)
    # By brightness: a film's colours have half its resolution.
    bare = film.back(replace(KNOWN, spot=None).expected(film.crop, share)[0] * 255).mean(axis=2)
    exact = film.back(KNOWN.expected(film.crop, share)[0] * 255).mean(axis=2)
    rows, columns = np.where(exact - bare > 10)
    near = (slice(rows.min() - 4, rows.max() + 5), slice(columns.min() - 4, columns.max() + 5))
    found, wanted = (
        centre_of(np.clip(each[near] - bare[near] - 10, 0, None)) for each in (film.after.mean(axis=2), exact)
    )
    off_px = np.linalg.norm(found - wanted) * np.sqrt(np.linalg.det(film.matrix[:, :2]))
    assert off_px < ALIGNED_PX, off_px


def test_while_live_the_morph_moves_the_face_between_driver_and_persona(mien: Mien, here: Path) -> None:
    imported(mien, KNOWN)

    def bluish(wanted: Callable[[int], bool]) -> int:
        """How many pixels of the middle are bluer than red, where the model has swapped the two; skin is not."""
        for frame in islice(live, 300):
            middle = frame.pixels[90:270, 240:400].astype(int)
            found = int((middle[..., 0] > middle[..., 2] + 15).sum())
            if frame.kind == "persona" and wanted(found):
                return found
        raise AssertionError("the morph did not arrive")

    config = LiveConfig(source="pattern", sinks=("null",), persona="known", morph=1.0, width=640, height=360, fps=10.0)
    with Live(config) as live:
        assert live.wait_ready(60.0)
        persona = bluish(lambda found: found > 2000)
        assert (live.stats()["morph"], live.stats()["engine"]["morph"]) == (1.0, DEFAULT_MORPH)
        live.set_morph(0.0)
        bluish(lambda found: found < persona / 4)
        live.set_morph(None)
        bluish(lambda found: found > persona / 2)
        with pytest.raises(ConfigError, match=r"'morph' got 1\.2"):
            live.set_morph(1.2)
        live.set_persona("viggo")
        with pytest.raises(EngineError, match="'mesh' is nowhere between you and the persona"):
            live.set_morph(0.5)
        assert live.stats()["morph"] is None


def test_a_model_has_its_plan_too(mien: Mien, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    imported(mien, KNOWN)
    machine = machine_with_tensorrt(monkeypatch, tmp_path)
    built = mien("plan", "build", "known", "--json")
    assert (built.code, built.document["compiled"]) == (0, ["known"]), built.err
    assert len(machine.plans()) == 1
    checked = mien("plan", "check", "known")
    assert (checked.code, "ok    known: " in checked.out) == (0, True), checked.err
    assert persona_preparations(find("known")) == ()


def test_a_hostile_model_is_refused_by_name_and_leaves_nothing(mien: Mien, here: Path) -> None:
    made = KnownModel().proto
    weight = made.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = 1
    weight.external_data.add(key="location", value="../../../../etc/passwd")
    files = {
        "outside.dfm": (made.SerializeToString(), "keeps weights in another file: colours"),
        "text.dfm": (b"root:x:0:0:root" * 20, "is not an ONNX file"),
        "cut.dfm": (KnownModel().file[:-5000], "cut.dfm"),
    }
    for name, (data, said) in files.items():
        Path(name).write_bytes(data)
        consented(mien, name, name[:-4])
        refused = mien("persona", "import", name, "--name", name[:-4], "--consent", f"{name[:-4]}.consent.json")
        assert (refused.code, said in " ".join(refused.err.split())) == (4, True), refused.err
        assert name in refused.err
    listed = [each["name"] for each in mien("persona", "list", "--json").document]
    assert not {name[:-4] for name in files} & set(listed)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "Say what the persona is made of."),
        (("--model", "me.onnx"), 5, "me.onnx is of no known model format"),
        (("--model", "none.dfm"), 5, "The model none.dfm cannot be read"),
    ],
)
def test_a_consent_says_what_it_is_to(mien: Mien, here: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    result = mien("consent", "request", "--name", "me", *arguments)
    assert (result.code, said in " ".join(result.err.split())) == (code, True), result.err
    assert [path.name for path in here.iterdir()] == ["words.txt"]


def test_a_request_names_the_model_s_hash(mien: Mien, here: Path) -> None:
    Path("me.dfm").write_bytes(KNOWN.file)
    assert mien("consent", "request", "--name", "me", "--model", "me.dfm").code == 0
    assert sha256(KNOWN.file) in Path("me.request.md").read_text()


@pytest.mark.parametrize("morph", ["-0.1", "1.1", "much"])
def test_a_morph_that_cannot_be_is_a_usage_error(mien: Mien, here: Path, morph: str) -> None:
    result = mien("convert", "in.mp4", "out.mp4", "--morph", morph)
    assert (result.code, "--morph" in result.err) == (2, True)
