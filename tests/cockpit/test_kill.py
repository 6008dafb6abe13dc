"""The kill switch: the fast half at once, the destructive half only when spelled."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from textual import events as textual_events

from cynosure_tui.screens.kill import KillScreen
from engine import commands
from engine.model import KillState
from tests.cockpit import stream
from tests.cockpit.desk import Desk, desk

DESTRUCTIVE = {"engage_kill", "close_position", "resume_from_kill"}


async def kill_panel(d: Desk) -> KillScreen:
    await d.press("K")
    screen = d.app.screen
    assert isinstance(screen, KillScreen)
    return screen


async def test_k_latches_before_anything_is_spelled() -> None:
    async with desk() as d:
        await kill_panel(d)
        assert d.link.latched == ["key"]
        assert d.link.sent == []
        assert d.app.latch_ms is not None
        assert d.app.latch_ms < 50
        await d.shows("Entries are stopped", "3 positions, 2 of 3 under a verified bracket", "type FLAT")


@pytest.mark.parametrize("opening", [["question_mark"], ["w"], ["q"], ["P", "x"], ["tab", "tab"]])
async def test_f12_latches_from_anywhere(opening: Sequence[str]) -> None:
    async with desk() as d:
        await d.press(*opening, "f12")
        assert d.link.latched == ["key"]
        assert isinstance(d.app.screen, KillScreen)


@pytest.mark.parametrize("opening", [["question_mark"], ["w"]])
async def test_k_latches_over_panels_that_take_no_text(opening: Sequence[str]) -> None:
    async with desk() as d:
        await d.press(*opening, "K")
        assert d.link.latched == ["key"]


async def test_k_latches_even_while_sends_block() -> None:
    async with desk() as d:
        d.link.released.clear()
        await d.press("r", "n", "p")
        await kill_panel(d)
        assert d.link.latched == ["key"]
        await d.pass_guard()
        await d.press("f", "l", "a", "t", "enter")
        await d.until(lambda: commands.EngageKill(True, "key") in d.link.sent)
        d.link.released.set()


@pytest.mark.parametrize(
    ("word", "command"),
    [("halt", commands.EngageKill(False, "key")), ("flat", commands.EngageKill(True, "key"))],
)
async def test_a_spelled_word_and_enter_sends_it_once(word: str, command: commands.Command) -> None:
    async with desk() as d:
        await kill_panel(d)
        await d.pass_guard()
        await d.press(*word)
        assert d.link.sent == []
        await d.press("enter", "enter", "enter")
        await d.until(lambda: d.link.sent == [command])


async def test_enter_alone_and_wrong_words_do_nothing() -> None:
    async with desk() as d:
        await kill_panel(d)
        await d.pass_guard()
        await d.press("enter", "f", "l", "a", "enter", "h", "a", "l", "t", "t", "enter", "y", "enter")
        assert d.link.sent == []
        await d.shows("nothing was done")


async def test_the_first_quarter_second_is_deaf() -> None:
    async with desk() as d:
        screen = await kill_panel(d)
        await d.press("f", "l", "a", "t", "enter", "escape")
        assert d.link.sent == []
        assert d.app.screen is screen
        assert screen.typed == ""


async def test_pasted_text_is_ignored() -> None:
    async with desk() as d:
        screen = await kill_panel(d)
        await d.pass_guard()
        screen.post_message(textual_events.Paste("FLAT\n"))
        await d.shows("pasted text is ignored")
        await d.press("enter")
        assert d.link.sent == []


@pytest.mark.parametrize("key", ["K", "F", "H", "enter", "f12", "x", "y", "space"])
async def test_a_held_key_sends_nothing(key: str) -> None:
    async with desk() as d:
        await kill_panel(d)
        await d.pass_guard()
        await d.press(*[key] * 12)
        assert d.link.sent == []


async def test_escape_leaves_entries_stopped() -> None:
    async with desk() as d:
        await kill_panel(d)
        await d.pass_guard()
        await d.press("escape")
        assert not isinstance(d.app.screen, KillScreen)
        d.link.feed(stream.kill(KillState.LATCHED))
        await d.shows("STOP-ENTRIES", "kill switch latched")
        await d.press("P")
        await d.pass_guard()
        await d.press("y")
        await d.until(lambda: d.link.kinds() == ["resume_from_kill"])


async def test_progress_is_shown_for_each_position_and_the_banner_everywhere() -> None:
    async with desk("kill") as d:
        await d.shows("KILL ENGAGED FLATTENING", "KILL FLATTENING")
        await kill_panel(d)
        await d.shows("closed at 171.80", "closing, 40% filled", "refused 51008", "type RESUME")
        d.link.feed(stream.kill(KillState.FLAT, {"SOL": "flat", "XRP": "flat", "ETH": "flat"}))
        await d.shows("KILL SWITCH  FLAT")


async def test_an_engaged_switch_is_lifted_only_by_spelling_resume() -> None:
    async with desk("kill") as d:
        await d.press("P")
        await d.shows("spell RESUME")
        assert d.link.sent == []
        await kill_panel(d)
        await d.pass_guard()
        await d.press("h", "a", "l", "t", "enter")
        assert d.link.sent == []
        await d.press(*"resume", "enter")
        await d.until(lambda: d.link.kinds() == ["resume_from_kill"])


async def test_a_latch_that_fails_is_said_in_red_with_the_way_out() -> None:
    async with desk() as d:

        def refuse(by: str) -> None:
            raise OSError(28, "No space left on device")

        d.link.latch = refuse
        await kill_panel(d)
        await d.shows("NOT LATCHED", "No space left", "app.py --kill")


def de_bruijn(alphabet: Sequence[str], n: int) -> list[str]:
    """The shortest cyclic sequence that holds every word of length `n` (Fredricksen, Kessler, Maiorana)."""
    k, word, found = len(alphabet), [0] * len(alphabet) * n, []

    def extend(t: int, p: int) -> None:
        if t > n:
            if n % p == 0:
                found.extend(word[1 : p + 1])
            return
        word[t] = word[t - p]
        extend(t + 1, p)
        for symbol in range(word[t - p] + 1, k):
            word[t] = symbol
            extend(t + 1, t)

    extend(1, 1)
    sequence = [alphabet[index] for index in found]
    return sequence + sequence[: n - 1]


def test_the_sequence_holds_every_word() -> None:
    sequence = de_bruijn("abc", 3)
    assert len({tuple(sequence[i : i + 3]) for i in range(len(sequence) - 2)}) == 27


ALPHABETS = (
    pytest.param(("K", "x", "y", "enter"), id="four keys"),
    pytest.param(("K", "x", "y", "enter", "escape"), id="five keys", marks=pytest.mark.slow),
    pytest.param(("K", "f12", "x", "y", "enter", "escape", "P", "H", "j", "w"), id="ten keys", marks=pytest.mark.slow),
)


@pytest.mark.parametrize("alphabet", ALPHABETS)
async def test_no_three_keys_in_live_kill_close_or_resume(alphabet: Sequence[str]) -> None:
    """Even without the deaf quarter second: every word of three keys, one after the other."""
    async with desk(mode="live", size=(60, 20)) as d:
        await d.press("j")
        for key in de_bruijn(alphabet, 3):
            d.wall.now += 1.0
            await d.app._press_keys([key])
            d.app.clear_notifications()
        assert d.link.latched
        assert not DESTRUCTIVE & set(d.link.kinds())


@pytest.mark.slow
async def test_no_fast_keys_in_the_demo_kill_or_close() -> None:
    """With the wall clock standing still every modal stays deaf: nothing typed by accident counts."""
    async with desk(size=(80, 24)) as d:
        await d.press("j")
        for opener in ("x", "K", "q", "P"):
            await d.press(opener, *"yyFLATflatETH", "enter", "y")
            assert not DESTRUCTIVE & set(d.link.kinds())
            d.wall.now += 1.0
            await d.press("escape")
