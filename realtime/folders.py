"""Where the user's settings and keys lie; asked by whoever reads or writes them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import platformdirs

#: Environment variable that names another folder for settings and keys.
CONFIG_DIR_VARIABLE: Final = "MIEN_CONFIG_DIR"


def user_config_dir() -> Path:
    """Where the user's settings and keys lie: ``MIEN_CONFIG_DIR``, else the system's place."""
    if given := os.environ.get(CONFIG_DIR_VARIABLE):
        return Path(given).expanduser()
    return platformdirs.user_config_path("mien", appauthor=False, roaming=True)
