"""What is traded, and in which units."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class AssetClass(StrEnum):
    CRYPTO = "crypto"
    METAL = "metal"
    INDEX = "index"
    STOCK = "stock"


class InstrumentState(StrEnum):
    LIVE = "live"
    SUSPEND = "suspend"
    PREOPEN = "preopen"
    POST_ONLY = "post_only"
    REBASE = "rebase"
    TEST = "test"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Instrument:
    """A USDT-margined linear perpetual swap. Sizes are in contracts; one contract is
    `contract_value * contract_multiplier` units of the base asset. `expires_at` (ms UTC) is set once the venue has
    announced its end."""

    inst_id: str
    ticker: str
    asset_class: AssetClass
    contract_value: Decimal
    contract_multiplier: Decimal
    lot_size: Decimal
    min_size: Decimal
    tick_size: Decimal
    max_market_size: Decimal
    max_leverage: Decimal
    state: InstrumentState
    fee_group: str = ""
    expires_at: int | None = None

    def notional(self, contracts: Decimal, price: Decimal) -> Decimal:
        """Notional in USDT of `contracts` at `price`."""
        return contracts * self.contract_value * self.contract_multiplier * price
