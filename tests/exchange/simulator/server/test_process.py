"""The process: how it starts, what it refuses, how it ends, and what a state file brings back."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.exchange.simulator.simulated_market import open_market
from tests.exchange.simulator.server.conftest import Sdk, connect
from tests.simulator_process import REPOSITORY, simulator, simulator_command

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=")

BTC, ETH = "BTC-USDT-SWAP", "ETH-USDT-SWAP"


def refused(folder: Path, **options: Any) -> str:
    """The one line on stderr of a start that must fail with exit status 2."""
    ended = subprocess.run(
        simulator_command(folder, **options), cwd=REPOSITORY, capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 1, ended.stderr
    return lines[0]


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} is taken" in refused(tmp_path, port=port)


@pytest.mark.slow
def test_a_generated_market_reads_nothing_that_only_recordings_need() -> None:
    """A quarter of a second and 50 MB of every start."""
    asked = "import sys; from engine.exchange.simulator import __main__ as program; program.open_market(7); "
    said = subprocess.run(
        [sys.executable, "-c", asked + "print('pyarrow' in sys.modules)"],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert said.stdout == "False\n"


@pytest.mark.slow
def test_a_replay_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "nothing") in refused(tmp_path, replay=tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    assert str(tmp_path / "empty") in refused(tmp_path, replay=tmp_path / "empty")


@pytest.mark.slow
def test_a_state_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    state = tmp_path / "simulator.db"
    state.write_bytes(b"not a database at all, whatever its name says" * 100)
    assert "simulator.db" in refused(tmp_path, state=True)


@pytest.mark.slow
@pytest.mark.parametrize("option", [{"port": 70_000}, {"speed": -1}, {"equity": "much"}, {"start": "noon"}])
def test_an_option_that_makes_no_sense_is_refused(tmp_path: Path, option: dict[str, Any]) -> None:
    ended = subprocess.run(
        simulator_command(tmp_path, **option), cwd=REPOSITORY, capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert f"--{next(iter(option))}" in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_it_ends_with_zero_while_a_client_is_connected(tmp_path: Path, number: signal.Signals) -> None:
    with simulator(tmp_path, forked=False) as running:
        assert running.now_ms > 0
        running.process.send_signal(number)
        assert running.process.wait(5) == 0
    assert "Traceback" not in running.log_path.read_text()


@pytest.mark.slow
def test_a_forgotten_process_ends_by_itself(tmp_path: Path) -> None:
    with simulator(tmp_path, forked=False, idle_exit=0.5) as running:
        assert running.process.wait(10) == 0


@pytest.mark.slow
def test_a_fresh_venue_begins_where_it_is_told(tmp_path: Path) -> None:
    with simulator(tmp_path, forked=False, start="2026-03-10T00:00:00", equity="2500") as running:
        assert running.now_ms == 1_773_100_800_000
        balance = connect(running).account.get_account_balance()["data"][0]
        assert Decimal(balance["totalEq"]) == 2500


def open_everything(sdk: Sdk) -> None:
    """A position under its bracket, and a resting order."""
    last = Decimal(sdk.market.get_ticker(BTC)["data"][0]["last"])
    bracket = {
        "attachAlgoClOrdId": "b1",
        "tpTriggerPx": str(last * 2),
        "tpOrdPx": "-1",
        "slTriggerPx": str(last // 2),
        "slOrdPx": "-1",
    }
    sdk.trade.place_order(BTC, "isolated", "buy", "market", "1", clOrdId="e1", attachAlgoOrds=[bracket])
    eth = Decimal(sdk.market.get_ticker(ETH)["data"][0]["last"])
    low = str((eth * Decimal("0.97")).quantize(Decimal("0.01")))
    assert sdk.trade.place_order(ETH, "isolated", "buy", "limit", "1", px=low, clOrdId="r1")["code"] == "0"


def standing(sdk: Sdk) -> dict[str, Any]:
    def ids(answer: dict[str, Any], *names: str) -> list[tuple[str, ...]]:
        assert answer["code"] == "0", answer
        return sorted(tuple(row[name] for name in names) for row in answer["data"])

    return {
        "positions": ids(sdk.account.get_positions(), "instId", "posId", "pos", "avgPx"),
        "orders": ids(sdk.trade.get_order_list(), "ordId", "clOrdId", "px", "sz"),
        "algos": ids(sdk.trade.order_algos_list("conditional,oco"), "algoId", "algoClOrdId", "slTriggerPx", "state"),
        "fills": ids(sdk.trade.get_fills(), "tradeId", "ordId", "fillPx"),
        "cash": ids({"code": "0", "data": sdk.account.get_account_balance()["data"][0]["details"]}, "cashBal"),
    }


@pytest.mark.parametrize("end", ["kill", pytest.param("stop", marks=pytest.mark.slow)])
def test_a_restart_on_its_state_file_finds_everything_as_it_was(tmp_path: Path, end: str) -> None:
    with simulator(tmp_path, forked=False, state=True, speed=0) as running:
        open_everything(connect(running))
        running.advance(ms=60_000)
        before, now = standing(connect(running)), running.now_ms
        assert all(before.values()), before
        getattr(running, end)()
        running.restart()
        assert running.now_ms == now
        assert standing(connect(running)) == before
        running.advance(ms=60_000)
        assert running.now_ms == now + 60_000


@pytest.mark.slow
def test_the_market_is_the_same_in_any_process(tmp_path: Path) -> None:
    here = open_market(11)
    with simulator(tmp_path, forked=False, seed=11) as running:
        now = running.advance(ms=5_400_000)
        there = connect(running).market.get_candlesticks(BTC, bar="15m", limit="20")["data"]
    assert [tuple(row) for row in there] == here.candles(BTC, "15m", limit=20, now_ms=now)
