"""The logs: strict JSON whatever comes, bounded files, and no exception for a full disk."""

from __future__ import annotations

import json
import math
import resource
import signal
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from engine.db import Database
from engine.events import LogLine, OrderSent
from engine.experts.streak import Streak
from engine.jsonl import JsonLines, dumps
from engine.model import Action, DecisionRecord, Direction, Synthesis, SynthesisSource
from engine.outcome.decision_log import DecisionLog
from engine.outcome.streak_store import StreakStore
from engine.reasons import Reason

RECORD = DecisionRecord(
    "d1", 1, "BTC", "BTC-USDT-SWAP", 0, 1, Action.HOLD, Reason.LLM_HOLD, "said hold", None, 7, 2, 0.7, 0.66, 0.4,
    Direction.BULLISH, 2, Synthesis(SynthesisSource.RULES, Action.HOLD, 7, 2, "mixed", None), (), (), None, "brief",
    {"book": None}, {},
)  # fmt: skip

TRADE = (
    "INSERT INTO trades (trade_id, ticker, inst_id, entry_client_id, state, contract_units, stop, target, contracts,"
    " pnl, fees, funding, net, notional, opened_at) VALUES (?, 'BTC', 'BTC-USDT-SWAP', 'c', 'closed', '1', '1', '1',"
    " '1', '0', '0', '0', '0', '0', 0)"
)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), values, max_size=4))
def test_every_line_is_strict_json(payload: dict[str, object]) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    line = dumps(payload)
    assert "\n" not in line
    json.loads(line, parse_constant=refuse)


def test_non_finite_number_becomes_null_and_is_named() -> None:
    assert json.loads(dumps({"a": {"b": [1.0, math.nan]}, "c": math.inf})) == {
        "a": {"b": [1.0, None]},
        "c": None,
        "non_finite": ["a.b[1]", "c"],
    }


def test_file_is_rotated_and_a_fixed_number_of_older_ones_is_kept(tmp_path: Path) -> None:
    log = JsonLines(tmp_path / "x.jsonl", rotate_at_bytes=100, kept=3)
    for number in range(200):
        assert log.write({"n": number}) == ""
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == ["x.1.jsonl", "x.2.jsonl", "x.3.jsonl", "x.jsonl"]
    assert sum(path.stat().st_size for path in files) <= 400
    oldest_first = [files[2], files[1], files[0], files[3]]
    numbers = [json.loads(line)["n"] for path in oldest_first for line in path.read_text().splitlines()]
    assert numbers == list(range(numbers[0], 200)), "in order, without a gap, up to the newest"


def test_a_line_that_no_encoding_knows_is_written_all_the_same(tmp_path: Path) -> None:
    assert JsonLines(tmp_path / "x.jsonl").write({"said": "half a pair: \udc80"}) == ""
    assert json.loads((tmp_path / "x.jsonl").read_text()) == {"said": "half a pair: \udc80"}


def test_a_disk_that_fills_up_in_the_middle_of_a_line_leaves_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    log = JsonLines(path)
    assert log.write({"n": 1}) == ""
    whole = path.read_bytes()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 5, before[1]))
    try:
        problem = log.write({"n": 2, "text": "x" * 100})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert "x.jsonl" in problem
    assert path.read_bytes() == whole
    assert log.write({"n": 3}) == "", "and goes on once there is room"


def test_disk_that_refuses_is_reported_not_raised(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file in the way")
    assert "x.jsonl" in JsonLines(tmp_path / "logs" / "x.jsonl").write({"n": 1})


async def test_decision_goes_to_the_log_and_to_the_database(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "a.db") as db:
        await DecisionLog(db, tmp_path / "logs", print).record(RECORD)
        row = await db.fetch_one("SELECT * FROM decisions")
        assert row is not None
        assert (row["reason"], row["ticker"]) == ("LLM_HOLD", "BTC")
        stored = json.loads(row["record"])
    logged = json.loads((tmp_path / "logs" / "reasoning.jsonl").read_text())
    assert logged == stored
    assert logged["synthesis"]["reasoning"] == "mixed"


async def test_dead_database_does_not_lose_the_logged_decision(tmp_path: Path) -> None:
    db = await Database.open(tmp_path / "a.db")
    await db.close()
    problems: list[str] = []
    await DecisionLog(db, tmp_path / "logs", problems.append).record(RECORD)
    assert (tmp_path / "logs" / "reasoning.jsonl").exists()
    assert len(problems) == 1


async def test_only_trade_events_go_to_the_trade_log(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "a.db") as db:
        log = DecisionLog(db, tmp_path / "logs", print)
        log.trade_event(LogLine("info", "x", "y", 1))
        log.trade_event(OrderSent("BTC", "c", "buy", Decimal(1), "entry", 1))
    [line] = (tmp_path / "logs" / "trades.jsonl").read_text().splitlines()
    assert json.loads(line)["kind"] == "order_sent"


async def test_streaks_are_kept_and_an_older_bar_never_wins(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "a.db") as db:
        store = StreakStore(db)
        await store.put("BTC", Streak(2, 900))
        await store.put("BTC", Streak(-1, 0))
        await store.put("ETH", Streak(-3, 900))
        assert await store.all() == {"BTC": Streak(2, 900), "ETH": Streak(-3, 900)}


async def test_a_repeated_bar_does_not_erase_the_decision_that_traded(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "c.db") as db:
        log = DecisionLog(db, tmp_path, lambda problem: None)

        async def stored() -> tuple[str, str]:
            row = await db.fetch_one("SELECT action, reason FROM decisions WHERE decision_id = 'd1'")
            assert row is not None
            return row["action"], row["reason"]

        await log.record(RECORD)
        await log.record(replace(RECORD, action=Action.BUY, reason=Reason.ENTERED))
        assert await stored() == ("BUY", "ENTERED")
        await log.record(replace(RECORD, reason=Reason.ALREADY_IN_POSITION))
        assert await stored() == ("BUY", "ENTERED")


async def test_old_decisions_go_but_never_one_that_became_a_trade(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "c.db") as db:
        log = DecisionLog(db, tmp_path, print, kept_decisions=10, prune_every=5)
        for number in range(40):
            await log.record(replace(RECORD, decision_id=f"d{number}", decided_at=number))
            if number == 3:
                await db.execute(TRADE, (f"d{number}",))
        kept = [row["decision_id"] for row in await db.fetch_all("SELECT decision_id FROM decisions ORDER BY rowid")]
    assert kept[0] == "d3"
    assert len(kept) <= 10 + 5 + 1
    assert kept[-1] == "d39"
