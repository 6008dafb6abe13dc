"""Leads the four shadow books behind the engine's decisions and says what the model is worth. It never trades."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from engine.clock import utc_day
from engine.db import Database
from engine.model import Candles, SynthesisSource, Timeframe
from engine.model.worth import NO_ERA, Answerer, Came, Comparison, Policy, PolicyTally, Worth
from engine.outcome.worth.book import Book, Correlate, inputs_of
from engine.outcome.worth.eras import abandoned, begun_by, ended
from engine.outcome.worth.policies import NOT_ANSWERED, answer
from engine.outcome.worth.position import BAR_MS, Bar, bars_after
from engine.outcome.worth.store import KEPT_DAYS, KEPT_TRADES_MS, PARTED, Change, Days, Seen, ShadowStore
from engine.outcome.worth.turn import Managed, decided, managed
from engine.risk.decide import forced_hold
from engine.risk.inputs import DecisionInputs
from engine.risk.model_value import compare
from engine.synthesis.doctrine import Doctrine

DAY_MS = 86_400_000
SIGHT_BARS = 300
"""As far back as a candle window reaches: a ticker not seen for longer is not seen again without a gap."""
OTHERS = (Policy.RULES, Policy.HOLD, Policy.RANDOM)


class Shadows:
    """`load`, then `observe` after each decision; `measured` and `tidy` at any time. One decision at a time."""

    def __init__(self, db: Database, doctrine: Doctrine, trail: float, correlate: Correlate) -> None:
        """`trail` is the trailing distance of new positions, a fraction."""
        self._store = ShadowStore(db)
        self._doctrine = doctrine
        self._trail = trail
        self._correlate = correlate
        self._books: dict[Policy, Book] = {}
        self._seen: dict[str, Seen] = {}
        self._era = NO_ERA
        self._answerer: Answerer | None = None
        self._pruned = ""
        self._compared: tuple[Mapping[Policy, tuple[float, ...]], Mapping[Policy, int]] | None = None
        self._comparisons: tuple[Comparison, ...] = ()

    async def load(self) -> None:
        """What the last run left. Raises sqlite3.Error or ValueError where that cannot be read."""
        self._era = await self._store.era()
        self._books, self._seen = await self._store.books(self._era.number), await self._store.seen()

    async def observe(self, inputs: DecisionInputs) -> None:
        """Measures the ticker's newest bar once; a bar that was measured already, or that is not there, is left.

        Raises sqlite3.Error when it cannot be written: then nothing has changed, here or there.
        """
        candles, bar_ts = inputs.snapshot.candles.get(Timeframe.M15), inputs.snapshot.bar_ts
        before = self._seen.get(inputs.ticker)
        if candles is None or not len(candles) or (before is not None and bar_ts <= before.bar_ts):
            return
        if not await self._in_its_era(inputs):
            return
        seen = Seen(bar_ts, inputs.snapshot.funding or (before.funding if before else None))
        # On a thread: four policies decide. Nobody else writes what is read there, one decision at a time.
        bars, books = bars_of(candles, before, bar_ts), self._books or begun(inputs)
        changes, came = await asyncio.to_thread(self._changes, books, inputs, bars, before)
        parted = (inputs.held is not None) != (inputs.ticker in changes[0].managed.book.positions)
        await self._store.put(self._era.number, inputs.ticker, seen, changes, utc_day(inputs.decided_at), came, parted)
        self._books = {change.after.policy: change.after for change in changes}
        self._seen[inputs.ticker] = seen
        self._answerer = ANSWERERS.get(came, self._answerer)

    async def _in_its_era(self, inputs: DecisionInputs) -> bool:
        """Begins another era where another model answered, or takes up its earlier one; False while the account is not
        known to begin one with."""
        met = begun_by(inputs, self._era)
        flat = begun(inputs)
        if met is None:
            return bool(self._books or flat)
        if not flat:
            return False
        era = await self._store.numbered(met)
        books = {
            policy: replace(book, recent=await self._store.recent(era.number, policy)) for policy, book in flat.items()
        }
        last_bars = {ticker: seen.bar_ts for ticker, seen in self._seen.items()}
        over = [(book, ended(book, last_bars)) for book in self._books.values()]
        await self._store.begin(
            self._era.number, era, [Change(book, led, led.book) for book, led in over], books.values()
        )
        self._era, self._books = era, books
        return True

    def _changes(
        self, books: dict[Policy, Book], inputs: DecisionInputs, bars: tuple[Bar, ...], before: Seen | None
    ) -> tuple[list[Change], Came]:
        """The model's first: the random policy enters as often as the model has until now. And what came of the
        question: where nobody knows what the model would have said, nobody acts."""
        led = {policy: self._managed(book, inputs, bars, before) for policy, book in books.items()}
        came = what_came(inputs, led[Policy.MODEL].book, self._correlate)
        changes = []
        for policy, book in books.items():
            own_book = led[policy].book
            said = (
                NOT_ANSWERED
                if came is Came.UNASKED
                else answer(policy, inputs, own_book, books[Policy.MODEL], self._doctrine)
            )
            after, _ = decided(own_book, inputs_of(own_book, inputs, said, self._correlate), self._trail)
            changes.append(Change(book, led[policy], after))
        return changes, came

    def _managed(self, book: Book, inputs: DecisionInputs, bars: tuple[Bar, ...], before: Seen | None) -> Managed:
        led = Managed(book, {}, ()) if before is None else managed(
            book, inputs.ticker, bars, before.bar_ts, before.funding
        )  # fmt: skip
        return replace(led, book=led.book.on_day(inputs.decided_at))

    async def tidy(self, now_ms: int) -> None:
        """Once a day: what is too old goes, and positions end whose ticker nobody looks at any more. Raises
        sqlite3.Error; it is then tried again at the next call."""
        day = utc_day(now_ms)
        if day == self._pruned:
            return
        await self._store.prune(utc_day(now_ms - KEPT_DAYS * DAY_MS), now_ms - KEPT_TRADES_MS)
        lost = [name for name, seen in self._seen.items() if seen.bar_ts < now_ms - SIGHT_BARS * BAR_MS]
        for ticker in lost:
            await self._abandon(ticker)
        self._pruned = day

    async def _abandon(self, ticker: str) -> None:
        seen = self._seen[ticker]
        led = {
            policy: abandoned(book, ticker, seen.bar_ts + BAR_MS)
            for policy, book in self._books.items()
            if ticker in book.positions
        }
        if not led:
            return
        changes = [Change(self._books[policy], done, done.book) for policy, done in led.items()]
        await self._store.put(self._era.number, ticker, seen, changes, utc_day(seen.bar_ts), None, parted=False)
        self._books |= {policy: done.book for policy, done in led.items()}

    async def measured(self, now_ms: int) -> Worth:
        """The value of the model that answers now, over the UTC days that are over. Raises sqlite3.Error."""
        # Of one moment: another era may begin while the database is read.
        era, books, answerer = self._era, self._books, self._answerer
        answerer = answerer or await self._store.latest_answerer()
        days = await self._store.days(era.number, utc_day(now_ms), answerer)
        key = (days.returns, days.closed)
        if key != self._compared:
            self._comparisons = await asyncio.to_thread(comparisons_of, days)
            self._compared = key
        since = era.day or (days.days[0] if days.days else "")
        return Worth(
            since=since,
            books_since=utc_day(era.bar_ts + BAR_MS) if era.number else since,
            answered_by=answerer,
            comparisons=self._comparisons,
            tallies=tuple(map(tally, books.values())),
            answers={name: count for name, count in days.counts.items() if name != PARTED},
            parted=days.counts[PARTED],
            model=era.text,
        )

    async def counts(self, day: str) -> dict[str, int]:
        """What came of one UTC day's questions."""
        return await self._store.counts_of(day)


