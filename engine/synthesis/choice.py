"""Which synthesizer answers: the one the user chose, and in demo mode the rules while no Ollama does."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.clock import Clock
from engine.config import LlmSettings, Settings
from engine.mode import Mode
from engine.model import Advice, AdviceVerdict, DecisionRecord, Synthesis
from engine.reasons import Reason
from engine.synthesis.breaker import CircuitBreaker
from engine.synthesis.cassette import CASSETTE, RecordingChat, ReplayChat, read_cassette
from engine.synthesis.chat import Chat
from engine.synthesis.devils_advocate import DevilsAdvocate
from engine.synthesis.doctrine import Doctrine
from engine.synthesis.number_checker import Counted
from engine.synthesis.ollama_chat import OllamaChat
from engine.synthesis.ollama_client import OllamaSynthesizer, Tell
from engine.synthesis.port import SynthesisRequest, Synthesizer
from engine.synthesis.rules import RulesSynthesizer

log = logging.getLogger(__name__)

REPROBE_S = 30.0
NEVER = 10**9
"""Failures before a replay's breaker opens: a recording does not get better by waiting."""


@dataclass(frozen=True, slots=True)
class Tape:
    """Where calls go besides: `storage` keeps a recording (None = nobody does), `cassette` answers instead of a
    server."""

    storage: Path | None = None
    cassette: Path | None = None


class ChosenSynthesizer:
    """Delegates to `primary`; where a `fallback` is allowed, to it while the primary is not there."""

    def __init__(
        self, primary: Synthesizer, probe: OllamaSynthesizer | None, fallback: Synthesizer | None, clock: Clock
    ):
        self._primary = primary
        self._probe = probe
        self._fallback = fallback
        self._clock = clock
        self._available = True
        self._detail = ""
        self._probed_at = float("-inf")

    async def synthesize(self, request: SynthesisRequest) -> Synthesis:
        if self._fallback is not None and not await self.available():
            return await self._fallback.synthesize(request)
        return await self._primary.synthesize(request)

    async def review(self, request: SynthesisRequest, proposal: DecisionRecord) -> Advice:
        """The devil's advocate of the model that proposed; without one nobody answers, and that is ABORT."""
        if self._probe is None:
            return Advice(AdviceVerdict.ABORT, 0.0, "no model is there to ask", Reason.LLM_DOWN)
        return await DevilsAdvocate(self._probe.caller, self._probe.model).review(request, proposal)

    async def available(self) -> bool:
        """Does the primary answer? Asked at most every 30 s of wall time."""
        if self._probe is None:
            return True
        now = self._clock.monotonic()
        if now - self._probed_at > REPROBE_S:
            self._probed_at = now
            found = await self._probe.probe()
            self._available, self._detail = found.ready, found.detail
        return self._available

    @property
    def digest(self) -> str:
        """Of the model as the last probe found it; "" before any, and of the rules."""
        return "" if self._probe is None else self._probe.digest

    def remember(self, digest: str, answers: Sequence[Counted]) -> None:
        """What earlier runs noted of the numbers of these weights."""
        if self._probe is not None:
            self._probe.remember(digest, answers)

    async def warm_up(self) -> None:
        """In the background of a start; tells how it went."""
        if self._probe is not None:
            await self._probe.warm_up()

    async def describe(self) -> tuple[str, str]:
        """Health word and detail for the status line: who answers at present, or what a person can do about it. A
        server that is there but did not answer the latest question is down: that, too, means HOLD."""
        if self._probe is None:
            return "ok", "rules"
        if await self.available():
            outage = self._probe.outage
            return ("down", f"{self._probe.described}: {outage}") if outage else ("ok", self._probe.described)
        return ("off", f"rules answer: {self._detail}") if self._fallback is not None else ("down", self._detail)

    async def aclose(self) -> None:
        if self._probe is not None:
            await self._probe.aclose()


def doctrine_of(settings: Settings) -> Doctrine:
    """The prompt and the rules state the same thresholds that the gates enforce."""
    return Doctrine(
        min_signals=settings.risk.min_signals_aligned,
        min_timeframes=settings.risk.min_timeframes_aligned,
        min_bearish_cycles=settings.trading.min_bearish_cycles_for_exit,
    )


async def choose_synthesizer(
    settings: Settings, clock: Clock, tape: Tape | None = None, tell: Tell | None = None
) -> ChosenSynthesizer:
    """In paper and live a missing model means HOLD for entries unless the user chose `rules`. Raises CassetteError."""
    doctrine, tape = doctrine_of(settings), tape or Tape()
    rules = RulesSynthesizer(doctrine)
    if settings.llm.backend == "rules":
        return ChosenSynthesizer(rules, None, None, clock)
    if tape.cassette is not None:
        replayed = replaying(settings.llm, clock, doctrine, tape.cassette, tell)
        return ChosenSynthesizer(replayed, replayed, None, clock)
    server = OllamaChat(settings.llm)
    chat: Chat = server
    if settings.llm.record and tape.storage is not None:
        chat = RecordingChat(server, settings.llm, tape.storage / CASSETTE, clock)
    ollama = OllamaSynthesizer(settings.llm, clock, doctrine, chat=chat, server=server, tell=tell)
    chosen = ChosenSynthesizer(ollama, ollama, rules if settings.goals.mode is Mode.DEMO else None, clock)
    await chosen.available()
    return chosen


def replaying(
    llm: LlmSettings, clock: Clock, doctrine: Doctrine, cassette: Path, tell: Tell | None = None
) -> OllamaSynthesizer:
    """The model as a cassette recorded it; nobody else is ever asked. Raises CassetteError."""
    chat = ReplayChat(read_cassette(cassette), llm)
    if chat.others:
        log.warning("%s: recordings of %d other models are not played", cassette, chat.others)
    log.info("replaying %s, model digest %s", cassette, chat.digest)
    return OllamaSynthesizer(llm, clock, doctrine, chat=chat, breaker=CircuitBreaker(failures_to_open=NEVER), tell=tell)
