"""What every test process does, whatever it runs."""

from __future__ import annotations

import gc

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Collection makes two million objects that all stay: a collector that walks them again and again finds nothing,
    and takes a third of the time that collecting the tests takes."""
    gc.disable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """The tests run with the collector as it is in the product, over what they make themselves: without this each of
    its full passes stops all threads for half a second, in the middle of what somebody measures."""
    gc.collect()
    gc.freeze()
    gc.enable()
