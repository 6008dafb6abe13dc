from __future__ import annotations

import gc
from collections.abc import Sequence

import pytest
from textual.strip import Strip

from cynosure_tui.screens.confirm import ConfirmScreen
from cynosure_tui.screens.reading import HelpScreen, WhyScreen
from cynosure_tui.widgets.gates import GatesPane
from engine import commands, events
from engine.model import EngineState, Protection
from tests.cockpit import stream
from tests.cockpit.desk import desk


async def test_the_main_screen_shows_every_pane_at_160x45() -> None:
    async with desk() as d:
        await d.shows("WATCHLIST", "MARKET BRIEF", "OVERRIDES", "GATES", "POSITIONS & OCO", "SIZING", "TAPE", "K KILL")
        await d.shows("67,412.1", "!! MISSING", "STREAK_TOO_SHORT", "DEMO", "cycle 412 5/17 XAU:LLM")


@pytest.mark.parametrize(
    ("size", "seen", "unseen"),
    [
        ((120, 36), ["WATCHLIST", "POSITIONS", "TAPE", "GATES brief llm size"], ["SIZING"]),
        ((80, 24), ["WATCHLIST", "GATES brief llm size pos tape", "3 pos", "K KILL"], ["POSITIONS &"]),
        ((160, 26), ["WATCHLIST", "POSITIONS", "GATES"], ["TAPE", "SIZING"]),
        ((60, 20), ["RUN", "SOL", "XRP", "ETH", "MISSING", "K KILL"], ["WATCHLIST"]),
        ((20, 6), ["KILL"], ["WATCHLIST"]),
        ((3, 2), [], []),
        ((300, 90), ["REASON", "CORRELATION", "SIZING"], []),
    ],
)
async def test_each_size_has_its_layout(size: tuple[int, int], seen: Sequence[str], unseen: Sequence[str]) -> None:
    async with desk(size=size) as d:
        await d.shows(*seen)
        assert not [text for text in unseen if text in d.text()]


@pytest.mark.parametrize("size", [(160, 45), (80, 24)])
async def test_a_dead_feed_is_seen_at_any_size(size: tuple[int, int]) -> None:
    async with desk(size=size) as d:
        d.link.feed(events.HealthChanged("news", "down", 7500.0, None, "3 of 3 fail", stream.NOW))
        await d.shows("news", "2h05m")


async def test_a_resize_changes_the_layout_and_back() -> None:
    async with desk() as d:
        await d.pilot.resize_terminal(80, 24)
        await d.shows("GATES brief llm")
        await d.pilot.resize_terminal(160, 45)
        await d.shows("SIZING & ORDER")


async def test_tabs_walk_through_the_detail_panes_when_narrow() -> None:
    async with desk(size=(80, 24)) as d:
        await d.press("right_square_bracket")
        await d.shows("gates BRIEF llm", "BTC perp, class crypto")
        for _ in range(3):
            await d.press("right_square_bracket")
        await d.shows("POS tape", "MISSING")
        await d.press("left_square_bracket", "left_square_bracket")
        await d.shows("gates brief LLM", "source")


async def test_the_cursor_moves_by_vim_and_arrow_keys_and_the_panes_follow() -> None:
    async with desk() as d:
        assert d.app.screen.ticker == "BTC"
        await d.press("j", "down", "j")
        assert d.app.screen.ticker == "NVDA"
        await d.shows("GATES NVDA", "MARKET BRIEF NVDA", "0.91 with QQQ")
        await d.press("k", "up")
        assert d.app.screen.ticker == "ETH"
        await d.press("G")
        assert d.app.screen.ticker == "SUI"
        await d.press("pageup")
        assert d.app.screen.ticker == "QQQ"
        await d.press("g")
        assert d.app.screen.ticker == "BTC"


async def test_in_the_positions_pane_the_cursor_walks_positions() -> None:
    async with desk() as d:
        await d.press("tab", "j")
        assert d.app.screen.ticker == "SOL"
        await d.press("j")
        assert d.app.screen.ticker == "XRP"


async def test_in_a_text_pane_the_cursor_scrolls() -> None:
    async with desk(size=(160, 30)) as d:
        d.app.screen.query_one(GatesPane).focus()
        await d.press("j")
        assert d.app.screen.ticker == "BTC"
        assert d.app.screen.query_one(GatesPane).top == 1


