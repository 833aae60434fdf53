"""JSON with one form: what is signed, and what is read before anybody trusts it."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from mien.engines.consent.errors import ConsentDamagedError

#: A record is about 2 kB; a pack of 32 files binds in about 4 kB.
MAX_BYTES = 64 * 2**10
#: Of a text that is shown on terminals and read before signing: no control characters, which could rewrite the screen,
#: no line breaks, and no marks that turn the direction of writing or cannot be seen.
ONE_LINE: Final = r"^[^\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]*$"
#: A person reads the fault, not the input.
_SHOWN = 60


class Strict(BaseModel):
    """A table in which every key is known, every value has its exact type, and nothing changes later."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


Model = TypeVar("Model", bound=Strict)


def canonical(value: object) -> bytes:
    """The one way to write `value`, as RFC 8785 does for texts, integers, booleans, nulls, lists and tables.

    Keys of our formats are ASCII, for which Python's order and the RFC's (UTF-16 units) are the same; numbers with a
    fraction, for which they are not, are refused by `parse`.
    """
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def dump(model: Strict) -> bytes:
    """`canonical` of a model."""
    return canonical(model.model_dump(mode="json"))


def parse(data: bytes, model: type[Model], what: str) -> Model:
    """Read a stranger's bytes; total: any bytes give a model or an error.

    Args:
        data: the file.
        model: what it must be.
        what: what to call it in an error ("the consent record consent.json").

    Raises:
        ConsentDamagedError: more than `MAX_BYTES`; no JSON in UTF-8; a key twice; a fraction; a key that is unknown or
            missing; a value out of its range.

    """
    if len(data) > MAX_BYTES:
        raise ConsentDamagedError(f"{what} has {len(data)} bytes; at most {MAX_BYTES} are read.")
    try:
        table = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_float=_refuse, parse_constant=_refuse)
        # pydantic reads JSON in its strict mode (a list is a tuple there), so it is given the checked table as JSON.
        return model.model_validate_json(canonical(table))
    except ValidationError as error:
        detail = error.errors(include_url=False, include_context=False, include_input=False)[0]
        key = ".".join(str(part)[:_SHOWN] for part in detail["loc"]) or "the whole"
        raise ConsentDamagedError(f"{what} is not valid: {key!r} is wrong ({detail['msg'][:200]}).") from error
    except (ValueError, RecursionError) as error:
        raise ConsentDamagedError(f"{what} cannot be read ({str(error)[:200]}).") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key is there twice")
    return table


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:_SHOWN]} is no whole number")
