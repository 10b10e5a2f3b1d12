"""The decoder of a body, chosen by dialect and strictness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from aimlapi_simulator.schema.closed import ClosedBody
from aimlapi_simulator.schema.native import ClassicBody, EffortBody, Maybe, NativeBody
from aimlapi_simulator.schema.superset import SupersetBody

if TYPE_CHECKING:
    from aimlapi_simulator.catalogue import Dialect

Native: TypeAlias = ClassicBody | NativeBody | EffortBody | ClosedBody
Body: TypeAlias = Native | SupersetBody

_BODIES: dict[Dialect, Any] = {
    "superset": SupersetBody,
    "classic": ClassicBody,
    "newer": NativeBody,
    "effort": EffortBody,
    "closed": ClosedBody,
}


_SAMPLING = ("temperature", "top_p", "top_k")


def _make_lenient(kind: Any) -> Any:
    """Derive a struct that ignores unknown names, but keeps sampling parameters for the vendor."""
    known = kind.__struct_fields__
    extra = [(name, float | Maybe, msgspec.UNSET) for name in _SAMPLING if name not in known]
    name = f"Lenient{kind.__name__}"
    return msgspec.defstruct(name, extra, bases=(kind,), frozen=True, kw_only=True)


def _make_strict(kind: Any) -> Any:
    return msgspec.defstruct(
        f"Strict{kind.__name__}",
        [],
        bases=(kind,),
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )


_DECODERS: dict[tuple[Dialect, bool], msgspec.json.Decoder[Body]] = {
    (dialect, is_strict): msgspec.json.Decoder(
        _make_strict(kind) if is_strict else _make_lenient(kind)
    )
    for dialect, kind in _BODIES.items()
    for is_strict in (False, True)
}


def decode_body(body: bytes, dialect: Dialect, *, is_strict: bool) -> Body:
    """Read a body. Names outside the dialect are ignored, or refused if `is_strict`.

    Raises:
        msgspec.MsgspecError: the body does not fit.
    """
    return _DECODERS[dialect, is_strict].decode(body)


def without_fields(body: bytes, names: tuple[str, ...]) -> bytes:
    """Return a body without some of its top-level fields. A body that is no object is not changed."""
    if not names:
        return body
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.MsgspecError:
        return body
    kept = {name: value for name, value in fields.items() if name not in names}
    return msgspec.json.encode(kept)


def first_of(body: bytes, names: tuple[str, ...]) -> str | None:
    """Return the first of these top-level fields that a body has; None if it has none of them."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.MsgspecError:
        return None
    return next((name for name in names if name in fields), None)


def schema_of(dialect: Dialect) -> dict[str, Any]:
    """Return a dialect's body as JSON Schema."""
    return msgspec.json.schema(_BODIES[dialect])
