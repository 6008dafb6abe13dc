"""One call to an Ollama server, with everything that can go wrong told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from engine.config import LlmSettings
from engine.synthesis.trading_system import ANSWER_SCHEMA

if TYPE_CHECKING:
    from ollama import AsyncClient

KEEP_ALIVE = "30m"
"""Longer than a cycle of 15 minutes, so that the model stays loaded between cycles."""
CONNECT_TIMEOUT_S = 3.0

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", ""})


NO_USABLE_REPLY = (OSError, httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError, KeyError, AttributeError)
"""Refused, reset, timed out (all OSError or HTTPError), not JSON or a foreign body (pydantic's refusal is a
ValueError; the client expands a body that is a list with `**`, hence TypeError)."""


class ModelDown(Exception):
    """No usable reply: refused, timed out, an error status, or not Ollama's protocol. Entries wait."""


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, raw. Token counts are None where the server gave none."""

    text: str
    done_reason: str
    prompt_tokens: int | None
    completion_tokens: int | None


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

    async def chat(self, messages: Sequence[Message]) -> Reply:
        """One non-streaming chat. Raises ModelDown."""
        import ollama  # noqa: PLC0415 - 0.4 s that only users of a model should pay

        settings = self._settings
        try:
            response = await self._connected().chat(
                model=settings.model,
                messages=[{"role": message.role, "content": message.content} for message in messages],
                format=ANSWER_SCHEMA,
                think=settings.think,
                options=self.options(),
                keep_alive=KEEP_ALIVE,
            )
        except ollama.ResponseError as error:
            raise ModelDown(f"{settings.model}: the server answered {error.status_code}: {error.error}") from error
        except NO_USABLE_REPLY as error:
            raise ModelDown(_told(error)) from error
        return Reply(
            text=response.message.content or "",
            done_reason=response.done_reason or "",
            prompt_tokens=response.prompt_eval_count,
            completion_tokens=response.eval_count,
        )

    def options(self) -> dict[str, int | float]:
        """The sampling options as sent; part of a recorded call's identity."""
        settings = self._settings
        return {
            "num_ctx": settings.num_ctx,
            "temperature": settings.temperature,
            "seed": settings.seed,
            "num_predict": settings.num_predict,
        }

    async def available(self, timeout_s: float = 1.0) -> Availability:
        """Does a server answer, and has it the model? Never raises for the server's sake."""
        settings = self._settings
        try:
            async with httpx.AsyncClient(timeout=timeout_s, trust_env=not is_loopback(settings.host)) as client:
                response = await client.get(f"{settings.host.rstrip('/')}/api/tags")
                models = response.raise_for_status().json()["models"]
                digests = {str(model["model"]): str(model.get("digest", "")) for model in models}
        except NO_USABLE_REPLY as error:
            return Availability(False, f"no Ollama at {settings.host}: {_told(error)}")
        wanted = settings.model if ":" in settings.model else f"{settings.model}:latest"
        if wanted not in digests:
            return Availability(False, f"{settings.model} is not installed; run: ollama pull {settings.model}")
        return Availability(True, f"{settings.model} at {settings.host}", digests[wanted])

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
                timeout=httpx.Timeout(settings.timeout_s, connect=min(CONNECT_TIMEOUT_S, settings.timeout_s)),
                trust_env=not is_loopback(settings.host),
            )
        return self._client


def is_loopback(host: str) -> bool:
    """Proxies of the environment never apply to a server on this machine."""
    return (urlsplit(host if "//" in host else f"//{host}").hostname or "") in LOOPBACK


def _told(error: BaseException) -> str:
    """httpx's time-outs have no text of their own."""
    return f"{type(error).__name__}: {str(error)[:160]}" if str(error) else type(error).__name__
