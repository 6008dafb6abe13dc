from __future__ import annotations

from dataclasses import replace

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from cynosure_tui.format import clock
from cynosure_tui.glyphs import ASCII, UTF8
from cynosure_tui.lines import Line
from cynosure_tui.store import Store
from cynosure_tui.widgets.brief import brief
from cynosure_tui.widgets.budget_bar import alerts, budget_line
from cynosure_tui.widgets.gates import gates
from cynosure_tui.widgets.ladder import why_lines
from cynosure_tui.widgets.overrides import overrides
from cynosure_tui.widgets.pane import Content, View, changed_spans
from cynosure_tui.widgets.positions import positions
from cynosure_tui.widgets.sizing import sizing
from cynosure_tui.widgets.status_bar import status_line
from cynosure_tui.widgets.tape import tape
from cynosure_tui.widgets.watchlist import SHORT_STATE, STAGE_WORDS, columns_for, watchlist
from engine.events import HealthChanged
from engine.reasons import EXPLANATIONS, Reason
from tests.cockpit import stream
from tests.cockpit.test_store import loaded

PANES = (watchlist, brief, gates, overrides, positions, sizing, tape)


def view(store: Store, ticker: str = "NVDA", width: int = 67) -> View:
    return View(store, ticker, UTF8, width, 40)


def text(content: Content) -> str:
    return "\n".join(row.plain for row in content.lines)


@pytest.mark.parametrize("pane", PANES)
@pytest.mark.parametrize("scene", list(stream.SCENES))
@pytest.mark.parametrize("width", [20, 34, 48, 67, 120])
def test_every_pane_has_something_to_say_in_every_state(pane: object, scene: str, width: int) -> None:
    assert callable(pane)
    for ticker in ("NVDA", "SUI", "PLTR", ""):
        content = pane(view(loaded(scene), ticker, width))
        assert text(content).strip()
        assert content.title


def test_an_empty_store_waits_and_says_so() -> None:
    store = Store()
    assert "starting" in text(watchlist(view(store, "")))
    assert "Not read" in text(positions(view(store)))
    assert "n runs NVDA" in text(gates(view(store)))


def test_the_first_blocking_gate_is_marked_and_only_that() -> None:
    rows = gates(view(loaded(), "NVDA")).lines
    marked = [row for row in rows if row.under == "select"]
    assert len(marked) == 1
    assert "correlation" in marked[0].plain
    assert "0.91" in marked[0].plain


def test_a_position_without_a_stop_is_shouted() -> None:
    store = loaded()
    shown = text(positions(view(store)))
    assert "!! MISSING" in shown
    assert "?????????" in shown
    assert alerts(store)[0][0].startswith("ETH HAS NO STOP")
    assert "NO STOP" in text(watchlist(view(store)))


SICK = [
    HealthChanged("news", "stale", 7260.0, None, "3 of 3 feeds do not answer", stream.NOW),
    HealthChanged("f&g", "down", None, None, "alternative.me: cannot be reached", stream.NOW),
    HealthChanged("forecast", "down", 7500.0, None, "the process was ended by SIGKILL", stream.NOW),
    HealthChanged("stream", "stale", 40.0, None, "quotes: silent", stream.NOW),
]
"""A dead feed of each kind, and how the line tells of it."""
TOLD = {
    "news": f"news {UTF8.stale}2h01m",
    "f&g": f"f&g {UTF8.fail}",
    "forecast": f"fc {UTF8.fail}2h05m",
    "stream": f"stream {UTF8.stale}40s",
}


@pytest.mark.parametrize("width", [160, 100, 80, 60])
@pytest.mark.parametrize("health", SICK, ids=lambda health: health.source)
def test_a_sick_source_stands_in_the_health_line_with_its_age_at_any_width(health: HealthChanged, width: int) -> None:
    store = loaded()
    assert TOLD[health.source] not in status_line(store, width, UTF8).plain
    store.apply([health])
    assert TOLD[health.source] in status_line(store, width, UTF8).plain
    store.apply([replace(health, status="ok")])
    assert TOLD[health.source] not in status_line(store, width, UTF8).plain


