"""When the garbage collector works: where nobody waits, instead of in the middle of a cycle.

A collection walks every object that may be garbage and holds up the loop for as long. What was loaded to start with is
none, and need not be looked at: 100 ms and more. What a cycle leaves behind, some 12,000 objects that refer to one
another, takes 3 to 8 ms once it is over and nobody else computes; in the middle of it, beside the threads that read
from the venue, the same took up to 40 ms, several times a cycle.
"""

from __future__ import annotations

import gc

YOUNG = 100_000
"""Objects by which the collector comes by itself after all, should nobody tidy: some 50 MB at most."""


def settle_memory() -> None:
    """Once a process, when everything is loaded and before the first cycle.

    Only the first engine of a process sets its objects aside, so that nothing which dies with a later one is kept. No
    collection goes before it: that would be the very stall, while positions are already being looked after.
    """
    gc.set_threshold(YOUNG, 10, 10)
    if not gc.get_freeze_count():
        gc.freeze()


def tidy_young() -> None:
    """After a small piece of work: what it left behind goes, in a millisecond or two."""
    gc.collect(1)


def tidy_all() -> None:
    """After a cycle: what earlier ones left to each other goes as well."""
    gc.collect()
