"""A day's review in a person's words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from engine.model.review import DayReview, InformationCoefficient
from engine.risk.signal_quality import HORIZONS_BARS, MIN_SAMPLES, strongest

SHOWN_TRADES = 12
SHOWN_SIGNALS = 6
SHOWN_REASONS = 8


def review_lines(review: DayReview) -> tuple[str, ...]:
    """The first line is the one that stands alone on the tape."""
    lines = [
        _headline(review),
        _money(review),
        *_trades(review),
        f"decisions  {_counts(review.decisions, SHOWN_REASONS)}",
    ]
    lines.append(f"answers    {_counts(review.answers)}")
    lines.append(f"worth      {review.worth}")
    lines += [f"           {line}" for line in review.others]
    lines += _signals(review.signals)
    if review.calibration:
        scores = ", ".join(f"{name} {_number(value, 3)}" for name, value in review.calibration.items())
        lines.append(f"calibrated {scores}")
    if review.counted:
        lines.append(f"counted    {_counts(review.counted)} since the start")
    return tuple(lines)


def _headline(review: DayReview) -> str:
    won = sum(trade.net > 0 for trade in review.trades)
    return (
        f"review {review.day}: P&L {_usdt(review.profit)} USDT, {review.entries} entries, "
        f"{len(review.trades)} trades closed, {won} won; worth {review.worth}"
    )


def _money(review: DayReview) -> str:
    equity = "n/a" if review.equity is None else f"{review.equity:,.2f}"
    parts = ((n, getattr(review, n)) for n in ("realised", "fees", "funding"))
    return f"money      equity {equity} USDT; " + ", ".join(f"{name} {_usdt(value)}" for name, value in parts)


def _trades(review: DayReview) -> list[str]:
    shown = [f"trade      {t.ticker} {_usdt(t.net)} USDT {t.reason}" for t in review.trades[:SHOWN_TRADES]]
    more = len(review.trades) - len(shown)
    return [*shown, *([f"           and {more} more"] if more else [])]


def _signals(signals: tuple[InformationCoefficient, ...]) -> list[str]:
    """The strongest, each with its decay over the horizons."""
    if not signals:
        return [f"signals    none has {MIN_SAMPLES} returns yet that do not overlap"]
    known = {(ic.signal, ic.horizon): ic for ic in signals}
    names = dict.fromkeys(ic.signal for ic in strongest(signals, len(signals)))
    return [f"signal     {name:<16} {_decay(name, known)}" for name in list(names)[:SHOWN_SIGNALS]]


def _decay(name: str, known: Mapping[tuple[str, str], InformationCoefficient]) -> str:
    found = (known.get((name, horizon)) for horizon in HORIZONS_BARS)
    return "; ".join(_coefficient(ic) for ic in found if ic is not None)


def _coefficient(ic: InformationCoefficient) -> str:
    figures = f"IC {_number(ic.ic, 3)} t {_number(ic.t, 1)} ICIR {_number(ic.icir, 2)}"
    return f"{ic.horizon} {figures} n {ic.n} ({ic.apart} apart)"


def _counts(counts: Mapping[str, int], most: int | None = None) -> str:
    shown = [f"{name.replace('_', ' ') if name.islower() else name} {n}" for name, n in counts.items() if n][:most]
    rest = sum(1 for n in counts.values() if n) - len(shown)
    return (", ".join(shown) or "none") + (f", and {rest} more reasons" if rest > 0 else "")


def _number(value: float | None, digits: int) -> str:
    return "n/a" if value is None else f"{value:+.{digits}f}"


def _usdt(value: Decimal | None) -> str:
    return "n/a" if value is None else f"{round(value, 2) + 0:+,.2f}"
