"""The same job with a schema of six fields, so that answers are checked and become typed columns."""

from __future__ import annotations

import sys

from airflow_provider_aimlapi.core.answers.schema import answer_schema
from lab.benchmarks.ours import main

SCHEMA = answer_schema(
    {
        "type": "object",
        "properties": {
            "topic": {"enum": ["economy", "war", "law", "other"]},
            "urgency": {"type": "integer", "minimum": 1, "maximum": 5},
            "amount_usd": {"anyOf": [{"type": "number"}, {"type": "null"}]},
            "day": {"type": "string", "format": "date"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "summary": {"type": "string"},
        },
        "required": ["topic", "urgency", "day", "tags", "summary"],
    }
)

if __name__ == "__main__":
    main(*sys.argv[1:], schema=SCHEMA)
