"""The keywords of JSON Schema, by what reading a schema does with them. Values only."""

from __future__ import annotations

_ANNOTATIONS = "description default examples deprecated readOnly writeOnly $comment quote_of"
_REMOVED = "$schema $id $defs definitions discriminator title"
_REFUSED = """
not if then else contains minContains maxContains dependentSchemas dependencies patternProperties
prefixItems additionalItems unevaluatedProperties unevaluatedItems
$anchor $dynamicRef $dynamicAnchor $recursiveRef $recursiveAnchor $vocabulary
"""

ANNOTATIONS = frozenset(_ANNOTATIONS.split())
"""Keywords that allow and refuse no value."""
REMOVED = frozenset(_REMOVED.split())
"""Keywords without a meaning once references are replaced. A title is the name of a class, or repeats the
property's own name, and would be paid for with each row."""
REFUSED = frozenset(_REFUSED.split())
"""Keywords whose effect the type of a column cannot show."""
UNIONS = ("anyOf", "oneOf")
NESTED = frozenset(
    ("properties", "additionalProperties", "propertyNames", "items", "allOf", *UNIONS)
)
"""Keywords that contain schemas. Each is read where it has a meaning, and else removed."""
