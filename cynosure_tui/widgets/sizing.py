"""How the size came about, and the stop and target around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from cynosure_tui.format import UNKNOWN, fixed, percent, price, share
from cynosure_tui.lines import Line, Span, cell, clean, wrap
from cynosure_tui.widgets.gates import waiting
from cynosure_tui.widgets.pane import Content, Pane, View

if TYPE_CHECKING:
    from engine.model import DecisionRecord, Sizing


def _pair(*items: tuple[str, str]) -> Line:
    spans: list[Span] = []
    for name, value in items:
        spans += [(f" {cell(name, 9)}", "label"), (cell(value, 9), "text")]
    return Line(tuple(spans))


def _rows(sizing: Sizing, record: DecisionRecord, digits: int) -> list[Line]:
    bracket = sizing.bracket
    rows = [
        _pair(("p win", share(sizing.p_win)), ("conf", fixed(sizing.confidence, 2))),
        _pair(("EV net", percent(sizing.ev_pct)), ("edge", fixed(sizing.edge, 3))),
        _pair(("odds", fixed(sizing.odds, 2)), ("cost", share(sizing.cost_pct, 2))),
        _pair(("½ Kelly", share(sizing.half_kelly)), ("x conf", fixed(sizing.conf_scale, 2))),
        _pair(("x regime", fixed(sizing.regime_multiplier, 2)), ("x DA", fixed(sizing.advocate_factor, 2))),
        _pair(("SL", percent(-sizing.stop_distance_pct)), ("TP", percent(sizing.target_distance_pct))),
        _pair(("notional", fixed(sizing.notional)), ("at risk", fixed(sizing.risk_usdt))),
        _pair(("size", f"{sizing.contracts.normalize():f} ct"), ("at price", price(record.price, digits))),
    ]
    if sizing.capped_by:
        rows.append(Line(((" capped by ", "label"), (clean(sizing.capped_by), "warn"))))
    if bracket is not None:
        rows.append(_pair(("SL at", price(bracket.stop, digits)), ("TP at", price(bracket.target, digits))))
    return rows


def sizing(view: View) -> Content:
    state = view.store.ticker(view.ticker)
    title: list[Span] = [("SIZING & ORDER", "title"), (f" {view.ticker}", "accent")]
    record = state.record
    if record is None:
        return Content(title, [Line(), *wrap(waiting(view), view.width - 2, "label")])
    rows = _rows(record.sizing, record, state.decimals) if record.sizing else [
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
