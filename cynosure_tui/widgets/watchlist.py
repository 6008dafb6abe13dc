"""The watchlist by relative strength: one row a ticker, columns that never change width."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from cynosure_tui.format import UNKNOWN, fixed, price, sign_role, signed
from cynosure_tui.glyphs import Glyphs
from cynosure_tui.lines import Line, Span, cell, clean, wrap
from cynosure_tui.widgets.pane import Content, Pane, View

if TYPE_CHECKING:
    from cynosure_tui.store import Store, TickerState


@dataclass(frozen=True, slots=True)
class Row:
    """One ticker, as the columns see it."""

    store: Store
    name: str
    index: int
    state: TickerState
    glyphs: Glyphs
    stale: bool


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    width: int
    align: str
    show: Callable[[Row], Span]


STAGE_WORDS = {
    "queued": "queue",
    "fetch": "fetch",
    "experts": "experts",
    "synthesis": "LLM",
    "risk": "risk",
    "execute": "order",
    "done": "done",
    "failed": "ERR",
    "paused": "PAUSED",
}


def change_24h(state: TickerState) -> Decimal | None:
    """Fraction since 24 h ago."""
    quote = state.quote
    if quote is None or quote.open_24h is None or quote.open_24h <= 0:
        return None
    return quote.last / quote.open_24h - 1


def arrow(value: Decimal | float | None, glyphs: Glyphs) -> str:
    return {"up": glyphs.up, "down": glyphs.down, "flat": glyphs.flat}[sign_role(value)] if value is not None else " "


def _last(row: Row) -> Span:
    if row.state.quote is None:
        return UNKNOWN, "dim"
    text = price(row.state.quote.last, row.state.decimals)
    return (f"{row.glyphs.stale}{text}", "stale") if row.stale else (text, "text")


def _change(row: Row) -> Span:
    change = change_24h(row.state)
    if change is None:
        return UNKNOWN, "dim"
    text = f"{arrow(change, row.glyphs)}{signed(change * 100):>7}"
    return text, "stale" if row.stale else sign_role(change)


def _score(row: Row) -> Span:
    score = row.store.scores.get(row.name)
    return (fixed(score, 0), "text") if score is not None else (UNKNOWN, "dim")


def streak_of(state: TickerState) -> int | None:
    if state.brief is not None:
        return state.brief.streak
    return state.record.direction_streak if state.record is not None else None


def _streak(row: Row) -> Span:
    streak = streak_of(row.state)
    if streak is None:
        return UNKNOWN, "dim"
    return f"{arrow(streak, row.glyphs)}{abs(streak)}", sign_role(streak)


def _signals(row: Row) -> Span:
    if row.state.brief is not None:
        return str(row.state.brief.technical.bullish_count), "text"
    record = row.state.record
    return (str(record.signals_aligned), "text") if record else (UNKNOWN, "dim")


def _confidence(row: Row) -> Span:
    record = row.state.record
    return (fixed(record.confidence, 2), "text") if record else (UNKNOWN, "dim")


def _decision(row: Row) -> Span:
    record = row.state.record
    if record is None:
        return UNKNOWN, "dim"
    said, did = str(record.synthesis.action), str(record.action)
    text = did if said == did else f"{said}{row.glyphs.arrow}{did}"
    return text, "accent" if did != "HOLD" else "label"


def _decision_short(row: Row) -> Span:
    text, role = _decision(row)
    said, _, did = text.partition(row.glyphs.arrow)
    return (f"{said[0]}{row.glyphs.arrow}{did[0]}" if did else text.replace("HOLD", "HLD")[:3]), role


def _reason(row: Row) -> Span:
    record = row.state.record
    return (str(record.reason), "dim") if record else ("", "dim")


def _state(row: Row) -> Span:
    store, stage = row.store, row.state.stage
    if stage is not None and stage.stage == "failed":
        return "ERR", "fail"
    held = store.position(row.name)
    if held is not None and held.protection == "missing":
        return "NO STOP", "fail"
    if store.paused(row.name):
        return "PAUSED", "warn"
    if stage is not None and store.cycle_running and stage.stage not in {"done", "paused"}:
        word = STAGE_WORDS.get(str(stage.stage), str(stage.stage))
        return word, "dim" if stage.stage == "queued" else "accent"
    if held is not None:
        return "IN POS", "ok"
    return ("done", "dim") if stage is not None else (UNKNOWN, "dim")


def _rank(row: Row) -> Span:
    return str(row.index + 1), "dim"


def _name(row: Row) -> Span:
    return row.name, "strong" if row.store.position(row.name) else "text"


COLUMNS: tuple[Column, ...] = (
    Column("#", 2, ">", _rank),
    Column("TICKER", 6, "<", _name),
    Column("LAST", 9, ">", _last),
    Column("24h %", 8, ">", _change),
    Column("RS", 3, ">", _score),
    Column("STRK", 4, ">", _streak),
    Column("SIG", 3, ">", _signals),
    Column("CONF", 4, ">", _confidence),
    Column("DECISION", 9, "<", _decision),
    Column("DEC", 3, "<", _decision_short),
    Column("STATE", 7, "<", _state),
    Column("STG", 3, "<", _state),
    Column("REASON", 18, "<", _reason),
)
SHORT_STATE = {"PAUSED": "PSE", "IN POS": "POS", "NO STOP": "!SL", "queue": "·", "done": "ok", "fetch": "get",
               "experts": "exp", "risk": "rsk", "order": "ord"}  # fmt: skip
FULL = frozenset(column.title for column in COLUMNS) - {"DEC", "STG"}
CONCESSIONS = (
    frozenset[str](),
    frozenset({"REASON"}),
    frozenset({"REASON", "CONF"}),
    frozenset({"REASON", "CONF", "SIG"}),
    frozenset({"REASON", "CONF", "SIG", "STRK"}),
)
COMPACT = frozenset({"#", "TICKER", "LAST", "24h %", "RS", "DEC", "STG"})


def columns_for(width: int) -> list[Column]:
    """The columns that fit, the least needed given up first."""
    for given_up in CONCESSIONS:
        chosen = [column for column in COLUMNS if column.title in FULL - given_up]
        if sum(column.width + 1 for column in chosen) + 1 <= width:
            return chosen
    return [column for column in COLUMNS if column.title in COMPACT]


def watchlist(view: View) -> Content:
    store, glyphs = view.store, view.glyphs
    columns = columns_for(view.width)
    header = _header(columns)
    if not store.watchlist:
        return Content(_title(store), [header, Line(), *_waiting(store, glyphs)])
    rows = [_row(view, columns, index, name) for index, name in enumerate(store.watchlist)]
    return Content(_title(store), [header, *rows], _note(store), head=1)


def _header(columns: list[Column]) -> Line:
    return Line((("  " + " ".join(cell(c.title, c.width, c.align) for c in columns), "label"),))


def _row(view: View, columns: list[Column], index: int, name: str) -> Line:
    store, glyphs = view.store, view.glyphs
    state = store.ticker(name)
    row = Row(store, name, index, state, glyphs, state.quote is not None and store.quote_is_stale(state))
    selected = name == view.ticker
    dim = store.paused(name)
    spans: list[Span] = [(f"{glyphs.cursor} " if selected else "  ", "accent")]
    for position, column in enumerate(columns):
        text, role = column.show(row)
        if column.title == "STG":
            text = SHORT_STATE.get(text, text)
        if dim and role == "text":
            role = "dim"
        gap = " " if position < len(columns) - 1 else ""
        spans.append((cell(text, column.width, column.align) + gap, role))
    return Line(tuple(spans), "select" if selected else "")


def _title(store: Store) -> list[Span]:
    size = f" {len(store.watchlist)}" if store.watchlist else ""
    return [("WATCHLIST", "title"), (f"{size}  by RS", "label")]


def _note(store: Store) -> list[Span]:
    errors = sum(1 for s in store.tickers.values() if s.stage is not None and s.stage.stage == "failed")
    paused = len(store.pauses.tickers) if store.pauses else 0
    parts: list[Span] = []
    if store.positions:
        parts.append((f"{len(store.positions)} pos", "label"))
    if paused:
        parts.append((f"{paused} paused", "warn"))
    if errors:
        parts.append((f"{errors} err", "fail"))
    if store.skipped:
        parts.append((f"{len(store.skipped)} unlisted", "warn"))
    spans: list[Span] = []
    for part in parts:
        spans += [(" · ", "frame"), part] if spans else [part]
    return spans


def _waiting(store: Store, glyphs: Glyphs) -> list[Line]:
    """The start-up checklist until there is a watchlist to show."""
    if store.link_error:
        return [Line((("  The engine did not start.", "fail"),)), *wrap(f"  {store.link_error}", 60, "text")]
    marks = {"ok": (glyphs.ok, "ok"), "failed": (glyphs.fail, "fail"), "skipped": (glyphs.skip, "dim")}
    rows = [Line((("  The engine is starting.", "label"),)), Line()]
    for step in store.startup.values():
        mark, role = marks.get(step.status, (glyphs.start, "accent"))
        rows.append(Line(((f"  {mark} ", role), (cell(clean(step.step), 14), "text"), (clean(step.detail), "dim"))))
    return rows


class WatchlistPane(Pane):
    """Follows the cursor row so that it stays visible."""

    NAME = "WATCHLIST"
    PER_TICKER = False
    SLICES: ClassVar[frozenset[str]] = frozenset(
        {"identity", "watchlist_ranked", "quotes", "stage", "brief", "decision", "positions", "pauses"}
        | {"cycle_started", "cycle_finished", "rank", "engine_state", "startup_step", "link"}
    )

    def content(self, view: View) -> Content:
        return watchlist(view)

    def show(self, ticker: str) -> None:
        if ticker == self.ticker:
            return
        self.ticker = ticker
        self._keep_visible()
        self.repaint()

    def _keep_visible(self) -> None:
        if self.ticker in self.store.watchlist:
            index = self.store.watchlist.index(self.ticker)
            room = max(self.size.height - 3, 1)
            self.top = min(self.top, index) if index < self.top + room else index - room + 1