async def test_a_pane_zooms_and_returns() -> None:
    async with desk() as d:
        await d.press("z")
        await d.until(lambda: "SIZING" not in d.text())
        assert "K KILL" in d.text() and "equity" in d.text().splitlines()[0], "the bars stay"
        await d.press("z")
        await d.shows("SIZING")


async def test_pausing_is_one_key_and_resuming_too() -> None:
    async with desk() as d:
        await d.press("p")
        await d.until(lambda: d.link.sent == [commands.PauseTicker("BTC", "key")])
        d.link.feed(stream.no_pauses("BTC"))
        await d.until(lambda: d.app.store.paused("BTC"))
        await d.press("p")
        await d.until(lambda: d.link.sent[-1] == commands.ResumeTicker("BTC", "key"))


async def test_stopping_entries_is_one_key_and_resuming_asks() -> None:
    async with desk() as d:
        await d.press("P")
        await d.until(lambda: d.link.kinds() == ["stop_entries"])
        d.link.feed(stream.no_pauses(stopped=True))
        await d.until(lambda: d.app.store.entries_stopped)
        await d.shows("STOP-ENTRIES")
        await d.press("P")
        assert isinstance(d.app.screen, ConfirmScreen)
        await d.pass_guard()
        await d.press("y")
        await d.until(lambda: d.link.kinds() == ["stop_entries", "resume_entries"])


@pytest.mark.parametrize("mode", ["demo", "paper"])
async def test_closing_asks_y_with_play_money(mode: str) -> None:
    async with desk(mode=mode) as d:
        await d.press("j", "x")
        await d.shows("Close ETH at market")
        await d.pass_guard()
        await d.press("enter")
        assert d.link.sent == []
        await d.press("x")
        await d.pass_guard()
        await d.press("y")
        await d.until(lambda: d.link.sent == [commands.ClosePosition("ETH", "key")])


async def test_closing_in_live_wants_the_ticker_spelled() -> None:
    async with desk(mode="live") as d:
        await d.press("j", "x")
        await d.pass_guard()
        await d.press("y", "enter", "e", "t", "enter")
        assert d.link.sent == []
        await d.press("e", "t", "h", "enter")
        await d.until(lambda: d.link.sent == [commands.ClosePosition("ETH", "key")])


async def test_closing_without_a_position_says_so() -> None:
    async with desk() as d:
        await d.press("x")
        await d.shows("No position on BTC")
        assert d.link.sent == []


@pytest.mark.parametrize(("mode", "word"), [("demo", ["y"]), ("live", ["e", "t", "h", "enter"])])
async def test_half_of_a_position_is_closed_after_the_same_word(mode: str, word: Sequence[str]) -> None:
    async with desk(mode=mode) as d:
        await d.press("X")
        await d.shows("No position on BTC")
        await d.press("j", "X")
        await d.shows("Close half of ETH at market")
        await d.pass_guard()
        await d.press(*word)
        await d.until(lambda: d.link.sent == [commands.ClosePosition("ETH", "key", share=0.5)])


@pytest.mark.parametrize(("mode", "word"), [("demo", ["y"]), ("live", ["e", "t", "h", "enter"])])
async def test_only_a_position_that_was_opened_by_hand_can_be_claimed(mode: str, word: Sequence[str]) -> None:
    foreign = stream.held("ETH", "2.8", "3480", "3512", "9", "998", None, None, Protection.FOREIGN)
    async with desk(mode=mode) as d:
        await d.press("j", "c")
        await d.shows("the cursor is on none")
        assert d.link.sent == []
        d.link.feed(events.PositionsChanged((foreign,), stream.NOW))
        await d.shows("FOREIGN")
        await d.press("c")
        await d.shows("Claim ETH, 2.8 contracts?")
        await d.pass_guard()
        await d.press(*word)
        await d.until(lambda: d.link.sent == [commands.ClaimPosition("ETH", "key")])


async def test_running_now_asks_only_with_real_money() -> None:
    async with desk() as d:
        await d.press("n")
        await d.until(lambda: d.link.sent == [commands.RunCycleNow("BTC", "key")])
    async with desk(mode="live") as d:
        await d.press("n")
        assert isinstance(d.app.screen, ConfirmScreen)
        await d.press("escape")
        assert d.link.sent == []


async def test_speed_and_resync() -> None:
    async with desk() as d:
        await d.press("plus", "minus", "r")
        await d.until(lambda: len(d.link.sent) == 2)
        assert set(d.link.sent) == {commands.SetSpeed(1.0, "key"), commands.Resync("key")}
    async with desk(mode="paper") as d:
        await d.press("plus")
        await d.shows("Only the demo")
        assert d.link.sent == []


