from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from engine.feeds import news
from engine.feeds.reader import entries_of


@pytest.fixture(autouse=True)
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The real reader without its process, which costs each read 0.3 s; `reader_process` has it."""

    async def at_once(body: bytes) -> bytes:
        return json.dumps(entries_of(body), allow_nan=False).encode()

    if "reader_process" not in request.fixturenames:
        monkeypatch.setattr(news, "_ask_reader", at_once)
    yield


@pytest.fixture
def reader_process() -> None:
    """The reader in a process of its own, as the engine runs it."""
