"""The server: Ollama's routes on a port of this machine, each chat answered by the script."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from bench.ollama_server.persona import reply_to
from bench.ollama_server.script import FAULTS, MODEL, PERSONA, Script, Step, answer, scripted
from engine.experts.tokens import estimated_tokens, fewest_tokens

VERSION = "0.12.0"
NANOSECONDS = 1_000_000_000
STARTED_IN_S = 10.0
LOOK_S = 0.05


@dataclass
class OllamaServer:
    """`with OllamaServer([answer("BUY"), Step(status=500)]) as server: ... server.host`. Chats without a schema load
    the model and take no step of the script."""

    script: Sequence[Step | str] | Script = field(default_factory=lambda: [answer()])
    models: Sequence[str] = (MODEL,)
    port: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)
    warm_ups: list[dict[str, Any]] = field(default_factory=list)
    open_calls: int = 0
    most_open_calls: int = 0
    told: Callable[[str], None] | None = None

    def __post_init__(self) -> None:
        given = self.script
        self.play = given if isinstance(given, Script) else scripted(given, self.models)
        self._num_ctx = 0

    def __enter__(self) -> OllamaServer:
        self._socket = socket.create_server(("127.0.0.1", self.port))
        self._server = uvicorn.Server(uvicorn.Config(self._app(), log_level="critical", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + STARTED_IN_S
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
                Route("/", lambda _: PlainTextResponse("Ollama is running")),
                Route("/api/chat", self._chat, methods=["POST"]),
                Route("/api/generate", self._generate, methods=["POST"]),
                Route("/api/show", self._show, methods=["POST"]),
                Route("/api/tags", self._tags),
                Route("/api/ps", self._ps),
                Route("/api/version", lambda _: JSONResponse({"version": VERSION})),
            ]
        )

    # ------------------------------------------------------------ what is there

    @property
    def _digest(self) -> str:
        return self.play.digest(len(self.requests))

    async def _tags(self, _: Request) -> Response:
        return JSONResponse({"models": [self._listed(name) for name in self.play.models]})

    async def _ps(self, _: Request) -> Response:
        context = min(self._num_ctx, self.play.context_length)
        loaded = [self._listed(name) | {"context_length": context, "size_vram": 0} for name in self.play.models]
        return JSONResponse({"models": loaded if self._num_ctx else []})

    def _listed(self, name: str) -> dict[str, Any]:
        details = {"family": "qwen3", "parameter_size": "4B", "quantization_level": "Q4_K_M"}
        return {"name": name, "model": name, "digest": self._digest, "size": 1, "details": details}

    async def _show(self, _: Request) -> Response:
        info = {"general.architecture": "qwen3", "qwen3.context_length": self.play.context_length}
        return JSONResponse({"details": {"family": "qwen3"}, "model_info": info, "capabilities": ["completion"]})

    # ------------------------------------------------------------ what is asked

    async def _generate(self, request: Request) -> Response:
        """Without a prompt it loads the model; with one it answers as a chat of one message."""
        asked = await request.json()
        messages = [
            {"role": "system", "content": asked.get("system", "")},
            {"role": "user", "content": asked["prompt"]},
        ]
        finished = await self._answered(request, asked | {"messages": messages} if asked.get("prompt") else asked)
        return (
            finished
            if isinstance(finished, Response)
            else JSONResponse(
                {key: value for key, value in finished.items() if key != "message"}
                | {"response": finished["message"]["content"]}
            )
        )

    async def _chat(self, request: Request) -> Response:
        asked = await request.json()
        finished = await self._answered(request, asked)
        if isinstance(finished, Response):
            return finished
        if asked.get("stream", True):
            return StreamingResponse(_chunks(finished), media_type="application/x-ndjson")
        return JSONResponse(finished)

    async def _answered(self, request: Request, asked: dict[str, Any]) -> dict[str, Any] | Response:
        if asked["model"] not in self.play.models:
            return JSONResponse({"error": f"model '{asked['model']}' not found"}, status_code=404)
        self._num_ctx = int(asked.get("options", {}).get("num_ctx", 4096))
        if not asked.get("format") or not asked.get("messages"):
            self.warm_ups.append(asked)
            return _finished(Step("ok"), asked, 0.0)
        self.requests.append(asked)
        step = self._step(len(self.requests), asked)
        took = await self._wait(request, step)
        self._tell(step, took)
        if step.cut is not None:
            return _torn(_finished(step, asked, took), step.cut)
        if step.body is not None:
            return PlainTextResponse(step.body, status_code=step.status)
        if step.status != 200:
            return JSONResponse({"error": "scripted fault"}, status_code=step.status)
        return _finished(step, asked, took)

    def _step(self, call: int, asked: dict[str, Any]) -> Step:
        step = self.play.step(call)
        if step.content == PERSONA:
            step = replace(step, content=reply_to(*_spoken(asked)))
        return FAULTS[step.fault](step) if step.fault else step

    async def _wait(self, request: Request, step: Step) -> float:
        """A caller who goes away ends the generation, as with the real one."""
        self.open_calls += 1
        self.most_open_calls = max(self.most_open_calls, self.open_calls)
        began = time.monotonic()
        try:
            # A connection has no event to wait for.
            while (left := began + step.delay_s - time.monotonic()) > 0 and not await request.is_disconnected():  # noqa: ASYNC110
                await asyncio.sleep(min(left, LOOK_S))
        finally:
            self.open_calls -= 1
        return time.monotonic() - began

    def _tell(self, step: Step, took: float) -> None:
        if self.told is not None:
            what = step.fault or step.content or f"status {step.status}"
            self.told(f"call {len(self.requests)}: {took:.2f} s: {what[:160]}")


def _spoken(asked: dict[str, Any]) -> tuple[str, str]:
    """The system's and the first user's words."""
    by_role = {message["role"]: message["content"] for message in reversed(asked["messages"])}
    return by_role.get("system", ""), by_role.get("user", "")


def _finished(step: Step, asked: dict[str, Any], took: float) -> dict[str, Any]:
    """The reply of a chat that does not stream. Its token count lies between what no tokenizer undercuts and the
    engine's careful estimate."""
    texts = [message["content"] for message in asked.get("messages", ())]
    read = sum((fewest_tokens(text) + estimated_tokens(text)) // 2 for text in texts)
    read = read if step.prompt_tokens is None else step.prompt_tokens
    message = {"role": "assistant", "content": step.content} | ({"thinking": step.thinking} if step.thinking else {})
    return {
        "model": asked["model"],
        "created_at": "2025-01-01T00:00:00Z",
        "message": message,
        "done": True,
        "done_reason": step.done_reason,
        "total_duration": int(took * NANOSECONDS) + 3,
        "load_duration": 1,
        "prompt_eval_duration": 1,
        "eval_count": max(1, estimated_tokens(step.content)),
        "eval_duration": int(took * NANOSECONDS) + 1,
    } | ({} if read < 0 else {"prompt_eval_count": read})


def _chunks(finished: dict[str, Any]) -> Iterator[bytes]:
    """The same reply in a stream: pieces of the content, then the counts."""
    content, head = finished["message"]["content"], {key: finished[key] for key in ("model", "created_at")}
    for start in range(0, len(content), 16):
        piece = {"message": {"role": "assistant", "content": content[start : start + 16]}, "done": False}
        yield json.dumps(head | piece, allow_nan=False).encode() + b"\n"
    yield json.dumps(finished | {"message": {"role": "assistant", "content": ""}}, allow_nan=False).encode() + b"\n"


def _torn(finished: dict[str, Any], share: float) -> Response:
    """The connection ends after `share` of the reply."""
    body = json.dumps(finished, allow_nan=False).encode()
    sent = body[: int(len(body) * share)]

    async def part() -> AsyncIterator[bytes]:
        yield sent
        raise ConnectionAbortedError("scripted: the server went away")

    return StreamingResponse(part(), headers={"content-length": str(len(body))}, media_type="application/json")
