"""The trade that would be made: price, costs, bracket, win probability, confidence, value, size.

Computed for every decision, also when nothing will be traded, so that a HOLD shows what it held back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeGuard

from engine.model import BracketPrices, FeeRates, Funding, GatherResult, MarketSnapshot, Sizing, Timeframe
from engine.reasons import Reason
from engine.risk.calibration import BetaCalibrator, Calibrator, WinEstimate, confidence_of
from engine.risk.costs import Costs, expected_funding, round_trip
from engine.risk.edge import break_even, expected_value, net_odds
from engine.risk.inputs import DecisionInputs
from engine.risk.limits import RiskLimits
from engine.risk.sizing import Bet, Factors, Refusal, size, soft_brake
from engine.risk.stops import (
    clamp_stop_distance,
    clear_of_liquidation,
    distances,
    kelly_edge,
    on_right_sides,
    place_bracket,
    raw_stop,
    raw_target,
    stop_bounds,
)
from engine.rounding import exact


@dataclass(frozen=True, slots=True)
class Setup:
    """`refusal` says why there is no tradable size; None fields could not be computed.

    `win` and `confidence` are always there: without a bracket they rest on the multipliers' own break-even.
    """

    price: Decimal | None
    strength: float
    win: WinEstimate
    confidence: float
    bet: Bet | None = None
    sizing: Sizing | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Market:
    """What the trade needs of the market. `entry` is the ask that a buy pays; spread and ATR are fractions."""

    entry: Decimal
    mark: Decimal
    spread: float
    atr: float
    atr15: float
    costs: Costs


def is_price(value: Decimal | None) -> TypeGuard[Decimal]:
    """Known, finite and above 0: a price of 0 or NaN never counts (incident 44)."""
    return value is not None and value.is_finite() and value > 0


def entry_price(snapshot: MarketSnapshot) -> Decimal | None:
    """The ask, or the last trade when the ask side is empty; None when neither is a price."""
    quote = snapshot.quote
    price = None if quote is None else quote.last if quote.ask is None else quote.ask
    return price if is_price(price) else None


def spread_of(snapshot: MarketSnapshot) -> float | None:
    """(ask − bid)/mid; None for an empty, crossed or worthless quote."""
    quote = snapshot.quote
    if quote is None or not is_price(quote.bid) or not is_price(quote.ask) or quote.bid > quote.ask:
        return None
    return float((quote.ask - quote.bid) / ((quote.ask + quote.bid) / 2))


def atr15_of(gathered: GatherResult) -> float | None:
    """ATR(14) of 15m bars as a fraction of price."""
    signals = gathered.technical.timeframes.get(Timeframe.M15)
    return None if signals is None else signals.atr_pct


def costs_of(
    fees: FeeRates | None, spread: float | None, slippage: float | None, funding: Funding | None, now: int, hold_ms: int
) -> Costs | None:
    """None when any part is unknown: a cost has no neutral default."""
    if fees is None or spread is None or funding is None or not usable(slippage) or not usable(funding.rate):
        return None
    costs = round_trip(float(fees.taker), spread, slippage, expected_funding(funding, now, hold_ms))
    return costs if usable(costs.total) else None


def usable(value: float | None) -> TypeGuard[float]:
    """Known and finite."""
    return value is not None and math.isfinite(value)


def read_market(inputs: DecisionInputs) -> Market | Refusal:
    """The market's part of the trade, or what of it is missing."""
    snapshot, limits = inputs.snapshot, inputs.limits
    entry, mark, spread = entry_price(snapshot), snapshot.mark_price, spread_of(snapshot)
    if entry is None or spread is None or not is_price(mark):
        return Refusal(Reason.DATA_MISSING, "no usable quote or mark price")
    costs = costs_of(
        inputs.fees, spread, inputs.slippage_pct, snapshot.funding, snapshot.taken_at, limits.expected_hold_ms
    )
    if costs is None:
        return Refusal(Reason.DATA_MISSING, "costs are unknown: fees, slippage or funding are missing")
    atr, atr15 = inputs.gathered.atr_pct_avg, atr15_of(inputs.gathered)
    if not usable(atr) or not usable(atr15) or atr <= 0:
        return Refusal(Reason.ATR_ZERO, "no average true range, so no stop distance")
    if atr > limits.max_atr_frac:
        return Refusal(Reason.STOP_INVALID, f"an ATR of {atr:.1%} of the price is not believable")
    return Market(entry, mark, spread, atr, atr15, costs)


