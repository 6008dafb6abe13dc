"""OKX's pushed rows → our pushes; what was told before is left out. Pure but for its memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from engine.exchange.errors import ExchangeError
from engine.exchange.okx.account_rows import SETTLE
from engine.exchange.okx.stream.seen import Seen
from engine.exchange.okx.wire import ZERO, amount, decimal, required_text, rows_of, text, time_ms
from engine.exchange.streams import (
    BalanceMoved,
    BracketMoved,
    InstrumentsMoved,
    MaintenanceTold,
    OrderMoved,
    PositionMoved,
    Push,
    Topic,
    Unread,
)

_SPEC_FIELDS = ("state", "tickSz", "lotSz", "minSz", "ctVal", "ctMult", "maxMktSz", "lever", "expTime", "ruleType")


class Translator:
    """Remembers across reconnects: what a new line repeats is no news. The first specification of an instrument is
    none either; REST has just read it."""

    def __init__(self) -> None:
        self._seen = Seen()
        self._levels: dict[tuple[str, ...], Decimal] = {}
        self._specs: dict[str, tuple[str, ...]] = {}
        self._readers: Mapping[Topic, Callable[[Any], Push | None]] = {
            Topic.ORDERS: self._order,
            Topic.BRACKETS: self._bracket,
            Topic.POSITIONS: self._position,
            Topic.BALANCE: self._balance,
            Topic.MAINTENANCE: self._maintenance,
        }

    def news(self, topic: Topic, rows: tuple[Any, ...]) -> Iterator[Push]:
        """Never raises: a row that cannot be read is told as `Unread`."""
        if topic is Topic.INSTRUMENTS:
            moved = tuple(inst_id for row in rows if (inst_id := self._changed_spec(row)))
            if moved:
                yield InstrumentsMoved(moved)
            return
        reader = self._readers.get(topic)
        if reader is None:
            return
        for row in rows:
            push = self._read(reader, topic, row)
            if push is not None:
                yield push

    def forget_levels(self) -> None:
        """After a silence nobody knows which sizes were reached in between."""
        self._levels.clear()

    def _read(self, reader: Callable[[Any], Push | None], topic: Topic, row: Any) -> Push | None:
        try:
            return reader(row)
        except ExchangeError as error:
            return Unread(topic, error.message)

    def _order(self, row: Any) -> OrderMoved | None:
        """Key: order, then update time, state, execution and filled size (duplicates happen)."""
        order_id, at = required_text(row, "ordId"), time_ms(row, "uTime")
        state, filled = required_text(row, "state"), amount(row, "accFillSz")
        fact = (state, text(row, "tradeId"), filled, text(row, "amendResult"))
        if not self._seen.is_news((Topic.ORDERS, order_id), at, fact):
            return None
        return OrderMoved(required_text(row, "instId"), order_id, text(row, "clOrdId"), state, filled, at)

    def _bracket(self, row: Any) -> BracketMoved | None:
        algo_id, at, state = required_text(row, "algoId"), time_ms(row, "uTime"), required_text(row, "state")
        fact = (state, text(row, "sz"), text(row, "slTriggerPx"), text(row, "tpTriggerPx"), text(row, "failCode"))
        if not self._seen.is_news((Topic.BRACKETS, algo_id), at, fact):
            return None
        return BracketMoved(required_text(row, "instId"), algo_id, text(row, "algoClOrdId"), state, at)

    def _position(self, row: Any) -> PositionMoved | None:
        """Only a new size is news: the regular push repeats every position with a new mark price."""
        inst_id, contracts = required_text(row, "instId"), amount(row, "pos")
        signed = -abs(contracts) if text(row, "posSide") == "short" else contracts
        told = PositionMoved(inst_id, signed, time_ms(row, "uTime"))
        subject = (Topic.POSITIONS, inst_id, text(row, "mgnMode"), text(row, "posSide"))
        return told if self._moved(subject, signed) else None

    def _balance(self, row: Any) -> BalanceMoved | None:
        """Only cash is news: equity moves with every price."""
        line = next((item for item in rows_of(row, "details") if text(item, "ccy") == SETTLE), None)
        cash = ZERO if line is None else decimal(line, "cashBal")
        told = BalanceMoved(cash, time_ms(row, "uTime"))
        return told if self._moved((Topic.BALANCE, SETTLE), cash) else None

    def _maintenance(self, row: Any) -> MaintenanceTold | None:
        title, state = text(row, "title"), text(row, "state")
        fact = (title, state, text(row, "begin"), text(row, "end"))
        if not self._seen.is_news((Topic.MAINTENANCE, fact), 0, fact):
            return None
        return MaintenanceTold(title, state)

    def _moved(self, subject: tuple[str, ...], value: Decimal) -> bool:
        """Whether the value differs from the last one of this subject."""
        before, self._levels[subject] = self._levels.get(subject), value
        return before != value

    def _changed_spec(self, row: Any) -> str:
        """The instrument whose specification differs from the one known; "" when none does."""
        try:
            inst_id = required_text(row, "instId")
            spec = tuple(text(row, field) for field in _SPEC_FIELDS)
        except ExchangeError:
            return ""
        before, self._specs[inst_id] = self._specs.get(inst_id), spec
        return inst_id if before not in (None, spec) else ""
