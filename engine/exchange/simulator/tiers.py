"""Margin tiers: the larger a position, the lower its leverage and the higher its maintenance margin.

A simplification of OKX's tables that keeps their shape: tier 1 has the instrument's full leverage and a
maintenance rate of 0.4 of its initial rate (1 % and 0.4 % on BTC); tier k has k times both.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import NamedTuple

from engine.exchange.simulator.params import floor_to
from engine.exchange.simulator.specs import InstrumentSpec

TIERS = 10
MAINTENANCE = Decimal("0.4")
WIDTH = Decimal(5)


class Tier(NamedTuple):
    """Contracts in (min_sz, max_sz]; rates are fractions of notional."""

    number: int
    min_sz: Decimal
    max_sz: Decimal
    mmr: Decimal
    imr: Decimal
    max_lever: Decimal


def tier(spec: InstrumentSpec, number: int) -> Tier:
    width = spec.max_mkt_sz * WIDTH
    imr = number / spec.max_lever
    lever = max(floor_to(spec.max_lever / number, Decimal("0.01")), Decimal(1))
    return Tier(number, width * (number - 1), width * number, imr * MAINTENANCE, imr, lever)


def tiers(spec: InstrumentSpec) -> list[Tier]:
    return [tier(spec, number) for number in range(1, TIERS + 1)]


def maintenance_rate(spec: InstrumentSpec, contracts: Decimal) -> Decimal:
    """Maintenance margin as a fraction of notional for a position of that size."""
    number = min(max(math.ceil(contracts / (spec.max_mkt_sz * WIDTH)), 1), TIERS)
    return number / spec.max_lever * MAINTENANCE


def max_contracts(spec: InstrumentSpec, lever: Decimal) -> Decimal:
    """The largest position that leverage allows."""
    return max((row.max_sz for row in tiers(spec) if row.max_lever >= lever), default=Decimal(0))
