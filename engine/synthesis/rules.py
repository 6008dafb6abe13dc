"""The deterministic mirror of the prompt's rules.

It serves the demo without a model and the backtest, and it is the baseline that a model must beat. The
streak and the hold time are left to the persistence gates, which apply to every answer alike and name
the reason; what only a model can weigh (liquidations, sentiment) is left out.
"""

from __future__ import annotations

from engine.experts.market_stats import funding_per_8h
from engine.model import Action, AssetClass, Direction, MarketStats, Synthesis, SynthesisSource
from engine.synthesis.doctrine import Doctrine, adapted
from engine.synthesis.port import SynthesisRequest


class RulesSynthesizer:
    """Answers at once and always the same to the same request."""

    def __init__(self, doctrine: Doctrine | None = None) -> None:
        self._doctrine = doctrine or Doctrine()

    async def synthesize(self, request: SynthesisRequest) -> Synthesis:
        return apply_rules(request, self._doctrine)


def apply_rules(request: SynthesisRequest, doctrine: Doctrine) -> Synthesis:
    """BUY, SELL or HOLD with the numbers that decided; for the backtest, which has no event loop."""
    action, why = _decide(request, adapted(doctrine, request.performance))
    technical = request.gathered.technical
    return Synthesis(
        source=SynthesisSource.RULES,
        action=action,
        signals_aligned=technical.bullish_count,
        timeframes_aligned=technical.timeframes_aligned,
        reasoning=f"{action}: {why}. {_numbers(request)}",
        notional=None,
        model="rules",
    )


def _decide(request: SynthesisRequest, doctrine: Doctrine) -> tuple[Action, str]:
    direction = request.gathered.technical.direction
    if request.in_position:
        if direction is Direction.BEARISH:
            return Action.SELL, f"in position and bearish for {request.bearish_cycles} cycles"
        return Action.HOLD, f"in position and {direction}; the bracket manages the exit"
    obstacle = _obstacle(request, doctrine)
    return (Action.HOLD, obstacle) if obstacle else (Action.BUY, "every entry rule holds")


def _obstacle(request: SynthesisRequest, doctrine: Doctrine) -> str | None:
    """The first entry rule that does not hold, with its numbers."""
    technical = request.gathered.technical
    if technical.direction is not Direction.BULLISH:
        return f"direction is {technical.direction}, not bullish"
    if technical.bullish_count < doctrine.min_signals:
        return f"{technical.bullish_count} signals up, {doctrine.min_signals} needed"
    if technical.timeframes_aligned < doctrine.min_timeframes:
        return f"{technical.timeframes_aligned} timeframes up, {doctrine.min_timeframes} needed"
    return veto(request.gathered.stats, request.asset_class, doctrine)


def veto(stats: MarketStats, asset_class: AssetClass, doctrine: Doctrine) -> str | None:
    """Why funding or crowding forbids a long, or None; what is unknown forbids nothing."""
    funding = funding_per_8h(stats)
    if funding is None:
        return None
    limit = doctrine.funding_veto(asset_class)
    if funding >= limit:
        return f"funding {funding:+.4%} per 8h is at or above {limit:.4%}"
    crowd = stats.long_short_ratio
    if asset_class is not AssetClass.CRYPTO or crowd is None:
        return None
    if crowd >= doctrine.crowded_long and funding >= doctrine.crowded_funding_crypto:
        return f"longs are crowded: long/short {crowd:.2f} with funding {funding:+.4%} per 8h"
    return None


def _numbers(request: SynthesisRequest) -> str:
    technical, gathered = request.gathered.technical, request.gathered
    return (
        f"Signals {technical.bullish_count}/15 up, {technical.bearish_count}/15 down,"
        f" timeframes {technical.timeframes_aligned}/3, strength {technical.strength:.2f},"
        f" streak {gathered.direction_streak:+d}."
    )
