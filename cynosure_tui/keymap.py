"""The one table of keys. Bindings, footer and help are made from it; only keys that do something are in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding, BindingType


class Direction(StrEnum):
    """Safe goes towards less risk and is one key; risky goes towards more and asks."""

    NEUTRAL = "neutral"
    SAFE = "safe"
    RISKY = "risky"


class Asks(StrEnum):
    """How much a key wants to hear before it acts. LIVE: only with real money."""

    NEVER = "never"
    LIVE = "in live"
    YES = "asks y"
    WORD = "asks y, in live the ticker's name"


@dataclass(frozen=True, slots=True)
class Key:
    """One thing a person can do. `hint` is its footer text; without one it is in the help only."""

    id: str
    keys: tuple[str, ...]
    shown: str
    action: str
    text: str
    group: str
    hint: str = ""
    rank: int = 0
    dangerous: bool = False
    direction: Direction = Direction.NEUTRAL
    asks: Asks = Asks.NEVER


KEYS: tuple[Key, ...] = (
    Key(
        "kill", ("K", "f12"), "K", "app.kill", "kill switch: stops entries at once, then asks for HALT or FLAT",
        "Safety", hint="KILL", rank=0, direction=Direction.SAFE,
    ),
    Key(
        "entries", ("P",), "P", "toggle_entries", "stop all entries; pressed again: resume, which asks y",
        "Safety", hint="stop entries", rank=1, direction=Direction.SAFE,
    ),
    Key(
        "pause", ("p",), "p", "toggle_pause", "pause or resume the ticker under the cursor",
        "Safety", hint="pause", rank=3, direction=Direction.SAFE,
    ),
    Key(
        "close", ("x",), "x", "close_position", "close the position under the cursor at market",
        "Safety", hint="close", rank=4, dangerous=True, direction=Direction.RISKY, asks=Asks.WORD,
    ),
    Key(
        "halve", ("X",), "X", "close_half", "close half of it at market; the rest stays under its bracket",
        "Safety", dangerous=True, direction=Direction.RISKY, asks=Asks.WORD,
    ),
    Key(
        "claim", ("c",), "c", "claim_position", "claim a position opened by hand: bracketed and guarded",
        "Safety", dangerous=True, direction=Direction.RISKY, asks=Asks.WORD,
    ),
    Key(
        "why", ("w", "enter"), "w", "why", "why: the latest decision of this ticker, rung by rung",
        "Look", hint="why", rank=2,
    ),
    Key("up", ("up", "k"), "k ↑", "cursor(-1)", "up", "Move"),
    Key("down", ("down", "j"), "j ↓", "cursor(1)", "down", "Move"),
    Key("first", ("g", "home"), "g", "cursor_to(0)", "to the first", "Move"),
    Key("last", ("G", "end"), "G", "cursor_to(-1)", "to the last", "Move"),
    Key("page_up", ("pageup",), "pgup", "page(-1)", "one page up", "Move"),
    Key("page_down", ("pagedown",), "pgdn", "page(1)", "one page down", "Move"),
    Key("next_pane", ("tab",), "tab", "app.focus_next", "next pane", "Move"),
    Key("previous_pane", ("shift+tab",), "S-tab", "app.focus_previous", "previous pane", "Move"),
    Key("tab_left", ("left_square_bracket",), "[", "tab(-1)", "previous tab", "Look", hint="tab", rank=6),
    Key("tab_right", ("right_square_bracket",), "]", "tab(1)", "next tab", "Look", hint="tab", rank=6),
    Key("zoom", ("z",), "z", "zoom", "the focused pane on the whole screen, and back", "Look", hint="zoom", rank=10),
    Key("copy", ("y",), "y", "copy_brief", "copy the brief (OSC 52)", "Look", hint="copy brief", rank=12),
    Key(
        "run", ("n",), "n", "run_now", "analyse this ticker now; asks y with real money",
        "Engine", hint="run now", rank=7, asks=Asks.LIVE,
    ),
    Key("resync", ("r",), "r", "resync", "read account and positions again", "Engine", hint="resync", rank=11),
    Key("slower", ("minus",), "-", "speed(-1)", "slower market (demo)", "Engine", hint="speed", rank=8),
    Key("faster", ("plus", "equals_sign"), "+", "speed(1)", "faster market (demo)", "Engine", hint="speed", rank=8),
    Key("help", ("question_mark", "f1"), "?", "help", "all keys", "Look", hint="help", rank=5),
    Key(
        "leave", ("q", "ctrl+q", "ctrl+c"), "q", "app.leave", "leave the cockpit; asks y, positions stay bracketed",
        "Engine", hint="leave", rank=9, asks=Asks.YES,
    ),
)  # fmt: skip

BY_ID = {key.id: key for key in KEYS}


def bindings(keys: Iterable[Key]) -> list[BindingType]:
    """Textual bindings of `keys`, one for each key press that means it."""
    return [
        Binding(press, key.action, key.text, show=False, id=f"{key.id}.{press}") for key in keys for press in key.keys
    ]


def screen_bindings() -> list[BindingType]:
    """What the main screen answers to."""
    return bindings(KEYS)


def everywhere_bindings() -> list[BindingType]:
    """Priority bindings of the app: they fire in inputs and modals too, and replace Textual's instant quit."""
    everywhere = (("f12", BY_ID["kill"]), ("ctrl+q", BY_ID["leave"]), ("ctrl+c", BY_ID["leave"]))
    return [Binding(press, key.action, key.text, show=False, priority=True) for press, key in everywhere]


def over_modal_bindings() -> list[BindingType]:
    """K, for panels that have no text to type: modal screens hide the bindings beneath them."""
    return [Binding("K", "app.kill", BY_ID["kill"].text, show=False, id="kill.modal")]


def groups() -> dict[str, list[Key]]:
    """Keys by group, in table order: the help."""
    found: dict[str, list[Key]] = {}
    for key in KEYS:
        found.setdefault(key.group, []).append(key)
    return found