def test_where_there_is_room_for_one_the_worst_source_stands_and_the_others_are_counted() -> None:
    store = loaded()
    store.apply(SICK)
    narrow = " ".join(status_line(store, 80, UTF8).plain.split())
    assert f"{TOLD['forecast']} +3" in narrow
    assert "+0.42%" in narrow, "and no number is cut for it"
    wide = " ".join(status_line(store, 160, UTF8).plain.split())
    assert all(TOLD[name] in wide for name in ("f&g", "forecast"))
    assert "+" in wide


def test_what_is_off_or_still_connecting_takes_no_room_on_a_narrow_screen() -> None:
    store = loaded()
    before = status_line(store, 80, UTF8).plain
    store.apply([HealthChanged("news", status, None, None, "", stream.NOW) for status in ("connecting", "off")])
    assert status_line(store, 80, UTF8).plain == before


def test_a_regime_that_nobody_knows_is_na_beside_its_number_and_says_why() -> None:
    record = next(d for d in map(loaded().ticker, ("NVDA", "SOL", "BTC", "ETH")) if d.record and d.record.sizing).record
    assert record is not None
    known = "\n".join(row.plain for row in why_lines(record, 100, UTF8))
    assert "regime x1.00" in known
    unknown = replace(record, regime_multiplier=0.5, regime_unknown="no BTC hours")
    told = "\n".join(row.plain for row in why_lines(unknown, 100, UTF8))
    assert "regime xn/a" not in told
    assert "n/a x0.50" in told
    assert "the regime is n/a: no BTC hours" in told


def test_a_position_that_nobody_can_verify_says_when_it_was_last_seen() -> None:
    store = loaded()
    assert "seen" not in text(positions(view(store)))
    store.apply([HealthChanged("okx", "down", 40.0, None, "ConnectError", stream.NOW)])
    assert text(positions(view(store))).count(f"{UTF8.stale}seen") == sum(
        "OCO" in row.plain for row in positions(view(store)).lines if "!!" not in row.plain
    )


def test_a_guard_that_hangs_is_shouted_and_one_that_works_takes_no_room() -> None:
    store = loaded()
    store.apply([HealthChanged("guard", "ok", 1.0, None, "", stream.NOW)])
    assert "guard" not in status_line(store, 160, UTF8).plain
    store.apply([HealthChanged("guard", "stuck", 130.0, None, "no guard has finished for 130 s", stream.NOW)])
    assert any("GUARD STUCK" in span[0] for span in alerts(store))


def test_the_ruler_stands_between_stop_and_target() -> None:
    assert "├─────●───┤" in text(positions(view(loaded(), "SOL")))


def test_an_llm_failure_is_never_shown_as_a_hold() -> None:
    shown = text(overrides(view(loaded(), "QQQ")))
    assert "no valid answer: LLM_INVALID" in shown
    assert "action      —" in shown


def test_numbers_that_a_model_made_up_are_counted_and_their_refusal_is_told() -> None:
    store = loaded()
    state = store.ticker("NVDA")
    assert state.synthesis is not None
    told = "its BUY does not count: 2 of its 4 numbers stand nowhere: 71, 9%"
    state.synthesis = replace(
        state.synthesis, failure=Reason.LLM_INVENTS, reasoning=told, numbers=4, invented_numbers=2
    )
    shown = " ".join(text(overrides(view(store, "NVDA"))).split())
    assert "2/4 numbers invented" in shown
    assert "LLM_INVENTS: its BUY does not count" in shown


def test_a_skipped_call_names_the_gate_that_made_it_moot() -> None:
    assert "skipped: gate STREAK_TOO_SHORT made it moot" in text(overrides(view(loaded(), "META")))


def test_overridden_fields_are_marked_beside_the_models_values() -> None:
    rows = [row.plain for row in overrides(view(loaded(), "NVDA")).lines]
    signals = next(row for row in rows if row.startswith("  signals"))
    assert signals.split() == ["signals", "11", "8", "8", "◀"]


def test_square_brackets_of_a_model_survive() -> None:
    assert "[risk]" in text(overrides(view(loaded(), "NVDA")))


