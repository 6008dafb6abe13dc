"""The port through which messages become a raw reply: a live server, a recorder around it, or a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Schema = Mapping[str, object]


class ModelDown(Exception):
    """No usable reply: refused, timed out, an error status, or not Ollama's protocol. Entries wait."""


class DeadlinePassed(ModelDown):
    """No reply in the time that there was."""


class NotRecorded(Exception):
    """The cassette holds no reply to this prompt; nobody else is asked."""


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, raw. Token counts are None where the server gave none; `thinking` counts the characters of a
    thought beside the answer, `eval_ms` what the answer's tokens took to write."""

    text: str
    done_reason: str
    prompt_tokens: int | None
    completion_tokens: int | None
    thinking: int = 0
    eval_ms: float | None = None


class Chat(Protocol):
    """One chat at a time goes in, one reply comes out. `digest` identifies the weights that answer, "" = unknown."""

    @property
    def digest(self) -> str: ...

    async def chat(self, messages: Sequence[Message], schema: Schema, within_s: float) -> Reply:
        """Raises DeadlinePassed after `within_s`, ModelDown or NotRecorded. A cancellation is its caller's own: it says
        nothing about the server."""
        ...
