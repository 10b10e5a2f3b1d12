"""The types that a property of an answer can have. Each is one type of a column. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

KindName = Literal[
    "string", "integer", "number", "boolean", "date", "timestamp", "list", "struct", "map"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The type of a value.

    Attributes:
        name: the type. An integer has 64 bits, and a timestamp is in microseconds, UTC.
        is_nullable: whether the value may be null.
        item: the type of a list's items, or of a map's values.
        properties: the properties of a struct, in order.
        quote_of: the input's column in which the text must occur; None for any text. A list passes
            it to its items.
    """

    name: KindName
    is_nullable: bool = False
    item: Kind | None = None
    properties: tuple[Property, ...] = ()
    quote_of: str | None = None

    def quoted_columns(self) -> Iterator[str]:
        """Yield the columns that the value quotes."""
        if self.quote_of is not None:
            yield self.quote_of
        if self.item is not None:
            yield from self.item.quoted_columns()
        for prop in self.properties:
            yield from prop.kind.quoted_columns()


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """A named value in a struct.

    Attributes:
        name: the property's name, as the answer writes it.
        kind: the type of its value.
        is_required: whether an answer must have it. The column of a missing one is null.
    """

    name: str
    kind: Kind
    is_required: bool

    @property
    def is_nullable(self) -> bool:
        """Whether an answer may have null here."""
        return self.kind.is_nullable

    @property
    def quote_of(self) -> str | None:
        """Return the input's column in which the text must occur; None for any text."""
        return self.kind.quote_of
