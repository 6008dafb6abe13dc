"""The hourly scanner: who of the watchlist is stronger than the rest, and so is looked at first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.events import WatchlistRanked
from engine.exchange.errors import ExchangeError
from engine.model import FloatArray, Instrument
from engine.watchlist import by_strength

if TYPE_CHECKING:
    from engine.works import Works

log = logging.getLogger(__name__)


class Ranking:
    """Relative strength, 0 … 100 by ticker, as last measured; None = its 1H closes could not be read."""

    def __init__(self) -> None:
        self._scores: Mapping[str, float | None] = {}

    @property
    def known(self) -> bool:
        return bool(self._scores)

    def order(self, works: Works, only: str = "") -> tuple[Instrument, ...]:
        """The watchlist, strongest first, or the one ticker of it."""
        order = by_strength(works.watch.instruments, self._scores)
        return tuple(i for i in order if i.ticker == only) if only else order

    async def measure(self, works: Works) -> WatchlistRanked:
        """From 1H closes, read side by side: each instrument has a rate limit of its own. An unreadable ticker has no
        score."""
        from engine.experts.scanner import rs_scores  # noqa: PLC0415 - loaded with the decision core

        watched = works.watch.instruments
        read = await asyncio.gather(*(_closes(works, instrument) for instrument in watched))
        closes = {i.ticker: series for i, series in zip(watched, read, strict=True) if series is not None}
        self._scores = rs_scores(closes)
        order = tuple(i.ticker for i in self.order(works))
        return WatchlistRanked(order, dict(self._scores), tuple(works.watch.skipped), works.venue.clock.now_ms())


async def _closes(works: Works, instrument: Instrument) -> FloatArray | None:
    try:
        return (await works.agent.hourly_candles(instrument)).close
    except ExchangeError as error:
        log.warning("no 1H candles of %s: %s", instrument.ticker, error)
        return None
