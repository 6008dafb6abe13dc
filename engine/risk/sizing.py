"""How much: half Kelly of the sizing base, capped, reduced, floored to the lot. Money in USDT."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.model import AccountView, AssetClass, BracketPrices, Instrument, Sizing
from engine.reasons import Reason
from engine.risk.edge import edge_of, half_kelly, net_odds
from engine.risk.inputs import OpenExposure
from engine.risk.limits import RiskLimits
from engine.rounding import exact, floor_ratio, floor_to_step


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no entry, with the numbers."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Bet:
    """The bracketed bet to be sized. Distances and cost are fractions of `price`, after tick rounding."""

    price: Decimal
    bracket: BracketPrices
    stop: float
    target: float
    cost: float
    taker: float
    p_win: float
    confidence: float
    ev: float

    @property
    def odds(self) -> float:
        return net_odds(self.stop, self.target, self.cost)

    @property
    def loss(self) -> float:
        """What is lost when the stop is hit, costs included, as a fraction of notional."""
        return self.stop + self.cost


@dataclass(frozen=True, slots=True)
class Factors:
    """What scales a size besides Kelly. The regime acts before the caps; advocate and brake after them, so that
    no cap can swallow a reduction (D11)."""

    regime: float = 1.0
    advocate: float = 1.0
    brake: float = 1.0

    @property
    def after_caps(self) -> float:
        return clip_share(self.advocate) * clip_share(self.brake)


@dataclass(frozen=True, slots=True)
class Cap:
    """The most notional that one rule allows. `refusal` is the reason when it allows nothing at all."""

    name: str
    notional: Decimal
    refusal: Reason | None = None


def clip_share(value: float) -> float:
    """Into [0, 1]: a factor may shrink a size and never grow it. NaN becomes 0."""
    return min(max(value, 0.0), 1.0) if value == value else 0.0  # noqa: PLR0124 - NaN differs from itself


def sizing_base(account: AccountView) -> Decimal:
    """Equity − unrealised: settled money, own margin locks included. Open profit or loss does not move it, nor
    does margin that our own positions lock, so that unchanged inputs give an unchanged size (incident 49)."""
    return account.equity - account.unrealised


def cap_base(account: AccountView) -> Decimal:
    """What "of equity" means in caps: the sizing base, or equity itself when open losses made it less."""
    return max(Decimal(0), min(sizing_base(account), account.equity))


def conf_scale(confidence: float) -> float:
    """0.5 + 0.5·confidence: [0, 1] to [0.5, 1]."""
    return 0.5 + 0.5 * clip_share(confidence)


def soft_brake(account: AccountView, limits: RiskLimits) -> float:
    """Half size once the day has lost 3 %, long before the halt. D22."""
    lost = account.day_baseline > 0 and -account.day_pnl >= account.day_baseline * exact(limits.soft_brake_loss_frac)
    return limits.soft_brake_factor if lost else 1.0


def kelly_notional(base: Decimal, bet: Bet, regime: float) -> Decimal:
    """base × half_kelly × conf_scale × regime multiplier, before any cap."""
    share = half_kelly(bet.p_win, bet.odds) * conf_scale(bet.confidence) * clip_share(regime)
    return max(Decimal(0), base) * exact(share)


def exposure(positions: tuple[OpenExposure, ...], asset_class: AssetClass | None = None) -> Decimal:
    """Gross notional of the open positions, of one asset class or of all.

    Raises ValueError when a notional is unknown: nothing can be sized beside it.
    """
    total = Decimal(0)
    for position in positions:
        if position.notional is None:
            raise ValueError(f"the notional of {position.ticker} is unknown")
        if asset_class is None or position.asset_class is asset_class:
            total += abs(position.notional)
    return total


def caps(
    bet: Bet,
    instrument: Instrument,
    account: AccountView,
    positions: tuple[OpenExposure, ...],
    limits: RiskLimits,
) -> tuple[Cap, ...]:
    """Every cap on notional. Risk per trade is notional·(sl + c) ≤ 1 % of equity; margin leaves room for both
    taker fees at the limits' leverage; market size is the venue's largest market order."""
    base = cap_base(account)
    gross = base * exact(limits.max_gross_frac) - exposure(positions)
    of_class = base * exact(limits.max_class_frac) - exposure(positions, instrument.asset_class)
    locked = exact(1 / limits.leverage) + 2 * exact(bet.taker)
    return (
        Cap("position", base * exact(limits.max_position_frac)),
        Cap("gross", gross, Reason.GROSS_CAP),
        Cap("class", of_class, Reason.CLASS_CAP),
        Cap("risk", floor_ratio(base * exact(limits.risk_per_trade_frac), exact(bet.loss))),
        Cap("margin", floor_ratio(max(Decimal(0), account.available), locked)),
        Cap("market size", instrument.notional(instrument.max_market_size, bet.price)),
    )


def size(
    bet: Bet,
    instrument: Instrument,
    account: AccountView,
    positions: tuple[OpenExposure, ...],
    limits: RiskLimits,
    factors: Factors,
) -> tuple[Sizing, Refusal | None]:
    """The size and, when it may not be traded, why. Contracts are floored to the lot, never rounded up; notional
    and risk are recomputed from the floored contracts (okx.md §10).

    Raises ValueError when an open notional is unknown.
    """
    raw = kelly_notional(sizing_base(account), bet, factors.regime)
    tightest = min(caps(bet, instrument, account, positions, limits), key=lambda cap: cap.notional)
    capped = max(Decimal(0), min(raw, tightest.notional))
    wanted = capped * exact(factors.after_caps)
    contracts = floor_to_step(floor_ratio(wanted, instrument.notional(Decimal(1), bet.price)), instrument.lot_size)
    notional = instrument.notional(contracts, bet.price)
    sizing = Sizing(
        p_win=bet.p_win,
        confidence=bet.confidence,
        ev_pct=bet.ev,
        edge=edge_of(bet.p_win, bet.odds),
        odds=bet.odds,
        half_kelly=half_kelly(bet.p_win, bet.odds),
        conf_scale=conf_scale(bet.confidence),
        regime_multiplier=clip_share(factors.regime),
        advocate_factor=clip_share(factors.advocate),
        brake_factor=clip_share(factors.brake),
        stop_distance_pct=bet.stop,
        target_distance_pct=bet.target,
        cost_pct=bet.cost,
        notional_raw=raw,
        notional=notional,
        contracts=contracts,
        risk_usdt=notional * exact(bet.loss),
        capped_by=tightest.name if tightest.notional < raw else None,
        bracket=bet.bracket,
    )
    return sizing, refusal_of(sizing, tightest, instrument, bet.price)


def refusal_of(sizing: Sizing, tightest: Cap, instrument: Instrument, price: Decimal) -> Refusal | None:
    """NO_EDGE, then a cap without room, then MIN_SIZE; None when the size stands."""
    if sizing.edge <= 0:
        return Refusal(Reason.NO_EDGE, f"Kelly's edge is {sizing.edge:.3f} at odds {sizing.odds:.2f}")
    if tightest.notional <= 0 and tightest.refusal is not None:
        return Refusal(tightest.refusal, f"the {tightest.name} cap leaves no room ({tightest.notional:.2f} USDT)")
    if sizing.contracts < instrument.min_size:
        least = instrument.notional(instrument.min_size, price)
        bound = f", bound by {sizing.capped_by}" if sizing.capped_by else ""
        return Refusal(
            Reason.MIN_SIZE,
            f"{sizing.contracts:f} contracts ({sizing.notional:.2f} USDT{bound}) are under the minimum "
            f"of {instrument.min_size} ({least:.2f} USDT)",
        )
    return None
