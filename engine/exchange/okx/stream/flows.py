"""What the followed markets did lately, put together from the pushes of the flow line (okx.md §13).

Each figure is whole or None. A lost line, a silence, a quote that was left out for want of time, a market that runs too
fast to show its single quotes: every one of them makes a hole, nothing is computed across it, and until enough was seen
again the answer is None, which the brief shows as n/a.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from engine.clock import Clock
from engine.exchange.okx.stream.book_memory import BookMemory, Rotation
from engine.exchange.okx.stream.frames import Pushed
from engine.exchange.okx.stream.liquidation_hour import HOUR_MS, MINUTE_MS, LiquidationHour
from engine.exchange.streams import Following, Topic
from engine.model import Book, Instrument, LiquidationFlow, QuoteFlow
from engine.model.quote_flow import BestQuote, QuoteFlowWindow

log = logging.getLogger(__name__)

SILENT_S = 15.0
"""Wall seconds without a word on a line whose pulse beats every 10 s at the slowest."""
COVERED = 0.5
"""Of the window: with less of it seen event by event, its flow is not told."""
MIN_EVENTS = 20
"""Changes of the best quote within the window; fewer are no flow, or a market that runs too fast to be seen."""
LISTENED_MS = 15 * MINUTE_MS
"""Before the liquidations of an instrument mean anything."""
MISSED_MS = MINUTE_MS
"""A longer break than this and the listening begins anew. The venue itself tells no more than one a second."""
DEPTH = 20
FRESH_S = 1.0
REMEMBERED = 2_000

Take = Callable[[str, int, float], Book | None]


class FlowBoard:
    """Implements engine.exchange.streams.MarketFlows. `take` gives a followed book, `is_up` whether the line stands.

    `heard`, `resumed` and `skipped` are the line's side; none of them raises, whatever the venue says.
    """

    def __init__(self, clock: Clock, take: Take, is_up: Callable[[], bool]) -> None:
        self._clock = clock
        self._take = take
        self._is_up = is_up
        self._instruments: Mapping[str, Instrument] = {}
        self._windows: dict[str, QuoteFlowWindow] = {}
        self._hours: dict[str, LiquidationHour] = {}
        self._told: OrderedDict[Hashable, None] = OrderedDict()
        self._memory = BookMemory()
        self._rotation = Rotation(clock.monotonic, clock.speed)
        self._heard_s = float("-inf")
        self._heard_ms: int | None = None
        self._since: dict[str, int] = {}
        """Since when an instrument's liquidations are listened to without a break, venue ms."""
        self._complained: set[Topic] = set()

    def follow(self, following: Following) -> None:
        """Forgets the others. A changed contract value counts from now on."""
        self._instruments = {instrument.inst_id: instrument for instrument in following.instruments}
        quoted = self._instruments if following.quotes else {}
        self._windows = {inst_id: self._windows.get(inst_id) or QuoteFlowWindow() for inst_id in quoted}
        self._hours = {inst_id: self._hours.get(inst_id) or LiquidationHour(inst_id) for inst_id in self._instruments}
        now = self._clock.now_ms()
        self._since = {inst_id: self._since.get(inst_id, now) for inst_id in self._instruments}
        self._memory.keep_only(frozenset(self._instruments))
        self._rotation.set(tuple(self._instruments) if following.books else ())

    # ------------------------------------------------------------ the line's side

    def heard(self, topic: Topic, pushed: Pushed) -> None:
        self._heard_s, self._heard_ms = self._clock.monotonic(), self._clock.now_ms()
        if topic is Topic.QUOTES:
            self._quotes(pushed)
        elif topic is Topic.LIQUIDATIONS:
            self._liquidations(pushed.rows)
        inst_id = self._rotation.due()
        if inst_id is not None and (book := self._take(inst_id, DEPTH, FRESH_S)) is not None:
            self._memory.add(book)

    def resumed(self, topics: tuple[Topic, ...]) -> None:
        """A new line: what was said in between is lost."""
        for window in self._windows.values():
            window.gap()
        now, last = self._clock.now_ms(), self._heard_ms
        if last is None or not 0 <= now - last <= MISSED_MS:
            self._listen_anew()
        if Topic.LIQUIDATIONS not in topics:
            self._since = {}
        self._heard_s, self._heard_ms = self._clock.monotonic(), now

    def _listen_anew(self) -> None:
        """Something was missed: what is known of liquidations counts from now on."""
        self._since = dict.fromkeys(self._instruments, self._clock.now_ms())
        self._hours = {inst_id: LiquidationHour(inst_id) for inst_id in self._instruments}

    def skipped(self, inst_id: str) -> None:
        """A best quote of it was not read."""
        window = self._windows.get(inst_id)
        if window is not None:
            window.gap()

    def _quotes(self, pushed: Pushed) -> None:
        window = self._windows.get(str(pushed.arg.get("instId", "")))
        if window is None:
            return
        for row in pushed.rows:
            try:
                (bid, bid_size, *_), (ask, ask_size, *_) = row["bids"][0], row["asks"][0]
                window.note(int(row["ts"]), BestQuote(float(bid), float(bid_size), float(ask), float(ask_size)))
            except (LookupError, TypeError, ValueError):  # an empty side, or what nobody can read
                window.gap()

    def _liquidations(self, rows: tuple[Any, ...]) -> None:
        for row in rows:
            try:
                self._note_deaths(row)
            except (LookupError, TypeError, ValueError, AttributeError):
                self._complain(Topic.LIQUIDATIONS, row)
                self._listen_anew()

    def _note_deaths(self, row: Any) -> None:
        """A closing order that sells ends a long; `posSide` says so where the account has two sides."""
        instrument = self._instruments.get(row["instId"])
        if instrument is None:
            return
        for detail in row["details"]:
            side, held, at = str(detail["side"]), str(detail.get("posSide") or ""), int(detail["ts"])
            usd = _usdt(instrument, str(detail["sz"]), str(detail["bkPx"]))
            if side not in {"buy", "sell"}:
                raise ValueError(f"{side} at {at}")
            of_this_hour = -HOUR_MS < at - self._clock.now_ms() < MINUTE_MS
            if of_this_hour and self._is_news((instrument.inst_id, side, held, detail["sz"], detail["bkPx"], at)):
                long = held == "long" or (held != "short" and side == "sell")
                self._hours[instrument.inst_id].add(at, usd, long)

    def _is_news(self, fact: Hashable) -> bool:
        """While one line takes over from another, both tell the same."""
        if fact in self._told:
            return False
        self._told[fact] = None
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        return True

    def _complain(self, topic: Topic, row: Any) -> None:
        if topic not in self._complained:
            self._complained.add(topic)
            log.warning("a row of %s that nobody can read: %.200r", topic, row)

    # ------------------------------------------------------------ the engine's side

    def quote_flow(self, inst_id: str) -> QuoteFlow | None:
        window = self._windows.get(inst_id)
        if window is None or window.last_ts is None or not self._hears():
            return None
        totals = window.totals(self._clock.now_ms())
        if totals.imbalance is None or totals.events < MIN_EVENTS or totals.covered_ms < COVERED * window.window_ms:
            return None
        return QuoteFlow(inst_id, totals.imbalance, totals.events, window.window_ms, window.last_ts)

    def liquidations(self, inst_id: str) -> LiquidationFlow | None:
        """Of the last hour, or of as much of it as was listened to; a hint, since the venue does not tell all."""
        hour, now = self._hours.get(inst_id), self._clock.now_ms()
        since = self._since.get(inst_id)
        if hour is None or since is None or self._heard_ms is None or not self._hears():
            return None
        listened = now - since
        return hour.flow(now, min(HOUR_MS, listened), self._heard_ms) if listened >= LISTENED_MS else None

    def book(self, inst_id: str) -> Book | None:
        return self._take(inst_id, DEPTH, FRESH_S)

    def earlier_books(self, inst_id: str) -> tuple[Book, ...]:
        return self._memory.lately(inst_id, self._clock.now_ms())

    def saw_book(self, book: Book) -> None:
        self._memory.add(book)

    def _hears(self) -> bool:
        return self._is_up() and self._clock.monotonic() - self._heard_s <= SILENT_S


def _usdt(instrument: Instrument, contracts: str, price: str) -> float:
    """Raises ValueError for what is no size or price."""
    size, at = float(contracts), float(price)
    if not (0 < size < float("inf") and 0 < at < float("inf")):
        raise ValueError(f"{contracts} contracts at {price}")
    return size * at * float(instrument.contract_value * instrument.contract_multiplier)
