"""Instruments of the simulated venue: what the contract is and what its market is like.

Contract terms are those recorded at OKX production on 2026-04-27 (contract value, lot, tick, market-order
cap, leverage, funding interval). LTC and BCH were not in that recording: theirs follow the venue's older
public list. Stock and metal swaps carry funding caps of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from engine.model import AssetClass

LISTED_MS = 1_672_531_200_000
"""Every instrument was listed on 2023-01-01 00:00 UTC."""


@dataclass(frozen=True, slots=True)
class InstrumentSpec:
    """A linear USDT swap. Sizes in contracts, amounts in USDT; one contract is `ct_val * ct_mult` of `base`.

    `funding_cap` is the largest |rate| a settlement may carry, a fraction of notional.
    `turnover_5m` is the typical USDT volume of five minutes and `spread_ticks` the usual spread: what its
    liquidity is like. `typical_price` in USDT anchors the generated market.
    `exp_time` is the venue time of an announced delisting.
    """

    inst_id: str
    base: str
    asset_class: AssetClass
    inst_category: str
    ct_val: Decimal
    ct_mult: Decimal
    lot_sz: Decimal
    min_sz: Decimal
    tick_sz: Decimal
    max_mkt_sz: Decimal
    max_lmt_sz: Decimal
    max_lmt_amt: Decimal
    max_lever: Decimal
    funding_interval_h: int
    funding_cap: float
    fee_group: str
    state: str
    list_time: int
    inst_id_code: int
    typical_price: float
    turnover_5m: float
    spread_ticks: float
    exp_time: int | None = None

    @property
    def ticker(self) -> str:
        return self.base

    @property
    def uly(self) -> str:
        return f"{self.base}-USDT"

    @property
    def units(self) -> Decimal:
        """Units of the base asset in one contract."""
        return self.ct_val * self.ct_mult

    @property
    def funding_interval_ms(self) -> int:
        return self.funding_interval_h * 3_600_000


CATEGORY = {AssetClass.CRYPTO: "1", AssetClass.METAL: "4", AssetClass.INDEX: "3", AssetClass.STOCK: "3"}
FEE_GROUP = {AssetClass.CRYPTO: "4", AssetClass.METAL: "5", AssetClass.INDEX: "6", AssetClass.STOCK: "6"}
FUNDING_CAP = {"BTC": 0.00375, "ETH": 0.00375, "XAU": 0.0075}
"""Per settlement; the rest of the venue is at 1.5 %."""

# base, class, ct_val, lot = min, tick, max market size, max leverage, typical price, USDT per 5m, spread in ticks
_ROWS = (
    ("BTC", "crypto", ".01", ".01", ".1", "34000", "100", 77_800.0, 21_000_000, 1.0),
    ("ETH", "crypto", ".1", ".01", ".01", "67000", "100", 2_300.0, 17_000_000, 1.0),
    ("SOL", "crypto", "1", ".01", ".01", "34000", "50", 86.0, 5_000_000, 1.0),
    ("XRP", "crypto", "100", ".01", ".001", "12000", "50", 2.05, 2_700_000, 1.0),
    ("SUI", "crypto", "1", "1", ".0001", "290000", "50", 1.15, 900_000, 1.3),
    ("DOGE", "crypto", "1000", ".01", ".00001", "19000", "50", 0.128, 1_600_000, 1.3),
    ("BNB", "crypto", ".01", "1", ".1", "160000", "50", 630.0, 800_000, 1.1),
    ("LTC", "crypto", "1", ".1", ".01", "20000", "50", 74.0, 450_000, 1.1),
    ("BCH", "crypto", ".1", ".1", ".1", "24000", "50", 460.0, 300_000, 1.2),
    ("XAU", "metal", ".001", "1", ".1", "310000", "100", 4_700.0, 350_000, 3.0),
    ("XAG", "metal", ".01", "1", ".01", "640000", "50", 76.0, 250_000, 2.5),
    ("QQQ", "index", "1", ".01", ".01", "89", "10", 650.0, 90_000, 8.0),
    ("SPY", "index", "1", ".01", ".01", "150", "10", 710.0, 80_000, 8.0),
    ("NVDA", "stock", "1", ".01", ".01", "360", "10", 200.0, 140_000, 4.0),
    ("TSLA", "stock", "1", ".01", ".01", "240", "10", 376.0, 130_000, 7.0),
    ("AAPL", "stock", "1", ".01", ".01", "150", "10", 268.0, 45_000, 7.0),
    ("AMZN", "stock", "1", ".01", ".01", "170", "10", 255.0, 45_000, 7.0),
    ("MSFT", "stock", "1", ".01", ".01", "67", "10", 424.0, 40_000, 11.0),
    ("META", "stock", "1", ".01", ".01", "54", "10", 672.0, 40_000, 16.0),
    ("GOOGL", "stock", "1", ".01", ".01", "140", "10", 344.0, 45_000, 9.0),
    ("PLTR", "stock", "1", ".01", ".01", "200", "10", 146.0, 70_000, 5.0),
)


def _spec(code: int, row: tuple[str, str, str, str, str, str, str, float, int, float]) -> InstrumentSpec:
    base, kind, ct_val, lot, tick, max_market, lever, price, turnover, spread = row
    asset_class = AssetClass(kind)
    return InstrumentSpec(
        inst_id=f"{base}-USDT-SWAP",
        base=base,
        asset_class=asset_class,
        inst_category=CATEGORY[asset_class],
        ct_val=Decimal(ct_val),
        ct_mult=Decimal(1),
        lot_sz=Decimal(lot),
        min_sz=Decimal(lot),
        tick_sz=Decimal(tick),
        max_mkt_sz=Decimal(max_market),
        max_lmt_sz=Decimal(100_000_000) if asset_class is AssetClass.CRYPTO else Decimal(max_market) * 100,
        max_lmt_amt=Decimal(20_000_000),
        max_lever=Decimal(lever),
        funding_interval_h=8,
        funding_cap=FUNDING_CAP.get(base, 0.015),
        fee_group=FEE_GROUP[asset_class],
        state="live",
        list_time=LISTED_MS,
        inst_id_code=10_000 + code,
        typical_price=price,
        turnover_5m=float(turnover),
        spread_ticks=spread,
    )


SPECS: Mapping[str, InstrumentSpec] = {
    spec.inst_id: spec for spec in (_spec(code, row) for code, row in enumerate(_ROWS))
}
"""All instruments of the simulated venue by instrument id."""

WATCHLIST = ("BTC", "ETH", "SOL", "XRP", "SUI", "XAU", "XAG", "QQQ", "SPY", "NVDA", "TSLA", "AAPL", "AMZN", "MSFT",
             "META", "GOOGL", "PLTR")  # fmt: skip
"""Base assets of the product's default watchlist."""
