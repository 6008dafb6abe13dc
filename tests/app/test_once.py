"""--once --json: one decision per ticker, one line for the cycle, the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import DEFAULT_WATCHLIST
from tests.app.program import Finished, app, fresh_home, status

PROMISED = {
    "type", "ticker", "action", "reason", "signals_aligned", "timeframes_aligned", "strength", "confidence",
    "direction_streak", "gates", "llm", "overrides",
}  # fmt: skip
BAR_MS = 900_000


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Finished]:
    home = fresh_home(tmp_path_factory.mktemp("once") / "a")
    return home, app(home, "--once", "--json", "--seed", "1", "--cycles", "3")


def test_a_cycle_prints_a_decision_for_each_of_the_17_tickers_and_a_line_of_timings(
    three: tuple[Path, Finished],
) -> None:
    _, run = three
    assert (run.code, run.err) == (0, "")
    assert [o["type"] for o in run.objects] == (["decision"] * 17 + ["cycle"]) * 3
    first = run.objects[:17]
    assert {d["ticker"] for d in first} == set(DEFAULT_WATCHLIST)
    for decision in first:
        assert set(decision) >= PROMISED
        assert decision["gates"]
        assert all({"name", "value", "limit", "verdict"} <= set(gate) for gate in decision["gates"])
        assert decision["overrides"]
        assert decision["llm"]["source"]
        assert decision["action"] in {"BUY", "SELL", "HOLD"}
    cycle = run.objects[17]
    assert set(cycle["stages_ms"]) == {"fetch", "experts", "synthesis", "risk", "execute"}
    assert cycle["stages_ms"]["fetch"] > 0
    assert (cycle["decisions"], cycle["failed"]) == (17, {})
    assert cycle["forecast"]["status"] in {"ok", "off", "down", "connecting", "stale"}
    assert cycle["forecast"]["detail"], "forecasts, or why there are none"


def test_each_cycle_of_a_run_decides_on_the_next_bar(three: tuple[Path, Finished]) -> None:
    bars = [o["bar_ts"] for o in three[1].objects if o["type"] == "cycle"]
    assert [bar - bars[0] for bar in bars] == [0, BAR_MS, 2 * BAR_MS]


@pytest.mark.slow
def test_the_same_seed_in_another_fresh_home_gives_the_same_decisions_to_the_byte(
    three: tuple[Path, Finished], home: Path
) -> None:
    again = app(home, "--once", "--json", "--seed", "1", "--cycles", "3")
    assert again.decision_lines == three[1].decision_lines
    assert len(again.decision_lines) == 51


@pytest.mark.slow
def test_the_next_run_in_a_home_goes_on_with_the_next_bar_of_the_same_market(three: tuple[Path, Finished]) -> None:
    home, run = three
    before = [o for o in run.objects if o["type"] == "cycle"][-1]
    after = app(home, "--once", "--json").objects[-1]
    assert after["bar_ts"] == before["bar_ts"] + BAR_MS
    assert after["cycle"] == before["cycle"] + 1


@pytest.mark.slow
def test_afterwards_status_says_that_no_engine_reads_the_feeds_and_how_old_they_are(
    three: tuple[Path, Finished],
) -> None:
    health = status(three[0])["health"]
    for feed in ("news", "f&g"):
        assert health[feed]["status"] == "no engine"
        assert health[feed]["age_s"] is not None
    assert health["forecast"]["status"] in {"no engine", "off"}
    text = app(three[0], "--status").out
    assert "news no engine reads it; last read" in text
    assert "connecting" not in text


@pytest.mark.slow
def test_two_homes_run_at_the_same_time_without_knowing_of_each_other(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    homes = [fresh_home(tmp_path / name) for name in ("one", "two")]
    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda pair: app(pair[1], "--once", "--json", "--seed", str(pair[0])), enumerate(homes)))
    assert [run.code for run in runs] == [0, 0]
    assert runs[0].decision_lines != runs[1].decision_lines
    assert all(len(run.decision_lines) == 17 for run in runs)
    for home in homes:
        assert {p.name for p in home.iterdir()} == {"config.yaml", "storage", "logs"}


@pytest.mark.slow
def test_without_json_a_person_reads_a_line_per_ticker(home: Path) -> None:
    run = app(home, "--once")
    assert run.code == 0
    lines = run.out.splitlines()
    assert len(lines) == 19
    assert lines[-2].startswith(("forecast ok: ", "forecast n/a: ")), "and whether there were forecasts"
    assert lines[-1].startswith("cycle 1: 17 decisions in ")
