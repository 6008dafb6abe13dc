"""Open positions beside the brackets that protect them, as last verified at the venue."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from cynosure_tui.format import UNKNOWN, age, count, percent, price, sign_role, signed
from cynosure_tui.lines import Line, Span, cell, clean
from cynosure_tui.widgets.pane import Content, Pane, View
from cynosure_tui.widgets.watchlist import arrow

if TYPE_CHECKING:
    from cynosure_tui.glyphs import Glyphs
    from engine.model import ProtectedPosition

RULER = 9
RULED = 66
PROTECTION = {
    "protected": ("live", "ok"),
    "partial": ("PARTIAL", "fail"),
    "missing": ("MISSING", "fail"),
    "healing": ("healing", "warn"),
    "closing": ("closing", "warn"),
    "foreign": ("FOREIGN", "warn"),
}


def distance(level: Decimal | None, held: ProtectedPosition) -> Decimal | None:
    """How far `level` is from the mark, as a fraction of the mark."""
    mark = held.position.mark_price
    if level is None or mark is None or mark <= 0:
        return None
    return level / mark - 1


def ruler(held: ProtectedPosition, glyphs: Glyphs) -> Span:
    """Where the mark stands between stop (left) and target (right), in eleven cells."""
    mark, stop, target = held.position.mark_price, held.stop, held.target
    if mark is None or stop is None or target is None or stop == target:
        return f"{glyphs.ruler_left}{'?' * RULER}{glyphs.ruler_right}", "dim"
    place = max(0, min(RULER - 1, int((mark - stop) / (target - stop) * RULER)))
    cells = glyphs.ruler * place + glyphs.dot + glyphs.ruler * (RULER - 1 - place)
    return f"{glyphs.ruler_left}{cells}{glyphs.ruler_right}", "text"


def notional(held: ProtectedPosition) -> str:
    value = held.position.notional_usd
    return price(value, 2) if value is not None else UNKNOWN


def _first(held: ProtectedPosition, view: View) -> Line:
    position, glyphs = held.position, view.glyphs
    digits = view.store.ticker(held.ticker).decimals or None
    side = "LONG" if position.contracts > 0 else "SHORT"
    pnl = f"{arrow(position.unrealised, glyphs)} {signed(position.unrealised)}"
    selected, stale = held.ticker == view.ticker, view.store.positions_are_stale
    spans: list[Span] = [
        (glyphs.cursor if selected else " ", "accent"),
        (cell(held.ticker, 7), "strong"),
        (cell(side, 5), "text"),
        (cell(notional(held), 10, ">"), "text"),
        (cell(price(position.entry_price, digits), 10, ">"), "label"),
        (cell(price(position.mark_price, digits), 10, ">"), "stale" if stale else "text"),
        (cell(pnl, 11, ">"), "stale" if stale else sign_role(position.unrealised)),
    ]
    if view.width >= RULED:
        spans += [(" ", "text"), ruler(held, glyphs)]
    return Line(tuple(spans), "select" if selected else "")


def _second(held: ProtectedPosition, view: View) -> Line:
    word, role = PROTECTION[str(held.protection)]
    digits = view.store.ticker(held.ticker).decimals or None
    if held.protection in {"missing", "partial", "foreign"}:
        detail = clean(held.detail) or "the guard is acting on it"
        return Line((("   OCO ", "label"), (f" !! {word} ", "banner_kill"), (f"  {detail}", "fail")))
    stale = view.store.positions_are_stale
    verified = age(view.store.age_s(held.verified_at))
    told = (f"  {view.glyphs.stale}seen {verified} ago", "warn") if stale else (f"  {verified}", "dim")
    spans: list[Span] = [
        ("   OCO ", "label"),
        (cell(f"{view.glyphs.stale}{word}" if stale else word, 8), "stale" if stale else role),
        (" SL ", "label"),
        (f"{price(held.stop, digits)} ({percent(distance(held.stop, held))})", "text"),
        ("  TP ", "label"),
        (f"{price(held.target, digits)} ({percent(distance(held.target, held))})", "text"),
        told,
    ]
    return Line(tuple(spans))


def positions(view: View) -> Content:
    store = view.store
    limit = store.risk_limits.get("max_open_positions")
    held = store.positions
    shown = count(len(held), int(limit)) if held is not None and limit else str(len(held or ()))
    title: list[Span] = [("POSITIONS & OCO", "title"), (f"  {shown if held is not None else UNKNOWN}", "label")]
    if held is None:
        return Content(title, [Line(), Line((("  Not read from the venue yet.", "label"),))])
    if not held:
        return Content(title, [Line(), Line((("  No positions. Entries appear here with their brackets.", "label"),))])
    header = f" {'TICKER':7}{'SIDE':5}{'NOTIONAL':>10}{'ENTRY':>10}{'MARK':>10}{'uPnL':>11}"
    header += " SL       TP" if view.width >= RULED else ""
    rows = [Line(((header, "label"),))]
    for item in held:
        rows += [_first(item, view), _second(item, view)]
    total = sum((item.position.unrealised for item in held), Decimal(0))
    note = [("total ", "label"), (f"{arrow(total, view.glyphs)} {signed(total)}", sign_role(total)), (" USDT", "label")]
    return Content(title, rows, note, head=1)


def one_line(view: View) -> Line:
    """All positions in one row, for narrow screens."""
    held = view.store.positions
    if held is None:
        return Line(((" positions: not read yet", "label"),))
    if not held:
        return Line(((" no positions", "label"),))
    spans: list[Span] = [(f" {len(held)} pos", "label")]
    for item in held:
        pnl = item.position.unrealised
        spans += [(f"  {item.ticker} ", "text"), (f"{arrow(pnl, view.glyphs)}{signed(pnl)}", sign_role(pnl))]
        if item.protection in {"missing", "partial", "foreign"}:
            spans.append((f" !{PROTECTION[str(item.protection)][0]}", "fail"))
    return Line(tuple(spans))


class PositionsPane(Pane):
    NAME = "POSITIONS & OCO"
    PER_TICKER = False
    SLICES: ClassVar[frozenset[str]] = frozenset({"positions", "identity", "health"})

    def content(self, view: View) -> Content:
        return positions(view)
