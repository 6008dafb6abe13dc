"""The real ollama client against a server of its protocol, on loopback."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest

from engine.clock import SystemClock
from engine.config import LlmSettings
from engine.model import Action, SynthesisSource
from engine.reasons import Reason
from engine.synthesis.breaker import BreakerState, CircuitBreaker
from engine.synthesis.ollama_chat import is_loopback
from engine.synthesis.ollama_client import OllamaSynthesizer
from engine.synthesis.trading_system import ANSWER_SCHEMA
from tests.ollama_server import DIGEST, MODEL, OllamaServer, Step, answer, cancelled_in_mid_call
from tests.synthesis.requests import request


def client(host: str, **changes: Any) -> OllamaSynthesizer:
    return OllamaSynthesizer(LlmSettings(host=host, **{"timeout_s": 5.0, **changes}), SystemClock())


def free_host() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


async def test_a_valid_answer_arrives_whole_with_what_it_cost() -> None:
    with OllamaServer([answer("BUY", notional=5)]) as server:
        synthesis = await client(server.host).synthesize(request())
    assert (synthesis.source, synthesis.action, synthesis.failure) == (SynthesisSource.OLLAMA, Action.BUY, None)
    assert (synthesis.signals_aligned, synthesis.timeframes_aligned, synthesis.notional) == (7, 2, 5.0)
    assert synthesis.raw == answer("BUY", notional=5)
    assert synthesis.model == MODEL and synthesis.attempts == 1
    assert synthesis.prompt_tokens and synthesis.completion_tokens
    assert synthesis.latency_ms is not None and synthesis.latency_ms > 0


async def test_the_request_on_the_wire() -> None:
    with OllamaServer() as server:
        await client(server.host).synthesize(request())
        await client(server.host).synthesize(request(brief="CLASS metal"))
    first, second = server.requests
    assert first["model"] == MODEL
    assert first["stream"] is False and first["think"] is False
    assert first["format"] == ANSWER_SCHEMA
    assert first["options"] == {"num_ctx": 3072, "temperature": 0.1, "seed": 7, "num_predict": 320}
    assert first["keep_alive"] == "30m"
    assert [message["role"] for message in first["messages"]] == ["system", "user"]
    assert first["messages"][0] == second["messages"][0]
    assert first["messages"][1]["content"].startswith("/nothink\n")


async def test_an_invalid_answer_is_echoed_once_and_the_second_counts() -> None:
    with OllamaServer(["I would buy!", answer("SELL")]) as server:
        synthesis = await client(server.host).synthesize(request())
    assert (synthesis.action, synthesis.attempts, synthesis.failure) == (Action.SELL, 2, None)
    echoed = server.requests[1]["messages"]
    assert echoed[:2] == server.requests[0]["messages"]
    assert echoed[2] == {"role": "assistant", "content": "I would buy!"}
    assert "no JSON object" in echoed[3]["content"]


async def test_two_invalid_answers_hold_as_invalid() -> None:
    with OllamaServer(["nonsense"]) as server:
        synthesizer = client(server.host)
        synthesis = await synthesizer.synthesize(request())
        assert len(server.requests) == 2
    assert (synthesis.action, synthesis.failure) == (Action.HOLD, Reason.LLM_INVALID)
    assert synthesis.signals_aligned is None
    assert synthesis.raw == "nonsense"
    assert synthesizer.breaker.state is BreakerState.CLOSED


async def test_an_answer_cut_at_its_limit_is_invalid_even_if_it_parses() -> None:
    with OllamaServer([Step(answer("BUY"), done_reason="length")]) as server:
        synthesis = await client(server.host).synthesize(request())
    assert synthesis.failure is Reason.LLM_INVALID
    assert "cut" in synthesis.reasoning


@pytest.mark.parametrize("read", [12, -1], ids=["few", "not told"])
async def test_a_prompt_not_wholly_read_is_truncated(read: int) -> None:
    with OllamaServer([Step(answer("BUY"), prompt_tokens=read)]) as server:
        synthesis = await client(server.host).synthesize(request())
    assert (synthesis.action, synthesis.failure) == (Action.HOLD, Reason.LLM_TRUNCATED)
    assert synthesis.raw == answer("BUY")


async def test_a_prompt_that_cannot_fit_is_not_sent() -> None:
    with OllamaServer() as server:
        synthesis = await client(server.host, num_ctx=1024).synthesize(request(brief="EMA up " * 200))
        assert server.requests == []
    assert (synthesis.failure, synthesis.attempts) == (Reason.LLM_TRUNCATED, 0)


@pytest.mark.parametrize(
    "fault",
    [Step(status=500), Step(status=404), Step(body="<html>busy</html>"), Step(body="[1]"), Step(body="", status=502)],
    ids=["500", "no model", "html", "foreign json", "empty 502"],
)
async def test_a_broken_server_is_down(fault: Step) -> None:
    with OllamaServer([fault]) as server:
        synthesis = await client(server.host).synthesize(request())
        assert len(server.requests) == 1
    assert (synthesis.action, synthesis.failure) == (Action.HOLD, Reason.LLM_DOWN)
    assert synthesis.reasoning


async def test_a_refused_connection_is_down() -> None:
    synthesis = await client(free_host()).synthesize(request())
    assert synthesis.failure is Reason.LLM_DOWN


async def test_the_deadline_is_hard_and_covers_both_attempts() -> None:
    with OllamaServer([Step("nonsense", delay_s=0.3), Step(answer(), delay_s=3)]) as server:
        started = time.monotonic()
        synthesis = await client(server.host, timeout_s=0.6).synthesize(request())
    assert time.monotonic() - started < 1.5
    assert synthesis.failure is Reason.LLM_INVALID, "it did answer in time, though nothing of use"
    assert synthesis.raw == "nonsense"


async def test_a_dead_server_is_not_asked_a_fourth_time() -> None:
    with OllamaServer([Step(status=500)]) as server:
        synthesizer = client(server.host)
        answers = [await synthesizer.synthesize(request()) for _ in range(5)]
        assert len(server.requests) == 3
    assert {synthesis.failure for synthesis in answers} == {Reason.LLM_DOWN}
    assert "not asked" in answers[-1].reasoning
    assert synthesizer.breaker.state is BreakerState.OPEN


async def test_a_server_that_is_back_answers_everybody_who_came_while_it_was_tried() -> None:
    with OllamaServer([Step(status=500)] * 3 + [Step(answer("BUY"), delay_s=0.2)]) as server:
        synthesizer = OllamaSynthesizer(
            LlmSettings(host=server.host, parallel=2), SystemClock(), breaker=CircuitBreaker(cool_down_s=0.05)
        )
        for _ in range(3):
            await synthesizer.synthesize(request())
        assert synthesizer.breaker.state is BreakerState.OPEN
        await asyncio.sleep(0.06)
        answers = await asyncio.gather(*(synthesizer.synthesize(request()) for _ in range(4)))
    assert {synthesis.failure for synthesis in answers} == {None}
    assert synthesizer.breaker.state is BreakerState.CLOSED and synthesizer.outage == ""


async def test_who_waited_for_a_probe_that_found_nobody_is_told_when_the_next_one_goes() -> None:
    with OllamaServer([Step(status=500)] * 3 + [Step(status=500, delay_s=0.2)]) as server:
        synthesizer = OllamaSynthesizer(
            LlmSettings(host=server.host, parallel=2), SystemClock(), breaker=CircuitBreaker(cool_down_s=0.5)
        )
        for _ in range(3):
            await synthesizer.synthesize(request())
        await asyncio.sleep(0.51)
        probe, waiter = await asyncio.gather(*(synthesizer.synthesize(request()) for _ in range(2)))
        assert len(server.requests) == 4
    assert (probe.failure, waiter.failure) == (Reason.LLM_DOWN, Reason.LLM_DOWN)
    assert "not asked" in waiter.reasoning and "next try in 1 s" in waiter.reasoning
    assert "500" in synthesizer.outage and "next try in" in synthesizer.outage


async def test_a_cancelled_call_is_told_to_the_breaker_and_frees_its_slot() -> None:
    with OllamaServer([Step(answer(), delay_s=2), answer("BUY")]) as server:
        synthesizer = client(server.host, parallel=1)
        await cancelled_in_mid_call(server, synthesizer.synthesize(request()))
        synthesis = await synthesizer.synthesize(request())
    assert synthesis.action is Action.BUY
    assert synthesizer.breaker.state is BreakerState.CLOSED


async def test_no_more_than_parallel_calls_at_a_time() -> None:
    with OllamaServer([Step(answer(), delay_s=0.05)]) as server:
        synthesizer = client(server.host, parallel=2)
        answers = await asyncio.gather(*(synthesizer.synthesize(request()) for _ in range(6)))
        assert server.most_open_calls == 2
    assert all(synthesis.failure is None for synthesis in answers)


async def test_a_proxy_of_the_environment_is_ignored_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, free_host())
    with OllamaServer() as server:
        synthesizer = client(server.host)
        assert (await synthesizer.synthesize(request())).failure is None
        assert await synthesizer.available()


async def test_the_probe_tells_a_ready_server_from_a_missing_model_and_from_none() -> None:
    with OllamaServer() as server:
        ready = await client(server.host).probe()
        missing = await client(server.host, model="other:1b").probe()
    assert ready.ready and ready.digest == DIGEST
    assert not missing.ready and "ollama pull other:1b" in missing.detail
    assert not await client(free_host()).available(0.5)


async def test_a_thought_beside_the_answer_is_not_the_answer() -> None:
    with OllamaServer([Step(answer("HOLD"), thinking=answer("BUY"))]) as server:
        synthesis = await client(server.host).synthesize(request())
    assert synthesis.action is Action.HOLD


def test_loopback_hosts() -> None:
    assert is_loopback("http://127.0.0.1:11434") and is_loopback("localhost:11434") and is_loopback("http://[::1]:1")
    assert not is_loopback("http://10.0.0.5:11434")
