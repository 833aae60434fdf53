from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mien.realtime.config import BadgeSettings, LiveConfig, LossSettings
from mien.realtime.errors import ConfigError


def test_defaults_are_a_streamers() -> None:
    config = LiveConfig()
    assert (config.source, config.sinks, config.faces, config.bystanders) == (
        "camera",
        ("preview",),
        "locked",
        "cover",
    )


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"persna": "amara"}, r"mien.toml: unknown setting 'persna'. Did you mean 'persona'\?"),
        ({"badge": {"cornr": "top-left"}}, r"unknown setting 'badge.cornr'. Did you mean 'corner'\?"),
        ({"zzz": 1}, r"unknown setting 'zzz'. Known: .*badge.*persona"),
        ({"fps": 0}, r"'fps' got 0: .*greater than or equal to 1"),
        ({"faces": "two"}, r"'faces' got 'two': .*'locked', 'largest' or 'all'"),
        ({"badge": {"plate": "#12345"}}, r"'badge.plate' got '#12345'"),
        ({"background": "none"}, r"'background' got 'none': .*'keep', 'blur', 'green' or 'alpha'"),
        (
            {"background": "blur", "device": "cuda"},
            r"mien.toml: .*with device 'cuda' the background can only be 'keep'",
        ),
        ({"background": "green", "badge": {"plate": "#20C040"}}, r"mien.toml: .*loses the badge's plate #20C040"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(values: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        LiveConfig.build(values, where="mien.toml")


@pytest.mark.parametrize("plate", ["auto", "dark", "#203040", "#80C0A0", "#ffffff"])
def test_a_plate_that_no_key_for_green_takes_goes_with_a_green_background(plate: str) -> None:
    assert LiveConfig.build({"background": "green", "badge": {"plate": plate}}).badge.plate == plate


@pytest.mark.parametrize("name", ["off", "none", "enabled", "hidden", "opacity", "disable"])
def test_no_setting_takes_the_mark_off(name: str) -> None:
    with pytest.raises(ConfigError, match="unknown setting"):
        BadgeSettings.build({name: True})


@pytest.mark.parametrize("values", [{"hold_s": 5.0}, {"hold_beside_other_s": 1.0}, {"fade_s": 0.5}])
def test_a_hold_cannot_be_made_longer_than_promised(values: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="less than or equal"):
        LossSettings.build(values)


def test_a_config_is_frozen() -> None:
    with pytest.raises(ValidationError):
        LiveConfig().fps = 10.0  # type: ignore[misc]
