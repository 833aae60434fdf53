from __future__ import annotations

import json
from pathlib import Path

import pytest

from mien.engines.personas.cards import encoder_card, main, persona_card, write_cards
from mien.engines.personas.library import SHIPPED_DIR
from mien.engines.personas.pack import SHIPPED_ENCODERS

DOCS = Path(__file__).parents[2] / "docs" / "model-cards"


def test_the_cards_of_the_docs_say_what_the_files_of_today_say(tmp_path: Path) -> None:
    written = write_cards(SHIPPED_DIR, SHIPPED_ENCODERS, tmp_path)
    assert {path.name for path in written} >= {"amara.md", "opal.md", "encoder.md"}
    for path in written:
        again = "write them again: python -m mien.engines.personas.cards"
        assert (DOCS / path.name).read_text(encoding="utf-8") == path.read_text(encoding="utf-8"), again


def test_a_card_names_every_command_that_led_to_a_network() -> None:
    record = json.loads((SHIPPED_DIR / "amara" / "training.json").read_text(encoding="utf-8"))
    card = persona_card(SHIPPED_DIR / "amara")
    run, commands = record["base"], []
    while run:
        commands.append(run["command"])
        run = run.get("began_with")
    assert len(commands) == 3
    places = [card.index(command) for command in commands]
    assert places == sorted(places, reverse=True), "the first command first"
    assert f"{record['small']['held_out']['psnr']:.1f} dB" in card


def test_a_persona_without_a_network_says_so() -> None:
    card = persona_card(SHIPPED_DIR / "opal")
    assert "No network was trained" in card
    assert "porcelain" in card


def test_the_encoder_is_said_to_have_seen_no_real_person() -> None:
    card = encoder_card(next(SHIPPED_ENCODERS.glob("*.onnx")), [])
    assert "no picture of a real person" in card


def test_the_command_writes_where_it_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path / "cards")]) == 0
    assert "amara.md" in capsys.readouterr().out
    assert (tmp_path / "cards" / "amara.md").is_file()
