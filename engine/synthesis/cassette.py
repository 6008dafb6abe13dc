"""Every call to a model, kept and played back byte for byte, under (model digest, options, prompt hash).

A replay never asks anybody: a prompt that was not recorded under this digest and these options has no answer. What
was recorded several times is played back in its order, the last one from then on.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from engine.clock import Clock
from engine.config import ConfigError, LlmSettings
from engine.jsonl import JsonLines
from engine.synthesis.chat import Chat, Message, ModelDown, NotRecorded, Reply, Schema
from engine.synthesis.ollama_chat import options

log = logging.getLogger(__name__)

CASSETTE = "cassette.jsonl"
"""In storage/; its older files are cassette.1.jsonl and on, 16 MB each."""


class CassetteError(ConfigError):
    """The file cannot be replayed. The message names it, the line, and what was expected."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One call. Exactly one of `reply` and `down` is set: what came, or why nothing usable did."""

    digest: str
    options: Mapping[str, int | float]
    prompt: str
    model: str
    messages: tuple[Message, ...]
    reply: Reply | None
    down: str | None
    at: int
    took_ms: float

    @property
    def key(self) -> tuple[str, str, str]:
        return self.digest, canonical(self.options), self.prompt


@dataclass(slots=True)
class _Take:
    """The recordings of one key and how many of them were played."""

    recordings: list[Recording] = field(default_factory=list)
    played: int = 0

    def next(self) -> Recording:
        recording = self.recordings[min(self.played, len(self.recordings) - 1)]
        self.played += 1
        return recording


class RecordingChat:
    """Passes calls on and keeps each with what came of it. A full disk is told once, and stops no call."""

    def __init__(self, inner: Chat, settings: LlmSettings, path: Path, clock: Clock) -> None:
        self._inner = inner
        self._settings = settings
        self._lines = JsonLines(path)
        self._clock = clock
        self._problem = ""

    @property
    def digest(self) -> str:
        return self._inner.digest

    async def chat(self, messages: Sequence[Message], schema: Schema, within_s: float) -> Reply:
        """A call that its caller cancelled is not kept: nothing came of it, and the server is not to blame."""
        began = self._clock.monotonic()
        try:
            reply = await self._inner.chat(messages, schema, within_s)
        except ModelDown as error:
            self._keep(messages, schema, None, str(error), began)
            raise
        self._keep(messages, schema, reply, None, began)
        return reply

    def _keep(
        self, messages: Sequence[Message], schema: Schema, reply: Reply | None, down: str | None, began: float
    ) -> None:
        recording = Recording(
            digest=self.digest,
            options=options(self._settings),
            prompt=prompt_hash(messages, schema, self._settings.think),
            model=self._settings.model,
            messages=tuple(messages),
            reply=reply,
            down=down,
            at=self._clock.now_ms(),
            took_ms=round((self._clock.monotonic() - began) * 1000, 1),
        )
        problem = self._lines.write(asdict(recording))
        if problem and problem != self._problem:
            log.warning("calls to the model are not recorded: %s", problem)
        self._problem = problem


class ReplayChat:
    """Answers from a cassette and from nowhere else."""

    def __init__(self, recordings: Sequence[Recording], settings: LlmSettings) -> None:
        """`recordings` not empty. The model that is replayed is the one that answered last: an outage names none."""
        assert recordings, "a cassette without a recording"
        answered = [recording for recording in recordings if recording.reply is not None]
        self._digest = (answered or recordings)[-1].digest
        self._settings = settings
        self._takes: dict[tuple[str, str, str], _Take] = {}
        for recording in recordings:
            self._takes.setdefault(recording.key, _Take()).recordings.append(recording)
        self.others = len({recording.digest for recording in recordings}) - 1

    @property
    def digest(self) -> str:
        return self._digest

    async def chat(self, messages: Sequence[Message], schema: Schema, within_s: float) -> Reply:  # noqa: ARG002
        """At once: what was recorded as a deadline that passed is told without waiting for it."""
        prompt = prompt_hash(messages, schema, self._settings.think)
        take = self._takes.get((self._digest, canonical(options(self._settings)), prompt))
        if take is None:
            raise NotRecorded(f"the cassette holds no answer to prompt {prompt[:12]} under these options")
        recording = take.next()
        if recording.reply is None:
            raise ModelDown(f"as recorded: {recording.down}")
        return recording.reply


def prompt_hash(messages: Sequence[Message], schema: Schema, think: bool) -> str:
    """All that the model is given to read and to obey, as one SHA-256."""
    said = [[message.role, message.content] for message in messages]
    document = canonical({"messages": said, "schema": schema, "think": think})
    return hashlib.sha256(document.encode("ascii")).hexdigest()


def canonical(value: Any) -> str:
    """The same value, the same text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def read_cassette(path: Path) -> list[Recording]:
    """Oldest first. A last line that a power cut left half written is passed over; any other fault raises
    CassetteError."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise CassetteError(f"--cassette {path}: cannot be read ({error.strerror}); expected a recording") from None
    adapter, recordings = TypeAdapter(Recording), []
    for number, line in enumerate(lines, 1):
        try:
            recordings.append(_whole(adapter.validate_json(line)))
        except (ValidationError, ValueError) as error:
            if number == len(lines) and not line.endswith(b"\n"):
                log.warning("%s: its last line is not whole and is passed over", path)
                break
            why = str(error).splitlines()[0]
            raise CassetteError(f"--cassette {path}, line {number}: not a recorded call ({why})") from None
    if not recordings:
        raise CassetteError(f"--cassette {path}: holds no recorded call")
    return recordings


def _whole(recording: Recording) -> Recording:
    if (recording.reply is None) == (recording.down is None):
        raise ValueError("one of reply and down was expected")
    return recording
