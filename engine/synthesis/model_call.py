"""One question to a model: slots, breaker, deadline, one retry, and a name for every way to fail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.clock import Clock
from engine.config import LlmSettings
from engine.experts.tokens import estimated_tokens, fewest_tokens
from engine.reasons import Reason
from engine.synthesis.breaker import Admission, BreakerState, CircuitBreaker
from engine.synthesis.chat import Chat, DeadlinePassed, Message, ModelDown, NotRecorded, Reply, Schema
from engine.synthesis.json_object import AnswerInvalid, Fault

log = logging.getLogger(__name__)

Valid = TypeVar("Valid")

ATTEMPTS = 2
ECHOED_CHARACTERS = 400
ESTIMATE_SLACK = 1.2
"""The estimate is no bound for a headline's words; what it says of the part that varies is stretched by this."""


class PromptTruncated(Exception):
    """The model did not read all that was sent, or could not have."""


@dataclass(frozen=True, slots=True)
class Question(Generic[Valid]):
    """What is asked, in which form the answer must come, and how it is read (raises AnswerInvalid)."""

    system: str
    user: str
    schema: Schema
    read: Callable[[str], Valid]


@dataclass(slots=True)
class Called(Generic[Valid]):
    """What one question has cost and brought. `answer` None: `failure` and `detail` say why."""

    answer: Valid | None = None
    failure: Reason | None = None
    detail: str = ""
    attempts: int = 0
    raw: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    latency_ms: float | None = None
    digest: str = ""
    fault: Fault | None = None

    def saw(self, reply: Reply) -> None:
        self.raw = reply.text
        self.prompt_tokens = reply.prompt_tokens
        if reply.completion_tokens is not None:
            self.completion_tokens = (self.completion_tokens or 0) + reply.completion_tokens

    def failed(self, reason: Reason, detail: str) -> None:
        self.failure, self.detail = reason, detail


