"""The scripted model server, under the names that tests use."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from bench.ollama_server.script import DIGEST, FAULTS, MODEL, PERSONA, Script, Step, advice, answer
from bench.ollama_server.server import OllamaServer

__all__ = [
    "DIGEST", "FAULTS", "MODEL", "PERSONA", "OllamaServer", "Script", "Step", "advice", "answer",
    "cancelled_in_mid_call", "until_asked",
]  # fmt: skip


async def until_asked(server: OllamaServer) -> None:
    """Until a question is being answered: the first one of a process is late by the client's own import."""
    while not server.open_calls:
        await asyncio.sleep(0.02)


async def cancelled_in_mid_call(server: OllamaServer, asking: Coroutine[Any, Any, object]) -> None:
    """As an engine that stops does to a model that thinks."""
    task = asyncio.get_running_loop().create_task(asking)
    await until_asked(server)
    task.cancel()
    await asyncio.wait((task,))
    assert task.cancelled()
