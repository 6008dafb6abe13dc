from __future__ import annotations

from decimal import Decimal

from cynosure_tui.narrate import narrate
from cynosure_tui.store import Store
from engine import events
from engine.model import KillState
from tests.cockpit import stream


def loaded(scene: str = "running") -> Store:
    store = Store(monotonic=lambda: 10.0)
    store.load(stream.snapshot())
    store.apply(stream.SCENES[scene]())
    return store


def test_every_event_kind_that_changes_state_has_a_handler_and_a_slice() -> None:
    store = Store(monotonic=lambda: 0.0)
    changes = store.apply(stream.running())
    assert {"quotes", "decision", "positions", "pauses", "tape", "account", "health"} <= changes.slices
    assert set(stream.TICKERS) <= changes.tickers


def test_the_latest_decision_brings_its_gates_and_its_synthesis() -> None:
    state = loaded().ticker("NVDA")
    assert state.record is not None
    assert state.gates == state.record.gates
    assert state.synthesis == state.record.synthesis


def test_prices_keep_the_most_digits_ever_seen() -> None:
    store = loaded()
    assert store.ticker("XRP").decimals == 4
    store.apply([stream.quotes(shift=[("XRP", "0.59")])])
    assert store.ticker("XRP").decimals == 4


def test_venue_time_runs_at_the_venues_speed_between_events() -> None:
    now = [100.0]
    store = Store(monotonic=lambda: now[0])
    assert store.venue_now() is None
    store.apply([events.ClockChanged(1_000_000, 120.0, None, 1_000_000)])
    now[0] += 2.0
    assert store.venue_now() == 1_240_000


def test_a_quote_without_news_becomes_stale_unless_the_market_is_frozen() -> None:
    now = [0.0]
    store = Store(monotonic=lambda: now[0])
    store.apply([events.ClockChanged(0, 1.0, None, 0), stream.quotes()])
    state = store.ticker("BTC")
    assert not store.quote_is_stale(state)
    now[0] = 21.0
    assert store.quote_is_stale(state)
    store.apply([events.ClockChanged(0, 0.0, None, 0)])
    assert not store.quote_is_stale(state)


def test_a_stopped_engine_makes_everything_old() -> None:
    store = loaded("stale")
    assert store.offline
    assert store.quote_is_stale(store.ticker("BTC"))


def test_progress_counts_only_the_running_cycle() -> None:
    done, total, busy = loaded().cycle_progress()
    assert (done, total, busy) == (5, 17, ("XAU", "synthesis"))


def test_positions_replace_the_previous_list_whole() -> None:
    store = loaded()
    assert store.position("ETH") is not None
    changes = store.apply([events.PositionsChanged((), stream.NOW)])
    assert store.positions == ()
    assert {"SOL", "XRP", "ETH"} <= changes.tickers


def test_the_tape_tells_orders_faults_and_decisions_but_not_prices() -> None:
    assert narrate(stream.quotes()) is None
    told = [entry.text for entry in loaded().tape]
    assert any("fetch failed 429" in text for text in told)
    assert any("CORRELATION" in text for text in told)
    assert any("bracket live" in text for text in told)


def test_the_tape_shows_no_control_characters() -> None:
    entry = narrate(events.LogLine("info", "llm", "x\x1b[2J\x07y", 0))
    assert entry is not None
    assert entry.text.isprintable()


def test_kill_state_is_disengaged_until_told_otherwise() -> None:
    store = Store()
    assert store.kill_state == "disengaged"
    store.apply([stream.kill(KillState.HALTED)])
    assert store.kill_state == "halted"


def test_money_stays_decimal() -> None:
    account = loaded().account
    assert account is not None
    assert isinstance(account.equity, Decimal)


def test_a_kill_switch_that_nobody_released_names_nobody() -> None:
    entry = narrate(events.KillChanged(KillState.DISENGAGED, "", None, "", {}, 0))
    assert entry is not None
    assert entry.text == "kill switch DISENGAGED"
