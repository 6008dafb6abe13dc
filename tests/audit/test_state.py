"""The auditor finds each defect that was planted in a venue's state by hand, and nothing in an honest one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.audit import Kind, Limits, audit
from bench.audit.__main__ import main
from bench.audit.state import Unreadable
from tests.audit.state_file import TradingDay, forget_history, ordinary_day, remove, rewrite
from tests.exchange.simulator.venue.scripted_market import BTC


@pytest.fixture
def day(tmp_path: Path) -> TradingDay:
    return TradingDay(tmp_path / "simulator.db")


def kinds(path: Path, limits: Limits | None = None) -> set[Kind]:
    return {finding.kind for finding in audit(path, limits=limits or Limits()).findings}


def test_an_honest_day_is_clean(tmp_path: Path) -> None:
    result = audit(ordinary_day(tmp_path / "simulator.db"))
    assert result.findings == ()
    assert result.counts["ours"] == 3
    assert result.counts["positions"] == 4
    assert result.history
    assert len(result.spans) == 3
    assert 0 < result.longest_naked_s < 2


def test_a_naked_span_is_told_with_its_position_and_its_seconds(day: TradingDay) -> None:
    day.enter(bare=True)
    day.settle(7_500)
    day.desk.oco("sell", "1", "55000", "45000", algoClOrdId="cynb01aaaa")
    result = audit(day.close())
    (finding,) = result.of(Kind.NAKED)
    assert (finding.inst_id, finding.seconds) == (BTC, 7.5)
    assert result.findings == (finding,)
    assert audit(day.path, limits=Limits(naked_s=8)).clean


def test_a_position_that_is_bare_at_the_end_is_found_however_young(day: TradingDay) -> None:
    day.enter(bare=True)
    assert kinds(day.close(), Limits(naked_s=100)) == {Kind.NAKED}


def test_half_a_bracket_covers_nothing(day: TradingDay) -> None:
    day.enter(bare=True)
    day.desk.algo("sell", "conditional", sz="1", slTriggerPx="45000", slOrdPx="-1", reduceOnly=True, algoClOrdId="cynb")
    assert kinds(day.close()) == {Kind.NAKED}


def test_a_bracket_smaller_than_its_position_leaves_the_rest_naked(day: TradingDay) -> None:
    day.enter(sz="2")
    day.settle()
    algo = day.desk.venue.algos_pending({"ordType": "oco"})[0]["algoId"]
    day.desk.venue.amend_algo({"instId": BTC, "algoId": algo, "newSz": "1.5"})
    day.settle(3_000)
    day.desk.venue.amend_algo({"instId": BTC, "algoId": algo, "newSz": "2"})
    (finding,) = audit(day.close()).findings
    assert (finding.kind, finding.seconds) == (Kind.NAKED, 3.0)
    assert "0.5 of 2" in finding.detail


def test_a_strangers_position_is_nobodys_finding(day: TradingDay) -> None:
    day.desk.filled("buy", "1")
    day.settle(60_000)
    assert audit(day.close()).clean


def test_a_cover_that_was_taken_away_in_the_file_is_found(tmp_path: Path) -> None:
    path = ordinary_day(tmp_path / "simulator.db")
    rewrite(path, "Algo", lambda row: row.update(state="canceled"))
    assert kinds(path) == {Kind.NAKED}


def test_a_second_entry_in_one_position_is_a_duplicate(day: TradingDay) -> None:
    day.enter("aaaa")
    day.settle()
    day.enter("dddd")
    day.settle()
    assert Kind.DUPLICATE in kinds(day.close())


def test_one_client_id_filled_twice_is_a_duplicate(tmp_path: Path) -> None:
    path = ordinary_day(tmp_path / "simulator.db")
    rewrite(path, "Order", lambda row: row.update(client_id="cyne00aaaa"), number=-2)
    assert kinds(path) == {Kind.DUPLICATE}


def test_two_brackets_under_one_position_are_a_duplicate(day: TradingDay) -> None:
    day.enter()
    day.settle()
    day.desk.oco("sell", "1", "55000", "45000", algoClOrdId="cynb01aaaa")
    assert kinds(day.close()) == {Kind.DUPLICATE}


def test_a_bracket_that_outlived_its_position_is_an_orphan(day: TradingDay) -> None:
    day.enter()
    day.settle()
    day.desk.filled("sell", "1", clOrdId="cynx00aaaa", tag="cynosure", reduceOnly=True)
    (finding,) = audit(day.close()).findings
    assert finding.kind is Kind.ORPHAN


def test_an_orphan_that_was_swept_late_is_judged_by_the_limit(day: TradingDay) -> None:
    day.enter()
    day.settle()
    day.desk.filled("sell", "1", clOrdId="cynx00aaaa", tag="cynosure", reduceOnly=True)
    day.settle(12_000)
    day.sweep()
    path = day.close()
    assert audit(path).clean
    (finding,) = audit(path, limits=Limits(orphan_s=5)).findings
    assert (finding.kind, finding.seconds) == (Kind.ORPHAN, 12.0)


def test_an_order_of_ours_that_still_rests_is_an_orphan(day: TradingDay) -> None:
    day.desk.order("buy", "1", px="40000", clOrdId="cyne00zzzz", tag="cynosure")
    assert kinds(day.close()) == {Kind.ORPHAN}


@pytest.mark.parametrize("number", [0, 1, 2, -1])
def test_a_removed_fill_is_found(tmp_path: Path, number: int) -> None:
    path = ordinary_day(tmp_path / "simulator.db")
    remove(path, "Fill", number)
    assert Kind.CENT in kinds(path)


@pytest.mark.parametrize("number", [0, 3, -1])
def test_a_removed_bill_is_found(tmp_path: Path, number: int) -> None:
    path = ordinary_day(tmp_path / "simulator.db")
    remove(path, "Bill", number)
    assert Kind.CENT in kinds(path)


@pytest.mark.parametrize(
    ("kind", "field"),
    [("Account", "cash"), ("Account", "realised"), ("Account", "fees"), ("Account", "funding"), ("Bill", "bal"),
     ("Bill", "bal_chg"), ("Bill", "pnl"), ("Fill", "pnl"), ("Fill", "fee"), ("Position", "pnl"), ("Position", "fee"),
     ("Position", "funding"), ("Order", "filled")],
)  # fmt: skip
def test_a_cent_off_anywhere_is_found(tmp_path: Path, kind: str, field: str) -> None:
    path = ordinary_day(tmp_path / "simulator.db")

    def a_cent_more(row: dict[str, object]) -> None:
        told = row[field]
        assert isinstance(told, dict)
        row[field] = {"$": format(float(told["$"]) + 0.01, ".10f")}

    rewrite(path, kind, a_cent_more, number=0)
    assert kinds(path) == {Kind.CENT}


def test_it_reads_a_file_that_a_venue_still_holds(day: TradingDay) -> None:
    day.enter()
    day.settle()
    assert audit(day.path).clean
    day.enter("dddd", inst_id="ETH-USDT-SWAP", bare=True)
    assert kinds(day.path) == {Kind.NAKED}


def test_without_history_the_venues_own_spans_are_taken(day: TradingDay) -> None:
    day.enter(bare=True)
    day.settle(7_500)
    day.desk.oco("sell", "1", "55000", "45000", algoClOrdId="cynb01aaaa")
    path = day.close()
    forget_history(path)
    result = audit(path)
    assert not result.history
    assert [(f.kind, f.seconds) for f in result.findings] == [(Kind.NAKED, 7.5)]


def test_the_command_says_what_it_found_and_ends_with_its_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = ordinary_day(tmp_path / "simulator.db")
    assert main([str(path)]) == 0
    assert capsys.readouterr().out.endswith("clean\n")
    rewrite(path, "Account", lambda row: row.update(cash={"$": "1"}))
    assert main([str(path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["clean"] is False
    assert {finding["kind"] for finding in told["findings"]} == {"cent"}


def test_a_file_that_cannot_be_read_is_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"not a database at all" * 100)
    for path in (tmp_path / "absent.db", broken):
        assert main([str(path)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
        with pytest.raises(Unreadable):
            audit(path)


def test_it_runs_without_the_engine() -> None:
    code = "import sys, bench.audit.__main__; assert not [m for m in sys.modules if m.split('.')[0] == 'engine']"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
