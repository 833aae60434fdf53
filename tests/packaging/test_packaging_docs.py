"""The documents keep up with the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from wheel_builder import REPOSITORY

from mien.plugin.report import BenchReport
from mien.realtime.config import BadgeSettings, CredentialSettings, LiveConfig, LossSettings

DOCUMENTS = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def test_every_setting_is_explained() -> None:
    text = (REPOSITORY / "docs" / "settings.md").read_text(encoding="utf-8")
    keys = [name for name in LiveConfig.model_fields if name not in ("badge", "credentials", "loss")]
    keys += [f"badge.{name}" for name in BadgeSettings.model_fields]
    keys += [f"credentials.{name}" for name in CredentialSettings.model_fields]
    keys += [f"loss.{name}" for name in LossSettings.model_fields]
    assert [key for key in keys if f"`{key}`" not in text] == []


def test_every_figure_of_a_report_is_explained() -> None:
    text = (REPOSITORY / "docs" / "bench.md").read_text(encoding="utf-8")
    keys = [name for name in BenchReport.model_fields if name != "schema_version"]
    assert [key for key in keys if f"`{key}`" not in text] == []
    assert "schema version 1" in text


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_inside_the_repository_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_every_make_target_in_the_documents_exists() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = {
        name for path in DOCUMENTS for name in re.findall(r"^ {4}make ([a-z]+)", path.read_text(encoding="utf-8"), re.M)
    }
    assert named <= targets
    assert {"demo", "test"} <= named
