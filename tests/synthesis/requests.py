"""Requests for synthesizers, made from chosen counts."""

from __future__ import annotations

from engine.experts.technical_expert import direction_of
from engine.model import AssetClass, GatherResult, MarketStats, TechnicalSignals
from engine.synthesis.port import Performance, SynthesisRequest

CALM = MarketStats(0.0001, 8.0, 4.0, 0.01, 1.2, None)


def request(
    bulls: int = 9,
    bears: int = 2,
    timeframes: int = 3,
    score: float = 0.4,
    streak: int = 3,
    in_position: bool = False,
    stats: MarketStats = CALM,
    asset_class: AssetClass = AssetClass.CRYPTO,
    performance: Performance | None = None,
    brief: str = "CLASS crypto\nDIRECTION bullish",
) -> SynthesisRequest:
    direction = direction_of(bulls, bears, score)
    technical = TechnicalSignals({}, bulls, bears, timeframes, score, (1 + score) / 2, direction, 0.01)
    gathered = GatherResult(brief, 20, 0.01, bulls, direction, streak, technical, None, stats, {})
    return SynthesisRequest("ABC", brief, gathered, in_position, max(0, -streak), performance, asset_class)
