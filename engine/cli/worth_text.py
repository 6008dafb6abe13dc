"""The value of the model in `--status`: for a program, and for a person."""

from __future__ import annotations

from typing import Any

from engine.model.worth import Policy, Worth

NAMES = {"rules": "the rules", "hold": "always HOLD", "random": "random entry"}


def worth_document(worth: Worth) -> dict[str, Any]:
    """Differences are fractions of equity a day, with the ends of their 95 % interval; null = not known yet."""
    return {
        "text": worth.text,
        "model": worth.model,
        "since": worth.since,
        "books_since": worth.books_since or worth.since,
        "answered_by": worth.answered_by.value,
        "answers": worth.answers,
        "parted": worth.parted,
        "compared": {
            c.against.value: {
                "per_day": c.per_day,
                "low": c.low,
                "high": c.high,
                "days": c.days,
                "days_missing": c.days_missing,
                "trades_missing": c.trades_missing,
                "verdict": c.verdict,
                "text": c.text,
            }
            for c in worth.comparisons
        },
        "policies": {
            tally.policy.value: {
                "return": round(tally.total_return, 6),
                "closed": tally.closed,
                "wins": tally.wins,
                "open": tally.open_positions,
            }
            for tally in worth.tallies
        },
    }


def worth_lines(document: dict[str, Any] | None) -> list[str]:
    """The model against the rules always; against the others, and the books, once a model answers."""
    if document is None:
        return []
    lines = [f"worth     model less the rules: {document['text']}"]
    if document["answered_by"] != "model":
        return [f"worth     {document['text']}"]
    lines += [
        f"          model less {NAMES[name]}: {found['text']}"
        for name, found in document["compared"].items()
        if name != Policy.RULES
    ]
    books = ", ".join(
        f"{name} {book['return']:+.2%} ({book['closed']} closed, {book['wins']} won, {book['open']} open)"
        for name, book in document["policies"].items()
    )
    return [*lines, f"          if each had traded since {document['books_since'] or 'today'}: {books}"]
