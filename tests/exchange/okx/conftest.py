"""Fixtures of the OKX adapter's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.exchange.okx.scripted_venue import ScriptedVenue, scripted_venue


@pytest.fixture
def venue() -> Iterator[ScriptedVenue]:
    with scripted_venue() as server:
        yield server
