"""Cover recomputed: at every step of the venue each position of ours against the algos that were live then.

Only live reduce-only algos on the closing side count, and both legs: the smaller of what stops and targets close.
Where the file keeps no history the venue's own spans are taken, and the end is still judged by the records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from bench.audit.findings import Finding, Kind, Limits, Span
from bench.audit.lives import ZERO, Book, Life, Lives, is_ours, switched_mode
from bench.audit.state import Row, State


@dataclass(frozen=True, slots=True)
class Idle:
    """An algo of ours that had nothing to close; `to_ms` None = still so at the end. Wall seconds, venue ms."""

    algo: Row
    seconds: float
    from_ms: int
    to_ms: int | None


@dataclass(slots=True)
class _Naked:
    from_wall: int
    from_ms: int
    size: Decimal
    bare: Decimal


def bare(life: Life, contracts: Decimal, algos: Iterable[Row], book: Book | None = None) -> Decimal:
    """Contracts of a position without a stop or without a target, in the book that it is in now or then."""
    size, stops, targets = abs(contracts), ZERO, ZERO
    for algo in algos:
        if not closes(algo, book or life.book, life.sign):
            continue
        covered = size if algo["close_all"] else algo["sz"] or ZERO
        stops += covered if algo["sl"] else ZERO
        targets += covered if algo["tp"] else ZERO
    return size - min(stops, targets, size)


def closes(algo: Row, book: Book, sign: int) -> bool:
    """Live, reduce-only, and on the side that closes a position of this book."""
    side = 1 if algo["side"] == "buy" else -1
    same = (algo["inst_id"], algo["td_mode"], algo["pos_side"]) == book
    return same and algo["state"] == "live" and algo["reduce_only"] and side == -sign


class Watcher:
    """Follows the history; `spans`, `idle` and `lost` grow as it goes."""

    def __init__(self, lives: Lives) -> None:
        self._lives = lives
        self._algos: dict[str, dict[str, Row]] = {}
        self._held: dict[Book, tuple[Life, Decimal]] = {}
        self._naked: dict[Book, _Naked] = {}
        self._idle: dict[str, tuple[Row, int, int]] = {}
        self.spans: list[Span] = []
        self.idle: list[Idle] = []
        self.lost: list[Row] = []

    def run(self, state: State) -> None:
        for step in state.steps:
            for kind, row in step.changes:
                if kind == "Fill":
                    self._filled(row)
                elif kind == "Algo":
                    self._algos.setdefault(row["inst_id"], {})[row["algo_id"]] = row
                elif kind == "Deed" and switched_mode(row):
                    self._switched(row["inst_id"], switched_mode(row), step.wall_ms, step.venue_ms)
            for inst_id in {row["inst_id"] for kind, row in step.changes if kind in ("Fill", "Algo", "Deed")}:
                self._compare(inst_id, step.wall_ms, step.venue_ms)
        if state.steps:
            self._end(state.steps[-1].wall_ms)

    def _filled(self, fill: Row) -> None:
        after = self._lives.after.get(fill["bill_id"])
        if after is None:
            self.lost.append(fill)
            return
        book = next((book for book, (life, _) in self._held.items() if life is after.life), after.life.origin)
        self._held.pop(book, None)
        if after.contracts:
            self._held[book] = (after.life, after.contracts)

    def _switched(self, inst_id: str, mode: str, wall: int, venue: int) -> None:
        """A person moved what is open there to another margin mode; its algos stay where they were."""
        for book in [book for book in self._held if book[0] == inst_id]:
            held = self._held.pop(book)
            self._held[book[0], mode, book[2]] = held
            if book in self._naked and book[1] != mode:
                self.spans.append(_span(inst_id, self._naked.pop(book), wall, venue))

    def _compare(self, inst_id: str, wall: int, venue: int) -> None:
        algos = self._algos.get(inst_id, {})
        for algo_id in [key for key, algo in algos.items() if algo["state"] != "live"]:
            self._busy(algos.pop(algo_id), wall, venue)
        for book in {book for book in (*self._held, *self._naked) if book[0] == inst_id}:
            self._cover(book, algos.values(), wall, venue)
        for algo in algos.values():
            if is_ours(algo) and algo["reduce_only"] and not self._has_work(algo):
                self._idle.setdefault(algo["algo_id"], (algo, wall, venue))
            else:
                self._busy(algo, wall, venue)

    def _cover(self, book: Book, algos: Iterable[Row], wall: int, venue: int) -> None:
        held = self._held.get(book)
        size = abs(held[1]) if held is not None else ZERO
        left = bare(*held, algos, book) if held is not None and held[0].ours else ZERO
        if left:
            span = self._naked.setdefault(book, _Naked(wall, venue, size, left))
            span.size, span.bare = max(span.size, size), max(span.bare, left)
        elif book in self._naked:
            self.spans.append(_span(book[0], self._naked.pop(book), wall, venue))

    def _has_work(self, algo: Row) -> bool:
        return any(closes(algo, book, life.sign) for book, (life, _) in self._held.items())

    def _busy(self, algo: Row, wall: int, venue: int) -> None:
        """It is gone, or has something to close: what it idled until now is told."""
        since = self._idle.pop(algo["algo_id"], None)
        if since is not None:
            self.idle.append(Idle(algo, (wall - since[1]) / 1000, since[2], venue))

    def _end(self, wall: int) -> None:
        for book, naked in self._naked.items():
            self.spans.append(_span(book[0], naked, wall, None))
        for algo, from_wall, from_ms in self._idle.values():
            self.idle.append(Idle(algo, (wall - from_wall) / 1000, from_ms, None))


def _span(inst_id: str, naked: _Naked, wall: int, venue: int | None) -> Span:
    seconds = (wall - naked.from_wall) / 1000
    ended = None if venue is None else wall
    return Span(inst_id, str(naked.size), str(naked.bare), naked.from_wall, naked.from_ms, ended, venue, seconds)


def spans_as_told(state: State, lives: Lives) -> tuple[Span, ...]:
    """The venue's own list of naked spans, for a file without history; of positions of ours."""
    ours = {(life.inst_id, life.opened_ms) for life in lives.all if life.ours}
    opened = {row["life_id"]: (row["inst_id"], row["c_time"]) for row in state.of("Position")}
    told = [row for row in state.of("Naked") if opened.get(row["life_id"]) in ours]
    latest = max((row["to_wall"] or row["from_wall"] for row in state.of("Naked")), default=0)
    return tuple(
        Span(
            row["inst_id"], "", "", row["from_wall"], row["from_ms"], row["to_wall"], row["to_ms"],
            ((row["to_wall"] or latest) - row["from_wall"]) / 1000,
        )
        for row in told
    )  # fmt: skip


