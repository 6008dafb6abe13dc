"""A state file with a day's trading in it, made by the venue itself, and ways to damage it by hand."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.exchange.simulator.venue.bench_desk import BenchDesk, attached
from tests.exchange.simulator.venue.scripted_market import BTC, ETH

Change = Callable[[dict[str, Any]], None]

ENTRY, BRACKET, EXIT = "cyne00aaaa", "cynb00aaaa", "cynx00aaaa"


class TradingDay:
    """A desk on a state file. `enter` opens a long of ours under its bracket, as the engine's entries do."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.desk = BenchDesk(path=path)
        self.desk.market.rate = 0.0003

    def enter(self, name: str = "aaaa", sz: str = "1", inst_id: str = BTC, bare: bool = False) -> str:
        last = self.desk.market.last_price(inst_id, self.desk.venue.now_ms)
        legs = attached(str(last * 11 / 10), str(last * 9 / 10), f"cynb00{name}")
        more = {} if bare else {"attachAlgoOrds": legs}
        self.desk.filled("buy", sz, inst_id, clOrdId=f"cyne00{name}", tag="cynosure", **more)
        return f"cyne00{name}"

    def settle(self, ms: int = 100) -> None:
        self.desk.pass_wall(ms)

    def leave(self, name: str = "aaaa", sz: str = "1", inst_id: str = BTC) -> None:
        self.desk.filled("sell", sz, inst_id, clOrdId=f"cynx00{name}", tag="cynosure", reduceOnly=True)
        self.sweep(inst_id)

    def sweep(self, inst_id: str = BTC) -> None:
        for row in self.desk.venue.algos_pending({"ordType": "oco", "instId": inst_id}):
            self.desk.venue.cancel_algos([{"instId": inst_id, "algoId": row["algoId"]}])

    def move(self, price: float, at_s: float, inst_id: str = BTC) -> None:
        self.desk.market.say(inst_id, price, at_s=at_s)
        self.desk.go(at_s)

    def close(self) -> Path:
        self.desk.venue.close()
        return self.path


def ordinary_day(path: Path) -> Path:
    """Three trades of ours (a stop, an exit, one still open and covered), funding, and a stranger's position."""
    day = TradingDay(path)
    day.enter("aaaa")
    day.settle()
    day.move(44_000.0, 60)
    day.settle()
    day.enter("bbbb", "0.7", ETH)
    day.settle()
    day.desk.go(8 * 3600)
    day.leave("bbbb", "0.7", ETH)
    day.enter("cccc", "0.31")
    day.settle()
    day.desk.filled("buy", "2", "SOL-USDT-SWAP")
    return day.close()


def rewrite(path: Path, kind: str, change: Change, number: int = -1) -> None:
    """Changes one record of the file by hand: the `number`th of its kind, by key."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT key, body FROM records WHERE kind = ? ORDER BY key", (kind,)).fetchall()
        key, body = rows[number]
        record = json.loads(body)
        change(record)
        connection.execute("UPDATE records SET body = ? WHERE kind = ? AND key = ?", (json.dumps(record), kind, key))
        connection.commit()


def remove(path: Path, kind: str, number: int = -1) -> str:
    """Takes one record away; its key."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT key FROM records WHERE kind = ? ORDER BY key", (kind,)).fetchall()
        key = str(rows[number][0])
        connection.execute("DELETE FROM records WHERE kind = ? AND key = ?", (kind, key))
        connection.commit()
    return key


def forget_history(path: Path) -> None:
    """As a file of a venue that kept none."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE history")
        connection.commit()
