"""The schema in a Parquet footer, with all annotations. Arrow's schema has only some of them.

The ids are those of parquet.thrift.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.storage.parquet.compact_thrift import Struct

TYPE, TYPE_LENGTH, _NAME, _CHILDREN, _CONVERTED, _LOGICAL = 1, 2, 4, 5, 6, 10
ANNOTATION_FIELDS = (_CONVERTED, 7, 8, _LOGICAL)
"""The fields of a schema element: converted type, scale, precision, logical type."""
INT96, BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY = 3, 6, 7


class Logical(IntEnum):
    """The meaning of a column's values."""

    NONE = -1
    INTERVAL = 0  # exists as a converted type only
    STRING = 1
    ENUM = 4
    DECIMAL = 5
    DATE = 6
    TIME = 7
    TIMESTAMP = 8
    INTEGER = 10
    JSON = 12
    BSON = 13
    UUID = 14
    VARIANT = 16
    GEOMETRY = 17
    GEOGRAPHY = 18


_MILLIS, _MICROS = 1, 2
_OF_CONVERTED: dict[int, tuple[int, object]] = {
    0: (Logical.STRING, None),
    4: (Logical.ENUM, None),
    5: (Logical.DECIMAL, None),
    6: (Logical.DATE, None),
    7: (Logical.TIME, _MILLIS),
    8: (Logical.TIME, _MICROS),
    9: (Logical.TIMESTAMP, _MILLIS),
    10: (Logical.TIMESTAMP, _MICROS),
    11: (Logical.INTEGER, (8, False)),
    12: (Logical.INTEGER, (16, False)),
    13: (Logical.INTEGER, (32, False)),
    14: (Logical.INTEGER, (64, False)),
    15: (Logical.INTEGER, (8, True)),
    16: (Logical.INTEGER, (16, True)),
    17: (Logical.INTEGER, (32, True)),
    18: (Logical.INTEGER, (64, True)),
    19: (Logical.JSON, None),
    20: (Logical.BSON, None),
    21: (Logical.INTERVAL, None),
}
"""Converted types, which logical types replaced, with the unit of times or the width of integers."""
_NO_BYTES = frozenset({Logical.STRING, Logical.ENUM, Logical.JSON, Logical.DECIMAL})
_STORED_AS_PLAIN = frozenset(
    {
        *(Logical.NONE, Logical.INTERVAL, Logical.ENUM, Logical.JSON, Logical.BSON, Logical.UUID),
        *(Logical.VARIANT, Logical.GEOMETRY, Logical.GEOGRAPHY),
    }
)
_LAST_KNOWN = Logical.GEOGRAPHY
_PLAIN_INTEGERS = ((32, True), (64, True))


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A column of values: a leaf of the schema's tree.

    Attributes:
        path: the names of the groups that it is in, without the root, and its own name.
        element: its fields in the footer.
        group: the fields of the group that it is in.
    """

    path: tuple[str, ...]
    element: Struct
    group: Struct

    @property
    def physical_type(self) -> tuple[int, int | None]:
        """The stored type of its values, and their length if that is fixed."""
        kind: int = self.element[TYPE][1]
        length = self.element.get(TYPE_LENGTH, (0, None))[1]
        return kind, length if kind == FIXED_LEN_BYTE_ARRAY else None

    @property
    def logical_type(self) -> int:
        """The meaning of its values: one of `Logical`, or an id that is newer than this code."""
        return self._logical_annotation()[0]

    @property
    def is_newer(self) -> bool:
        """Whether its annotation is newer than this code."""
        return self.logical_type > _LAST_KNOWN

    @property
    def is_bytes(self) -> bool:
        """Whether it holds bytes that are not text. For ENUM, Arrow reads bytes, though it is text."""
        return self.physical_type[0] == BYTE_ARRAY and self.logical_type not in _NO_BYTES

    def representation_key(self) -> tuple[object, ...]:
        """Return a key that is equal for two leaves if the same stored value has the same meaning.

        Adjustment of times to UTC is left out, as are annotations that Arrow drops.
        """
        kind, detail = self._logical_annotation()
        is_plain = kind in _STORED_AS_PLAIN or self.is_newer
        if is_plain or (kind == Logical.INTEGER and detail in _PLAIN_INTEGERS):
            return (*self.physical_type, None, None)
        return (*self.physical_type, kind, detail)

    def _logical_annotation(self) -> tuple[int, object]:
        union: Struct = self.element.get(_LOGICAL, (0, {}))[1]
        # Old writers have converted types only. If a footer has both, the logical type is the
        # exact one.
        if not union:
            converted = self.element.get(_CONVERTED, (0, None))[1]
            return _OF_CONVERTED.get(converted, (Logical.NONE, None))
        kind, (_, fields) = next(iter(union.items()))
        if kind in (Logical.TIME, Logical.TIMESTAMP):
            return kind, next(iter(fields[2][1]))
        if kind == Logical.INTEGER:
            return kind, (fields[1][1], fields[2][1])
        return kind, None


class ParquetSchema:
    """The schema in a footer.

    Attributes:
        leaves: in the order of the column chunks.
        noted: the columns with single chunks that have metadata of their own.
    """

    def __init__(self, elements: list[Struct], noted: tuple[str, ...] = ()) -> None:
        self.leaves = tuple(_leaves_of_tree(elements))
        self.noted = noted

    def by_column(self) -> dict[str, list[Leaf]]:
        """Return the leaves of each top-level column."""
        columns: dict[str, list[Leaf]] = {}
        for leaf in self.leaves:
            columns.setdefault(leaf.path[0], []).append(leaf)
        return columns

    def column_names(self) -> tuple[str, ...]:
        """Return the top-level columns."""
        return tuple(self.by_column())

    def int96_columns(self) -> tuple[str, ...]:
        """Return the top-level columns that hold an INT96, at any depth."""
        found = (leaf.path[0] for leaf in self.leaves if leaf.physical_type[0] == INT96)
        return tuple(dict.fromkeys(found))

    def text_columns(self) -> frozenset[str]:
        """Return the top-level columns whose byte arrays are all text; ENUM counts as text."""
        return frozenset(
            name
            for name, leaves in self.by_column().items()
            if not any(leaf.is_bytes for leaf in leaves)
        )


def is_variant(group: Struct) -> bool:
    """Return whether a group of a schema is annotated as a VARIANT."""
    return Logical.VARIANT in group.get(_LOGICAL, (0, {}))[1]


def copy_annotation(source: Struct, target: Struct) -> Struct:
    """Return a schema element with the annotation of a second one, which has the same values."""
    kept = {field: value for field, value in target.items() if field not in ANNOTATION_FIELDS}
    copied = {field: source[field] for field in ANNOTATION_FIELDS if field in source}
    return dict(sorted({**kept, **copied}.items()))


def _leaves_of_tree(elements: list[Struct]) -> Iterator[Leaf]:
    """Yield the leaves of the tree. A footer holds it as a list, each group before its content."""
    root = elements[0]
    open_groups = [(root, root[_CHILDREN][1])]
    for element in elements[1:]:
        # A group is complete once all its children have come. Then the groups above it continue.
        while open_groups[-1][1] == 0:
            open_groups.pop()
        group, left = open_groups[-1]
        open_groups[-1] = (group, left - 1)
        if TYPE in element:
            groups = [*(one for one, _ in open_groups[1:]), element]
            yield Leaf(tuple(_name_of_element(one) for one in groups), element, group)
        else:
            open_groups.append((element, element.get(_CHILDREN, (0, 0))[1]))


def _name_of_element(element: Struct) -> str:
    name: bytes = element[_NAME][1]
    return name.decode(errors="replace")
