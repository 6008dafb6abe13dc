"""What every test process does, whatever it runs."""

from __future__ import annotations

import gc

import pytest
from _pytest.unraisableexception import gc_collect_iterations_key


def pytest_configure(config: pytest.Config) -> None:
    """Collection makes two million objects that all stay: a collector that walks them again and again finds nothing,
    and takes a third of the time that collecting the tests takes."""
    gc.disable()
    # At the end pytest looks for what nobody awaited or closed: one pass finds it, a second what the first let go.
    # Its own five are for interpreters that count no references.
    config.stash[gc_collect_iterations_key] = 2


def pytest_collection_finish(session: pytest.Session) -> None:
    """The tests run with the collector as it is in the product, over what they make themselves: without this each of
    its full passes stops all threads for half a second, in the middle of what somebody measures."""
    gc.collect()
    gc.freeze()
    gc.enable()
