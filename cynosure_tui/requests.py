"""What a person may ask of the engine, and how much each request wants to hear first.

Towards less risk: at once. Towards more: after a `y`, or with real money after a spelled word.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from engine import commands

if TYPE_CHECKING:
    from cynosure_tui.store import Store

BY = "key"
SPEEDS = (0.0, 1.0, 10.0, 60.0, 120.0, 300.0, 900.0)


class Desk(Protocol):
    """What the requests need of the app around them."""

    store: Store

    def send(self, command: commands.Command) -> None: ...
    def ask(self, title: str, question: str, word: str, then: Callable[[], None]) -> None: ...
    def say(self, text: str, severity: str = "information") -> None: ...
    def copy_to_clipboard(self, text: str) -> None: ...


class Requests:
    """Turns keys into commands."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def _store(self) -> Store:
        return self._desk.store

    @property
    def _live(self) -> bool:
        """Anything that is not surely play money is treated as real."""
        return self._store.mode not in {"demo", "paper"}

    def toggle_pause(self, ticker: str) -> None:
        if not ticker:
            return
        paused = self._store.paused(ticker)
        kind = commands.ResumeTicker if paused else commands.PauseTicker
        self._desk.send(kind(ticker, BY))

    def toggle_entries(self) -> None:
        state = self._store.kill_state
        if state not in {"disengaged", "latched"}:
            self._desk.say("The kill switch is engaged: K, then spell RESUME.", "warning")
        elif state == "latched" or self._store.entries_stopped:
            question = "Entries are stopped. Allow new positions again?"
            self._desk.ask("RESUME ENTRIES", question, "y", self._resume_entries)
        else:
            self._desk.send(commands.StopEntries(BY))

    def _resume_entries(self) -> None:
        if self._store.kill_state == "latched":
            self._desk.send(commands.ResumeFromKill(BY))
        if self._store.entries_stopped or self._store.kill_state != "latched":
            self._desk.send(commands.ResumeEntries(BY))

    def close_position(self, ticker: str) -> None:
        held = self._store.position(ticker)
        if held is None:
            self._desk.say(f"No position on {ticker}." if ticker else "No position under the cursor.")
            return
        question = f"Close {ticker} at market, {held.position.contracts.normalize():f} contracts, and drop its bracket?"
        word = ticker if self._live else "y"
        self._desk.ask("CLOSE POSITION", question, word, lambda: self._desk.send(commands.ClosePosition(ticker, BY)))

    def close_half(self, ticker: str) -> None:
        held = self._store.position(ticker)
        if held is None:
            self._desk.say(f"No position on {ticker}." if ticker else "No position under the cursor.")
            return
        question = f"Close half of {ticker} at market, of {held.position.contracts.normalize():f} contracts?"
        word = ticker if self._live else "y"
        request = commands.ClosePosition(ticker, BY, share=0.5)
        self._desk.ask("CLOSE HALF", question, word, lambda: self._desk.send(request))

    def claim_position(self, ticker: str) -> None:
        held = self._store.position(ticker)
        if held is None or held.protection != "foreign":
            self._desk.say("Only a position that you opened by hand can be claimed; the cursor is on none.")
            return
        question = f"Claim {ticker}, {held.position.contracts.normalize():f} contracts? It gets a bracket."
        word = ticker if self._live else "y"
        self._desk.ask("CLAIM POSITION", question, word, lambda: self._desk.send(commands.ClaimPosition(ticker, BY)))

    def run_now(self, ticker: str) -> None:
        if not ticker:
            return

        def run() -> None:
            self._desk.send(commands.RunCycleNow(ticker, BY))

        if self._live:
            self._desk.ask("RUN NOW", f"Analyse {ticker} now? It may open a position.", "y", run)
        else:
            run()

    def resync(self) -> None:
        self._desk.send(commands.Resync(BY))

    def change_speed(self, by: int) -> None:
        if self._store.mode != "demo":
            self._desk.say("Only the demo's market has a speed.")
            return
        now = self._store.speed
        wanted = [s for s in SPEEDS if s > now][:1] if by > 0 else [s for s in SPEEDS if s < now][-1:]
        if wanted:
            self._desk.send(commands.SetSpeed(wanted[0], BY))

    def copy_brief(self, ticker: str) -> None:
        brief = self._store.ticker(ticker).brief
        if brief is None:
            self._desk.say(f"{ticker} has no brief yet.")
            return
        self._desk.copy_to_clipboard(brief.brief)
        self._desk.say(f"Brief of {ticker} copied (tmux needs: set -g set-clipboard on).")

    def kill(self, word: str) -> None:
        """HALT, FLAT or RESUME, as spelled in the kill panel."""
        if word == "RESUME":
            self._desk.send(commands.ResumeFromKill(BY))
        else:
            self._desk.send(commands.EngageKill(flatten=word == "FLAT", by=BY))
