"""One brief, one model call, one answer; every way to fail has its own name and none is a model's HOLD."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from engine.clock import Clock
from engine.config import LlmSettings
from engine.experts.tokens import estimated_tokens, fewest_tokens
from engine.model import Action, Synthesis, SynthesisSource
from engine.reasons import Reason
from engine.synthesis.breaker import CircuitBreaker
from engine.synthesis.doctrine import Doctrine
from engine.synthesis.ollama_chat import Availability, Message, ModelDown, OllamaChat, Reply
from engine.synthesis.parser import AnswerInvalid, parse_answer
from engine.synthesis.port import Answer, SynthesisRequest
from engine.synthesis.trading_system import system_prompt, user_prompt

ATTEMPTS = 2
ECHOED_CHARACTERS = 400


class PromptTruncated(Exception):
    """The model did not read all that was sent, or could not have."""


@dataclass(slots=True)
class _Call:
    """What one request has cost and seen so far."""

    attempts: int = 0
    raw: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int = 0

    def saw(self, reply: Reply) -> None:
        self.raw = reply.text
        self.prompt_tokens = reply.prompt_tokens
        self.completion_tokens += reply.completion_tokens or 0


class OllamaSynthesizer:
    """Asks a local model, `llm.parallel` requests at a time, each within `llm.timeout_s` for both attempts."""

    def __init__(self, settings: LlmSettings, clock: Clock, doctrine: Doctrine | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._doctrine = doctrine or Doctrine()
        self._chat = OllamaChat(settings)
        self._slots = asyncio.Semaphore(settings.parallel)
        self.breaker = CircuitBreaker()

    async def synthesize(self, request: SynthesisRequest) -> Synthesis:
        """Never raises for what a model or a network does; `failure` names it and the action is HOLD."""
        async with self._slots:
            now = self._clock.monotonic()
            if not self.breaker.admits(now):
                wait = self.breaker.retry_in_s(now)
                return self._failed(Reason.LLM_DOWN, f"not asked: it failed before, next try in {wait:.0f} s", _Call())
            call = _Call()
            answered = await self._guarded(request, call)
            return replace(answered, latency_ms=(self._clock.monotonic() - now) * 1000)

    async def available(self, timeout_s: float = 1.0) -> bool:
        """Does a server with this model answer? A short probe, apart from the breaker."""
        return (await self.probe(timeout_s)).ready

    async def probe(self, timeout_s: float = 1.0) -> Availability:
        """As `available`, with what is wrong in words and the model's digest."""
        return await self._chat.available(timeout_s)

    async def aclose(self) -> None:
        await self._chat.aclose()

    async def _guarded(self, request: SynthesisRequest, call: _Call) -> Synthesis:
        """One admitted call, its outcome told to the breaker whatever happens."""
        told = False
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                result = await self._asked(request, call)
            self.breaker.succeeded()
            told = True
        except (ModelDown, TimeoutError) as error:
            self.breaker.failed(self._clock.monotonic())
            told = True
            detail = str(error) or f"no answer within {self._settings.timeout_s:g} s"
            return self._failed(Reason.LLM_DOWN, detail, call)
        finally:
            if not told:
                self.breaker.abandoned(self._clock.monotonic())
        return result

    async def _asked(self, request: SynthesisRequest, call: _Call) -> Synthesis:
        messages = [
            Message("system", system_prompt(self._doctrine, request.performance)),
            Message("user", user_prompt(request)),
        ]
        try:
            return self._answered(await self._with_retry(messages, call), call)
        except PromptTruncated as error:
            return self._failed(Reason.LLM_TRUNCATED, str(error), call)
        except AnswerInvalid as error:
            return self._failed(Reason.LLM_INVALID, str(error), call)

    async def _with_retry(self, messages: list[Message], call: _Call) -> Answer:
        while True:
            try:
                return await self._attempt(messages, call)
            except AnswerInvalid as error:
                if call.attempts == ATTEMPTS:
                    raise
                messages = [*messages, *_echo(call.raw, error)]

    async def _attempt(self, messages: list[Message], call: _Call) -> Answer:
        sent = "\n".join(message.content for message in messages)
        self._check_fits(sent)
        call.attempts += 1
        reply = await self._chat.chat(messages)
        call.saw(reply)
        self._check_read(sent, reply.prompt_tokens)
        if reply.done_reason == "length":
            raise AnswerInvalid(f"the answer was cut at {reply.completion_tokens} tokens; a shorter one was expected")
        return parse_answer(reply.text)

    def _check_fits(self, sent: str) -> None:
        """A server cuts a prompt that does not fit without a word, from the front: the rules go first."""
        most, room = estimated_tokens(sent), self._settings.num_ctx - self._settings.num_predict
        if most > room:
            raise PromptTruncated(f"a prompt of up to {most} tokens does not fit into {room}; raise llm.num_ctx")

    def _check_read(self, sent: str, read: int | None) -> None:
        least = fewest_tokens(sent)
        if read is None:
            raise PromptTruncated("the server does not say how many prompt tokens it read")
        if read < least:
            raise PromptTruncated(f"the model read {read} prompt tokens, at least {least} were sent")

    def _answered(self, answer: Answer, call: _Call) -> Synthesis:
        return Synthesis(
            source=SynthesisSource.OLLAMA,
            action=answer.action,
            signals_aligned=answer.signals_aligned,
            timeframes_aligned=answer.timeframes_aligned,
            reasoning=answer.reasoning,
            notional=answer.notional,
            model=self._settings.model,
            raw=call.raw,
            prompt_tokens=call.prompt_tokens,
            completion_tokens=call.completion_tokens,
            attempts=call.attempts,
        )

    def _failed(self, reason: Reason, detail: str, call: _Call) -> Synthesis:
        return Synthesis(
            source=SynthesisSource.OLLAMA,
            action=Action.HOLD,
            signals_aligned=None,
            timeframes_aligned=None,
            reasoning=detail,
            notional=None,
            failure=reason,
            model=self._settings.model,
            raw=call.raw,
            prompt_tokens=call.prompt_tokens,
            completion_tokens=call.completion_tokens or None,
            attempts=call.attempts,
        )


def _echo(raw: str, error: AnswerInvalid) -> tuple[Message, Message]:
    said = raw[:ECHOED_CHARACTERS] or "(nothing)"
    wish = f"Your answer was invalid: {error}. Answer again with exactly one valid JSON object and nothing else."
    return Message("assistant", said), Message("user", wish)
