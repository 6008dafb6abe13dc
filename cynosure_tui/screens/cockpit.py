"""The main screen: what the engine sees, thinks, holds and does, and the keys to steer it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.timer import Timer

from cynosure_tui.compositor import CellCompositor
from cynosure_tui.keymap import screen_bindings
from cynosure_tui.lines import Span
from cynosure_tui.requests import Requests
from cynosure_tui.store import Changes
from cynosure_tui.widgets.brief import BriefPane
from cynosure_tui.widgets.budget_bar import BudgetBar
from cynosure_tui.widgets.footer import FooterBar
from cynosure_tui.widgets.gates import GatesPane
from cynosure_tui.widgets.minimal import MinimalBody, PositionsLine
from cynosure_tui.widgets.overrides import OverridesPane
from cynosure_tui.widgets.pane import Bar, Painted, Pane
from cynosure_tui.widgets.positions import PositionsPane
from cynosure_tui.widgets.sizing import SizingPane
from cynosure_tui.widgets.status_bar import StatusBar
from cynosure_tui.widgets.tape import TapePane
from cynosure_tui.widgets.watchlist import WatchlistPane

if TYPE_CHECKING:
    from cynosure_tui.app import CockpitApp

TABS = {
    "-two": ("gates", "brief", "llm", "size"),
    "-narrow": ("gates", "brief", "llm", "size", "pos", "tape"),
}
REST_S = 0.12
TICK_S = 1.0


class CockpitScreen(Screen[None]):
    """Widgets hold no truth: each repaints from the store when a slice that it shows has changed."""

    BINDINGS: ClassVar[list[BindingType]] = screen_bindings()
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (80, "-narrow"), (100, "-two"), (140, "-three")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (24, "-low"), (30, "-tall")]  # noqa: RUF012
    ALLOW_IN_MAXIMIZED_VIEW = "#status, #footer, .-textual-system"
    AUTO_FOCUS = "#watchlist"

    def __init__(self) -> None:
        super().__init__()
        self._compositor = CellCompositor()
        self.ticker = ""
        self.open_tab = "gates"
        self._moved = False
        self._rest: Timer | None = None

    @property
    def cockpit(self) -> CockpitApp:
        return cast("CockpitApp", self.app)

    @property
    def requests(self) -> Requests:
        return self.cockpit.requests

    def compose(self) -> ComposeResult:
        yield self._make(StatusBar, "status")
        yield self._make(BudgetBar, "budget")
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield self._make(WatchlistPane, "watchlist")
                yield self._make(PositionsPane, "positions")
                yield self._make(TapePane, "tape")
            with Horizontal(id="detail"):
                with Vertical(id="mid"):
                    yield self._make(BriefPane, "brief")
                    yield self._make(OverridesPane, "overrides")
                with Vertical(id="right"):
                    yield self._make(GatesPane, "gates")
                    yield self._make(SizingPane, "sizing")
                for kind, name in ((PositionsPane, "tab_positions"), (TapePane, "tab_tape")):
                    pane = self._make(kind, name)
                    pane.add_class("tab-only")
                    yield pane
        yield self._make(MinimalBody, "minimal")
        yield self._make(PositionsLine, "oneline")
        yield self._make(FooterBar, "footer")

    def _make(self, kind: type[Painted], name: str) -> Painted:
        app = self.cockpit
        return kind(app.store, app.palette, app.glyphs, id=name)

    def on_mount(self) -> None:
        self.query_one(FooterBar).available = self.available
        self.set_interval(TICK_S, self._tick)
        self._arrange()

    # ------------------------------------------------------------ following the store

    def changed(self, changes: Changes) -> None:
        """Repaint what these changes touch; called once a batch."""
        self._choose_first()
        if "positions" in changes.slices:
            self._make_room()
        with self.app.batch_update():
            for pane in self.query(Pane):
                if pane.concerned(changes):
                    pane.repaint()
            self._repaint_bars()

    def _choose_first(self) -> None:
        """The strongest ticker, until a person has moved the cursor."""
        names = self.cockpit.store.watchlist
        if names and (self.ticker not in names or (not self._moved and self.ticker != names[0])):
            self.select(names[0])

    def _make_room(self) -> None:
        """Two rows a position, as long as the tape keeps a few."""
        rows = min(max(2 * len(self.cockpit.store.positions or ()) + 3, 5), 15)
        pane = self.query_one("#positions", PositionsPane)
        if pane.styles.height is None or pane.styles.height.value != rows:
            pane.styles.height = rows

    def _tick(self) -> None:
        """Clocks and ages; everything else waits for its event."""
        self.query_one(StatusBar).repaint()
        self.query_one(BudgetBar).repaint()
        self.query_one(WatchlistPane).repaint()
        if self.cockpit.store.positions_are_stale:
            self.query_one("#positions", PositionsPane).repaint()

    def _repaint_bars(self) -> None:
        for bar in self.query(Bar):
            bar.repaint()

    # ------------------------------------------------------------ layout

    def on_resize(self, event: events.Resize) -> None:  # noqa: ARG002
        self.call_after_refresh(self._arrange)

    def _arrange(self) -> None:
        """Tabs exist where there is one column for the detail panes."""
        tabs = self.tabs
        if tabs and self.open_tab not in tabs:
            self.open_tab = tabs[0]
        for name in TABS["-narrow"]:
            self.set_class(bool(tabs) and name == self.open_tab, f"tab-{name}")
        self.set_class(bool(tabs), "-one-pane")
        spans = self._tab_spans(tabs)
        for pane in self.query(Pane):
            if pane.id in DETAIL_PANES:
                pane.tabs = spans
        self.call_after_refresh(self.repaint_all)

    @property
    def tabs(self) -> tuple[str, ...]:
        return next((names for layout, names in TABS.items() if self.has_class(layout)), ())

    def _tab_spans(self, tabs: tuple[str, ...]) -> tuple[Span, ...]:
        spans: list[Span] = []
        for name in tabs:
            open_ = name == self.open_tab
            spans.append((f"{' ' if spans else ''}{name.upper() if open_ else name}", "title" if open_ else "label"))
        return tuple(spans)

    def repaint_all(self) -> None:
        for painted in self.query(Painted):
            painted.repaint()

    def action_tab(self, by: int) -> None:
        if tabs := self.tabs:
            self.open_tab = tabs[(tabs.index(self.open_tab) + by) % len(tabs)]
            self._arrange()

    def action_zoom(self) -> None:
        if self.maximized is not None:
            self.minimize()
        elif isinstance(self.focused, Pane):
            self.maximize(self.focused, container=False)

    # ------------------------------------------------------------ the cursor

    def select(self, ticker: str) -> None:
        """Lists follow at once; the detail panes when the cursor has rested."""
        self.ticker = ticker
        for pane in self.query(Pane):
            if pane.id in LIST_PANES:
                pane.show(ticker)
        self.query_one(FooterBar).repaint()
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST_S, self._follow)

    def _follow(self) -> None:
        with self.app.batch_update():
            for pane in self.query(Pane):
                pane.show(self.ticker)

    def _list(self) -> tuple[str, ...] | None:
        """The tickers that the cursor walks through, or None when the focused pane scrolls instead."""
        focused = self.focused
        store = self.cockpit.store
        if isinstance(focused, PositionsPane):
            return tuple(held.ticker for held in store.positions or ())
        return store.watchlist if focused is None or isinstance(focused, WatchlistPane) else None

    def action_cursor(self, by: int) -> None:
        self._moved = True
        names = self._list()
        if names is None:
            cast("Pane", self.focused).scroll_lines(by)
        elif names:
            index = names.index(self.ticker) + by if self.ticker in names else 0
            self.select(names[max(0, min(len(names) - 1, index))])

    def action_cursor_to(self, index: int) -> None:
        self._moved = True
        names = self._list()
        if names is None:
            cast("Pane", self.focused).scroll_lines(-10_000 if index == 0 else 10_000)
        elif names:
            self.select(names[index])

    def action_page(self, by: int) -> None:
        self.action_cursor(by * 10)

    # ------------------------------------------------------------ requests

    def available(self, key_id: str) -> bool:
        """Whether this key does something here and now: the footer shows only such."""
        conditions: dict[str, Callable[[], bool]] = {
            "tab_left": lambda: bool(self.tabs),
            "tab_right": lambda: bool(self.tabs),
            "faster": lambda: self.cockpit.store.mode == "demo",
            "slower": lambda: self.cockpit.store.mode == "demo",
            "close": lambda: self.cockpit.store.position(self.ticker) is not None,
        }
        return conditions.get(key_id, lambda: True)()

    def action_toggle_pause(self) -> None:
        self.requests.toggle_pause(self.ticker)

    def action_toggle_entries(self) -> None:
        self.requests.toggle_entries()

    def action_close_position(self) -> None:
        self.requests.close_position(self.ticker)

    def action_close_half(self) -> None:
        self.requests.close_half(self.ticker)

    def action_claim_position(self) -> None:
        self.requests.claim_position(self.ticker)

    def action_run_now(self) -> None:
        self.requests.run_now(self.ticker)

    def action_resync(self) -> None:
        self.requests.resync()

    def action_speed(self, by: int) -> None:
        self.requests.change_speed(by)

    def action_why(self) -> None:
        self.cockpit.show_why(self.ticker)

    def action_help(self) -> None:
        self.cockpit.show_help()

    def action_copy_brief(self) -> None:
        self.requests.copy_brief(self.ticker)


DETAIL_PANES = frozenset({"brief", "overrides", "gates", "sizing", "tab_positions", "tab_tape"})
LIST_PANES = frozenset({"watchlist", "positions", "tab_positions"})
