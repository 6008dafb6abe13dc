"""The shadow books in SQLite: one transaction a ticker and bar, so that a crash leaves a bar measured or not at all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from engine.clock import utc_day
from engine.db import Database, Transaction
from engine.model import ClosedTrade, Funding
from engine.model.worth import NO_ERA, Answerer, Came, Era, Policy
from engine.outcome.worth.book import Book
from engine.outcome.worth.position import ShadowPosition
from engine.outcome.worth.turn import Managed
from engine.risk.history import FORTNIGHT_MS

KEPT_DAYS = 400
KEPT_TRADES_MS = 90 * 86_400_000
PARTED = "parted"
COUNTS = (*Came, PARTED)

OTHERS_SPOKE = {
    Answerer.MODEL: "by_rules > 0 AND by_model + failed = 0",
    Answerer.RULES: "by_model + failed > 0",
    Answerer.NOBODY: "0",
}
"""Days that say nothing about this answerer: another one spoke."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The last bar that was measured for a ticker, and the funding schedule as known then."""

    bar_ts: int
    funding: Funding | None


@dataclass(frozen=True, slots=True)
class Change:
    """One policy's book after a ticker's bar, and the book before it."""

    before: Book
    managed: Managed
    after: Book


@dataclass(frozen=True, slots=True)
class Days:
    """What finished days show: the days, oldest first, each policy's return on them and the trades that it closed in
    all, and what came of all questions."""

    days: tuple[str, ...]
    returns: Mapping[Policy, tuple[float, ...]]
    closed: Mapping[Policy, int]
    counts: Mapping[str, int]


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def prepare_books() -> None:
    """Builds the schemas of what is kept: a book's alone takes 100 ms, for which the first decision of a new home
    would hold up the loop."""
    for kind in (Book, ShadowPosition, ClosedTrade, Funding):
        _adapter(kind)


def _dump(kind: Any, value: object) -> str:
    return json.dumps(_adapter(kind).dump_python(value, mode="json"), allow_nan=False, separators=(",", ":"))


