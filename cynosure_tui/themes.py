"""Colours by role. Direction (up, down, flat) and state (ok, warn, fail) never share a colour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.style import Style
from textual.theme import Theme

CYNOSURE = Theme(
    name="cynosure",
    primary="#6f9fd8",
    secondary="#2b3947",
    foreground="#c9d3de",
    background="#0c1117",
    surface="#0c1117",
    panel="#131b24",
    error="#ff6b5e",
    warning="#e2b14a",
    success="#57b6c2",
    dark=True,
)

CLASSIC = {
    "text": "#c9d3de",
    "strong": "bold #eef3f8",
    "label": "#7f90a3",
    "dim": "#566576",
    "frame": "#2b3947",
    "frame_focus": "#5f8fc4",
    "title": "bold #a9bacb",
    "title_focus": "bold #8fbcf0",
    "accent": "#8fbcf0",
    "up": "#74c48f",
    "down": "#e58a92",
    "flat": "#7f90a3",
    "ok": "#5fbfca",
    "warn": "#e2b14a",
    "fail": "bold #ff7062",
    "stale": "italic #6b7684",
    "select": "on #1d2b3a",
    "key": "bold #8fbcf0",
    "danger_key": "bold #ff7062",
    "badge_demo": "bold #0c1117 on #6f9fd8",
    "badge_paper": "bold #0c1117 on #d8b45a",
    "badge_live": "bold #ffffff on #c2273d",
    "banner_kill": "bold #ffffff on #a81f30",
    "banner_halt": "bold #14100a on #e2b14a",
    "banner_info": "bold #d9e6f2 on #24405c",
}

ANSI = {
    "text": "default",
    "strong": "bold default",
    "label": "white",
    "dim": "bright_black",
    "frame": "bright_black",
    "frame_focus": "bright_blue",
    "title": "bold white",
    "title_focus": "bold bright_blue",
    "accent": "bright_blue",
    "up": "green",
    "down": "red",
    "flat": "white",
    "ok": "cyan",
    "warn": "yellow",
    "fail": "bold bright_red",
    "stale": "bright_black",
    "select": "on blue",
    "key": "bold bright_blue",
    "danger_key": "bold bright_red",
    "badge_demo": "bold black on blue",
    "badge_paper": "bold black on yellow",
    "badge_live": "bold white on red",
    "banner_kill": "bold white on red",
    "banner_halt": "bold black on yellow",
    "banner_info": "bold white on blue",
}

MONO = {
    "text": "",
    "strong": "bold",
    "label": "",
    "dim": "dim",
    "frame": "dim",
    "frame_focus": "bold",
    "title": "bold",
    "title_focus": "bold reverse",
    "accent": "",
    "up": "",
    "down": "",
    "flat": "",
    "ok": "",
    "warn": "bold",
    "fail": "bold reverse",
    "stale": "dim",
    "select": "reverse",
    "key": "bold",
    "danger_key": "bold reverse",
    "badge_demo": "reverse",
    "badge_paper": "bold reverse",
    "badge_live": "bold reverse underline",
    "banner_kill": "bold reverse",
    "banner_halt": "bold reverse",
    "banner_info": "reverse",
}


@dataclass(frozen=True, slots=True)
class Palette:
    """Rich styles by role; `textual_theme` is what the widgets around them use."""

    name: str
    textual_theme: str
    native_ansi: bool
    styles: Mapping[str, Style]

    def style(self, role: str) -> Style:
        return self.styles[role]


def _palette(name: str, textual_theme: str, native_ansi: bool, roles: Mapping[str, str]) -> Palette:
    return Palette(name, textual_theme, native_ansi, {role: Style.parse(text) for role, text in roles.items()})


PALETTES = {
    "classic": _palette("classic", CYNOSURE.name, False, CLASSIC),
    "ansi": _palette("ansi", "ansi-dark", True, ANSI),
    "mono": _palette("mono", "ansi-dark", True, MONO),
}

SIXTEEN_COLOURS = frozenset({"linux", "ansi", "vt100", "vt220", "xterm", "screen", "xterm-16color", "rxvt", "cygwin"})


def pick(environ: Mapping[str, str]) -> Palette:
    """NO_COLOR wins; then what was asked for; then what the terminal can do."""
    if environ.get("NO_COLOR") is not None:
        return PALETTES["mono"]
    asked = environ.get("CYNOSURE_THEME", "").lower()
    if asked in PALETTES:
        return PALETTES[asked]
    truecolour = environ.get("COLORTERM", "").lower() in {"truecolor", "24bit"}
    if not truecolour and environ.get("TERM", "") in SIXTEEN_COLOURS:
        return PALETTES["ansi"]
    return PALETTES["classic"]
