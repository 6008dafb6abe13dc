"""Whatever the page size, walking back by `after` sees every row once, newest first, and both cursors are exclusive."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulator_process import Simulator

BTC = "BTC-USDT-SWAP"
BARS = {"1m": 60_000, "15m": 900_000, "1H": 3_600_000, "4H": 14_400_000}


@pytest.fixture(scope="module")
def http(venue: Simulator) -> httpx.Client:
    return httpx.Client(base_url=venue.base_url, trust_env=False)


def candles(http: httpx.Client, **params: Any) -> list[list[str]]:
    answer = http.get("/api/v5/market/history-candles", params={"instId": BTC} | params).json()
    assert answer["code"] == "0", answer
    return answer["data"]


EXAMPLES = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@EXAMPLES
@given(page=st.integers(1, 300), bar=st.sampled_from(sorted(BARS)))
def test_pages_join_without_gap_or_overlap(http: httpx.Client, page: int, bar: str) -> None:
    whole = candles(http, bar=bar, limit=300)
    walked: list[list[str]] = []
    while len(walked) < 250:
        cursor = {"after": walked[-1][0]} if walked else {}
        rows = candles(http, bar=bar, limit=page, **cursor)
        assert len(rows) <= page
        walked += rows
    assert walked[:250] == whole[:250]


@EXAMPLES
@given(bar=st.sampled_from(sorted(BARS)), newer=st.integers(1, 200), span=st.integers(2, 60))
def test_both_cursors_are_exclusive(http: httpx.Client, bar: str, newer: int, span: int) -> None:
    whole = candles(http, bar=bar, limit=300)
    after, before = whole[newer][0], whole[newer + span][0]
    rows = candles(http, bar=bar, after=after, before=before, limit=300)
    assert rows == whole[newer + 1 : newer + span]
    assert candles(http, bar=bar, before=str(int(before) - 1), after=after, limit=300)[-1][0] == before


def test_before_alone_returns_the_newest_rows(http: httpx.Client) -> None:
    whole = candles(http, bar="15m", limit=50)
    assert candles(http, bar="15m", before=whole[40][0], limit=10) == whole[:10]


def test_the_beginning_of_history_ends_the_walk(http: httpx.Client) -> None:
    assert candles(http, bar="4H", after="1000000000000") == []


@EXAMPLES
@given(page=st.integers(1, 40))
def test_trades_and_funding_page_alike(http: httpx.Client, page: int) -> None:
    def get(path: str, **params: Any) -> list[dict[str, str]]:
        return http.get(path, params={"instId": BTC, "limit": page} | params).json()["data"]

    first = get("/api/v5/market/history-trades")
    second = get("/api/v5/market/history-trades", after=first[-1]["tradeId"])
    assert [int(row["tradeId"]) for row in first + second] == sorted(
        {int(row["tradeId"]) for row in first + second}, reverse=True
    )
    assert len(first) == len(second) == page
    newest = get("/api/v5/public/funding-rate-history")
    older = get("/api/v5/public/funding-rate-history", after=newest[-1]["fundingTime"])
    assert int(newest[-1]["fundingTime"]) - int(older[0]["fundingTime"]) == 8 * 3_600_000