class ShadowStore:
    """Everything here raises sqlite3.Error when the database refuses; nothing is then half written. Books, positions
    and what was seen are those of the era that goes on; returns, trades and counts are kept for each era."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def era(self) -> Era:
        """The one that goes on."""
        row = await self._db.fetch_one("SELECT * FROM shadow_eras ORDER BY bar_ts DESC, era DESC LIMIT 1")
        return NO_ERA if row is None else Era(*row)

    async def numbered(self, met: Era) -> Era:
        """Under the number and the first day that these weights and this wording had before, or under a new number."""
        known = await self._db.fetch_one(
            "SELECT era, day FROM shadow_eras WHERE model = ? AND digest = ? AND prompt_version = ?"
            " ORDER BY bar_ts DESC LIMIT 1",
            (met.model, met.digest, met.prompt_version),
        )
        if known is not None:
            return replace(met, number=known["era"], day=known["day"])
        last = await self._db.fetch_one("SELECT coalesce(max(era), 0) AS era FROM shadow_eras")
        return replace(met, number=1 if last is None else last["era"] + 1)

    async def begin(self, before: int, era: Era, ended: Iterable[Change], books: Iterable[Book]) -> None:
        """The era `before` ends with what `ended` says; `books` are flat. An earlier one that is taken up again keeps
        its number and its day."""
        async with self._db.transaction() as tx:
            for change in ended:
                await _put_result(tx, before, change)
            await tx.execute("DELETE FROM shadow_positions")
            await tx.execute("DELETE FROM shadow_books")
            for book in books:
                await _put_book(tx, book)
            await tx.execute(
                "INSERT OR REPLACE INTO shadow_eras VALUES (?, ?, ?, ?, ?, ?)",
                (era.number, era.model, era.digest, era.prompt_version, era.bar_ts, era.day),
            )

    async def books(self, era: int) -> dict[Policy, Book]:
        """Those that exist, the model's first, with their open positions and the trades of the last 14 days."""
        rows = await self._db.fetch_all("SELECT policy, book FROM shadow_books")
        found: dict[Policy, Book] = {}
        for row in rows:
            book: Book = _adapter(Book).validate_json(row["book"])
            policy = Policy(row["policy"])
            recent = await self.recent(era, policy)
            found[policy] = replace(book, positions=await self._positions(policy), recent=recent)
        return {policy: found[policy] for policy in Policy if policy in found}

    async def _positions(self, policy: Policy) -> dict[str, ShadowPosition]:
        rows = await self._db.fetch_all(
            "SELECT ticker, position FROM shadow_positions WHERE policy = ?", (policy.value,)
        )
        return {row["ticker"]: _adapter(ShadowPosition).validate_json(row["position"]) for row in rows}

    async def recent(self, era: int, policy: Policy) -> tuple[ClosedTrade, ...]:
        """Those that closed within the fortnight before the era's last one, oldest first."""
        rows = await self._db.fetch_all(
            "SELECT trade FROM shadow_trades WHERE era = ? AND policy = ? AND closed_at >"
            " (SELECT max(closed_at) FROM shadow_trades WHERE era = ? AND policy = ?) - ? ORDER BY closed_at, rowid",
            (era, policy.value, era, policy.value, FORTNIGHT_MS),
        )
        return tuple(_adapter(ClosedTrade).validate_json(row["trade"]) for row in rows)

    async def seen(self) -> dict[str, Seen]:
        rows = await self._db.fetch_all("SELECT ticker, bar_ts, funding FROM shadow_seen")
        return {
            row["ticker"]: Seen(row["bar_ts"], row["funding"] and _adapter(Funding).validate_json(row["funding"]))
            for row in rows
        }

    async def put(
        self, era: int, ticker: str, seen: Seen, changes: Iterable[Change], day: str, came: Came | None, parted: bool
    ) -> None:
        """All that one ticker's bar changed. `came` is what came of the question, None = there was none."""
        async with self._db.transaction() as tx:
            for change in changes:
                await _put_change(tx, era, ticker, change)
            funding = None if seen.funding is None else _dump(Funding, seen.funding)
            await tx.execute("INSERT OR REPLACE INTO shadow_seen VALUES (?, ?, ?)", (ticker, seen.bar_ts, funding))
            numbers = [int(name == came or (name == PARTED and parted)) for name in COUNTS]
            added = ", ".join(f"{name} = {name} + excluded.{name}" for name in COUNTS)
            await tx.execute(
                f"INSERT INTO shadow_days (era, day, {', '.join(COUNTS)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
                f" ON CONFLICT (era, day) DO UPDATE SET {added}",
                (era, day, *numbers),
            )

    async def days(self, era: int, before: str, answerer: Answerer) -> Days:
        """Days before `before` (YYYY-MM-DD) on which something was measured in this era, less those on which only the
        other kind of answerer spoke; a policy without a line earned 0."""
        others = OTHERS_SPOKE[answerer]
        rows = await self._db.fetch_all(
            "SELECT day FROM (SELECT day FROM shadow_days WHERE era = ? UNION"  # noqa: S608
            " SELECT day FROM shadow_returns WHERE era = ?) WHERE day < ?"
            f" AND day NOT IN (SELECT day FROM shadow_days WHERE era = ? AND {others}) ORDER BY day",
            (era, era, before, era),
        )
        days = tuple(str(row["day"]) for row in rows)
        lines = await self._db.fetch_all("SELECT policy, day, earned, closed FROM shadow_returns WHERE era = ?", (era,))
        known = {(row["policy"], row["day"]): (float(row["earned"]), int(row["closed"])) for row in lines}
        found = {policy: [known.get((policy.value, day), (0.0, 0)) for day in days] for policy in Policy}
        returns = {policy: tuple(earned for earned, _ in of_days) for policy, of_days in found.items()}
        closed = {policy: sum(count for _, count in of_days) for policy, of_days in found.items()}
        return Days(days, returns, closed, await self._counts("era = ?", era))

    async def counts_of(self, day: str) -> dict[str, int]:
        """What came of one day's questions, whoever was asked."""
        return await self._counts("day = ?", day)

    async def _counts(self, where: str, value: int | str) -> dict[str, int]:
        sums = ", ".join(f"coalesce(sum({name}), 0) AS {name}" for name in COUNTS)
        row = await self._db.fetch_one(f"SELECT {sums} FROM shadow_days WHERE {where}", (value,))  # noqa: S608
        return {str(name): 0 if row is None else int(row[name]) for name in COUNTS}

    async def latest_answerer(self) -> Answerer:
        """Who answered on the newest day that had an answer."""
        row = await self._db.fetch_one(
            "SELECT by_model + failed AS model FROM shadow_days WHERE by_model + failed + by_rules > 0"
            " ORDER BY day DESC, (SELECT bar_ts FROM shadow_eras WHERE era = shadow_days.era) DESC LIMIT 1"
        )
        if row is None:
            return Answerer.NOBODY
        return Answerer.MODEL if row["model"] else Answerer.RULES

    async def prune(self, oldest_day: str, oldest_trade_ms: int) -> None:
        async with self._db.transaction() as tx:
            await tx.execute("DELETE FROM shadow_days WHERE day < ?", (oldest_day,))
            await tx.execute("DELETE FROM shadow_returns WHERE day < ?", (oldest_day,))
            await tx.execute("DELETE FROM shadow_trades WHERE closed_at < ?", (oldest_trade_ms,))


async def _put_change(tx: Transaction, era: int, ticker: str, change: Change) -> None:
    """Only what differs: most bars change nothing of most books."""
    after, policy = change.after, change.after.policy.value
    if after != change.before:
        await _put_book(tx, after)
    position = after.positions.get(ticker)
    if position is None:
        await tx.execute("DELETE FROM shadow_positions WHERE policy = ? AND ticker = ?", (policy, ticker))
    elif position != change.before.positions.get(ticker):
        await tx.execute(
            "INSERT OR REPLACE INTO shadow_positions VALUES (?, ?, ?)",
            (policy, ticker, _dump(ShadowPosition, position)),
        )
    await _put_result(tx, era, change)


async def _put_book(tx: Transaction, book: Book) -> None:
    bare = replace(book, positions={}, recent=())
    await tx.execute("INSERT OR REPLACE INTO shadow_books VALUES (?, ?)", (book.policy.value, _dump(Book, bare)))


async def _put_result(tx: Transaction, era: int, change: Change) -> None:
    """The trades that closed, and what each day earned."""
    policy, closed = change.after.policy.value, change.managed.closed
    for trade in closed:
        await tx.execute(
            "INSERT INTO shadow_trades (policy, trade_id, closed_at, trade, era) VALUES (?, ?, ?, ?, ?)",
            (policy, trade.trade_id, trade.closed_at, _dump(ClosedTrade, trade), era),
        )
    ended = Counter(utc_day(trade.closed_at - 1) for trade in closed)
    for day in change.managed.earned.keys() | ended.keys():
        await tx.execute(
            "INSERT INTO shadow_returns VALUES (?, ?, ?, ?, ?) ON CONFLICT (era, policy, day)"
            " DO UPDATE SET earned = earned + excluded.earned, closed = closed + excluded.closed",
            (era, policy, day, change.managed.earned.get(day, 0.0), ended[day]),
        )
