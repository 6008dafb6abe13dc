"""What the decision log knows of the model's latest answers, for a start that is no fresh start."""

from __future__ import annotations

from engine.db import Database
from engine.synthesis.number_checker import LATEST, Counted

LOOKED_THROUGH = 1_000
"""Newest decisions among which the model's are looked for: eight KB of JSON each."""


async def latest_answers(db: Database, model: str) -> tuple[str, tuple[Counted, ...]]:
    """The digest of the weights that answered last under this name, and how many numbers each of their latest answers
    named and invented, oldest first; "" and () where none is known. Raises sqlite3.Error."""
    rows = await db.fetch_all(
        "SELECT json_extract(record, '$.synthesis.model_digest') AS digest,"
        " json_extract(record, '$.synthesis.numbers') AS numbers,"
        " json_extract(record, '$.synthesis.invented_numbers') AS invented"
        " FROM (SELECT record, decided_at FROM decisions ORDER BY decided_at DESC LIMIT ?)"
        " WHERE json_extract(record, '$.synthesis.source') = 'ollama'"
        " AND json_extract(record, '$.synthesis.model') = ? AND numbers IS NOT NULL"
        " ORDER BY decided_at DESC",
        (LOOKED_THROUGH, model),
    )
    digest = str(rows[0]["digest"] or "") if rows else ""
    own = [Counted(row["numbers"], row["invented"]) for row in rows if row["digest"] == digest][:LATEST]
    return digest, tuple(reversed(own))
