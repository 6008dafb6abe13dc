"""A position that nobody holds, led over 15-minute bars: rows in, trades out. Pure.

The same rules for every policy: filled at the open of the bar after the decision; the stop first when a bar touches
both legs; a gap fills at the open; the trailing stop is raised by a finished bar's high and counts from the next bar
on; a SELL leaves at the next open. Taker fee and half of spread and slippage are paid on either way, funding at every
settlement that the position is held over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from engine.model import AssetClass, Candles, ClosedTrade, Funding, Timeframe
from engine.reasons import Reason
from engine.risk.stops import trailed_stop
from engine.rounding import exact

BAR_MS = Timeframe.M15.ms
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Bar:
    """One confirmed 15-minute bar; `ts` is its open time in ms, prices in USDT."""

    ts: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


@dataclass(frozen=True, slots=True)
class ShadowPosition:
    """A long. `entry` is None until the bar after the decision has come; `quantity` in base units; `side_cost` is
    paid on each way and `trail` the trailing distance, both fractions; `mark` is the price that it is valued at.
    `costs` and `funding` so far in USDT, negative when paid."""

    decision_id: str
    ticker: str
    inst_id: str
    asset_class: AssetClass
    contracts: Decimal
    quantity: Decimal
    tick: Decimal
    stop: Decimal
    target: Decimal
    trail: Decimal
    side_cost: Decimal
    strength: float
    mark: Decimal
    entry: Decimal | None = None
    opened_at: int | None = None
    leaving: bool = False
    trailed: bool = False
    costs: Decimal = ZERO
    funding: Decimal = ZERO

    @property
    def notional(self) -> Decimal:
        """At the last mark."""
        return self.quantity * self.mark

    @property
    def unrealised(self) -> Decimal:
        """Price difference alone, without costs; 0 before the fill."""
        return ZERO if self.entry is None else self.quantity * (self.mark - self.entry)


@dataclass(frozen=True, slots=True)
class Step:
    """What one bar made of a position: it goes on or it closed; `earned` in USDT, costs and funding included."""

    position: ShadowPosition | None
    earned: Decimal
    closed: ClosedTrade | None = None


def on_bar(position: ShadowPosition, bar: Bar, funding: Funding | None) -> Step:
    """`funding` is the schedule as last known before the bar ended; None = no settlement is known."""
    fee = ZERO
    if position.entry is None:
        position = _filled(position, bar)
        fee = position.costs
    leaving = _exit(position, bar)
    if leaving is not None:
        price, reason = leaving
        # Within the bar nobody knows when: its end, so that the cooldown is not shorter than a real one.
        done = close(position, price, bar.ts if price == bar.open else bar.ts + BAR_MS, reason)
        return replace(done, earned=done.earned + fee)
    moved = position.quantity * (bar.close - position.mark)
    paid = _settled(position, bar, funding)
    held = _raised(replace(position, mark=bar.close, funding=position.funding + paid), bar)
    return Step(held, moved + fee + paid)


def close(position: ShadowPosition, price: Decimal, ts: int, reason: Reason) -> Step:
    """Out at `price`. A position that was never filled leaves no trade."""
    if position.entry is None or position.opened_at is None:
        return Step(None, ZERO)
    fee = -position.quantity * price * position.side_cost
    gain, costs = position.quantity * (price - position.entry), position.costs + fee
    trade = ClosedTrade(
        trade_id=position.decision_id,
        ticker=position.ticker,
        inst_id=position.inst_id,
        contracts=position.contracts,
        entry_price=position.entry,
        exit_price=price,
        pnl=gain,
        fees=costs,
        funding=position.funding,
        net=gain + costs + position.funding,
        notional=position.quantity * position.entry,
        strength=position.strength,
        reason=reason,
        opened_at=position.opened_at,
        closed_at=ts,
    )
    return Step(None, position.quantity * (price - position.mark) + fee, trade)


def _filled(position: ShadowPosition, bar: Bar) -> ShadowPosition:
    cost = -position.quantity * bar.open * position.side_cost
    return replace(position, entry=bar.open, mark=bar.open, opened_at=bar.ts, costs=cost)


def _exit(position: ShadowPosition, bar: Bar) -> tuple[Decimal, Reason] | None:
    """Where and why it ends within this bar: what was asked for at the open, then the gaps, then the stop, and only
    then the target."""
    stopped = Reason.TRAILING_STOP if position.trailed else Reason.STOP_LOSS
    if position.leaving:
        return bar.open, Reason.SIGNAL_EXIT
    if bar.open <= position.stop:
        return bar.open, stopped
    if bar.open >= position.target:
        return bar.open, Reason.TAKE_PROFIT
    if bar.low <= position.stop:
        return position.stop, stopped
    return (position.target, Reason.TAKE_PROFIT) if bar.high >= position.target else None


def _settled(position: ShadowPosition, bar: Bar, funding: Funding | None) -> Decimal:
    """Paid or received at the settlements within (open, close] of a bar that it was held through."""
    if funding is None:
        return ZERO
    return -position.quantity * bar.close * exact(funding.rate) * settlements_within(funding, bar.ts, bar.ts + BAR_MS)


def settlements_within(funding: Funding, start: int, end: int) -> int:
    """Settlements in (start, end]: `settles_at` and every whole interval after it."""
    assert funding.interval_ms > 0, "a funding interval must be > 0"

    def until(at: int) -> int:
        return 0 if at < funding.settles_at else 1 + (at - funding.settles_at) // funding.interval_ms

    return until(end) - until(start)


def _raised(position: ShadowPosition, bar: Bar) -> ShadowPosition:
    """The live trailing rule, by the bar's high."""
    assert position.entry is not None, "only what is filled trails"
    stop = trailed_stop(position.entry, bar.high, position.stop, position.trail, position.tick)
    if stop is None or stop >= position.target:
        return position
    return replace(position, stop=stop, trailed=True)


def bars_after(candles: Candles, ts: int) -> tuple[Bar, ...]:
    """The bars that opened after `ts`, oldest first."""
    first = int((candles.ts <= ts).sum())
    columns = (candles.ts, candles.open, candles.high, candles.low, candles.close)
    return tuple(
        Bar(int(t), *(exact(float(price)) for price in prices))
        for t, *prices in zip(*(column[first:] for column in columns), strict=True)
    )
