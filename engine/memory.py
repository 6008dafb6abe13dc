"""What was loaded to start with is no garbage: the collector need not look at it again and again."""

from __future__ import annotations

import gc


def settle_memory() -> None:
    """Once a process, when everything is loaded and before the first cycle.

    A full collection walks every object that modules, schemas and tables consist of, 100 ms and more, and holds
    up the loop for as long: longer than everything else that a cycle does in one go. Only the first engine of a
    process does it, so that nothing which dies with a later one is kept. No collection goes before it: that would
    be the very stall, while positions are already being looked after.
    """
    if not gc.get_freeze_count():
        gc.freeze()
