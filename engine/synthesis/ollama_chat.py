"""One call to an Ollama server, with everything that can go wrong told apart."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from engine.config import LlmSettings
from engine.synthesis.chat import DeadlinePassed, Message, ModelDown, Reply, Schema

if TYPE_CHECKING:
    from ollama import AsyncClient, ChatResponse

KEEP_ALIVE = "30m"
"""Longer than a cycle of 15 minutes, so that the model stays loaded between cycles."""
CONNECT_TIMEOUT_S = 3.0
LOAD_S = 300.0
"""A model of some GB from a cold disk. Calls that somebody waits for have llm.timeout_s over them as well."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", ""})


NO_USABLE_REPLY = (OSError, httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError, KeyError, AttributeError)
"""Refused, reset, timed out (all OSError or HTTPError), not JSON or a foreign body (pydantic's refusal is a
ValueError; the client expands a body that is a list with `**`, hence TypeError)."""


@dataclass(frozen=True, slots=True)
class Availability:
    """The answer to a probe. `digest` identifies the model's weights."""

    ready: bool
    detail: str
    digest: str = ""


class OllamaChat:
    """Sends chats to one server. Built anywhere, used from one event loop."""

    def __init__(self, settings: LlmSettings) -> None:
        self._settings = settings
        self._client: AsyncClient | None = None
        self._digest = ""

    @property
    def digest(self) -> str:
        """Of the model as the last probe found it."""
        return self._digest

    async def chat(self, messages: Sequence[Message], schema: Schema, within_s: float) -> Reply:
        """One non-streaming chat under `schema`. Raises ModelDown, of which DeadlinePassed is one."""
        try:
            async with asyncio.timeout(within_s):
                return _reply(await self._sent(messages, options(self._settings), schema))
        except TimeoutError as error:
            raise DeadlinePassed("no answer before the deadline") from error

    async def warm_up(self, messages: Sequence[Message]) -> Reply:
        """Loads the model and lets it read `messages`, so that the first decision waits for neither. Raises
        ModelDown."""
        return _reply(await self._sent(messages, {**options(self._settings), "num_predict": 1}, None))

    async def _sent(
        self, messages: Sequence[Message], options_: Mapping[str, int | float], schema: Schema | None
    ) -> ChatResponse:
        import ollama  # noqa: PLC0415 - 0.4 s that only users of a model should pay

        settings = self._settings
        try:
            return await self._connected().chat(
                model=settings.model,
                messages=[{"role": message.role, "content": message.content} for message in messages],
                format=None if schema is None else dict(schema),
                think=settings.think,
                options=options_,
                keep_alive=KEEP_ALIVE,
            )
        except ollama.ResponseError as error:
            raise ModelDown(_refusal(settings.model, error.status_code, error.error)) from error
        except NO_USABLE_REPLY as error:
            raise ModelDown(_told(error)) from error

    async def available(self, timeout_s: float = 1.0) -> Availability:
        """Does a server answer, and has it the model? Never raises for the server's sake."""
        settings = self._settings
        try:
            models = (await self._get("/api/tags", timeout_s))["models"]
            digests = {str(model["model"]): str(model.get("digest", "")) for model in models}
        except NO_USABLE_REPLY as error:
            return Availability(False, f"no Ollama at {settings.host}: {_told(error)}")
        wanted = tagged(settings.model)
        if wanted not in digests:
            return Availability(False, f"{settings.model} is not installed; run: ollama pull {settings.model}")
        self._digest = digests[wanted]
        return Availability(True, f"{settings.model} at {settings.host}", digests[wanted])

    async def loaded_context(self, timeout_s: float = 1.0) -> int | None:
        """The context that the loaded model really has; None when it is not loaded or the server does not tell."""
        try:
            models = (await self._get("/api/ps", timeout_s))["models"]
            found = {str(model["model"]): model.get("context_length") for model in models}
        except NO_USABLE_REPLY:
            return None
        length = found.get(tagged(self._settings.model))
        return length if isinstance(length, int) and length > 0 else None

    async def _get(self, path: str, timeout_s: float) -> Any:
        host = self._settings.host
        async with httpx.AsyncClient(timeout=timeout_s, trust_env=not is_loopback(host), verify=_tls(host)) as client:
            response = await client.get(host.rstrip("/") + path)
            return response.raise_for_status().json()

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.close()  # type: ignore[no-untyped-call]
            self._client = None

    def _connected(self) -> AsyncClient:
        if self._client is None:
            from ollama import AsyncClient  # noqa: PLC0415 - as above

            settings = self._settings
            self._client = AsyncClient(
                host=settings.host,
                timeout=httpx.Timeout(LOAD_S, connect=min(CONNECT_TIMEOUT_S, settings.timeout_s)),
                trust_env=not is_loopback(settings.host),
                verify=_tls(settings.host),
            )
        return self._client


def options(settings: LlmSettings) -> dict[str, int | float]:
    """The sampling options as sent; part of a recorded call's identity."""
    return {
        "num_ctx": settings.num_ctx,
        "temperature": settings.temperature,
        "seed": settings.seed,
        "num_predict": settings.num_predict,
    }


def tagged(model: str) -> str:
    """A name without a tag means its `latest`."""
    return model if ":" in model else f"{model}:latest"


def is_loopback(host: str) -> bool:
    """Proxies of the environment never apply to a server on this machine."""
    return (urlsplit(host if "//" in host else f"//{host}").hostname or "") in LOOPBACK


def _tls(host: str) -> bool:
    """Certificates are read where there is TLS: reading them takes a loop 50 ms, for nothing on plain HTTP."""
    return host.lower().startswith("https")


def _reply(response: ChatResponse) -> Reply:
    if response.done is False:
        raise ModelDown("the server sent an answer that is not finished")
    return Reply(
        text=response.message.content or "",
        done_reason=response.done_reason or "",
        prompt_tokens=response.prompt_eval_count,
        completion_tokens=response.eval_count,
        thinking=len(response.message.thinking or ""),
        eval_ms=None if response.eval_duration is None else response.eval_duration / 1e6,
    )


def _refusal(model: str, status: int, words: str) -> str:
    """A 404 means that the model went away under us; the cure is one line."""
    cure = f"; run: ollama pull {model}" if status == httpx.codes.NOT_FOUND else ""
    return f"{model}: the server answered {status}: {words[:160]}{cure}"


def _told(error: BaseException) -> str:
    """httpx's time-outs have no text of their own."""
    return f"{type(error).__name__}: {str(error)[:160]}" if str(error) else type(error).__name__
