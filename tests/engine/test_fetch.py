"""Windows of candles grow by what is new, and are read afresh when the venue tells another past."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.exchange.errors import ErrorClass, Unavailable
from engine.fetch import BTC, WINDOW, CandleWindows, _bar_of, _Gathered, has_newest_bars, joined, last_closed_bar
from engine.model import AssetClass, Candles, Instrument, InstrumentState, MarketSnapshot, Timeframe

BAR = Timeframe.M15.ms


def bars(first: int, count: int) -> Candles:
    n = np.arange(first, first + count, dtype=np.int64)
    price = 100.0 + n.astype(np.float64)
    return Candles(n * BAR, price, price + 1, price - 1, price + 0.5, price * 10)


@given(known=st.integers(1, 320), new=st.integers(0, 40), overlap=st.integers(1, 40))
def test_a_joined_window_is_the_window_of_the_whole_history(known: int, new: int, overlap: int) -> None:
    overlap = min(overlap, known)
    result = joined(bars(0, known), bars(known - overlap, overlap + new))
    assert result is not None
    whole = bars(0, known + new)
    keep = len(result)
    assert keep == min(known + new, WINDOW)
    assert np.array_equal(result.ts, whole.ts[-keep:])
    assert np.array_equal(result.close, whole.close[-keep:])


def test_a_tail_that_does_not_touch_the_window_means_read_afresh() -> None:
    assert joined(bars(0, 10), bars(11, 5)) is None


def test_a_venue_that_rewrites_a_closed_bar_means_read_afresh() -> None:
    tail = bars(8, 5)
    assert joined(bars(0, 10), replace(tail, close=tail.close + 0.25)) is None


def test_no_tail_leaves_the_window_as_it_is() -> None:
    known = bars(0, 10)
    assert joined(known, bars(0, 0)) is known


def test_the_last_closed_bar_is_the_one_before_the_running_one() -> None:
    assert last_closed_bar(10 * BAR) == 9 * BAR
    assert last_closed_bar(10 * BAR - 1) == 8 * BAR
    assert last_closed_bar(8 * Timeframe.H1.ms, Timeframe.H4) == Timeframe.H4.ms


def snapshot(windows: dict[Timeframe, Candles], bar_ts: int) -> MarketSnapshot:
    one = Decimal(1)
    instrument = Instrument(
        "BTC-USDT-SWAP", "BTC", AssetClass.CRYPTO, one, one, one, one, one, one, one, InstrumentState.LIVE
    )
    late = bar_ts + 3 * BAR
    return MarketSnapshot(instrument, late, bar_ts, windows, None, None, None, None, None, None)


def closed_windows(bar_ts: int) -> dict[Timeframe, Candles]:
    end = bar_ts + BAR
    newest = {tf: last_closed_bar(end, tf) // tf.ms for tf in Timeframe}
    return {
        tf: replace(bars(newest[tf] - 4, 5), ts=np.arange(newest[tf] - 4, newest[tf] + 1) * tf.ms) for tf in Timeframe
    }


@given(bar=st.integers(100, 10_000))
def test_bars_are_the_newest_when_each_timeframe_ends_with_its_last_closed_one(bar: int) -> None:
    windows = closed_windows(bar * BAR)
    assert has_newest_bars(snapshot(windows, bar * BAR))
    for timeframe in Timeframe:
        behind = replace(windows[timeframe], ts=windows[timeframe].ts - timeframe.ms)
        assert not has_newest_bars(snapshot({**windows, timeframe: behind}, bar * BAR))
        assert not has_newest_bars(snapshot({t: w for t, w in windows.items() if t is not timeframe}, bar * BAR))


def test_while_the_venue_lags_the_bar_is_the_one_that_was_seen() -> None:
    """Else one bar would count as two in the streak, and stand in the record under the next one's name."""
    now = 10 * BAR + 5_000
    assert _bar_of({Timeframe.M15: bars(0, 10)}, now) == 9 * BAR
    assert _bar_of({Timeframe.M15: bars(0, 9)}, now) == 8 * BAR
    assert _bar_of({}, now) == 9 * BAR


async def test_a_defect_in_one_source_is_told_by_its_name() -> None:
    async def defect() -> None:
        raise ValueError("what is this?")

    got = _Gathered()
    await got.collect("funding", defect())
    assert got.errors == {"funding": "ValueError: what is this?"}


class SlowForOne:
    """A venue that answers for every instrument but one, which it refuses, and one, which it keeps waiting."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def candles(self, inst_id: str, timeframe: Timeframe, limit: int) -> Candles:
        self.asked.append(inst_id)
        if inst_id == "REFUSED":
            raise Unavailable("not now", "", ErrorClass.TRANSIENT)
        if inst_id == "SILENT":
            await asyncio.Event().wait()
        return bars(0, limit)


async def test_a_watchlist_is_read_without_those_that_do_not_answer() -> None:
    venue = SlowForOne()
    windows = CandleWindows(venue)  # type: ignore[arg-type]
    watched = [replace(an_instrument(), inst_id=name) for name in ("A", "REFUSED", "SILENT", "B")]
    await windows.read_all(watched, WINDOW * BAR, within_s=0.05)
    assert {inst_id for inst_id, _ in windows.of(watched)} == {"A", "B"}
    assert set(venue.asked) == {"A", "REFUSED", "SILENT", "B", BTC}


async def test_btc_s_hours_are_asked_for_once_a_cycle_however_many_wait_for_them_and_whoever_refuses_them() -> None:
    refused = Unavailable("not now", "", ErrorClass.TRANSIENT)

    class Refuses(SlowForOne):
        async def candles(self, inst_id: str, timeframe: Timeframe, limit: int) -> Candles:
            self.asked.append(inst_id)
            if inst_id == BTC:
                raise refused
            return bars(0, limit)

    venue = Refuses()
    windows = CandleWindows(venue)  # type: ignore[arg-type]
    watched = [replace(an_instrument(), inst_id=name) for name in "ABCDE"]
    await windows.read_all(watched, WINDOW * BAR, within_s=5)
    assert venue.asked.count(BTC) == 1
    assert windows.known(BTC, Timeframe.H1) is None
    assert windows.btc_error == "not now"
    known = CandleWindows(SlowForOne())  # type: ignore[arg-type]
    await known.read_all(watched, WINDOW * BAR, within_s=5)
    assert known.known(BTC, Timeframe.H1) is not None
    assert known.btc_error == ""


def an_instrument() -> Instrument:
    one = Decimal(1)
    return Instrument("A", "A", AssetClass.CRYPTO, one, one, one, one, one, one, one, InstrumentState.LIVE)