class ModelCaller:
    """Asks through one chat, `llm.parallel` questions at a time, each within `llm.timeout_s` for both attempts.

    `context` is what the loaded model really holds, where the server has told; less than `num_ctx` counts.
    """

    def __init__(self, settings: LlmSettings, clock: Clock, chat: Chat, breaker: CircuitBreaker) -> None:
        self._settings = settings
        self._clock = clock
        self._chat = chat
        self._slots = asyncio.Semaphore(settings.parallel)
        self._probed = asyncio.Event()
        self._prefix_tokens: dict[tuple[str, str], float] = {}
        self.breaker = breaker
        self.context: int | None = None
        self._trouble = ""

    async def ask(self, question: Question[Valid]) -> Called[Valid]:
        """Never raises for what a model or a network does."""
        call: Called[Valid] = Called(digest=self._chat.digest)
        async with self._slots:
            admission = await self._admitted()
            now = self._clock.monotonic()
            if admission is None:
                call.failed(Reason.LLM_DOWN, f"not asked: it failed before, {self._next_try(now)}")
                return call
            await self._guarded(question, call, admission)
            call.latency_ms = (self._clock.monotonic() - now) * 1000
        return call

    async def _admitted(self) -> Admission | None:
        """Who comes while a probe is under way waits for what it finds, its deadline at the longest: a server that is
        back answers all of a cycle, not only the first who asked."""
        admission = self.breaker.admit(self._clock.monotonic())
        if admission is None and self.breaker.state is BreakerState.HALF_OPEN:
            await self._probed.wait()
            admission = self.breaker.admit(self._clock.monotonic())
        if admission is not None and self.breaker.state is BreakerState.HALF_OPEN:
            self._probed.clear()
        return admission

    @property
    def outage(self) -> str:
        """Why the latest question brought no reply and when the next one may be asked; "" while it answers."""
        return f"{self._trouble}; {self._next_try(self._clock.monotonic())}" if self._trouble else ""

    def _next_try(self, now: float) -> str:
        """In the words of a person who waits for it."""
        match self.breaker.state:
            case BreakerState.CLOSED:
                return "asked again at the next question"
            case BreakerState.HALF_OPEN:
                return "one question is out to try it"
        wait = self.breaker.retry_in_s(now)
        return f"next try in {wait:.0f} s" if wait else "tried again at the next question"

    async def _guarded(self, question: Question[Valid], call: Called[Valid], admission: Admission) -> None:
        """One admitted call, its outcome told to the breaker whatever happens."""
        told = False
        try:
            await self._asked(question, call)
            # A question that was too long to be sent says nothing about the server.
            if call.attempts:
                self._heard(admission, "")
                self.breaker.succeeded(admission)
                told = True
        except ModelDown as error:
            late = isinstance(error, DeadlinePassed)
            call.failed(Reason.LLM_DOWN, f"no answer within {self._settings.timeout_s:g} s" if late else str(error))
            self._heard(admission, call.detail)
            self.breaker.failed(admission, self._clock.monotonic())
            told = True
        finally:
            if not told:
                self.breaker.abandoned(admission, self._clock.monotonic())
            if self.breaker.state is not BreakerState.HALF_OPEN:
                self._probed.set()

    def _heard(self, admission: Admission, trouble: str) -> None:
        if self.breaker.is_current(admission):
            self._trouble = trouble

    async def _asked(self, question: Question[Valid], call: Called[Valid]) -> None:
        try:
            call.answer = await self._with_retry(question, call)
        except PromptTruncated as error:
            call.failed(Reason.LLM_TRUNCATED, str(error))
        except AnswerInvalid as error:
            call.fault = error.fault
            call.failed(Reason.LLM_INVALID, str(error))
        except NotRecorded as error:
            call.failed(Reason.LLM_NOT_RECORDED, str(error))

    async def _with_retry(self, question: Question[Valid], call: Called[Valid]) -> Valid:
        messages = [Message("system", question.system), Message("user", question.user)]
        deadline = self._clock.monotonic() + self._settings.timeout_s
        invalid: AnswerInvalid | None = None
        while True:
            try:
                return await self._attempt(question, messages, call, deadline)
            except DeadlinePassed:
                # A slow model whose first answer was none is no dead one.
                if invalid is None:
                    raise
                raise invalid from None
            except AnswerInvalid as error:
                log.info("invalid answer (%s): %s", error.fault, error)
                if call.attempts == ATTEMPTS:
                    raise
                invalid = error
                messages = [*messages, *_echo(call.raw, error)]

    async def _attempt(
        self, question: Question[Valid], messages: Sequence[Message], call: Called[Valid], deadline: float
    ) -> Valid:
        system, rest = messages[0].content, "\n".join(message.content for message in messages[1:])
        self._check_fits(system, rest)
        call.attempts += 1
        left_s = max(0.0, deadline - self._clock.monotonic())
        reply = await self._chat.chat(messages, question.schema, left_s)
        call.saw(reply)
        self._check_read(system, rest, reply.prompt_tokens)
        _check_finished(reply)
        return question.read(reply.text)

    def _check_fits(self, system: str, rest: str) -> None:
        """A server cuts a prompt that does not fit without a word, from the front: the rules go first."""
        context = min(self._settings.num_ctx, self.context or self._settings.num_ctx)
        most, room = estimated_tokens(system) + estimated_tokens(rest), context - self._settings.num_predict
        if most > room:
            raise PromptTruncated(f"a prompt of up to {most} tokens does not fit into {room}; raise llm.num_ctx")

    def _check_read(self, system: str, rest: str, read: int | None) -> None:
        """The rules cost the same tokens every time: once seen, they are expected in full of every later count."""
        if read is None:
            raise PromptTruncated("the server does not say how many prompt tokens it read")
        known = (self._chat.digest, system)
        rules = max(float(fewest_tokens(system)), self._prefix_tokens.get(known, 0.0))
        least = int(rules) + fewest_tokens(rest)
        if read < least:
            raise PromptTruncated(f"the model read {read} prompt tokens, at least {least} were sent")
        if read > self._settings.num_ctx:
            raise PromptTruncated(f"the model read {read} prompt tokens, more than its context of num_ctx holds")
        self._prefix_tokens[known] = max(rules, read - ESTIMATE_SLACK * estimated_tokens(rest))


def _check_finished(reply: Reply) -> None:
    """Cut answers are none, even those that parse; an empty one beside a thought has a cause of its own."""
    if reply.done_reason == "length":
        detail = f"the answer was cut at {reply.completion_tokens} tokens; a shorter one was expected"
        raise AnswerInvalid(Fault.CUT, detail)
    if reply.thinking and not reply.text.strip():
        detail = f"{reply.thinking} characters of thought and no answer: the model ignores think: false"
        raise AnswerInvalid(Fault.EMPTY, detail)


def _echo(raw: str, error: AnswerInvalid) -> tuple[Message, Message]:
    said = raw[:ECHOED_CHARACTERS] or "(nothing)"
    wish = f"Your answer was invalid: {error}. Answer again with exactly one valid JSON object and nothing else."
    return Message("assistant", said), Message("user", wish)
