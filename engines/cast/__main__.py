"""``python -m mien.engines.cast``."""

from __future__ import annotations

from mien.engines.cast.commands import app

if __name__ == "__main__":
    app(prog_name="python -m mien.engines.cast")
