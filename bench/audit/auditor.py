"""One audit: the state file alone, or beside the home whose engine traded there."""

from __future__ import annotations

from pathlib import Path

from bench.audit.books import DATABASE, QUERIES, book_findings
from bench.audit.cover import Watcher, final_findings, naked_findings, orphan_findings, spans_as_told
from bench.audit.doubles import duplicate_findings
from bench.audit.findings import Audit, Finding, Kind, Limits
from bench.audit.lives import Lives, rebuild
from bench.audit.money import cent_findings
from bench.audit.state import Row, State, load, load_tables

AS_AGREED = Limits()


def audit(state: Path, home: Path | None = None, limits: Limits = AS_AGREED) -> Audit:
    """`state` is a simulator's state file, `home` the folder that holds storage/cynosure.db. Raises Unreadable."""
    books = None if home is None else load_tables(home / DATABASE, QUERIES)
    return examine(load(state), books, limits)


def examine(rows: State, books: list[list[Row]] | None = None, limits: Limits = AS_AGREED) -> Audit:
    """As `audit`, of rows that were read already; `books` are those of QUERIES."""
    lives = rebuild(rows)
    watcher = Watcher(lives)
    watcher.run(rows)
    spans = tuple(watcher.spans) if rows.steps else spans_as_told(rows, lives)
    findings = [
        *naked_findings(spans, limits),
        *final_findings(rows, lives, spans),
        *duplicate_findings(rows, lives),
        *orphan_findings(rows, lives, watcher.idle, limits),
        *(
            Finding(Kind.CENT, fill["inst_id"], f"fill {fill['trade_id']} happened and is no longer on record")
            for fill in watcher.lost
        ),
        *cent_findings(rows, lives),
        *(book_findings(books, rows, lives) if books is not None else ()),
    ]
    return Audit(tuple(findings), spans, _counts(rows, lives), bool(rows.steps))


def _counts(rows: State, lives: Lives) -> dict[str, int]:
    return {
        "orders": len(rows.of("Order")),
        "fills": len(rows.of("Fill")),
        "bills": len(rows.of("Bill")),
        "algos": len(rows.of("Algo")),
        "positions": len(lives.all),
        "ours": sum(life.ours for life in lives.all),
        "open": len(lives.open),
        "steps": len(rows.steps),
    }
