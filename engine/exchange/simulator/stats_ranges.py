"""What recorded markets measure, as ranges: OKX and Binance perpetuals and US sessions, 2022 to 2026.

Half of a figure's range is what instruments and years differ by; a generated year is one draw, so tails and
slow figures get room. Figures of extreme days are excluded on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping

Ranges = Mapping[str, tuple[float, float]]

_CRYPTO: Ranges = {
    "kurtosis_15m": (9, 90),
    "kurtosis_1h": (5, 45),
    "kurtosis_1d": (1.0, 10),
    "ac_abs_15m": (0.22, 0.42),
    "ac_abs_1h": (0.17, 0.34),
    "ac_abs_1d": (0.06, 0.22),
    "ac_abs_7d": (0.04, 0.20),
    "ac_return_15m": (-0.05, 0.03),
    "tail_exponent": (2.3, 3.6),
    "jumps_4s_a_day": (0.5, 1.15),
    "jumps_6s_a_day": (0.10, 0.36),
    "sd_log_daily_rv": (0.33, 0.60),
    "leverage": (-0.30, 0.0),
    "parkinson": (0.97, 1.28),
    "range_over_body": (1.9, 2.4),
    "upper_wick": (0.23, 0.29),
    "hour_peak_move": (1.3, 1.75),
    "hour_low_move": (0.65, 0.85),
    "hour_peak_volume": (1.6, 2.3),
    "weekend_move": (0.52, 0.80),
    "weekend_volume": (0.42, 0.72),
    "sd_log_volume": (0.7, 1.0),
    "ac_log_volume_15m": (0.68, 0.86),
    "ac_log_volume_1h": (0.52, 0.72),
    "ac_log_volume_1d": (0.22, 0.50),
    "volume_link": (0.30, 0.56),
}
_METAL: Ranges = {
    "kurtosis_15m": (6, 90),
    "ac_abs_15m": (0.25, 0.45),
    "ac_return_15m": (-0.14, 0.03),
    "tail_exponent": (2.4, 3.7),
    "jumps_4s_a_day": (0.8, 1.7),
    "jumps_6s_a_day": (0.2, 0.75),
    "sd_log_daily_rv": (0.4, 0.95),
    "weekend_move": (0.2, 0.62),
    "weekend_volume": (0.08, 0.34),
    "hour_peak_volume": (1.7, 2.4),
}
_STOCK: Ranges = {
    "session_kurtosis_15m": (3, 16),
    "session_ac_abs_15m": (0.14, 0.42),
    "session_jumps_4s_a_day": (0.1, 1.1),
    "session_move": (1.6, 2.9),
    "session_volume": (2.0, 4.0),
    "weekend_move": (0.10, 0.26),
    "weekend_volume": (0.05, 0.15),
}

RANGES: Mapping[str, Ranges] = {
    "BTC": {**_CRYPTO, "annual_vol": (0.36, 0.72)},
    "ETH": {**_CRYPTO, "annual_vol": (0.55, 1.0)},
    "SOL": {**_CRYPTO, "annual_vol": (0.65, 1.5)},
    "XAU": {**_METAL, "annual_vol": (0.18, 0.42)},
    "XAG": {**_METAL, "annual_vol": (0.40, 1.1)},
    "NVDA": {**_STOCK, "session_vol": (0.38, 0.75)},
    "QQQ": {**_STOCK, "session_vol": (0.15, 0.34)},
}
"""By base asset; figures as `stats.statistics` names them, for stocks `stats.session_statistics`."""

PAIR_RANGES: Mapping[tuple[str, str], Ranges] = {
    ("BTC", "ETH"): {
        "corr_15m": (0.70, 0.90),
        "corr_1h": (0.70, 0.90),
        "corr_large": (0.70, 0.95),
        "corr_log_rv": (0.55, 0.92),
        "corr_log_volume": (0.45, 0.80),
        "co_jumps": (0.30, 0.62),
    },
    ("BTC", "SOL"): {"corr_15m": (0.65, 0.85), "corr_1h": (0.65, 0.85), "co_jumps": (0.28, 0.58)},
    ("ETH", "SOL"): {"corr_15m": (0.68, 0.86), "corr_large": (0.70, 0.95), "co_jumps": (0.28, 0.58)},
    ("BTC", "XAU"): {"corr_15m": (0.05, 0.32)},
    ("XAU", "XAG"): {"corr_15m": (0.60, 0.85)},
}