def naked_findings(spans: Iterable[Span], limits: Limits) -> Iterator[Finding]:
    """Spans beyond the limit, and every one that never ended."""
    for span in spans:
        if span.to_ms is None or span.seconds > limits.naked_s:
            what = f"{span.bare or 'some'} of {span.contracts or 'its'} contracts without a stop or a target"
            yield Finding(Kind.NAKED, span.inst_id, what, span.seconds, span.from_ms, span.to_ms)


def final_findings(state: State, lives: Lives, known: Iterable[Span]) -> Iterator[Finding]:
    """The records as they stand: a bare position that no span tells of, and brackets beyond the one."""
    told = {span.inst_id for span in known if span.to_ms is None}
    algos = [row for row in state.of("Algo") if row["state"] == "live"]
    for book, life in lives.open.items():
        left = bare(life, life.contracts, algos) if life.ours else ZERO
        if left and life.inst_id not in told:
            what = f"{left} of {abs(life.contracts)} contracts without a stop or a target at the end"
            yield Finding(Kind.NAKED, life.inst_id, what, None, life.opened_ms, None)
        brackets = [algo for algo in algos if is_ours(algo) and closes(algo, book, life.sign)]
        if life.ours and len(brackets) > 1:
            ids = ", ".join(algo["algo_id"] for algo in brackets)
            yield Finding(Kind.DUPLICATE, life.inst_id, f"{len(brackets)} brackets under one position: {ids}")


def orphan_findings(state: State, lives: Lives, idle: Iterable[Idle], limits: Limits) -> Iterator[Finding]:
    """Closing algos of ours without a position, and orders of ours that rest. What ended is judged by the limit."""
    for one in idle:
        if one.to_ms is not None and one.seconds > limits.orphan_s:
            what = f"algo {one.algo['algo_id']} had nothing to close"
            yield Finding(Kind.ORPHAN, one.algo["inst_id"], what, one.seconds, one.from_ms, one.to_ms)
    since = {one.algo["algo_id"]: one for one in idle if one.to_ms is None}
    for algo in state.of("Algo"):
        works = any(closes(algo, book, life.sign) for book, life in lives.open.items())
        if algo["state"] == "live" and algo["reduce_only"] and is_ours(algo) and not works:
            idler = since.get(algo["algo_id"])
            seconds, from_ms = (None, None) if idler is None else (idler.seconds, idler.from_ms)
            what = f"algo {algo['algo_id']} ({algo['client_id']}) rests without a position"
            yield Finding(Kind.ORPHAN, algo["inst_id"], what, seconds, from_ms)
    for order in state.of("Order"):
        if is_ours(order) and order["state"] in ("live", "partially_filled"):
            yield Finding(Kind.ORPHAN, order["inst_id"], f"order {order['ord_id']} ({order['client_id']}) still rests")
