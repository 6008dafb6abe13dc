from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from loguru import logger
from okx.Account import AccountAPI
from okx.MarketData import MarketAPI
from okx.PublicData import PublicAPI
from okx.Status import StatusAPI
from okx.Trade import TradeAPI
from okx.TradingData import TradingDataAPI

from tests.simulator_process import Simulator, simulator

logger.remove()


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """One frozen venue for a whole test module."""
    with simulator(tmp_path_factory.mktemp("venue")) as running:
        yield running


@dataclass
class Sdk:
    """python-okx 0.4.4, class by class, pointed at the simulator."""

    market: MarketAPI
    public: PublicAPI
    account: AccountAPI
    trade: TradeAPI
    rubik: TradingDataAPI
    status: StatusAPI


def connect(venue: Simulator) -> Sdk:
    keys = {
        "api_key": venue.key,
        "api_secret_key": venue.secret,
        "passphrase": venue.passphrase,
        "flag": "1",
        "domain": venue.base_url,
    }
    return Sdk(
        MarketAPI(**keys),
        PublicAPI(**keys),
        AccountAPI(**keys),
        TradeAPI(**keys),
        TradingDataAPI(**keys),
        StatusAPI(**keys),
    )


@pytest.fixture(scope="module")
def sdk(venue: Simulator) -> Sdk:
    return connect(venue)