def test_banners_are_sorted_by_severity() -> None:
    assert alerts(loaded("kill"))[0][0].startswith("KILL ENGAGED FLATTENING")
    assert alerts(loaded("halt"))[0][0].startswith("HALT DAILY_LOSS")
    assert alerts(loaded("paused"))[0][0].startswith("ENTRIES STOPPED")
    assert alerts(loaded("stale"))[0][0].startswith("ENGINE STOPPED")
    assert alerts(loaded("empty")) == []


@pytest.mark.parametrize(
    ("scene", "word"),
    [("running", "RUN"), ("paused", "STOP-ENTRIES"), ("halt", "HALT"), ("kill", "KILL FLATTENING"), ("empty", "START")],
)
def test_the_state_is_a_word_at_every_width(scene: str, word: str) -> None:
    for width in (80, 100, 120, 160, 220):
        row = status_line(loaded(scene), width, UTF8)
        assert word in row.plain
        assert row.width == width


def test_the_budget_row_names_value_and_limit() -> None:
    store = loaded("empty")
    store.apply([stream.account()])
    assert "entries 6/20" in budget_line(store, 160, UTF8).plain
    assert "8.42 (min 1.20)" in budget_line(store, 160, UTF8).plain


def test_columns_fit_at_every_width() -> None:
    for width in range(42, 140):
        assert sum(column.width + 1 for column in columns_for(width)) + 1 <= width


def test_no_state_of_a_ticker_is_cut_in_the_narrow_list() -> None:
    words = {*STAGE_WORDS.values(), "IN POS", "NO STOP"}
    assert {SHORT_STATE.get(word, word) for word in words if len(SHORT_STATE.get(word, word)) > 3} == set()


def test_rows_never_change_width() -> None:
    store = loaded()
    before = [row.width for row in watchlist(view(store)).lines]
    store.apply([stream.quotes(shift=[("BTC", "9.1"), ("SUI", "1234567.1234")])])
    assert [row.width for row in watchlist(view(store)).lines] == before


def test_why_names_the_reason_and_explains_it() -> None:
    record = loaded().ticker("NVDA").record
    assert record is not None
    rows = "\n".join(row.plain for row in why_lines(record, 100, UTF8))
    assert "HOLD because CORRELATION" in rows
    assert EXPLANATIONS[Reason.CORRELATION] in rows
    assert "<- decides" in rows
    assert rows.count("\n") > 20


def test_ascii_signs_are_single_cells() -> None:
    for name in UTF8.__slots__:
        assert getattr(ASCII, name).isascii()


def test_only_differing_cells_are_marked() -> None:
    style = Style()
    old = Strip([Segment("price 1.00  and a long way off 5", style)])
    new = Strip([Segment("price 1.01  and a long way off 6", style)])
    assert changed_spans(old, new) == [(9, 10), (31, 32)]
    assert changed_spans(old, old) == []


def test_lines_are_plain_data() -> None:
    assert Line((("a", "text"), ("b", "dim"))).plain == "ab"


@pytest.mark.parametrize("width", [34, 38, 67])
def test_no_number_of_a_narrow_size_or_brief_pane_is_cut(width: int) -> None:
    store = loaded()
    sized = text(sizing(view(store, width=width)))
    numbers = text(brief(view(store, width=width))).split("───")[0]
    assert max(map(len, sized.splitlines())) <= width
    assert max(map(len, numbers.splitlines())) <= width
    assert "…" not in sized + numbers


def test_the_time_of_the_kill_is_wall_time_of_day_whatever_the_markets_clock_says() -> None:
    store = loaded()
    store.apply([stream.kill("latched")])
    assert store.kill is not None
    assert f"by key at {clock(store.kill.since)}Z" in alerts(store)[0][0]


def test_what_the_model_is_worth_stands_beside_its_answer() -> None:
    store = loaded()
    assert "worth vs rules: -0.02 %/day [-0.31, +0.25] n 214 d: not distinguishable" in text(
        overrides(view(store, width=120))
    )
    assert store.worth is not None
    store.worth = replace(store.worth, model="qwen3.5:4b 3f1c0a9be201, prompt 3")
    told = " ".join(text(overrides(view(store))).split())
    assert "qwen3.5:4b 3f1c0a9be201, prompt 3 since 2024-11-13" in told, "whose figure it is, and since when"
    store.worth = None
    assert "worth" not in text(overrides(view(store)))
