"""The state file: what a killed venue remembers, and what it refuses to open."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from engine.exchange.simulator.store import StateFileError, StateStore
from tests.exchange.simulator.venue.bench_desk import BenchDesk, attached
from tests.exchange.simulator.venue.scripted_market import BTC, ETH

ROOT = Path(__file__).parents[4]


def _busy(desk: BenchDesk) -> None:
    desk.market.rate = 0.0001
    desk.venue.set_leverage({"instId": BTC, "lever": "5", "mgnMode": "isolated"})
    desk.filled("buy", "2", clOrdId="entry", attachAlgoOrds=attached("52000", "49000"))
    desk.pass_wall()
    desk.filled("sell", "1", ETH)
    desk.algo("buy", "move_order_stop", ETH, sz="1", callbackRatio="0.05", reduceOnly=True)
    desk.filled("buy", "1", px="49500", clOrdId="rest")
    desk.market.say(ETH, 1_950.0, at_s=500)
    desk.market.say(BTC, 49_400.0, at_s=600)
    desk.go(4 * 3600)
    desk.filled("buy", "1", ETH, tdMode="cross", attachAlgoOrds=attached("2500", "1500", "late"))


def _later(desk: BenchDesk) -> str:
    desk.pass_wall()
    desk.market.say(BTC, 48_000.0, at_s=4 * 3600 + 60)
    desk.market.say(ETH, 2_050.0, at_s=4 * 3600 + 90)
    desk.go(5 * 3600)
    desk.filled("sell", "1", ETH, tdMode="cross")
    return json.dumps(desk.venue.ledger_report(), sort_keys=True)


def test_a_killed_venue_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    killed, steady = BenchDesk(path=tmp_path / "state.db"), BenchDesk()
    _busy(killed)
    _busy(steady)
    killed.reopen()
    assert killed.venue.now_ms == steady.venue.now_ms
    assert killed.order("buy", "1", px="49000", clOrdId="twice")["sCode"] == "0"
    assert steady.order("buy", "1", px="49000", clOrdId="twice")["sCode"] == "0"
    killed.reopen()
    assert killed.order("buy", "1", px="49000", clOrdId="twice")["sCode"] == "51016"
    assert steady.order("buy", "1", px="49000", clOrdId="twice")["sCode"] == "51016"
    assert _later(killed) == _later(steady)


def test_ids_only_ever_increase(tmp_path: Path) -> None:
    desk = BenchDesk(path=tmp_path / "state.db")
    first = desk.filled("buy", "1")["ordId"]
    desk.reopen()
    assert int(desk.filled("buy", "1")["ordId"]) > int(first)


def test_nothing_is_told_before_it_is_on_disk(tmp_path: Path) -> None:
    desk = BenchDesk(path=tmp_path / "state.db")
    reader = sqlite3.connect(tmp_path / "state.db")
    seen: list[int] = []
    desk.venue.subscribe(lambda _: seen.append(reader.execute("SELECT count(*) FROM records").fetchone()[0]))
    desk.filled("buy", "1")
    assert len(set(seen)) == 1
    assert seen[0] > 4


def test_a_foreign_or_damaged_file_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_text("this is no database, it is a letter\n" * 50)
    with pytest.raises(StateFileError, match="not a readable simulator state file") as caught:
        StateStore.open(path, {"seed": "7"})
    assert "\n" not in str(caught.value)


def test_a_database_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE letters (body TEXT)")
    with pytest.raises(StateFileError, match="somebody else's"):
        StateStore.open(path, {"seed": "7"})
    assert sqlite3.connect(path).execute("SELECT name FROM sqlite_master").fetchall() == [("letters",)]


def test_two_simulators_never_share_a_file(tmp_path: Path) -> None:
    first = StateStore.open(tmp_path / "state.db", {"seed": "7"})
    with pytest.raises(StateFileError, match="another simulator is running"):
        StateStore.open(tmp_path / "state.db", {"seed": "7"})
    first.close()
    StateStore.open(tmp_path / "state.db", {"seed": "7"}).close()


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StateFileError, match="cannot be written"):
        StateStore.open(tmp_path / "nowhere" / "state.db", {"seed": "7"})


def test_another_market_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    StateStore.open(path, {"seed": "7", "equity": "10000"}).close()
    with pytest.raises(StateFileError, match="made with seed 7, asked for 8"):
        StateStore.open(path, {"seed": "8", "equity": "10000"})


def test_a_broken_record_is_named(tmp_path: Path) -> None:
    desk = BenchDesk(path=tmp_path / "state.db")
    desk.filled("buy", "1")
    with sqlite3.connect(tmp_path / "state.db") as hand:
        hand.execute("UPDATE records SET body = '{' WHERE kind = 'Order'")
    with pytest.raises(StateFileError, match="damaged"):
        desk.reopen()


_CHILD = """
import sys
from pathlib import Path
from tests.exchange.simulator.venue.bench_desk import BenchDesk
desk = BenchDesk(path=Path(sys.argv[1]), equity="100000000")
while True:
    print(desk.filled("buy", "1")["ordId"], flush=True)
"""


def test_every_answer_given_before_kill_9_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None
    answered = [child.stdout.readline().strip() for _ in range(25)]
    os.kill(child.pid, signal.SIGKILL)
    answered += child.stdout.read().split("\n")[:-1]
    child.wait()
    desk = BenchDesk(path=path, equity="100000000")
    known = {row["ordId"] for row in desk.venue.ledger_report()["orders"]}
    assert set(answered) <= known
    assert desk.contracts() == len(known)
