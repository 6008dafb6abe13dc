"""When the garbage collector works: after a cycle, instead of in the middle of one.

A collection walks every object that may be garbage and holds up every thread for as long: 1 to 2 microseconds an
object on a busy machine. What was loaded to start with is none, and need not be looked at: 100 ms and more. Nor does
this program make much of it: the two places that tied knots by the thousand, an HTTP answer and a painted line, undo
them (`exchange/okx/sdk.py`, the cockpit's compositor). So it may come seldom.
"""

from __future__ import annotations

import gc

YOUNG = 100_000
"""New objects by which the collector comes by itself after all, should no cycle end: some 50 MB at most."""
CYCLES = 96
"""Between two collections that also look at what has lasted, about 100 ms: once a day, in a market at its own speed."""


def settle_memory() -> None:
    """Once a process, when everything is loaded and before the first cycle.

    Only the first engine of a process sets its objects aside, so that nothing which dies with a later one is kept. No
    collection goes before it: that would be the very stall, while positions are already being looked after.
    """
    gc.set_threshold(YOUNG, 10, CYCLES)
    if not gc.get_freeze_count():
        gc.freeze()


def tidy() -> None:
    """After a cycle: what it left behind goes."""
    gc.collect(2 if gc.get_count()[2] >= CYCLES else 1)
