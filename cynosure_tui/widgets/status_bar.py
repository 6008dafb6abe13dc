"""The top row: mode, engine, cycle, clock, health, money. What does not fit goes, the least urgent first."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from cynosure_tui.format import UNKNOWN, age, clock, count, countdown, fixed, latency, percent, sign_role, speed
from cynosure_tui.glyphs import Glyphs
from cynosure_tui.lines import Line, Span, clean, join, two_sided
from cynosure_tui.widgets.pane import Bar
from cynosure_tui.widgets.watchlist import STAGE_WORDS, arrow

if TYPE_CHECKING:
    from cynosure_tui.store import Store
    from engine.events import HealthChanged

BADGES = {"demo": "badge_demo", "paper": "badge_paper", "live": "badge_live"}
HEALTH_ROLES = {"ok": "text", "stale": "warn", "down": "fail", "stuck": "fail", "off": "dim"}
WORST_FIRST = {"stuck": 0, "down": 1, "stale": 2, "connecting": 3, "ok": 4, "off": 5}
"""What is off by choice is no trouble: it gives way to all others."""
# The engine's own jobs are worth a place only when they are not well.
QUIET_WHEN_OK = frozenset({"guard", "cycle", "stream", "news", "f&g"})
SHORT_SOURCES = {
    "exchange": "okx", "venue": "okx", "ollama": "llm", "synthesis": "llm", "forecast": "fc",
}  # fmt: skip
MAX_SOURCES = 3
SICK = frozenset({"stuck", "down", "stale"})


def engine_word(store: Store, glyphs: Glyphs) -> Span:
    """The one word for what the engine does now; worse news first."""
    state, kill = store.engine_state, store.kill_state
    if store.link_error or state == "failed":
        return f"{glyphs.fail} FAILED", "fail"
    if kill not in {"disengaged", "latched"}:
        return f"{glyphs.kill} KILL {kill.upper().replace('_', ' ')}", "fail"
    if store.halts:
        return f"{glyphs.halt} HALT", "fail"
    if kill == "latched" or store.entries_stopped:
        return f"{glyphs.pause} STOP-ENTRIES", "warn"
    if state == "starting":
        done = sum(step.status in {"ok", "skipped"} for step in store.startup.values())
        return f"{glyphs.start} START" + (f" {done}/{len(store.startup)}" if store.startup else ""), "accent"
    if state == "running":
        return f"{glyphs.run} RUN", "ok"
    return f"{glyphs.pause} {state.upper()}", "warn"


def cycle_words(store: Store, wide: bool, with_ticker: bool = True) -> list[Span]:
    if store.cycle is None:
        return [("no cycle yet", "label")]
    done, total, busy = store.cycle_progress()
    spans: list[Span] = [("cycle " if wide else "c", "label"), (str(store.cycle.cycle), "text")]
    if store.cycle_running:
        spans.append((f" {count(done, total)}", "accent"))
        if busy is not None and with_ticker:
            spans.append((f" {busy[0]}:{STAGE_WORDS.get(busy[1], busy[1])}", "text"))
    return spans


def next_words(store: Store) -> list[Span]:
    now = store.venue_now()
    due = store.last_cycle.next_at if store.last_cycle is not None else None
    if now is None or due is None or store.cycle_running:
        return []
    return [("next ", "label"), (countdown((due - now) / 1000), "text")]


def clock_words(store: Store) -> list[Span]:
    spans: list[Span] = [(f"{clock(store.venue_now())}Z", "text")]
    if store.clock is not None and store.clock.speed != 1:
        spans.append((f" {speed(store.clock.speed)}", "accent"))
    return spans


def health_words(store: Store, glyphs: Glyphs) -> list[Span]:
    told = [h for h in store.health.values() if h.status != "ok" or h.source not in QUIET_WHEN_OK]
    return _worst(told, MAX_SOURCES, glyphs)


def sick_words(store: Store, glyphs: Glyphs) -> list[Span]:
    """Where there is room for one word only: the worst source, and how many others are sick."""
    return _worst([h for h in store.health.values() if h.status in SICK], 1, glyphs)


def _worst(told: list[HealthChanged], most: int, glyphs: Glyphs) -> list[Span]:
    ranked = sorted(told, key=lambda health: WORST_FIRST.get(health.status, 0))
    parts = [_one(health, glyphs) for health in ranked[:most]]
    unseen = sum(health.status not in {"ok", "off"} for health in ranked[most:])
    if unseen:
        parts.append([(f"+{unseen}", "warn")])
    return join(parts, ("  ", "text"))


def _one(health: HealthChanged, glyphs: Glyphs) -> list[Span]:
    """A sick source with the age of its last good answer, where there was one."""
    name = SHORT_SOURCES.get(health.source, clean(health.source))
    value = latency(health.latency_ms) if health.latency_ms is not None else health.status
    since = age(health.age_s) if health.age_s is not None else ""
    if health.status == "down":
        value = f"{glyphs.fail}{since}"
    elif health.status == "stale":
        value = f"{glyphs.stale}{since or value}"
    return [(f"{name} ", "label"), (value, HEALTH_ROLES.get(health.status, "warn"))]


def money_words(store: Store, glyphs: Glyphs, wide: bool) -> list[Span]:
    account = store.account
    if account is None:
        return [("equity ", "label"), (UNKNOWN, "dim")]
    pnl, pnl_pct = account.day_pnl, account.day_pnl_pct
    shown = 0 if pnl_pct is not None and not round(pnl_pct, 4) else pnl
    text = f"{arrow(shown, glyphs)} {percent(pnl_pct)}"
    stale = store.venue_is_silent
    return [
        ("equity " if wide else "eq ", "label"),
        (f"{glyphs.stale}{fixed(account.equity)}" if stale else fixed(account.equity), "stale" if stale else "strong"),
        ("  day " if wide else "  ", "label"),
        (text, "stale" if stale else sign_role(shown)),
    ]


def status_line(store: Store, width: int, glyphs: Glyphs) -> Line:
    wide, roomy = width >= 130, width >= 100
    badge = (f" {store.mode.upper() or '····'} ", BADGES.get(store.mode, "label"))
    head: list[Span] = [(" CYNOSURE ", "title"), badge] if roomy else [badge]
    word, role = engine_word(store, glyphs)
    sick = [] if roomy else sick_words(store, glyphs)
    parts = [
        [(word, role)],
        cycle_words(store, wide, with_ticker=not sick),
        sick,
        next_words(store),
        health_words(store, glyphs) if roomy else [],
        money_words(store, glyphs, wide),
    ]
    separator = (f" {glyphs.bar} ", "frame") if wide else ("  ", "text")
    left = [*head, (" ", "text"), *join(parts, separator)]
    return two_sided(left, [*clock_words(store), (" ", "text")], width)


class StatusBar(Bar):
    SLICES: ClassVar[frozenset[str]] = frozenset()

    def rows(self, width: int, height: int) -> list[Line]:  # noqa: ARG002 - one row whatever the height
        return [status_line(self.store, width, self.glyphs)]
