"""One brief, one model call, one answer; every way to fail has its own name and none is a model's HOLD."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module

from engine.clock import Clock
from engine.config import LlmSettings
from engine.model import Action, Synthesis, SynthesisSource
from engine.reasons import Reason
from engine.synthesis.breaker import BreakerState, CircuitBreaker
from engine.synthesis.chat import Chat, Message, ModelDown
from engine.synthesis.doctrine import Doctrine
from engine.synthesis.model_call import Called, ModelCaller, Question
from engine.synthesis.number_checker import Counted, InventionRecord, check_numbers
from engine.synthesis.ollama_chat import Availability, OllamaChat
from engine.synthesis.parser import parse_answer
from engine.synthesis.port import Answer, SynthesisRequest
from engine.synthesis.trading_system import ANSWER_SCHEMA, NO_THINK, PROMPT_VERSION, system_prompt, user_prompt

log = logging.getLogger(__name__)

Tell = Callable[[str, str], None]
"""Level and text of a line for the operator."""


class OllamaSynthesizer:
    """Asks a local model through `caller`. What it answers is checked: form, tokens read, numbers named."""

    def __init__(
        self,
        settings: LlmSettings,
        clock: Clock,
        doctrine: Doctrine | None = None,
        *,
        chat: Chat | None = None,
        server: OllamaChat | None = None,
        breaker: CircuitBreaker | None = None,
        tell: Tell | None = None,
    ) -> None:
        """`chat` answers where it is not `server` itself (a recorder, a recording); without either, a server is
        made from the settings. `tell` hears what an operator should know."""
        if chat is None:
            chat = server = server or OllamaChat(settings)
        self._settings = settings
        self._clock = clock
        self._doctrine = doctrine or Doctrine()
        self._chat = chat
        self._server = server
        self._tell = tell or (lambda level, text: log.log(logging.getLevelName(level.upper()), text))
        self._known_digest = ""
        self._logged_digest = ""
        self.caller = ModelCaller(settings, clock, chat, breaker or CircuitBreaker())
        self.inventions = InventionRecord(settings.max_invented_rate)

    @property
    def model(self) -> str:
        return self._settings.model

    @property
    def described(self) -> str:
        """Who answers, in the words of the status line."""
        who = f"{self._settings.model} {short(self.digest)}"
        return f"cassette of {who}" if self._server is None else who

    @property
    def digest(self) -> str:
        return self._chat.digest

    @property
    def outage(self) -> str:
        """Why it does not answer at present, "" while it does. A server that answers a probe may still hang."""
        return self.caller.outage

    @property
    def breaker(self) -> CircuitBreaker:
        return self.caller.breaker

    async def synthesize(self, request: SynthesisRequest) -> Synthesis:
        """Never raises for what a model or a network does; `failure` names it and the action is HOLD."""
        if not self._chat.digest and self._server is not None and self.breaker.state is BreakerState.CLOSED:
            await self.probe()
        system, user = system_prompt(self._doctrine, request.performance), user_prompt(request)
        call = await self.caller.ask(Question(system, user, ANSWER_SCHEMA, parse_answer))
        if call.answer is None:
            return self._failed(call)
        return self._checked(self._answered(call.answer, call), (system, user))

    async def available(self, timeout_s: float = 1.0) -> bool:
        """Does a server with this model answer? A short probe, apart from the breaker."""
        return (await self.probe(timeout_s)).ready

    async def probe(self, timeout_s: float = 1.0) -> Availability:
        """As `available`, with what is wrong in words and the model's digest. Other weights than before are told:
        what was learnt of the old ones (numbers invented) does not count for them."""
        if self._server is None:
            return Availability(True, "the cassette", self._chat.digest)
        found = await self._server.available(timeout_s)
        if found.digest:
            self._met(found.digest)
        if found.ready and self.caller.context is None:
            await self._check_context(self._server)
        return found

    def remember(self, digest: str, answers: Sequence[Counted]) -> None:
        """What earlier runs noted of the weights `digest`: how freely they invent, oldest first. Other weights that
        are met instead are a swap, whenever it happened; what is known of those may be remembered after it."""
        if self._server is None or not digest:
            return
        if self._known_digest and self._known_digest != digest:
            now, self._known_digest = self._known_digest, digest
            self._met(now)
            return
        self._known_digest = digest
        self.inventions.remember(answers)

    async def warm_up(self) -> None:
        """Loads the model and its rules before the first decision needs them, and reads what context it really has.
        Tells how it went; never raises for the server's sake."""
        if self._server is None:
            return
        found = await self.probe()
        if not found.ready:
            self._tell("warning", found.detail)
            return
        began = self._clock.monotonic()
        # 0.4 s of imports, which would otherwise stand in the first decision's way and hold up the loop.
        await asyncio.to_thread(import_module, "ollama")
        try:
            await self._server.warm_up([Message("system", system_prompt(self._doctrine)), Message("user", NO_THINK)])
        except ModelDown as error:
            self._tell("warning", f"the model could not be loaded: {error}")
            return
        took = self._clock.monotonic() - began
        self._tell("info", f"{self._settings.model} is loaded ({short(found.digest)}), in {took:.1f} s")
        if self.caller.context is None:
            await self._check_context(self._server)

    async def aclose(self) -> None:
        if self._server is not None:
            await self._server.aclose()

    def _met(self, digest: str) -> None:
        """Logged at first sight in this run, also where an earlier one knew it."""
        if self._known_digest not in ("", digest):
            self._tell(
                "warning",
                f"{self._settings.model} was swapped: {short(self._known_digest)} became {short(digest)}; "
                "results of the old weights say nothing about the new",
            )
            self.inventions.forget()
            self.caller.context = None
        if digest != self._logged_digest:
            log.info("model %s, digest %s, prompt version %s", self._settings.model, digest, PROMPT_VERSION)
        self._known_digest = self._logged_digest = digest

    async def _check_context(self, server: OllamaChat) -> None:
        """Known once the model is loaded; a swapped one is loaded, and asked about, anew."""
        self.caller.context = length = await server.loaded_context()
        if length is not None and length < self._settings.num_ctx:
            wanted = self._settings.num_ctx
            self._tell("warning", f"{self._settings.model} holds {length} tokens, llm.num_ctx asks for {wanted}")

    def _answered(self, answer: Answer, call: Called[Answer]) -> Synthesis:
        return replace(
            self._base(call),
            action=answer.action,
            signals_aligned=answer.signals_aligned,
            timeframes_aligned=answer.timeframes_aligned,
            reasoning=answer.reasoning,
            notional=answer.notional,
        )

    def _failed(self, call: Called[Answer]) -> Synthesis:
        assert call.failure is not None, "no answer and no reason"
        log.info("no answer used: %s: %s", call.failure, call.detail)
        return replace(self._base(call), reasoning=call.detail, failure=call.failure)

    def _base(self, call: Called[Answer]) -> Synthesis:
        return Synthesis(
            source=SynthesisSource.OLLAMA,
            action=Action.HOLD,
            signals_aligned=None,
            timeframes_aligned=None,
            reasoning="",
            notional=None,
            model=self._settings.model,
            raw=call.raw,
            prompt_tokens=call.prompt_tokens,
            completion_tokens=call.completion_tokens,
            attempts=call.attempts,
            latency_ms=call.latency_ms,
            prompt_version=PROMPT_VERSION,
            model_digest=call.digest,
            replayed=self._server is None,
        )

    def _checked(self, synthesis: Synthesis, sources: tuple[str, ...]) -> Synthesis:
        """Numbers that nobody gave are counted; beyond the limit a BUY does not count. Exits are never held back."""
        check = check_numbers(synthesis.reasoning, sources)
        objection = self.inventions.objection(check)
        if check.invented:
            rate = self.inventions.rate
            lately = "n/a" if rate is None else f"{rate:.0%}"
            log.info("invented %s of %d numbers, lately %s", list(check.invented), check.numbers, lately)
        counted = replace(synthesis, numbers=check.numbers, invented_numbers=len(check.invented))
        if not objection or synthesis.action is not Action.BUY:
            return counted
        told = f"its BUY does not count: {objection}. It said: {synthesis.reasoning}"
        return replace(counted, action=Action.HOLD, failure=Reason.LLM_INVENTS, reasoning=told)


def short(digest: str) -> str:
    """Twelve digits tell two models apart, as `ollama list` shows them."""
    return digest.removeprefix("sha256:")[:12] or "digest unknown"
