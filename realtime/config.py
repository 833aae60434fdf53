"""Every setting of a run: typed, checked when made, never global. An unknown key is an error with the nearest name."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mien.realtime.errors import ConfigError

#: The persona that runs when none is named; it ships with the package.
DEFAULT_PERSONA = "amara"
#: What can be done with what is behind the people.
Background = Literal["keep", "blur", "green", "alpha"]
#: A plate's green this much above its red and blue goes with the ground when that is keyed out, levels of 255.
_KEYED = 60


class Settings(BaseModel):
    """A frozen group of settings. `build` is the constructor for untrusted input: it raises `ConfigError`."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    @classmethod
    def build(cls, values: dict[str, Any], *, where: str = "settings") -> Self:
        """Check `values`; raise `ConfigError` that names the first wrong key, what it got and what is allowed.

        Args:
            values: plain data, such as a TOML table.
            where: where the values came from, for the message ("mien.toml", "command line").

        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError(_explain(cls, error, where)) from error


class BadgeSettings(Settings):
    """How the mark looks. There is no setting that removes it."""

    corner: Literal["top-left", "top-right", "bottom-left", "bottom-right"] = "top-right"
    plate: str = Field(default="auto", pattern=r"^(auto|light|dark|#[0-9a-fA-F]{6})$")
    language: str = Field(default="en", pattern=r"^[a-z]{2}$")


class LossSettings(Settings):
    """What is shown when the swapped face is lost (design promise 1)."""

    hold_s: float = Field(default=1.5, ge=0.0, le=1.5, description="seconds that the last persona frame stays")
    hold_beside_other_s: float = Field(default=0.5, ge=0.0, le=0.5, description="the same when another face is there")
    fade_s: float = Field(default=0.2, ge=0.0, le=0.2, description="length of the cross-fade back from the slate")


class CredentialSettings(Settings):
    """Who signs recordings. By default nobody in particular: each gets keys of its own, which link it to no other."""

    identity: bool = Field(default=False, description="sign as one user, with the chain kept in the settings' folder")
    certificate: Path | None = Field(default=None, description="PEM of the user's own certificate and its issuers")
    key: Path | None = Field(default=None, description="PEM of its private key")

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key are given together")
        if self.identity and self.certificate is not None:
            raise ValueError("either identity or a certificate of your own")
        return self


class LiveConfig(Settings):
    """One run of the live path; `Live` and `convert` take it.

    The defaults are what a streamer without a GPU wants: the first real camera, a shipped persona, the page.
    """

    source: str = "camera"
    sinks: tuple[str, ...] = ("preview",)
    persona: str = DEFAULT_PERSONA
    engine: str = Field(default="auto", pattern=r"^[a-z0-9-]{1,20}$", description="kind of engine, or auto")
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="auto: the network's best runtime; cuda: whole frames on an NVIDIA GPU, or an error"
    )
    mode: Literal["swap", "portrait"] = "swap"
    background: Background = Field(
        default="keep",
        description="what is behind the people: as it is, blurred, a green to be keyed out, or transparent in OBS",
    )
    edit: str = Field(default="", max_length=400, description="change of the expression, as smile=+0.2,gaze=camera")
    morph: float | None = Field(
        default=None, ge=0.0, le=1.0, description="an imported model between the driver, 0, and the persona, 1"
    )
    faces: Literal["locked", "largest", "all"] = "locked"
    bystanders: Literal["cover", "show"] = "cover"
    width: int = Field(default=1280, ge=160, le=7680, description="px asked of a camera")
    height: int = Field(default=720, ge=120, le=4320, description="px asked of a camera")
    fps: float = Field(default=30.0, ge=1.0, le=240.0, description="frames a second asked of a camera")
    pace: bool = Field(
        default=True, description="play a file in real time; False: as fast as the machine can, dropping nothing"
    )
    loop: bool = False
    overwrite: bool = False
    occluders: bool = Field(
        default=True, description="keep a hand or microphone in front of the face where it is found"
    )
    colour: float = Field(
        default=0.9, ge=0.0, le=1.0, description="how much of your light and skin the persona takes on"
    )
    calibration: Path | None = None
    slate: Path | None = Field(default=None, description="picture shown instead of the built-in slate")
    recordings: Path | None = Field(default=None, description="folder of what the page records; None for your videos'")
    preview_port: int = Field(default=8723, ge=1024, le=65535)
    badge: BadgeSettings = BadgeSettings()
    credentials: CredentialSettings = CredentialSettings()
    loss: LossSettings = LossSettings()

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.background != "keep" and self.device == "cuda":
            raise ValueError("with device 'cuda' the background can only be 'keep'")
        if self.background == "green" and _is_keyed(self.badge.plate):
            raise ValueError(
                f"whoever keys out the green background loses the badge's plate {self.badge.plate} with it"
            )
        return self


def nearest(name: str, known: list[str]) -> str:
    """A sentence that names the closest of `known`, or all of them; for error messages."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(sorted(known))}."


def _is_keyed(plate: str) -> bool:
    if not plate.startswith("#"):
        return False
    red, green, blue = bytes.fromhex(plate[1:])
    return green - max(red, blue) > _KEYED


def _explain(model: type[BaseModel], error: ValidationError, where: str) -> str:
    first = error.errors()[0]
    path = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        group: type[BaseModel] = model
        for part in first["loc"][:-1]:
            annotation = group.model_fields[str(part)].annotation
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                group = annotation
        return f"{where}: unknown setting '{path}'. {nearest(str(first['loc'][-1]), list(group.model_fields))}"
    # Of all settings together there is no one that could be named.
    got = f"'{path}' got {first['input']!r}: " if path else ""
    return f"{where}: {got}{first['msg']}."