def plan_bracket(market: Market, strength: float, p_base: float, tick: Decimal, limits: RiskLimits) -> BracketPrices:
    """The clamped, rounded bracket. Raises ValueError when the bounds leave no room for a stop."""
    entry = float(market.entry)
    raw = 1 - raw_stop(entry, market.atr, limits.sl_mult, strength) / entry
    bounds = stop_bounds(market.spread, market.atr15, limits)
    stop = clamp_stop_distance(raw, bounds)
    if stop is None:
        raise ValueError(f"the nearest stop allowed ({bounds.low:.2%}) is beyond the farthest ({bounds.high:.2%})")
    factor = kelly_edge(p_base, limits.sl_mult, limits.tp_mult)
    target = raw_target(entry, market.atr, limits.tp_mult, factor) / entry - 1
    return place_bracket(market.entry, stop, target, tick)


def base_break_even(atr: float, cost: float, limits: RiskLimits) -> float:
    """Break-even of the bracket that the multipliers alone describe; it feeds kelly_edge, and so keeps the
    target's formula free of the target (D18)."""
    return break_even(atr * limits.sl_mult, atr * limits.tp_mult, cost)


def check_bracket(bracket: BracketPrices, market: Market, limits: RiskLimits) -> Refusal | None:
    """Sides and reward/risk, after rounding."""
    if not on_right_sides(bracket, market.entry, market.mark):
        return Refusal(
            Reason.STOP_INVALID,
            f"stop {bracket.stop} and target {bracket.target} do not enclose "
            f"entry {market.entry} and mark {market.mark}",
        )
    liquidation = market.entry * (1 - exact(limits.liquidation_distance_frac))
    if not clear_of_liquidation(bracket.stop, market.entry, liquidation, limits.liquidation_buffer):
        return Refusal(Reason.STOP_INVALID, f"stop {bracket.stop} is too near to liquidation at {liquidation:.8g}")
    odds = net_odds(*distances(bracket, market.entry), market.costs.total)
    if odds < limits.min_reward_risk:
        return Refusal(
            Reason.STOP_INVALID, f"reward/risk net of costs is {odds:.2f}, under {limits.min_reward_risk:.2f}"
        )
    return None


def make_bet(market: Market, bracket: BracketPrices, strength: float, calibrator: Calibrator, taker: float) -> Bet:
    """Win probability against this very bracket's break-even, and what follows from it."""
    stop, target = distances(bracket, market.entry)
    cost = market.costs.total
    needed = break_even(stop, target, cost)
    win = calibrator.estimate(strength, needed)
    return Bet(
        price=market.entry,
        bracket=bracket,
        stop=stop,
        target=target,
        cost=cost,
        taker=taker,
        p_win=win.p_win,
        confidence=confidence_of(strength, win, needed),
        ev=expected_value(win.p_win, stop, target, cost),
    )


def assess(inputs: DecisionInputs) -> Setup:
    """The whole setup. What cannot be computed is None, with the reason in `refusal`; never raises for missing
    data."""
    strength, limits, calibrator = strength_of(inputs), inputs.limits, BetaCalibrator(inputs.outcomes)
    frictionless = break_even(limits.sl_mult, limits.tp_mult)
    win = calibrator.estimate(strength, frictionless)
    blank = Setup(entry_price(inputs.snapshot), strength, win, confidence_of(strength, win, frictionless))
    market = read_market(inputs)
    if isinstance(market, Refusal):
        return replace(blank, refusal=market)
    p_base = calibrator.estimate(strength, base_break_even(market.atr, market.costs.total, limits)).p_win
    try:
        bracket = plan_bracket(market, strength, p_base, inputs.instrument.tick_size, limits)
    except ValueError as error:
        return replace(blank, refusal=Refusal(Reason.STOP_INVALID, str(error)))
    invalid = check_bracket(bracket, market, limits)
    if invalid is not None and not bracket.stop < market.entry < bracket.target:
        return replace(blank, refusal=invalid)
    bet = make_bet(market, bracket, strength, calibrator, float(inputs.fees.taker) if inputs.fees else 0.0)
    return _sized(
        inputs, replace(blank, bet=bet, win=replace(win, p_win=bet.p_win), confidence=bet.confidence), invalid
    )


def strength_of(inputs: DecisionInputs) -> float:
    """Signal strength in [0, 1]; 0 when the experts gave no number."""
    strength = inputs.gathered.technical.strength
    return min(max(strength, 0.0), 1.0) if usable(strength) else 0.0


def _sized(inputs: DecisionInputs, setup: Setup, invalid: Refusal | None) -> Setup:
    account, positions = inputs.account, inputs.open_positions
    if account is None or positions is None:
        return replace(setup, refusal=Refusal(Reason.DATA_MISSING, "the account is unknown"))
    advocate = 1.0 if inputs.advocate_factor is None else inputs.advocate_factor
    factors = Factors(inputs.regime_multiplier, advocate or 1.0, soft_brake(account, inputs.limits))
    assert setup.bet is not None
    try:
        sizing, refusal = size(setup.bet, inputs.instrument, account, positions, inputs.limits, factors)
    except ValueError as error:
        return replace(setup, refusal=Refusal(Reason.DATA_MISSING, str(error)))
    return replace(setup, sizing=sizing, refusal=invalid or refusal)
