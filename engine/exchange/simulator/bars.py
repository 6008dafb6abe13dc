"""Where bars come from: the one thing that the generated and the recorded market do differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.exchange.simulator.specs import InstrumentSpec
from engine.model import FloatArray, IntArray


class RecordedDataError(Exception):
    """The recorded data cannot be used. One line: the file, what was expected. The user must act."""


@dataclass(frozen=True, slots=True)
class Bars:
    """Base bars, oldest first, arrays of shape (n,): open time in ms, USDT prices on the tick grid,
    volume in base units."""

    ts: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def __len__(self) -> int:
        return len(self.ts)

    def pick(self, rows: slice | IntArray | NDArray[np.bool_]) -> Bars:
        """Those rows."""
        return Bars(
            self.ts[rows], self.open[rows], self.high[rows], self.low[rows], self.close[rows], self.volume[rows]
        )


def joined(pieces: Sequence[Bars]) -> Bars:
    """Spans that follow one another, at least one, as one."""
    columns = ([getattr(piece, name) for piece in pieces] for name in Bars.__slots__)
    return Bars(*(np.concatenate(column) for column in columns))


class BarSource(Protocol):
    """Finished bars of every instrument, up to any moment asked for. See `Market` for the properties."""

    @property
    def specs(self) -> Mapping[str, InstrumentSpec]: ...

    @property
    def identity(self) -> str: ...

    @property
    def seed(self) -> int:
        """Salts everything that is derived from the bars."""
        ...

    @property
    def history_start_ms(self) -> int: ...

    @property
    def start_ms(self) -> int: ...

    @property
    def end_ms(self) -> int | None: ...

    def interval_ms(self, inst_id: str) -> int:
        """Length of this instrument's bars: 1, 5 or 15 minutes."""
        ...

    def bars(self, inst_id: str, from_ms: int, to_ms: int) -> Bars:
        """Bars that open in [from_ms, to_ms); a bar that never was (halt, closed session) is absent."""
        ...

    def close_before(self, inst_id: str, t_ms: int) -> float:
        """Close of the last bar that opened before `t_ms`; the first open when there is none."""
        ...

    def recorded_funding(self, inst_id: str, settle_ms: int) -> float | None:
        """The rate that was really charged then; None where nothing was recorded."""
        ...
