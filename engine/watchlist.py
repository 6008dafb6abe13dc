"""The watchlist's names resolved against what the venue lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.model import Instrument, InstrumentState


@dataclass(frozen=True, slots=True)
class Resolved:
    """`instruments` in watchlist order; `skipped` tells why each of the others is not traded."""

    instruments: tuple[Instrument, ...]
    skipped: Mapping[str, str]


def resolve(watchlist: Iterable[str], listed: Mapping[str, Instrument]) -> Resolved:
    """A bare `NVDA` means `NVDA-USDT-SWAP`. Unlisted or not live: skipped by name, never a crash."""
    found: dict[str, Instrument] = {}
    skipped: dict[str, str] = {}
    for name in watchlist:
        inst_id = name.upper() if "-" in name else f"{name.upper()}-USDT-SWAP"
        instrument = listed.get(inst_id)
        if instrument is None:
            skipped[name] = f"{inst_id} is not listed at this venue"
        elif instrument.state is not InstrumentState.LIVE:
            skipped[name] = f"{inst_id} is in state '{instrument.state}'"
        else:
            found[inst_id] = instrument
    return Resolved(tuple(found.values()), skipped)


def by_strength(instruments: Iterable[Instrument], scores: Mapping[str, float | None]) -> tuple[Instrument, ...]:
    """Strongest relative strength first; unknown scores last; ties keep the watchlist's order."""
    return tuple(sorted(instruments, key=lambda i: -score if (score := scores.get(i.ticker)) is not None else 1.0))
