"""A model server of Ollama's protocol with scripted answers, delays and faults, on a loopback port.

Used with the real client: `with OllamaServer([answer(...), Delay(1), ...]) as server: ... server.host`.
Each chat takes the next step of the script; the last one repeats.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

MODEL = "qwen3.5:4b"
DIGEST = "sha256:" + "ab" * 32


@dataclass(frozen=True)
class Step:
    """One scripted reply. `prompt_tokens` None = counted from the messages; -1 = left out.

    `status` other than 200 answers an error; `body` replaces the whole answer; `drop` closes the connection.
    """

    content: str = ""
    delay_s: float = 0.0
    done_reason: str = "stop"
    prompt_tokens: int | None = None
    status: int = 200
    body: str | None = None
    thinking: str | None = None


def answer(action: str = "HOLD", **changes: Any) -> str:
    """A valid answer's text."""
    fields = {"action": action, "signals_aligned": 7, "timeframes_aligned": 2, "reasoning": "ok", "notional": 0}
    return json.dumps(fields | changes)


@dataclass
class OllamaServer:
    script: Sequence[Step | str] = field(default_factory=lambda: [answer()])
    models: Sequence[str] = (MODEL,)
    requests: list[dict[str, Any]] = field(default_factory=list)
    open_calls: int = 0
    most_open_calls: int = 0

    def __enter__(self) -> OllamaServer:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._server = uvicorn.Server(uvicorn.Config(self._app(), log_level="critical", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.005)
        assert self._server.started, "the scripted server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(5)
        self._socket.close()

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/api/chat", self._chat, methods=["POST"]),
                Route("/api/tags", self._tags),
                Route("/api/version", self._version),
                Route("/api/show", self._show, methods=["POST"]),
            ]
        )

    async def _tags(self, request: Request) -> Response:
        return JSONResponse({"models": [{"name": name, "model": name, "digest": DIGEST} for name in self.models]})

    async def _version(self, request: Request) -> Response:
        return JSONResponse({"version": "0.12.0"})

    async def _show(self, request: Request) -> Response:
        return JSONResponse({"details": {"family": "qwen"}, "model_info": {}})

    async def _chat(self, request: Request) -> Response:
        asked = await request.json()
        step = self.script[min(len(self.requests), len(self.script) - 1)]
        step = Step(step) if isinstance(step, str) else step
        self.requests.append(asked)
        self.open_calls += 1
        self.most_open_calls = max(self.most_open_calls, self.open_calls)
        try:
            await asyncio.sleep(step.delay_s)
        finally:
            self.open_calls -= 1
        return _reply(step, asked)


def _reply(step: Step, asked: dict[str, Any]) -> Response:
    if step.body is not None:
        return PlainTextResponse(step.body, status_code=step.status)
    if step.status != 200:
        return JSONResponse({"error": "scripted fault"}, status_code=step.status)
    sent = " ".join(message["content"] for message in asked["messages"])
    read = len(sent) // 3 if step.prompt_tokens is None else step.prompt_tokens
    message = {"role": "assistant", "content": step.content} | ({"thinking": step.thinking} if step.thinking else {})
    return JSONResponse(
        {
            "model": asked["model"],
            "created_at": "2025-01-01T00:00:00Z",
            "message": message,
            "done": True,
            "done_reason": step.done_reason,
            "total_duration": 1,
            "load_duration": 1,
            "prompt_eval_duration": 1,
            "eval_count": len(step.content) // 4,
            "eval_duration": 1,
        }
        | ({} if read < 0 else {"prompt_eval_count": read})
    )
