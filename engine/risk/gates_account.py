"""Gates that ask what the day, the account and the ticker's own past allow."""

from __future__ import annotations

from dataclasses import replace

from engine.model import AccountView, AssetClass, GateResult, Verdict
from engine.reasons import Reason
from engine.risk.inputs import DecisionInputs
from engine.risk.limits import MINUTE_MS
from engine.risk.setup import Setup
from engine.risk.verdicts import at_least, at_most, below, blocked, finite, passed


def account_of(inputs: DecisionInputs) -> AccountView:
    """Raises ValueError when the account is unknown; the gate then blocks."""
    if inputs.account is None:
        raise ValueError("the account is unknown")
    return inputs.account


def loss_of(result: float) -> float:
    """A gain is a loss of 0. NaN stays NaN, so that it blocks; max(0, NaN) would make it a harmless 0."""
    return 0.0 if result >= 0 else -result


def halting(result: GateResult, inputs: DecisionInputs, reason: Reason) -> GateResult:
    """`result` of a gate that halts: a measured breach starts a halt (an unusable number only blocks), and a halt
    in force blocks although the number has recovered, until its controls lift it."""
    halt = inputs.controls.halt(reason)
    if result.verdict is Verdict.BLOCK:
        return replace(result, halts=result.value is not None)
    if halt is not None:
        detail = f"halted ({halt.detail}); lifts: {halt.lifts}; now {result.detail}"
        return replace(result, verdict=Verdict.BLOCK, reason=reason, detail=detail, halts=True)
    return result


def daily_loss(inputs: DecisionInputs, _: Setup) -> GateResult:
    """Loss since the persisted 00:00 UTC baseline, realised and unrealised, fees and funding, as % of that same
    baseline: one window, one baseline (incident 43). Halts until the next UTC day."""
    account = account_of(inputs)
    if account.day_baseline <= 0:
        raise ValueError("the day's baseline is unknown")
    loss = loss_of(float(account.day_pnl / account.day_baseline))
    limit = inputs.limits.daily_loss_frac
    result = below("daily_loss", Reason.DAILY_LOSS, loss * 100, limit * 100, "%", "loss today")
    return halting(result, inputs, Reason.DAILY_LOSS)


def daily_trades(inputs: DecisionInputs, _: Setup) -> GateResult:
    """Filled entries since 00:00 UTC (D24)."""
    count, limit = account_of(inputs).entries_today, inputs.limits.max_daily_trades
    return below("daily_trades", Reason.DAILY_TRADES, count, limit, "entries", "today")


def max_positions(inputs: DecisionInputs, _: Setup) -> GateResult:
    """The larger of what our books and the venue's list say."""
    listed = 0 if inputs.open_positions is None else len(inputs.open_positions)
    count = max(account_of(inputs).open_positions, listed)
    return below("max_positions", Reason.MAX_POSITIONS, count, inputs.limits.max_open_positions, "open", "positions")


def consecutive_losses(inputs: DecisionInputs, _: Setup) -> GateResult:
    """Net losses in a row since a person last resumed; halts until a person resumes."""
    run, limit = account_of(inputs).consecutive_losses, inputs.limits.max_consecutive_losses
    result = below("consecutive_losses", Reason.CONSECUTIVE_LOSSES, run, limit, "in a row", "losses")
    return halting(result, inputs, Reason.CONSECUTIVE_LOSSES)


def margin_ratio(inputs: DecisionInputs, _: Setup) -> GateResult:
    """Equity over maintenance margin (1.20 = 120 %). Blank when flat is fine; blank with positions is unknown,
    never 0 and never fine. A halt lifts only from the limit + 0.10 on (D23, D28)."""
    account, limits = account_of(inputs), inputs.limits
    ratio, halt = account.margin_ratio, inputs.controls.halt(Reason.MARGIN_RATIO)
    limit = limits.min_margin_ratio if halt is None else limits.margin_resume_ratio
    if ratio is not None:
        result = at_least("margin_ratio", Reason.MARGIN_RATIO, float(ratio), limit, "", "margin ratio")
        return replace(result, halts=result.verdict is Verdict.BLOCK and result.value is not None)
    if max(account.open_positions, len(inputs.open_positions or ())) > 0:
        return blocked("margin_ratio", Reason.MARGIN_UNKNOWN, "positions are open, their ratio is blank", limit=limit)
    return passed("margin_ratio", "flat: no ratio", limit=limit)


def ticker_loss(inputs: DecisionInputs, _: Setup) -> GateResult:
    """Net result of 14 days over mean deployed notional (D25)."""
    if inputs.ticker_return_14d is None:
        raise ValueError("the ticker's 14-day result is unknown")
    loss, limit = loss_of(inputs.ticker_return_14d) * 100, inputs.limits.max_ticker_loss_frac * 100
    return at_most("ticker_loss", Reason.TICKER_LOSS, loss, limit, "%", "lost in 14 days")


def cooldown(inputs: DecisionInputs, _: Setup) -> GateResult:
    """A ticker that has just closed, by stop, target, sell, hand or liquidation, is not bought again in the same
    breath (incident row 23). Venue minutes since the close."""
    limit = inputs.limits.cooldown_ms / MINUTE_MS
    if inputs.last_closed_at is None:
        return passed("cooldown", "no position has closed yet", limit=limit)
    since = (inputs.decided_at - inputs.last_closed_at) / MINUTE_MS
    return at_least("cooldown", Reason.COOLDOWN, since, limit, "min", "since its last position closed")


def correlation(inputs: DecisionInputs, _: Setup) -> GateResult:
    """The highest signed correlation with an open position. Where too little is known, the same asset class
    counts as correlated and another does not (D27)."""
    if inputs.open_positions is None:
        raise ValueError("the open positions are unknown")
    others = [p for p in inputs.open_positions if p.ticker != inputs.ticker]
    if not others:
        return passed("correlation", "no other position", limit=inputs.limits.max_correlation)
    known = {p.ticker: finite(inputs.correlations.get(p.ticker)) for p in others}
    values = {ticker: value for ticker, value in known.items() if value is not None}
    worst = max(values, key=lambda ticker: values[ticker]) if values else None
    if worst is not None and values[worst] >= inputs.limits.max_correlation:
        return _correlated(inputs, worst, values[worst])
    own = inputs.instrument.asset_class
    unknown = [p.ticker for p in others if known[p.ticker] is None and p.asset_class is own]
    if unknown:
        return _same_class(inputs, unknown[0], own)
    if worst is None:
        return passed(
            "correlation", "too little history; no position of the same class", limit=inputs.limits.max_correlation
        )
    return _correlated(inputs, worst, values[worst])


def _correlated(inputs: DecisionInputs, ticker: str, value: float) -> GateResult:
    limit = inputs.limits.max_correlation
    return below("correlation", Reason.CORRELATION, value, limit, "", f"with {ticker}")


def _same_class(inputs: DecisionInputs, ticker: str, asset_class: AssetClass) -> GateResult:
    detail = f"too little common history with {ticker}; both are {asset_class}, which counts as correlated"
    return blocked("correlation", Reason.CORRELATION, detail, limit=inputs.limits.max_correlation)