async def test_an_answer_is_shown() -> None:
    async with desk() as d:
        await d.press("r")
        await d.shows("resync done")


async def test_why_explains_the_decision_and_closes() -> None:
    async with desk() as d:
        await d.press("j", "j", "j", "w")
        assert isinstance(d.app.screen, WhyScreen)
        await d.shows("HOLD because CORRELATION")
        await d.press("escape")
        await d.press("enter")
        assert isinstance(d.app.screen, WhyScreen)
        await d.press("q")
        assert not isinstance(d.app.screen, WhyScreen)


async def test_help_lists_the_keys() -> None:
    async with desk(size=(80, 24)) as d:
        await d.press("question_mark")
        assert isinstance(d.app.screen, HelpScreen)
        await d.shows("kill switch")


async def test_the_brief_is_copied() -> None:
    async with desk() as d:
        await d.press("y")
        assert d.app.clipboard == stream.brief(0).brief


async def test_leaving_asks_and_says_that_positions_stay_bracketed() -> None:
    async with desk() as d:
        await d.press("q")
        await d.shows("3 positions stay under the brackets")
        await d.pass_guard()
        await d.press("n")
        assert d.app.return_code is None
        await d.press("ctrl+q")
        await d.pass_guard()
        await d.press("y")
        await d.until(lambda: d.app.return_code == 0)


async def test_a_pane_that_raises_keeps_its_error_in_its_own_box() -> None:
    async with desk() as d:
        pane = d.app.screen.query_one(GatesPane)

        def broken(_view: object) -> None:
            raise KeyError("surprise")

        pane.content = broken
        pane.repaint()
        await d.shows("This pane failed", "KeyError", "WATCHLIST", "67,412.1")


async def test_an_engine_that_cannot_start_is_shown_and_the_cockpit_stays() -> None:
    async with desk("empty") as d:
        from cynosure_tui.messages import LinkFailed

        d.app.post_message(LinkFailed("config.yaml: goals.mode: expected demo, paper or live"))
        await d.shows("ENGINE NOT RUNNING", "goals.mode", "FAILED")


async def test_stale_prices_carry_a_mark() -> None:
    async with desk("stale") as d:
        await d.shows("~67,412.1", "ENGINE STOPPED")


async def test_a_change_repaints_only_the_panes_concerned() -> None:
    async with desk() as d:
        gates, watch = d.app.screen.query_one(GatesPane), d.app.screen.query_one("#watchlist")
        before = gates._strips
        old = watch._strips
        d.link.feed(stream.quotes(shift=[("BTC", "67500.5")]))
        await d.shows("67,500.5")
        assert gates._strips is before
        assert watch._strips is not old


async def test_the_engine_state_reaches_the_bar_at_once() -> None:
    async with desk() as d:
        d.link.feed(events.EngineStateChanged(EngineState.REDUCING, "leaving", stream.NOW))
        await d.shows("REDUCING")


@pytest.mark.parametrize(
    "environ",
    [
        {"NO_COLOR": "1", "LANG": "C.UTF-8", "TERM": "xterm-256color"},
        {"LC_ALL": "C", "TERM": "linux"},
        {"LANG": "C.UTF-8", "TERM": "xterm-16color"},
    ],
)
async def test_plain_terminals_get_plain_screens(environ: dict[str, str]) -> None:
    async with desk(environ=environ) as d:
        await d.shows("WATCHLIST", "MISSING")
        styles = {segment.style for strip in d.app.screen._compositor.render_strips() for segment in strip}
        colours = [c for style in styles if style for c in (style.color, style.bgcolor) if c is not None]
        assert not [c for c in colours if c.triplet is not None]
        if environ.get("TERM") == "linux":
            assert d.text().isascii()


@pytest.mark.parametrize("panel", [None, "question_mark"])
async def test_painted_lines_leave_nothing_to_the_garbage_collector(panel: str | None) -> None:
    async with desk() as d:
        if panel:
            await d.press(panel)
            await d.pass_guard()
        d.text()
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            for _ in range(5):
                for widget in d.app.screen.walk_children():
                    widget.refresh()
                await d.pilot.pause()
                d.text()
            gc.collect()
            assert not [found for found in gc.garbage if isinstance(found, Strip)]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
