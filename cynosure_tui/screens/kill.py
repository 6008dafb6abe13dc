"""The kill panel. Entries are stopped before it opens; what destroys must be spelled.

`HALT` cancels resting entries and keeps brackets, `FLAT` also closes every position, `RESUME` lifts it.
Keys within a quarter second of its opening and pasted text count for nothing; Enter alone does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import events

from cynosure_tui.format import fixed, signed
from cynosure_tui.glyphs import Glyphs
from cynosure_tui.lines import Line, Span, cell, clean, wrap
from cynosure_tui.screens.panel import PanelScreen
from cynosure_tui.store import Changes, Store
from cynosure_tui.themes import Palette
from cynosure_tui.widgets.watchlist import arrow

if TYPE_CHECKING:
    from engine.model import ProtectedPosition

HALT, FLAT, RESUME = "HALT", "FLAT", "RESUME"
ENGAGED = frozenset({"halted", "flattening", "flat", "flatten_failed"})
LONGEST = 8


@dataclass(frozen=True, slots=True)
class Latched:
    """How the fast half went: milliseconds from the key to the latch on disk, or why it failed."""

    took_ms: float
    error: str = ""


class KillScreen(PanelScreen):
    """Dismisses with "" only; `ask` is called with HALT, FLAT or RESUME when one was spelled."""

    def __init__(
        self,
        store: Store,
        palette: Palette,
        glyphs: Glyphs,
        monotonic: Callable[[], float],
        *,
        latched: Latched,
        ask: Callable[[str], None],
    ) -> None:
        self.latched = latched
        self.typed = ""
        self.said = ""
        self._ask = ask
        super().__init__(store, palette, glyphs, monotonic)
        self.panel.role = "fail"

    def heading(self) -> Sequence[Span]:
        word = self.store.kill_state.upper().replace("_", " ")
        if self.latched.error and self.store.kill_state == "disengaged":
            return [("KILL SWITCH", "fail"), ("  NOT LATCHED", "fail")]
        return [("KILL SWITCH", "fail"), (f"  {'ARMED' if word in {'DISENGAGED', 'LATCHED'} else word}", "warn")]

    def note(self) -> Sequence[Span]:
        return [("nothing happens before enter", "label")]

    @property
    def words(self) -> tuple[str, ...]:
        """What may be spelled now."""
        return (RESUME, FLAT) if self.store.kill_state in ENGAGED else (HALT, FLAT, RESUME)

    def body(self, width: int) -> Sequence[Line]:
        held = self.store.positions or ()
        return [
            *self._latch_rows(width),
            Line(),
            *self._exposure(held),
            Line(),
            *self._choices(len(held)),
            Line(),
            Line(((" > ", "label"), (f"{self.typed}_", "strong"), (f"   {self.said}", "warn"))),
        ]

    def _latch_rows(self, width: int) -> list[Line]:
        if self.latched.error:
            text = f"The latch could not be set: {clean(self.latched.error)}. From a shell: python app.py --kill"
            return [Line(((f" {row.plain}", "fail"),)) for row in wrap(text, width - 2)]
        kill = self.store.kill
        rows = [Line(((" Entries are stopped", "ok"), (f", {self.latched.took_ms:.0f} ms after the key.", "text")))]
        if kill is not None and kill.detail:
            rows += [Line(((f" {row.plain}", "label"),)) for row in wrap(clean(kill.detail), width - 2)]
        return rows

    def _exposure(self, held: Sequence[ProtectedPosition]) -> list[Line]:
        mode = self.store.mode.upper()
        if self.store.positions is None:
            return [Line(((f" {mode}  positions are not known yet", "warn"),))]
        covered = sum(item.protection == "protected" for item in held)
        head = (
            f" {mode}  {len(held)} position{'s' * (len(held) != 1)}, {covered} of {len(held)} under a verified bracket"
        )
        rows = [Line(((head, "strong"),))]
        results = dict(self.store.kill.results) if self.store.kill else {}
        for item in held:
            rows.append(self._position(item, clean(results.pop(item.position.inst_id, ""))))
        rows += [
            Line(((f"   {cell(clean(name).partition('-')[0], 8)}", "text"), (clean(text), "label")))
            for name, text in results.items()
        ]
        return rows

    def _position(self, item: ProtectedPosition, result: str) -> Line:
        pnl = item.position.unrealised
        role = "fail" if item.protection in {"missing", "partial"} else "label"
        failed = any(word in result.lower() for word in ("fail", "refused", "error"))
        return Line(
            (
                (f"   {cell(item.ticker, 8)}", "strong"),
                (f"{fixed(item.position.notional_usd):>12}", "text"),
                (f"  {arrow(pnl, self.glyphs)} {signed(pnl):>10}", "up" if pnl > 0 else "down"),
                (f"  bracket {cell(str(item.protection), 10)}", role),
                (result, "fail" if failed else "accent"),
            )
        )

    def _choices(self, count: int) -> list[Line]:
        texts = {
            HALT: "cancel resting entries; positions stay under their brackets",
            FLAT: f"HALT, then close {count} position{'s' * (count != 1)} at market; brackets go last",
            RESUME: "lift the switch; entries are allowed again",
        }
        rows = [
            Line(((f" type {cell(word, 7)}+ enter  ", "danger_key" if word == FLAT else "key"), (texts[word], "text")))
            for word in self.words
        ]
        stay = (
            "close this panel; the switch stays as it is"
            if self.store.kill_state in ENGAGED
            else "stay in STOP-ENTRIES (P, then y, resumes)"
        )
        return [*rows, Line(((f" {cell('esc', 21)}", "key"), (stay, "text")))]

    def on_key(self, event: events.Key) -> None:
        if event.key in {"f12", "ctrl+q", "ctrl+c"}:
            return
        event.stop()
        event.prevent_default()
        if self.guarded:
            return
        if event.key == "escape":
            self.dismiss("")
        elif event.key == "enter":
            self._enter()
        elif event.key == "backspace":
            self._type(self.typed[:-1])
        elif event.character and event.character.isalpha():
            self._type((self.typed + event.character.upper())[-LONGEST:])

    def _type(self, text: str) -> None:
        self.typed, self.said = text, ""
        self.refresh_panel()

    def _enter(self) -> None:
        word, self.typed = self.typed, ""
        if word in self.words:
            self.said = f"{word} asked"
            self._ask(word)
        elif word:
            self.said = f"{word} is not one of the words; nothing was done"
        self.refresh_panel()

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.said = "pasted text is ignored"
        self.refresh_panel()

    def answered(self, text: str) -> None:
        """The engine's answer to what was asked."""
        self.said = clean(text)
        self.refresh_panel()

    def changed(self, changes: Changes) -> None:
        if changes.slices & {"kill", "positions", "identity"}:
            self.refresh_panel()
