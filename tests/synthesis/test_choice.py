"""Who answers: the user's choice, the rules while a demo's Ollama is away, and what a person is told meanwhile."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from engine.clock import SystemClock
from engine.config import Settings
from engine.model import Action, AdviceVerdict, SynthesisSource
from engine.reasons import Reason
from engine.risk.decide import decide
from engine.synthesis.choice import REPROBE_S, choose_synthesizer
from tests.ollama_server import OllamaServer, answer
from tests.risk.cases import sound
from tests.synthesis.requests import request


class Wall(SystemClock):
    """A clock that can be moved on."""

    late = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.late


def dead_host() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def settings(host: str, mode: str = "demo", **llm: Any) -> Settings:
    return Settings.model_validate({"goals": {"mode": mode}, "llm": {"host": host, **llm}})


async def test_in_demo_the_rules_answer_while_no_ollama_does_and_say_so() -> None:
    chosen = await choose_synthesizer(settings(dead_host()), SystemClock())
    assert (await chosen.synthesize(request())).source is SynthesisSource.RULES
    status, detail = await chosen.describe()
    assert status == "off" and detail.startswith("rules answer: no Ollama at")


@pytest.mark.parametrize("mode", ["paper", "live"])
async def test_with_money_at_stake_a_missing_model_holds(mode: str) -> None:
    chosen = await choose_synthesizer(settings(dead_host(), mode), SystemClock())
    synthesis = await chosen.synthesize(request())
    assert (synthesis.action, synthesis.failure) == (Action.HOLD, Reason.LLM_DOWN)
    assert (await chosen.describe())[0] == "down"


async def test_a_model_that_is_not_installed_is_told_with_its_cure() -> None:
    with OllamaServer() as server:
        chosen = await choose_synthesizer(settings(server.host, "paper", model="tiny:1b"), SystemClock())
        assert await chosen.describe() == ("down", "tiny:1b is not installed; run: ollama pull tiny:1b")


async def test_a_model_that_answers_is_named_with_its_weights_and_found_again_when_it_comes_back() -> None:
    clock = Wall()
    with OllamaServer([answer("BUY")]) as server:
        port = int(server.host.rpartition(":")[2])
        chosen = await choose_synthesizer(settings(server.host), clock)
        assert await chosen.describe() == ("ok", "qwen3.5:4b abababababab")
        assert (await chosen.synthesize(request())).source is SynthesisSource.OLLAMA
    clock.late += REPROBE_S + 1
    assert (await chosen.synthesize(request())).source is SynthesisSource.RULES
    clock.late += REPROBE_S + 1
    with OllamaServer([answer("BUY")], port=port):
        assert (await chosen.synthesize(request())).source is SynthesisSource.OLLAMA
        await chosen.aclose()


async def test_where_no_model_is_there_its_advocate_aborts() -> None:
    chosen = await choose_synthesizer(Settings.model_validate({"llm": {"backend": "rules"}}), SystemClock())
    advice = await chosen.review(request(), decide(sound()))
    assert (advice.verdict, advice.failure) == (AdviceVerdict.ABORT, Reason.LLM_DOWN)
