"""A venue that has run for long: memory holds a week, the lists still hold what OKX would list."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.exchange.simulator.venue.bench_desk import BenchDesk, Row, attached, balances
from tests.exchange.simulator.venue.scripted_market import BTC, ETH, HOUR

DAY_S = 24 * HOUR // 1000


def _busy(desk: BenchDesk, days: int) -> None:
    """A protected round trip a day, one order that never fills, and one position held throughout."""
    desk.filled("buy", "1", ETH, clOrdId="held", attachAlgoOrds=attached("9000", "100", "heldbracket"))
    for day in range(days):
        desk.filled("buy", "1", clOrdId=f"in{day}", attachAlgoOrds=attached("60000", "40000", f"a{day}"))
        desk.pass_wall()
        rest = desk.filled("buy", "1", px="49000")
        desk.venue.cancel_order({"instId": BTC, "ordId": rest["ordId"]})
        desk.venue.close_position({"instId": BTC, "mgnMode": "isolated"})
        for algo in desk.venue.algos_pending({"ordType": "oco", "instId": BTC}):
            desk.venue.cancel_algos([{"instId": BTC, "algoId": algo["algoId"]}])
        desk.go((day + 1) * DAY_S)


def _pages(ask: object, **params: str) -> list[Row]:
    rows: list[Row] = []
    while page := ask({**params, **({"after": rows[-1]["billId"]} if rows else {})}):  # type: ignore[operator]
        rows += page
    return rows


def test_memory_holds_a_week_and_the_archives_everything(tmp_path: Path) -> None:
    desk = BenchDesk(path=tmp_path / "state.db")
    _busy(desk, 30)
    floor = desk.venue._floor
    assert len(floor.orders) <= 8 * 4
    assert len(floor.fills) <= 8 * 2 + 1
    assert len(floor.algos) <= 8 + 1
    fills = _pages(lambda p: desk.venue.fills(p, archive=True), instType="SWAP", limit="7")
    assert len(fills) == 61
    assert [int(row["billId"]) for row in fills] == sorted((int(row["billId"]) for row in fills), reverse=True)
    assert 6 <= len(desk.venue.fills({"instType": "SWAP"})) <= 8
    bills = _pages(lambda p: desk.venue.bills(p, archive=True), instType="SWAP", type="2")
    assert {row["tradeId"] for row in bills} == {row["tradeId"] for row in fills}
    assert len(desk.venue.orders_history({"instType": "SWAP", "state": "filled"}, archive=True)) == 61
    assert len(desk.venue.algos_history({"ordType": "oco", "state": "canceled"})) == 30
    assert len(desk.venue.positions_history({})) == 30


def test_what_is_old_is_still_found_by_its_ids(tmp_path: Path) -> None:
    desk = BenchDesk(path=tmp_path / "state.db")
    _busy(desk, 12)
    [order] = desk.venue.order({"instId": BTC, "clOrdId": "in0"})
    assert order["state"] == "filled"
    assert desk.venue.order({"instId": BTC, "ordId": order["ordId"]}) == [order]
    assert desk.venue.algo({"algoClOrdId": "a0"})[0]["state"] == "canceled"
    [held] = desk.venue.algos_pending({"ordType": "oco"})
    assert held["algoClOrdId"] == "heldbracket"


def test_a_restart_loads_the_week_and_loses_nothing(tmp_path: Path) -> None:
    desk = BenchDesk(path=tmp_path / "state.db")
    _busy(desk, 12)
    before = desk.venue.ledger_report()
    desk.reopen()
    assert len(desk.venue._floor.fills) <= 8 * 2
    assert desk.venue.ledger_report() == before
    assert len(before["fills"]) == 25
    assert len(before["entries"]) == 13
    assert balances(desk.totals())
    assert desk.contracts(ETH) == 1


def test_the_history_tells_every_state_of_a_bracket(tmp_path: Path) -> None:
    desk = BenchDesk(path=tmp_path / "state.db")
    desk.filled("buy", "2")
    algo_id = desk.oco("sell", "2", "60000", "40000")
    desk.wall += 1_000
    desk.venue.amend_algo({"instId": BTC, "algoId": algo_id, "newSz": "1"})
    desk.wall += 1_000
    desk.venue.cancel_algos([{"instId": BTC, "algoId": algo_id}])
    with sqlite3.connect(tmp_path / "state.db") as reader:
        rows = reader.execute(
            "SELECT wall_ms, json_extract(body, '$.sz.$'), json_extract(body, '$.state') FROM history"
            " WHERE kind = 'Algo' ORDER BY n"
        ).fetchall()
        steps = [row[0] for row in reader.execute("SELECT DISTINCT step FROM history ORDER BY n")]
        kinds = {row[0] for row in reader.execute("SELECT DISTINCT kind FROM history")}
    seen = list(dict.fromkeys(rows))
    assert seen == [(1_000_000, "2", "live"), (1_001_000, "1", "live"), (1_002_000, "1", "canceled")]
    assert steps == sorted(steps)
    assert kinds == {"Order", "Fill", "Position", "Algo"}
