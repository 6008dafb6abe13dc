"""The trading rules as numbers: the prompt states them, the rules mirror applies them, from one place."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.model import AssetClass
from engine.synthesis.port import Performance

MIN_TRADES_TO_ADAPT = 20
MIN_SHARPE = 0.0
MIN_WIN_RATE = 0.45


@dataclass(frozen=True, slots=True)
class Doctrine:
    """Thresholds of entry and exit. Funding limits are fractions per 8 hours, crowding accounts long per short."""

    min_signals: int = 5
    min_timeframes: int = 2
    min_streak: int = 2
    min_bearish_cycles: int = 2
    crowded_long: float = 2.5
    crowded_short: float = 0.7
    crowded_funding_crypto: float = 0.0005
    funding_veto_crypto: float = 0.0010
    funding_veto_other: float = 0.0030
    extreme_fear: int = 25
    extreme_greed: int = 75

    def funding_veto(self, asset_class: AssetClass) -> float:
        """The rate per 8 h from which holding a long costs too much. Gold, silver and stock perpetuals
        print several times what crypto does in calm markets."""
        return self.funding_veto_crypto if asset_class is AssetClass.CRYPTO else self.funding_veto_other


def struggling(performance: Performance | None) -> bool:
    """Sharpe below 0 or a win rate below 45 %, from 20 closed trades on; fewer prove nothing."""
    if performance is None or performance.closed_trades < MIN_TRADES_TO_ADAPT:
        return False
    poor_sharpe = performance.sharpe is not None and performance.sharpe < MIN_SHARPE
    return poor_sharpe or (performance.win_rate is not None and performance.win_rate < MIN_WIN_RATE)


def adapted(doctrine: Doctrine, performance: Performance | None) -> Doctrine:
    """One more signal is asked for while results are poor. A model may ignore the prompt; code does not."""
    return replace(doctrine, min_signals=doctrine.min_signals + 1) if struggling(performance) else doctrine
