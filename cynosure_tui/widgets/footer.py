"""The bottom row: the keys that do something here and now. K and P never drop out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len

from cynosure_tui.keymap import KEYS, Key
from cynosure_tui.lines import Line, Span, two_sided
from cynosure_tui.widgets.pane import Bar


def hint(key: Key) -> list[Span]:
    return [(f" {key.shown}", "danger_key" if key.dangerous else "key"), (f" {key.hint} ", "label")]


def footer_line(keys: Sequence[Key], width: int) -> Line:
    """Hints in order of rank as far as they fit, the kill switch at the right edge always."""
    kill: list[Span] = [(" K KILL ", "badge_live")]
    room = width - sum(cell_len(text) for text, _ in kill)
    left: list[Span] = []
    for key in sorted((key for key in keys if key.hint and key.id != "kill"), key=lambda key: key.rank):
        spans = hint(key)
        size = sum(cell_len(text) for text, _ in spans)
        if size <= room or key.id == "entries":
            left += spans
            room -= size
    return two_sided(left, kill, width)


class FooterBar(Bar):
    available: Callable[[str], bool] = staticmethod(lambda _key_id: True)

    def rows(self, width: int, height: int) -> list[Line]:  # noqa: ARG002
        return [footer_line(merged([key for key in KEYS if self.available(key.id)]), width)]


PAIRS = {"tab_right": ("tab_left", "[ ]"), "faster": ("slower", "- +")}


def merged(keys: Sequence[Key]) -> list[Key]:
    """Opposite keys share one hint: `[ ] tab`, `- + speed`."""
    firsts = {first for first, _ in PAIRS.values()}
    rows = []
    for key in keys:
        if key.id in firsts:
            continue
        pair = PAIRS.get(key.id)
        rows.append(_shown_as(key, pair[1]) if pair else key)
    return rows


def _shown_as(key: Key, shown: str) -> Key:
    return Key(key.id, key.keys, shown, key.action, key.text, key.group, key.hint, key.rank)
