"""How each instrument moves: volatility, company, moods. Numbers that the generator turns into bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.model import AssetClass

CROWDS = ("crypto", "metal", "equity")
"""Instruments that move together; one factor each, tied to a global one."""

CROWD_OF = {AssetClass.CRYPTO: 0, AssetClass.METAL: 1, AssetClass.INDEX: 2, AssetClass.STOCK: 2}

GLOBAL_LOADING = (0.55, 0.45, 0.65)
"""Correlation of each crowd's factor with the global factor."""

LEVERAGE = (-0.16, 0.05, -0.3)
"""Correlation of a crowd's return with the innovation of its volatility."""

CROWD_JUMPS = (0.36, 0.25, 0.3)
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
    "BTC": Character(0.47, 0.89, 1.02, -0.07, 0.18),
    "ETH": Character(0.68, 0.92, 1.03, -0.12, 0.16),
    "SOL": Character(0.80, 0.89, 1.05, -0.18, 0.16),
    "XRP": Character(0.80, 0.87, 1.05, -0.25, 0.20),
    "SUI": Character(1.02, 0.85, 1.10, -0.38, 0.20),
    "DOGE": Character(0.85, 0.90, 1.06, -0.28, 0.18),
    "BNB": Character(0.53, 0.82, 1.05, -0.16, 0.18),
    "LTC": Character(0.78, 0.83, 1.08, -0.24, 0.20),
    "BCH": Character(0.76, 0.75, 1.08, -0.20, 0.25),
    "XAU": Character(0.30, 0.90, 1.10, 0.004, 0.35),
    "XAG": Character(0.68, 0.88, 1.15, -0.010, 0.40),
    "QQQ": Character(0.24, 0.97, 1.10, -0.012, 0.10),
    "SPY": Character(0.19, 0.97, 1.10, -0.009, 0.10),
    "NVDA": Character(0.50, 0.76, 1.10, -0.020, 0.25),
    "TSLA": Character(0.60, 0.66, 1.10, -0.022, 0.25),
    "AAPL": Character(0.32, 0.66, 1.12, -0.010, 0.20),
    "AMZN": Character(0.36, 0.72, 1.12, -0.012, 0.20),
    "MSFT": Character(0.30, 0.72, 1.12, -0.010, 0.20),
    "META": Character(0.40, 0.68, 1.12, -0.013, 0.20),
    "GOOGL": Character(0.36, 0.66, 1.12, -0.010, 0.20),
    "PLTR": Character(0.70, 0.64, 1.12, -0.030, 0.25),
}


@dataclass(frozen=True, slots=True)
class Mood:
    """An Ornstein-Uhlenbeck process: how long it remembers (hours) and its standard deviation."""

    hours: float
    sd: float


# Logarithm of volatility, shared by a crowd; the first is kicked by jumps.
CROWD_VOLATILITY = (Mood(1.5, 0.22), Mood(10, 0.20), Mood(72, 0.18), Mood(480, 0.24))
OWN_VOLATILITY = (Mood(1.2, 0.16), Mood(16, 0.16), Mood(240, 0.12))
# Drift in units of the bar's volatility: trends of some hours to a day.
CROWD_DRIFT = Mood(11, 0.030)
OWN_DRIFT = Mood(8, 0.022)
# Logarithm of volume beyond what season and volatility explain.
CROWD_VOLUME = (Mood(0.8, 0.22), Mood(30, 0.22))
OWN_VOLUME = (Mood(0.5, 0.34), Mood(12, 0.24))
