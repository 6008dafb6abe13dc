"""What still fits a tiny terminal: the alert, a line per position, and the way to the kill switch."""

from __future__ import annotations

from cynosure_tui.format import UNKNOWN, sign_role, signed
from cynosure_tui.lines import Line, cell, line
from cynosure_tui.widgets.pane import Bar, View
from cynosure_tui.widgets.positions import PROTECTION, one_line
from cynosure_tui.widgets.watchlist import arrow


class MinimalBody(Bar):
    """State is in the bars around it."""

    def rows(self, width: int, height: int) -> list[Line]:  # noqa: ARG002
        held = self.store.positions
        if held is None:
            return [line((f" positions {UNKNOWN}", "label"))]
        if not held:
            return [line((" no positions", "label"))]
        rows = []
        for item in held:
            pnl, (word, role) = item.position.unrealised, PROTECTION[str(item.protection)]
            sign = f"{arrow(pnl, self.glyphs)}{signed(pnl)}"
            rows.append(
                line((f" {cell(item.ticker, 6)}", "strong"), (cell(sign, 11, ">"), sign_role(pnl)), (f" {word}", role))
            )
        return rows


class PositionsLine(Bar):
    """All positions in one row."""

    def rows(self, width: int, height: int) -> list[Line]:
        return [one_line(View(self.store, "", self.glyphs, width, height))]
