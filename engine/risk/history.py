"""What closed trades say that gates need: a ticker's 14-day return and the current run of losses."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from engine.model import ClosedTrade
from engine.risk.calibration import Outcome

FORTNIGHT_MS = 14 * 86_400_000


def ticker_return_14d(trades: Iterable[ClosedTrade], ticker: str, now_ms: int) -> float:
    """Σ net result ÷ mean deployed notional over trades closed in (now − 14 d, now], a fraction.

    0 when there was no such trade, which is a known fact and not a default. Decision D25.
    """
    recent = [t for t in trades if t.ticker == ticker and now_ms - FORTNIGHT_MS < t.closed_at <= now_ms]
    deployed = sum((abs(trade.notional) for trade in recent), Decimal(0))
    if not recent:
        return 0.0
    assert deployed > 0, f"closed trades of {ticker} without notional"
    return float(sum((trade.net for trade in recent), Decimal(0)) * len(recent) / deployed)


def consecutive_losses(trades: Iterable[ClosedTrade], since_ms: int = 0) -> int:
    """The run of net losses at the end, by close time; a net of exactly 0 ends it. Decision D26.

    `since_ms` is when a person last resumed: trades closed before it no longer count.
    """
    run = 0
    for trade in sorted((t for t in trades if t.closed_at > since_ms), key=lambda t: t.closed_at, reverse=True):
        if trade.net >= 0:
            break
        run += 1
    return run


def outcomes_of(trades: Iterable[ClosedTrade]) -> tuple[Outcome, ...]:
    """The calibrator's table: trades whose strength at entry is known."""
    return tuple(Outcome(t.strength, t.net > 0) for t in trades if t.strength is not None)
