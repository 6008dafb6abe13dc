"""The second row: the day's risk budget, or the worst thing that is going on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cynosure_tui.format import UNKNOWN, age, clock, count, fixed
from cynosure_tui.glyphs import Glyphs
from cynosure_tui.lines import Line, Span, clean, join
from cynosure_tui.widgets.pane import Bar

if TYPE_CHECKING:
    from cynosure_tui.store import Store


def alerts(store: Store) -> list[Span]:
    """Everything that needs a person's eye, worst first, as (text, banner role)."""
    found: list[Span] = []
    found += _kill(store)
    if store.link_error:
        found.append((f"ENGINE NOT RUNNING  {clean(store.link_error)}", "banner_kill"))
    elif store.engine_state in {"failed", "stopped"}:
        detail = store.engine.detail if store.engine else ""
        found.append((f"ENGINE {store.engine_state.upper()}  {clean(detail)}  figures are old", "banner_kill"))
    found += _unprotected(store)
    found += [
        (
            f"HALT {halt.reason}  {clean(halt.detail)}  entries blocked, exits go on; lifts: {clean(halt.lifts)}",
            "banner_halt",
        )
        for halt in store.halts
    ]
    if store.entries_stopped and store.kill_state == "disengaged":
        by = store.pauses.by if store.pauses else ""
        found.append((f"ENTRIES STOPPED by {clean(by)}  brackets and exits go on; P then y resumes", "banner_halt"))
    return found + _stale(store)


def _kill(store: Store) -> list[Span]:
    kill = store.kill
    if kill is None or kill.state == "disengaged":
        return []
    # Wall time, for a file outlives the engine and its market: an age in the venue's time would be untrue.
    since = f" at {clock(kill.since)}Z" if kill.since is not None else ""
    if kill.state == "latched":
        text = f"ENTRIES STOPPED by {clean(kill.by)}{since}  kill switch latched: K for HALT or FLAT, P then y resumes"
        return [(text, "banner_kill")]
    word = str(kill.state).upper().replace("_", " ")
    return [(f"KILL ENGAGED {word}  by {clean(kill.by)}{since}  {clean(kill.detail)}  K, then RESUME", "banner_kill")]


def _unprotected(store: Store) -> list[Span]:
    words = {"missing": "HAS NO STOP", "partial": "IS ONLY PARTLY COVERED"}
    return [
        (f"{held.ticker} {words[str(held.protection)]}  {clean(held.detail)}", "banner_kill")
        for held in store.positions or ()
        if held.protection in words
    ]


BESIDE = frozenset({"forecast", "news", "f&g"})
"""Sources that nothing waits for: their trouble stands among the healths, and hides no budget."""


def _stale(store: Store) -> list[Span]:
    found: list[Span] = []
    for health in store.health.values():
        if health.status in {"stale", "down", "stuck"} and health.source not in BESIDE:
            since = f" {age(health.age_s)}" if health.age_s is not None else ""
            text = f"{health.source.upper()} {health.status.upper()}{since}  {health.detail}"
            found.append((clean(text), "banner_halt"))
    return found


def budget_line(store: Store, width: int, glyphs: Glyphs) -> Line:
    worst = alerts(store)
    if worst:
        more = f"  (+{len(worst) - 1} more)" if len(worst) > 1 else ""
        text, role = worst[0]
        return Line(((f" {text}{more}".ljust(width), role),))
    return Line(((" ", "text"), *join(_budget(store, width), (f" {glyphs.bar} ", "frame"))))


def _budget(store: Store, width: int) -> list[list[Span]]:
    account, limits = store.account, store.risk_limits
    if account is None:
        return [[("Figures appear when the venue has answered.", "label")]]
    narrow = width < 100
    loss = max(0.0, -account.day_pnl_pct * 100)
    ratio = (
        fixed(account.margin_ratio)
        if account.margin_ratio is not None
        else "n/a"
        if not account.open_positions
        else UNKNOWN
    )
    parts = [
        _share("loss" if narrow else "day loss", loss, limits.get("daily_loss_limit_pct"), "%"),
        _whole("entries", account.entries_today, limits.get("max_daily_trades")),
        _whole("open", account.open_positions, limits.get("max_open_positions")),
        _whole("losses" if narrow else "loss streak", account.consecutive_losses, limits.get("max_consecutive_losses")),
        [("mgn " if narrow else "margin ", "label"), (ratio, "text")],
    ]
    least = limits.get("min_margin_ratio")
    if least is not None and not narrow:
        parts[-1].append((f" (min {least:.2f})", "label"))
    if account.balanced_to:
        parts.append([("books off by ", "warn"), (fixed(account.balanced_to), "fail")])
    elif not narrow:
        parts.append([("free ", "label"), (fixed(account.available), "text")])
    return parts


def _share(name: str, value: float, limit: float | None, unit: str) -> list[Span]:
    role = "warn" if limit and value >= limit / 2 else "text"
    of = f"/{limit:g}{unit}" if limit is not None else unit
    return [(f"{name} ", "label"), (fixed(value, 1), role), (of, "label")]


def _whole(name: str, value: int, limit: float | None) -> list[Span]:
    if limit is None:
        return [(f"{name} ", "label"), (str(value), "text")]
    role = "warn" if value >= limit * 0.8 else "text"
    head, _, tail = count(value, int(limit)).partition("/")
    return [(f"{name} ", "label"), (head, role), (f"/{tail}", "label")]


class BudgetBar(Bar):
    def rows(self, width: int, height: int) -> list[Line]:  # noqa: ARG002
        return [budget_line(self.store, width, self.glyphs)]
