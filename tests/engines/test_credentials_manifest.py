from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from recordings import one_time, picture

from mien.engines.credentials.manifest import (
    MAX_PERSONAS,
    PERSONA_LABEL,
    Description,
    ShownPersona,
    commitment,
    definition,
    shown_persona,
)
from mien.engines.credentials.sign import sign_file
from mien.engines.personas.library import find
from mien.engines.verify.signed import read_signed
from mien.realtime.errors import ConfigError

PACK, CONSENT = "ab" * 32, "cd" * 32
OWN = ShownPersona("consented", PACK, CONSENT)


def assertion(made: dict[str, Any], label: str) -> dict[str, Any]:
    (data,) = [each["data"] for each in made["assertions"] if each["label"] == label]
    return dict(data)


def personas(description: Description) -> list[dict[str, str]]:
    return list(assertion(definition(description), PERSONA_LABEL)["personas"])


def test_it_says_made_with_ai_by_which_software() -> None:
    made = definition(Description(source_type="trainedAlgorithmicMedia", watermark="0123456789abcdef"))
    (action,) = assertion(made, "c2pa.actions.v2")["actions"]
    assert action["action"] == "c2pa.created"
    assert action["digitalSourceType"] == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    assert action["softwareAgent"] == made["claim_generator_info"][0]
    assert made["claim_generator_info"][0]["name"] == "Mien"
    assert assertion(made, PERSONA_LABEL) == {"personas": [], "watermark": "0123456789abcdef"}
    mining = assertion(made, "cawg.training-mining")["entries"]
    assert {entry["use"] for entry in mining.values()} == {"notAllowed"}
    # No title, no time, no place: only what everybody may know.
    assert set(made) == {"claim_generator_info", "assertions"}
    assert set(action) == {"action", "digitalSourceType", "softwareAgent"}


def test_a_shipped_persona_is_named() -> None:
    amara = shown_persona(find("amara"))
    assert personas(Description(personas=(amara,))) == [{"kind": "synthetic", "name": "amara", "pack": amara.digest}]


def test_anybody_elses_persona_can_be_checked_by_who_holds_it_and_links_nothing() -> None:
    (first,), (second,) = personas(Description(personas=(OWN,))), personas(Description(personas=(OWN,)))
    assert first["kind"] == second["kind"] == "consented"
    for made in (first, second):
        assert made["pack_commitment"] == commitment(made["salt"], PACK)
        assert made["consent_commitment"] == commitment(made["salt"], CONSENT)
        assert PACK not in json.dumps(made)
        assert "name" not in made
    others = {value for key, value in first.items() if key != "kind"}
    assert others.isdisjoint(second.values())


def test_one_without_consent_commits_to_its_pack_alone() -> None:
    (made,) = personas(Description(personas=(ShownPersona("synthetic", PACK),)))
    assert set(made) == {"kind", "salt", "pack_commitment"}


def test_a_long_session_does_not_grow_the_manifest() -> None:
    many = tuple(ShownPersona("synthetic", f"{number:064x}") for number in range(100))
    assert len(personas(Description(personas=many))) == MAX_PERSONAS


@pytest.mark.parametrize("text", ["", "xyz", "AB" * 32, "ab" * 31, "ab" * 32 + "\n"])
def test_a_digest_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="64 lower-case hex digits"):
        ShownPersona("synthetic", text)
    with pytest.raises(ConfigError, match="a persona's consent"):
        ShownPersona("synthetic", PACK, text)
    with pytest.raises(ConfigError, match="payload"):
        Description(watermark=text + "!")


def test_what_it_says_is_read_back(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    description = Description(personas=(shown_persona(find("amara")), OWN), watermark="00ff00ff00ff00ff")
    sign_file(path, credentials=one_time(), description=description)
    found = read_signed(path)
    assert (found.state, found.ours, found.made_with_ai, found.problems) == ("valid", True, True, ())
    assert (found.personas, found.watermark) == (("amara", "consented"), "00ff00ff00ff00ff")
    assert found.source_type == "compositeWithTrainedAlgorithmicMedia"
    assert found.generator.startswith("Mien ")
    assert {"c2pa.actions.v2", PERSONA_LABEL, "cawg.training-mining"} <= set(found.assertions)


def test_a_render_of_the_cast_is_not_called_made_with_ai(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.jpg")
    sign_file(path, credentials=one_time(), description=Description(source_type="algorithmicMedia"))
    assert (read_signed(path).source_type, read_signed(path).made_with_ai) == ("algorithmicMedia", None)
