"""What the decision log knows of the model's latest answers, for a start that is no fresh start."""

from __future__ import annotations

from engine.db import Database
from engine.synthesis.number_checker import LATEST, Counted

ANSWERED = (
    "json_extract(record, '$.synthesis.source') = 'ollama' AND json_extract(record, '$.synthesis.model') = ?"
    " AND json_extract(record, '$.synthesis.numbers') IS NOT NULL"
    " AND json_extract(record, '$.synthesis.replayed') IS NOT 1"
)
"""Decisions on a live answer that could be read: what a cassette said again was counted when it was said. All that are
kept are looked through, eight KB of JSON each: most questions of a quiet day are not put."""


async def latest_digest(db: Database, model: str) -> str:
    """Of the weights that answered last under this name; "" where none is known. Raises sqlite3.Error."""
    row = await db.fetch_one(
        "SELECT json_extract(record, '$.synthesis.model_digest') AS digest FROM decisions"  # noqa: S608
        f" WHERE {ANSWERED} AND digest <> '' ORDER BY decided_at DESC LIMIT 1",
        (model,),
    )
    return "" if row is None else str(row["digest"])


async def latest_answers(db: Database, model: str, digest: str) -> tuple[Counted, ...]:
    """How many numbers each of the latest answers of these weights named and invented, oldest first. Raises
    sqlite3.Error."""
    rows = await db.fetch_all(
        "SELECT json_extract(record, '$.synthesis.numbers') AS numbers,"  # noqa: S608
        " json_extract(record, '$.synthesis.invented_numbers') AS invented FROM decisions"
        f" WHERE {ANSWERED} AND json_extract(record, '$.synthesis.model_digest') = ?"
        " ORDER BY decided_at DESC LIMIT ?",
        (model, digest, LATEST),
    )
    return tuple(Counted(row["numbers"], row["invented"]) for row in reversed(rows))
