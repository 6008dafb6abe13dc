"""The market brief: the very text that the model reads, above it the numbers it was made of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

from cynosure_tui.format import UNKNOWN, age, fixed, percent, price, sign_role, signed
from cynosure_tui.lines import Line, Span, cell, clean, packed, wrap
from cynosure_tui.widgets.gates import waiting
from cynosure_tui.widgets.pane import Content, Pane, View
from cynosure_tui.widgets.watchlist import arrow, change_24h

if TYPE_CHECKING:
    from cynosure_tui.glyphs import Glyphs
    from engine.events import BriefReady
    from engine.model import TimeframeSignals


SCORED = 46
HEADER = f" {'TF':4}{'EMA':>3}{'RSI':>5}{'MACD':>5}{'OFI':>8}{'VWAP':>9}{'score':>7} bull"
NARROW_HEADER = HEADER[:4] + HEADER[5:35]


def sparkline(values: Sequence[float], width: int, ramp: str) -> str:
    """`values` in `width` cells, each the mean of its share; lowest to highest over the ramp."""
    if not values or width <= 0:
        return ""
    count = min(width, len(values))
    edges = [round(index * len(values) / count) for index in range(count + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    scale = (len(ramp) - 1) / (high - low) if high > low else 0.0
    return "".join(ramp[round((mean - low) * scale)] for mean in means)


def _vote(vote: int, glyphs: Glyphs) -> Span:
    return arrow(vote, glyphs), sign_role(vote)


def _timeframe(signals: TimeframeSignals, width: int, glyphs: Glyphs) -> Line:
    columns: list[tuple[str, int, int]] = [
        ("", signals.vote_ema, 3),
        (fixed(signals.rsi, 0) if signals.rsi is not None else UNKNOWN, signals.vote_rsi, 5),
        ("", signals.vote_macd, 5),
        (signed(signals.ofi_bar) if signals.ofi_bar is not None else UNKNOWN, signals.vote_ofi, 8),
        (percent(signals.vwap_deviation_pct), signals.vote_vwap, 9),
    ]
    spans: list[Span] = [(f" {cell(str(signals.timeframe), 4 if width >= SCORED else 3)}", "strong")]
    for text, vote, room in columns:
        sign, role = _vote(vote, glyphs)
        body = f"{text} " if text else ""
        spans += [(cell(body, room - 1, ">"), "text"), (sign, role)]
    if width < SCORED:
        return Line(tuple(spans))
    spans += [(cell(signed(signals.score), 7, ">"), sign_role(signals.score)), (f" {signals.bullish_count}/5", "label")]
    return Line(tuple(spans))


def _price_line(view: View) -> Line:
    state, store = view.store.ticker(view.ticker), view.store
    if state.quote is None:
        return Line(((f" {UNKNOWN}", "dim"), ("  no quote yet", "label")))
    change, stale = change_24h(state), store.quote_is_stale(state)
    last = price(state.quote.last, state.decimals)
    spans: list[Span] = [
        (f" {view.glyphs.stale if stale else ''}{last}", "stale" if stale else "strong"),
        (f"  {arrow(change, view.glyphs)} {percent(change)}", "stale" if stale else sign_role(change)),
        ("  24h", "label"),
    ]
    if stale:
        spans.append((f"  stale {age(store.age_s(state.quote.ts))}", "warn"))
    return Line(tuple(spans))


def _spark(brief: BriefReady, view: View) -> list[Line]:
    note = f"  {len(brief.closes)} x 15m"
    text = sparkline(brief.closes, view.width - len(note) - 2, view.glyphs.spark)
    role = sign_role(brief.closes[-1] - brief.closes[0]) if len(brief.closes) > 1 else "flat"
    return [Line(((f" {text}", role), (note, "label")))] if text else []


def _summary(brief: BriefReady, view: View) -> list[Line]:
    technical, glyphs = brief.technical, view.glyphs
    direction = str(technical.direction)
    role = {"bullish": "up", "bearish": "down"}.get(direction, "flat")
    votes: list[list[Span]] = [
        [("streak ", "label"), (f"{arrow(brief.streak, glyphs)}{abs(brief.streak)}", sign_role(brief.streak))],
        [(direction, role)],
        [("signals ", "label"), (f"{technical.bullish_count}/15", "strong")],
        [("TF ", "label"), (f"{technical.timeframes_aligned}/3", "strong")],
    ]
    measures: list[list[Span]] = [
        [("strength ", "label"), (fixed(technical.strength, 2), "strong")],
        [("score ", "label"), (signed(technical.score), sign_role(technical.score))],
        [("ATR ", "label"), (percent(technical.atr_pct_avg).lstrip("+"), "text")],
    ]
    return [*packed(votes, view.width), *packed(measures, view.width)]


def _ages(brief: BriefReady, view: View) -> list[Line]:
    parts = " ".join(
        f"{clean(name)} {age(seconds) if seconds is not None else 'n/a'} ·" for name, seconds in brief.ages_s.items()
    )
    return [Line(((f" {row.plain}", "dim"),)) for row in wrap(f"ages: {parts.rstrip(' ·')}", view.width - 2)]


def brief(view: View) -> Content:
    state = view.store.ticker(view.ticker)
    title: list[Span] = [("MARKET BRIEF", "title"), (f" {view.ticker}", "accent")]
    rows = [_price_line(view)] if view.ticker else []
    ready = state.brief
    if ready is None:
        return Content(title, [*rows, Line(), *wrap(waiting(view), view.width - 2, "label")])
    title.append((f"  c{ready.cycle}", "label"))
    rows += _spark(ready, view)
    rows.append(Line(((HEADER if view.width >= SCORED else NARROW_HEADER, "label"),)))
    rows += [_timeframe(signals, view.width, view.glyphs) for signals in ready.technical.timeframes.values()]
    rows += _summary(ready, view)
    rows.append(Line(((" " + view.glyphs.horizontal * (view.width - 2), "frame"),)))
    rows += [Line(((f" {row.plain}", "text"),)) for row in wrap(ready.brief, view.width - 2)]
    rows += _ages(ready, view)
    return Content(title, rows, [(f"{ready.tokens} tok", "label"), (" · y copy", "dim")])


class BriefPane(Pane):
    NAME = "MARKET BRIEF"
    SLICES: ClassVar[frozenset[str]] = frozenset({"brief", "quotes", "stage", "pauses", "identity", "engine_state"})

    def content(self, view: View) -> Content:
        return brief(view)
