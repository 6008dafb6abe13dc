"""How each instrument moves: volatility, company, moods. Numbers that the generator turns into bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.model import AssetClass

CROWDS = ("crypto", "metal", "equity")
"""Instruments that move together; one factor each, tied to a global one."""

CROWD_OF = {AssetClass.CRYPTO: 0, AssetClass.METAL: 1, AssetClass.INDEX: 2, AssetClass.STOCK: 2}

GLOBAL_LOADING = (0.62, 0.60, 0.62)
"""Correlation of each crowd's factor with the global factor."""

LEVERAGE = (-0.32, 0.05, -0.4)
"""Correlation of a crowd's return with the innovation of its volatility."""

TAILS = (4.6, 4.6, 7.5)
"""Degrees of freedom of each crowd's 5-minute shocks: Student-like, thinner for stocks."""

CROWD_JUMPS = (0.36, 0.25, 0.1)
"""Jumps a day that hit most of a crowd in the same bar."""


@dataclass(frozen=True, slots=True)
class Character:
    """`annual_vol` of log returns around the clock; `loading` on the crowd's factor; `roughness` of wicks;
    `wild` log return at the bottom of a wild day; `jumps_a_day` of its own."""

    annual_vol: float
    loading: float
    roughness: float
    wild: float
    jumps_a_day: float


CHARACTERS: Mapping[str, Character] = {
    "BTC": Character(0.47, 0.95, 1.02, -0.07, 0.12),
    "ETH": Character(0.68, 0.955, 1.03, -0.12, 0.1),
    "SOL": Character(0.80, 0.925, 1.05, -0.18, 0.1),
    "XRP": Character(0.80, 0.905, 1.05, -0.25, 0.12),
    "SUI": Character(1.02, 0.89, 1.10, -0.38, 0.12),
    "DOGE": Character(0.85, 0.925, 1.06, -0.28, 0.11),
    "BNB": Character(0.53, 0.87, 1.05, -0.16, 0.11),
    "LTC": Character(0.78, 0.875, 1.08, -0.24, 0.12),
    "BCH": Character(0.76, 0.82, 1.08, -0.20, 0.15),
    "XAU": Character(0.30, 0.95, 1.10, 0.004, 0.2),
    "XAG": Character(0.68, 0.92, 1.15, -0.010, 0.22),
    "QQQ": Character(0.26, 0.97, 1.10, -0.012, 0.05),
    "SPY": Character(0.205, 0.97, 1.10, -0.009, 0.05),
    "NVDA": Character(0.56, 0.76, 1.10, -0.020, 0.12),
    "TSLA": Character(0.66, 0.66, 1.10, -0.022, 0.12),
    "AAPL": Character(0.32, 0.66, 1.12, -0.010, 0.12),
    "AMZN": Character(0.36, 0.72, 1.12, -0.012, 0.12),
    "MSFT": Character(0.30, 0.72, 1.12, -0.010, 0.12),
    "META": Character(0.40, 0.68, 1.12, -0.013, 0.12),
    "GOOGL": Character(0.36, 0.66, 1.12, -0.010, 0.12),
    "PLTR": Character(0.70, 0.64, 1.12, -0.030, 0.12),
}


@dataclass(frozen=True, slots=True)
class Mood:
    """An Ornstein-Uhlenbeck process: how long it remembers (hours) and its standard deviation."""

    hours: float
    sd: float


# Logarithm of volatility, shared by a crowd; the first is kicked by jumps.
CROWD_VOLATILITY = (Mood(1.5, 0.27), Mood(10, 0.22), Mood(72, 0.18), Mood(480, 0.24))
OWN_VOLATILITY = (Mood(1.2, 0.16), Mood(16, 0.18), Mood(240, 0.14))
# Drift in units of the bar's volatility: trends of some hours to a day.
CROWD_DRIFT = Mood(11, 0.024)
OWN_DRIFT = Mood(8, 0.017)
# Logarithm of volume beyond what season and volatility explain.
CROWD_VOLUME = (Mood(0.4, 0.2), Mood(30, 0.15))
OWN_VOLUME = (Mood(0.25, 0.36), Mood(12, 0.16))
VOLUME_NOISE = 0.40
"""Standard deviation of log volume from one 5-minute bar to the next, beyond all moods."""
