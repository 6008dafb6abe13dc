"""One policy's own book, and the decision inputs as they would be if that book were the account. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from engine.clock import utc_day
from engine.model import AccountView, ClosedTrade, Instrument, Sizing, Synthesis
from engine.model.worth import Policy
from engine.outcome.worth.position import ZERO, ShadowPosition
from engine.risk.costs import Costs
from engine.risk.history import FORTNIGHT_MS, ticker_return_14d
from engine.risk.inputs import DecisionInputs, HeldPosition, OpenExposure
from engine.rounding import exact

Correlate = Callable[[str, tuple[str, ...]], Mapping[str, float | None]]
"""Correlations of a ticker with others, by ticker."""


@dataclass(frozen=True, slots=True)
class Book:
    """`start` and `net` (everything earned since, open positions marked) in USDT. The day's figures count from 00:00
    UTC. `recent` are the trades closed in the last 14 days, oldest first; `total_return` sums the bars' returns, each
    on the equity that it was made with. `chances`, led for the model alone, counts bars at which it was flat, was
    asked and no gate stood in the way; `entries` the bars at which it bought."""

    policy: Policy
    start: Decimal
    net: Decimal = ZERO
    day: str = ""
    day_start: Decimal = ZERO
    entries_today: int = 0
    total_return: float = 0.0
    closed: int = 0
    wins: int = 0
    chances: int = 0
    entries: int = 0
    positions: Mapping[str, ShadowPosition] = field(default_factory=dict)
    recent: tuple[ClosedTrade, ...] = ()

    @property
    def equity(self) -> Decimal:
        return self.start + self.net

    def earning(self, amount: Decimal) -> tuple[Book, float]:
        """With `amount` more, and that as a fraction of the equity before; a ruined book returns nothing more."""
        share = float(amount / self.equity) if self.equity > 0 else 0.0
        return replace(self, net=self.net + amount, total_return=self.total_return + share), share

    def holding(self, ticker: str, position: ShadowPosition | None) -> Book:
        others = {name: held for name, held in self.positions.items() if name != ticker}
        return replace(self, positions=others if position is None else others | {ticker: position})

    def closing(self, trade: ClosedTrade) -> Book:
        """With one more closed trade; those older than the fortnight are forgotten here."""
        kept = (t for t in (*self.recent, trade) if t.closed_at > trade.closed_at - FORTNIGHT_MS)
        return replace(self, recent=tuple(kept), closed=self.closed + 1, wins=self.wins + (trade.net > 0))

    def on_day(self, now_ms: int) -> Book:
        """The day's figures begin anew at 00:00 UTC."""
        day = utc_day(now_ms)
        return self if day == self.day else replace(self, day=day, day_start=self.equity, entries_today=0)


def inputs_of(book: Book, inputs: DecisionInputs, synthesis: Synthesis, correlate: Correlate) -> DecisionInputs:
    """`inputs` with this book in the account's place.

    Its own are positions, equity, the day's result and entries, the ticker's 14 days, cooldown and correlations. The
    engine's stay whatever a person, the market, the venue or the clock says, the halts in force, and what closed
    trades taught the calibrator: while the engine is halted, nobody enters.
    """
    ticker, held = inputs.ticker, book.positions.get(inputs.ticker)
    others = tuple(name for name in book.positions if name != ticker)
    return replace(
        inputs,
        synthesis=synthesis,
        account=None if inputs.account is None else _account(book, inputs.account, inputs),
        held=None if held is None else _held(held, inputs.decided_at),
        open_positions=None if inputs.open_positions is None else tuple(_exposures(book.positions.values())),
        correlations=correlate(ticker, others) if others else {},
        ticker_return_14d=ticker_return_14d(book.recent, ticker, inputs.decided_at),
        last_closed_at=max((t.closed_at for t in book.recent if t.ticker == ticker), default=None),
        advocate_factor=inputs.advocate_factor if book.policy is Policy.MODEL else None,
    )


def _held(position: ShadowPosition, now_ms: int) -> HeldPosition:
    opened_at = now_ms if position.opened_at is None else position.opened_at
    return HeldPosition(position.contracts, position.entry or position.mark, opened_at)


def _exposures(positions: Iterable[ShadowPosition]) -> Iterable[OpenExposure]:
    return (OpenExposure(held.ticker, held.asset_class, held.notional) for held in positions)


def _account(book: Book, account: AccountView, inputs: DecisionInputs) -> AccountView:
    """The run of losses stays the account's: it halts until a person resumes, and nobody resumes a shadow."""
    positions, leverage = tuple(book.positions.values()), exact(inputs.limits.leverage)
    unrealised = sum((held.unrealised for held in positions), ZERO)
    locked = sum((held.quantity * (held.entry or held.mark) for held in positions), ZERO) / leverage
    day_pnl = book.equity - book.day_start
    return replace(
        account,
        equity=book.equity,
        cash=book.equity - unrealised,
        available=max(ZERO, book.equity - unrealised - locked),
        unrealised=unrealised,
        day_baseline=book.day_start,
        day_pnl=day_pnl,
        day_pnl_pct=float(day_pnl / book.day_start) if book.day_start > 0 else 0.0,
        entries_today=book.entries_today,
        open_positions=len(positions),
        margin_ratio=_margin_ratio(positions, inputs),
    )


def _margin_ratio(positions: tuple[ShadowPosition, ...], inputs: DecisionInputs) -> Decimal | None:
    """Isolated: the worst position's own margin and result over its maintenance margin; None when flat."""
    share, leverage = exact(inputs.limits.maintenance_margin_frac), exact(inputs.limits.leverage)
    ratios = (
        (held.quantity * (held.entry or held.mark) / leverage + held.unrealised) / (share * held.notional)
        for held in positions
        if held.notional > 0 and share > 0
    )
    return min(ratios, default=None)


def opened(
    decision_id: str,
    instrument: Instrument,
    sizing: Sizing,
    price: Decimal,
    costs: Costs,
    trail: float,
    strength: float,
) -> ShadowPosition:
    """A position that waits for the next bar's open. Fees and half of spread and slippage fall on either way."""
    assert sizing.bracket is not None, "a BUY without a stop"
    return ShadowPosition(
        decision_id=decision_id,
        ticker=instrument.ticker,
        inst_id=instrument.inst_id,
        asset_class=instrument.asset_class,
        contracts=sizing.contracts,
        quantity=instrument.notional(sizing.contracts, Decimal(1)),
        tick=instrument.tick_size,
        stop=sizing.bracket.stop,
        target=sizing.bracket.target,
        trail=exact(trail),
        side_cost=exact((costs.fees + costs.spread + costs.slippage) / 2),
        strength=strength,
        mark=price,
    )