ANSWERERS = {Came.BY_MODEL: Answerer.MODEL, Came.FAILED: Answerer.MODEL, Came.BY_RULES: Answerer.RULES}


def comparisons_of(days: Days) -> tuple[Comparison, ...]:
    """The model against each other policy."""
    own, closed = np.asarray(days.returns[Policy.MODEL]), days.closed
    return tuple(
        compare(other, own - np.asarray(days.returns[other]), closed[Policy.MODEL] + closed[other]) for other in OTHERS
    )


def what_came(inputs: DecisionInputs, model_book: Book, correlate: Correlate) -> Came:
    """Of one question. One that was not put counts as the model's HOLD where its own book, too, leaves no answer that
    could change anything."""
    synthesis = inputs.synthesis
    if synthesis is None or synthesis.source is SynthesisSource.SKIPPED:
        own = inputs_of(model_book, inputs, NOT_ANSWERED, correlate)
        return Came.UNASKED if forced_hold(own) is None else Came.SKIPPED
    if synthesis.source is SynthesisSource.RULES:
        return Came.BY_RULES
    return Came.FAILED if synthesis.failure is not None else Came.BY_MODEL


def begun(inputs: DecisionInputs) -> dict[Policy, Book]:
    """All begin flat with the account's equity, the model first; {} while that is unknown."""
    if inputs.account is None or inputs.account.equity <= 0:
        return {}
    return {policy: Book(policy, inputs.account.equity) for policy in Policy}


def bars_of(candles: Candles, before: Seen | None, bar_ts: int) -> tuple[Bar, ...]:
    """The bars since the last measured one, up to the decision's own."""
    if before is None:
        return ()
    return tuple(bar for bar in bars_after(candles, before.bar_ts) if bar.ts <= bar_ts)


def tally(book: Book) -> PolicyTally:
    return PolicyTally(book.policy, book.total_return, book.closed, book.wins, len(book.positions))
