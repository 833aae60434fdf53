"""Map the folders at the top of the repository to the `mien` namespace.

PyPI already has distributions that own the names `realtime` and `engines`; installed beside ours under
those names they would silently replace our files. So the folders keep their short names in the checkout
and are imported as `mien.realtime`, `mien.engines` and `mien.plugin` only.
"""

from setuptools import find_packages, setup

TOP_LEVEL = ("realtime", "engines", "plugin")

setup(
    packages=[
        f"mien.{package}" for top in TOP_LEVEL for package in (top, *(f"{top}.{child}" for child in find_packages(top)))
    ],
    package_dir={f"mien.{top}": top for top in TOP_LEVEL},
)
