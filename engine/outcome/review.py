"""The daily review: a finished UTC day's money, trades, decisions, signals and the value of the model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from engine.clock import Clock, utc_day
from engine.db import Database
from engine.events import DayReviewed, Event, LogLine
from engine.jsonl import JsonLines
from engine.model.review import DayReview, InformationCoefficient, ReviewedTrade
from engine.model.worth import Policy, Worth
from engine.outcome.history import DAY_MS, TradeHistory
from engine.outcome.measuring import Measuring
from engine.outcome.review_text import review_lines
from engine.risk.signal_quality import information_coefficients

REVIEWED = "reviewed_day"
"""Meta key: the newest day whose review was written."""

Calibration = Callable[[], Awaitable[Mapping[str, float | None]]]
"""The calibrator's scores by name, such as Brier and ECE."""


@cache
def _adapter() -> TypeAdapter[DayReview]:
    return TypeAdapter(DayReview)


class Reviewer:
    """`due` may be called at any time and any number of times: a day is reviewed once, also when midnight found the
    engine stopped."""

    def __init__(
        self,
        db: Database,
        measuring: Measuring,
        history: TradeHistory,
        clock: Clock,
        logs_dir: Path,
        publish: Callable[[Event], None],
        calibration: Calibration | None = None,
    ) -> None:
        self._db = db
        self._measuring = measuring
        self._history = history
        self._clock = clock
        self._publish = publish
        self._calibration = calibration
        self._lines = JsonLines(logs_dir / "reviews.jsonl")
        self._text = logs_dir / "review.txt"

    async def due(self, counted: Mapping[str, int]) -> DayReview | None:
        """Reviews the newest day that is over, if the engine saw it and it was not reviewed. Raises sqlite3.Error."""
        day = await self._newest_over()
        if day is None or day <= (await self._db.meta(REVIEWED) or ""):
            return None
        review = await self.review(day, counted)
        lines = review_lines(review)
        await asyncio.to_thread(self._write, review, lines)
        await self._db.set_meta(REVIEWED, day)
        self._publish(DayReviewed(review, lines, self._clock.now_ms()))
        return review

    async def review(self, day: str, counted: Mapping[str, int]) -> DayReview:
        """The figures of one UTC day, YYYY-MM-DD."""
        begin = day_ms(day)
        worth = await self._measuring.shadows.measured(self._clock.now_ms())
        return DayReview(
            day=day,
            **await self._money(day),
            entries=await self._history.entries_on(begin),
            trades=await self._trades(begin),
            decisions=await self._decisions(begin),
            answers=await self._measuring.shadows.counts(day),
            counted=dict(counted),
            signals=await self._signals(),
            worth=worth.text,
            others=_others(worth),
            calibration=await self._calibration() if self._calibration is not None else {},
        )

    async def _newest_over(self) -> str | None:
        """The day's baseline is the trace of its first look at the account."""
        row = await self._db.fetch_one(
            "SELECT max(day) AS day FROM baselines WHERE day < ?", (utc_day(self._clock.now_ms()),)
        )
        return None if row is None else row["day"]

    async def _money(self, day: str) -> dict[str, Decimal | None]:
        """Between this day's baseline and the next day's; without the next one the day's end is unknown."""
        rows = await self._db.fetch_all(
            "SELECT * FROM baselines WHERE day IN (?, ?) ORDER BY day", (day, next_day(day))
        )
        if len(rows) < 2:
            return dict.fromkeys(("equity", "profit", "realised", "fees", "funding"))
        first, last = rows

        def change(column: str) -> Decimal:
            return Decimal(last[column]) - Decimal(first[column])

        moved = change("transfers")
        parts: dict[str, Decimal | None] = {name: change(name) for name in ("realised", "fees", "funding")}
        return {"equity": Decimal(last["equity"]), "profit": change("equity") - moved, **parts}

    async def _trades(self, begin: int) -> tuple[ReviewedTrade, ...]:
        rows = await self._db.fetch_all(
            "SELECT ticker, net, reason FROM trades WHERE state = 'closed' AND closed_at >= ? AND closed_at < ?"
            " ORDER BY closed_at, rowid",
            (begin, begin + DAY_MS),
        )
        return tuple(ReviewedTrade(row["ticker"], Decimal(row["net"]), row["reason"] or "") for row in rows)

    async def _decisions(self, begin: int) -> dict[str, int]:
        """By reason, the most frequent first; of those that are kept."""
        rows = await self._db.fetch_all(
            "SELECT reason, count(*) AS times FROM decisions WHERE decided_at >= ? AND decided_at < ?"
            " GROUP BY reason ORDER BY times DESC, reason",
            (begin, begin + DAY_MS),
        )
        return {row["reason"]: int(row["times"]) for row in rows}

    async def _signals(self) -> tuple[InformationCoefficient, ...]:
        """Those with enough returns to say something."""
        table = await self._measuring.signals.table()
        found = await asyncio.to_thread(information_coefficients, table)
        return tuple(ic for ic in found if ic.ic is not None)

    def _write(self, review: DayReview, lines: tuple[str, ...]) -> None:
        """A full disk costs the file, not the review: it is in the event as well."""
        payload: dict[str, Any] = _adapter().dump_python(review, mode="json")
        problem = self._lines.write(payload)
        try:
            self._text.write_text("\n".join(lines) + "\n", encoding="utf-8")
        except OSError as error:
            problem = problem or f"{self._text.name}: {error.strerror or error}"
        if problem:
            self._publish(LogLine("warning", "review", problem, self._clock.now_ms()))


def _others(worth: Worth) -> tuple[str, ...]:
    """Against always HOLD and random entry: of whoever answers, the rules where no model does."""
    names = {Policy.HOLD: "always HOLD", Policy.RANDOM: "random entry"}
    return tuple(
        f"{worth.answered_by} less {names[c.against]}: {c.text}" for c in worth.comparisons if c.against in names
    )


def day_ms(day: str) -> int:
    """00:00 UTC of YYYY-MM-DD in ms."""
    return (date.fromisoformat(day) - date(1970, 1, 1)).days * DAY_MS


def next_day(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
