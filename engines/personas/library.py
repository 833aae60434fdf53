"""The personas at hand: those that ship with Mien, and the user's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from mien.engines.personas.manifest import Manifest, check_persona_name
from mien.engines.personas.pack import Persona, load_pack, read_consent, read_manifest
from mien.engines.personas.trust import Trust, user_data_dir
from mien.realtime.errors import PersonaError

SHIPPED_DIR = Path(__file__).parent / "shipped"
#: "unverified": synthetic, but never rendered here, or without a valid consent; "broken": its manifest cannot be
#: used, or its name is taken.
State = Literal["ready", "unverified", "broken"]


@dataclass(frozen=True, slots=True)
class PersonaInfo:
    """One line of `mien persona list`; the pack's manifest and consent were read, its other files were not.

    Attributes:
        name: as in the manifest; of a broken pack, the folder's.
        kind: "synthetic", "consented", or "" where the manifest cannot be read.
        engine: kind of engine, or "".
        licence: as in the manifest.
        description: as in the manifest.
        path: folder or zip.
        shipped: whether it came with Mien.
        state: whether it can be loaded, as far as manifest and consent tell.
        problem: why not; empty when it can.

    """

    name: str
    kind: str
    engine: str
    licence: str
    description: str
    path: Path
    shipped: bool
    state: State
    problem: str = ""

    def to_json(self) -> dict[str, str | bool]:
        """Plain values for `--json`."""
        return {
            "name": self.name,
            "kind": self.kind,
            "engine": self.engine,
            "licence": self.licence,
            "description": self.description,
            "path": str(self.path),
            "shipped": self.shipped,
            "state": self.state,
            "problem": self.problem,
        }


class Library:
    """The shipped packs and those in the user's data folder.

    A shipped name always means the shipped pack: a user's pack of the same name is listed as broken, and can be used
    by its path.

    Args:
        data_dir: the user's; its folder `personas` holds packs. Default: `user_data_dir`.
        shipped_dir: one pack in each of its folders.

    """

    def __init__(self, data_dir: Path | None = None, *, shipped_dir: Path = SHIPPED_DIR) -> None:
        base = user_data_dir() if data_dir is None else data_dir
        self.user_dir = base / "personas"
        self.trust = Trust(base)
        self._shipped_dir = shipped_dir

    def list(self) -> tuple[PersonaInfo, ...]:
        """Every pack, shipped ones first, each group by name. A broken pack is listed with its problem."""
        shipped = [self._info(path, shipped=True) for path in _packs(self._shipped_dir)]
        own = [self._info(path, shipped=False) for path in _packs(self.user_dir)]
        taken = {info.name for info in shipped}
        own = [_taken(info) if info.name in taken else info for info in own]
        return (*sorted(shipped, key=lambda info: info.name), *sorted(own, key=lambda info: info.name))

    def locate(self, name_or_path: str | Path) -> Path:
        """The pack that a user means: a name from the list, else a path.

        Raises:
            PersonaError: no such name (the nearest is named) and no such path, or two packs of that name.

        """
        given = str(name_or_path)
        entries = self.list()
        usable = [info for info in entries if info.name == given and info.state != "broken"]
        if len(usable) > 1:
            raise PersonaError(
                f"Two personas are called {given!r}: {' and '.join(str(info.path) for info in usable)}.",
                hint="Give the path of the one you mean.",
            )
        if usable:
            return usable[0].path
        if Path(given).exists():
            return Path(given)
        for info in entries:
            if info.name == given:
                raise PersonaError(f"The persona {given!r} cannot be used. {info.problem}")
        raise _unknown(given, [info.name for info in entries])

    def find(self, name_or_path: str | Path, *, known: Callable[[Path], Persona | None] = lambda _: None) -> Persona:
        """`locate`, then `load_pack`: the persona that a user means, checked and loaded.

        Args:
            name_or_path: of the persona.
            known: gives what was loaded from a path before, if anything; see `load_pack`.

        Raises:
            PersonaError: see both.

        """
        path = self.locate(name_or_path)
        return load_pack(path, trust=self.trust, known=known(path))

    def place_for(self, name: str) -> Path:
        """Where a new pack of this name belongs.

        Raises:
            PersonaError: no possible name, or one that is taken.

        """
        check_persona_name(name)
        for info in self.list():
            if info.name == name:
                whose = "ships with Mien" if info.shipped else f"is there already: {info.path}"
                raise PersonaError(f"The persona {name!r} {whose}.", hint="Choose another name.")
        return self.user_dir / name

    def _info(self, path: Path, *, shipped: bool) -> PersonaInfo:
        try:
            manifest, digest = read_manifest(path)
        except PersonaError as error:
            return PersonaInfo(path.stem, "", "", "", "", path, shipped, "broken", str(error))
        problem = self._problem(manifest, digest, path)
        return PersonaInfo(
            manifest.name,
            manifest.kind,
            manifest.engine,
            manifest.licence,
            manifest.description,
            path,
            shipped,
            "unverified" if problem else "ready",
            problem,
        )

    def _problem(self, manifest: Manifest, digest: str, path: Path) -> str:
        if not self.trust.accepts(manifest, digest):
            return f"Not rendered on this machine yet: run `mien persona check {path}`."
        if manifest.kind == "consented":
            try:
                read_consent(path, self.trust)
            except PersonaError as error:
                return str(error)
        return ""


def list_personas(data_dir: Path | None = None) -> tuple[PersonaInfo, ...]:
    """`Library.list` of this user."""
    return Library(data_dir).list()


def find(
    name_or_path: str | Path,
    data_dir: Path | None = None,
    *,
    known: Callable[[Path], Persona | None] = lambda _: None,
) -> Persona:
    """`Library.find` of this user."""
    return Library(data_dir).find(name_or_path, known=known)


def _packs(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if not path.name.startswith(".") and (path.is_dir() or path.suffix == ".zip")
    )


def _taken(info: PersonaInfo) -> PersonaInfo:
    problem = f"A shipped persona is called {info.name!r}; rename this one, or use it by its path {info.path}."
    return PersonaInfo(
        info.name,
        info.kind,
        info.engine,
        info.licence,
        info.description,
        info.path,
        shipped=False,
        state="broken",
        problem=problem,
    )


def _unknown(given: str, names: list[str]) -> PersonaError:
    near = get_close_matches(given, names, 1, 0.5)
    known = f"Known are: {', '.join(sorted(set(names)))}." if names else "There is none yet."
    return PersonaError(
        f"There is no persona and no pack called {given!r}. {f'Did you mean {near[0]!r}?' if near else known}",
        hint="`mien persona list` shows all.",
    )
