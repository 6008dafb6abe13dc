"""How the size came about, and the stop and target around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from cynosure_tui.format import UNKNOWN, fixed, percent, price, share
from cynosure_tui.lines import Line, Span, cell, clean, wrap
from cynosure_tui.widgets.gates import waiting
from cynosure_tui.widgets.ladder import regime_share
from cynosure_tui.widgets.pane import Content, Pane, View

if TYPE_CHECKING:
    from engine.model import DecisionRecord, Sizing


LABEL, VALUE = 9, 9


def _pair(width: int, *items: tuple[str, str]) -> list[Line]:
    """Side by side where both values fit whole, else one below the other: a cut number is a wrong number."""
    room = min(VALUE, (width - 2 * (LABEL + 1)) // 2)
    cells = [
        ((f" {cell(name, LABEL)}", "label"), (cell(value, max(room, len(value))), "text")) for name, value in items
    ]
    if any(len(value) > room for _, value in items):
        return [Line(spans) for spans in cells]
    return [Line(tuple(span for spans in cells for span in spans))]


def _rows(sizing: Sizing, record: DecisionRecord, digits: int, width: int) -> list[Line]:
    bracket = sizing.bracket
    rows = [
        *_pair(width, ("p win", share(sizing.p_win)), ("conf", fixed(sizing.confidence, 2))),
        *_pair(width, ("EV net", percent(sizing.ev_pct)), ("edge", fixed(sizing.edge, 3))),
        *_pair(width, ("odds", fixed(sizing.odds, 2)), ("cost", share(sizing.cost_pct, 2))),
        *_pair(width, ("Kelly/2", share(sizing.half_kelly)), ("x conf", fixed(sizing.conf_scale, 2))),
        *_pair(width, ("x regime", regime_share(record).removeprefix("x")), ("x DA", fixed(sizing.advocate_factor, 2))),
        *_pair(width, ("SL", percent(-sizing.stop_distance_pct)), ("TP", percent(sizing.target_distance_pct))),
        *_pair(width, ("notional", fixed(sizing.notional)), ("at risk", fixed(sizing.risk_usdt))),
        *_pair(width, ("size", f"{sizing.contracts.normalize():f} ct"), ("at price", price(record.price, digits))),
    ]
    if sizing.capped_by:
        rows.append(Line(((" capped by ", "label"), (clean(sizing.capped_by), "warn"))))
    if bracket is not None:
        rows.extend(_pair(width, ("SL at", price(bracket.stop, digits)), ("TP at", price(bracket.target, digits))))
    return rows


def sizing(view: View) -> Content:
    state = view.store.ticker(view.ticker)
    title: list[Span] = [("SIZING & ORDER", "title"), (f" {view.ticker}", "accent")]
    record = state.record
    if record is None:
        return Content(title, [Line(), *wrap(waiting(view), view.width - 2, "label")])
    rows = _rows(record.sizing, record, state.decimals, view.width) if record.sizing else [
        Line(((" notional ", "label"), (f"{UNKNOWN}  not sized", "text"))),
        Line(((" stopped by ", "label"), (str(record.reason), "warn"))),
    ]  # fmt: skip
    outcome = "sent" if record.reason == "ENTERED" else "none" if record.action == "HOLD" else str(record.reason)
    rows.append(Line(((" order ", "label"), (outcome, "ok" if outcome == "sent" else "label"))))
    return Content(title, rows)


class SizingPane(Pane):
    NAME = "SIZING & ORDER"
    SLICES: ClassVar[frozenset[str]] = frozenset({"decision", "stage", "pauses", "identity"})

    def content(self, view: View) -> Content:
        return sizing(view)
