from __future__ import annotations

from pathlib import Path

import pytest

from mien.engines.runtimes.packages import require
from mien.realtime.errors import MissingExtraError


@pytest.mark.parametrize("first_line", ["import nothing_of_this_name", "raise AttributeError('another NumPy')"])
def test_a_package_that_cannot_be_loaded_is_told_from_one_that_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_line: str
) -> None:
    (tmp_path / "unfit_package.py").write_text(first_line, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtraError, match="'unfit_package', which is installed but cannot be loaded: "):
        require("unfit_package", "Testing")
    with pytest.raises(MissingExtraError, match="'absent_package', which is not installed"):
        require("absent_package", "Testing")
