"""What small models and their servers were seen to do, each by its name, through the real client."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any

import pytest

from engine.clock import SystemClock
from engine.config import LlmSettings
from engine.model import Action, Synthesis
from engine.reasons import Reason
from engine.synthesis.number_checker import Counted
from engine.synthesis.ollama_client import OllamaSynthesizer
from engine.synthesis.trading_system import PROMPT_VERSION
from tests.ollama_server import DIGEST, FAULTS, MODEL, OllamaServer, Script, Step, answer
from tests.synthesis.requests import request

BUY = answer("BUY")
FAILS_WITH = {
    "schema ignored": (Reason.LLM_INVALID, "no JSON object"),
    "thinking only": (Reason.LLM_INVALID, "ignores think: false"),
    "array": (Reason.LLM_INVALID, "an array"),
    "two answers": (Reason.LLM_INVALID, "a second object says action 'HOLD' after 'BUY'"),
    "numbers as strings": (Reason.LLM_INVALID, "signals_aligned is '7'"),
    "truncated head": (Reason.LLM_TRUNCATED, "the model read 64 prompt tokens"),
    "no token count": (Reason.LLM_TRUNCATED, "does not say how many prompt tokens"),
    "length": (Reason.LLM_INVALID, "the answer was cut"),
    "empty": (Reason.LLM_INVALID, "no JSON object"),
    "hang": (Reason.LLM_DOWN, "no answer within 0.4 s"),
    "disconnect": (Reason.LLM_DOWN, "RemoteProtocolError"),
    "no reply": (Reason.LLM_DOWN, "RemoteProtocolError"),
    "status 404": (Reason.LLM_DOWN, f"run: ollama pull {MODEL}"),
    "status 500": (Reason.LLM_DOWN, "the server answered 500"),
    "not JSON": (Reason.LLM_DOWN, "JSONDecodeError"),
}
HARMLESS = ("think block", "full width", "code fence", "trailing prose")


def asking(server: OllamaServer, tell: Any = None, **changes: Any) -> OllamaSynthesizer:
    return OllamaSynthesizer(LlmSettings(host=server.host, **changes), SystemClock(), tell=tell)


class Wall(SystemClock):
    """Time that a test may let pass."""

    late = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.late


def always(fault: str) -> Script:
    return Script((Step(BUY, fault=fault),))


async def ask(fault: str, **changes: Any) -> Synthesis:
    with OllamaServer(always(fault)) as server:
        synthesizer = asking(server, **changes)
        synthesis = await synthesizer.synthesize(request())
        await synthesizer.aclose()
    return synthesis


def test_every_known_failure_has_its_expected_end() -> None:
    assert {*FAILS_WITH, *HARMLESS} == set(FAULTS)


@pytest.mark.parametrize("fault", FAILS_WITH)
async def test_a_failure_is_a_hold_under_its_own_name(fault: str) -> None:
    reason, words = FAILS_WITH[fault]
    synthesis = await ask(fault, timeout_s=0.4 if fault == "hang" else 5.0)
    assert (synthesis.action, synthesis.failure) == (Action.HOLD, reason)
    assert words in synthesis.reasoning
    assert synthesis.signals_aligned is None and synthesis.notional is None


@pytest.mark.parametrize("fault", HARMLESS)
async def test_what_dresses_a_valid_answer_does_not_hide_it(fault: str) -> None:
    synthesis = await ask(fault)
    assert (synthesis.action, synthesis.failure, synthesis.attempts) == (Action.BUY, None, 1)


@pytest.mark.parametrize("fault", [f for f, (reason, _) in FAILS_WITH.items() if reason is Reason.LLM_INVALID])
async def test_an_invalid_answer_is_told_once_and_the_valid_second_one_counts(fault: str) -> None:
    with OllamaServer(Script((Step(BUY),), faults={1: fault})) as server:
        synthesis = await asking(server).synthesize(request())
    assert (synthesis.action, synthesis.failure, synthesis.attempts) == (Action.BUY, None, 2)
    assert "Your answer was invalid" in server.requests[1]["messages"][3]["content"]


async def test_each_answer_names_the_weights_and_the_wording() -> None:
    with OllamaServer([BUY]) as server:
        synthesis = await asking(server).synthesize(request())
    assert (synthesis.model_digest, synthesis.prompt_version) == (DIGEST, PROMPT_VERSION)


async def test_weights_swapped_under_a_running_engine_are_noticed_and_told() -> None:
    lines: list[tuple[str, str]] = []
    swapped = Script((Step(BUY),), digests={1: DIGEST, 2: "sha256:" + "cd" * 32})
    with OllamaServer(swapped) as server:
        synthesizer = asking(server, tell=lambda *line: lines.append(line))
        first = await synthesizer.synthesize(request())
        await synthesizer.probe()
        second = await synthesizer.synthesize(request())
    assert (first.model_digest, second.model_digest) == (DIGEST, "sha256:" + "cd" * 32)
    assert [(level, "was swapped: abababababab became cdcdcdcdcdcd" in text) for level, text in lines] == [
        ("warning", True)
    ]


async def test_warming_up_loads_model_and_rules_and_reads_the_real_context() -> None:
    lines: list[tuple[str, str]] = []
    with OllamaServer(Script((Step(BUY),), context_length=2048)) as server:
        synthesizer = asking(server, tell=lambda *line: lines.append(line))
        await synthesizer.warm_up()
        (loading,) = server.warm_ups
        short = await synthesizer.synthesize(request(brief="CLASS crypto\n" + "EMA up, RSI 61 up, " * 140))
        fits = await synthesizer.synthesize(request())
        assert len(server.requests) == 1
    assert loading["options"]["num_predict"] == 1 and loading["options"]["num_ctx"] == 3072
    assert loading["messages"][0] == server.requests[0]["messages"][0]
    assert [level for level, _ in lines] == ["info", "warning"]
    assert "is loaded (abababababab)" in lines[0][1] and "holds 2048 tokens" in lines[1][1]
    assert short.failure is Reason.LLM_TRUNCATED
    assert fits.action is Action.BUY


async def test_after_a_swap_the_real_context_is_read_again_once_the_new_weights_are_loaded() -> None:
    lines: list[tuple[str, str]] = []
    other = "sha256:" + "cd" * 32
    with OllamaServer(Script((Step(BUY),), digests={1: DIGEST, 2: other}, context_length=8192)) as server:
        synthesizer = asking(server, tell=lambda *line: lines.append(line))
        await synthesizer.warm_up()
        assert synthesizer.caller.context == 3072, "as much as was asked for"
        assert (await synthesizer.synthesize(request())).failure is None
        server.play = replace(server.play, context_length=2048)
        await synthesizer.probe()
        assert synthesizer.digest == other and synthesizer.caller.context == 2048
        short = await synthesizer.synthesize(request(brief="CLASS crypto\n" + "EMA up, RSI 61 up, " * 140))
    assert short.failure is Reason.LLM_TRUNCATED
    assert [text.split(";")[0] for level, text in lines if level == "warning"] == [
        "qwen3.5:4b was swapped: abababababab became cdcdcdcdcdcd",
        "qwen3.5:4b holds 2048 tokens, llm.num_ctx asks for 3072",
    ]


async def test_a_habit_of_inventing_outlives_a_restart_and_not_a_swap() -> None:
    lines: list[tuple[str, str]] = []
    habit = tuple(Counted(4, 2) for _ in range(10))
    honest = answer("BUY", reasoning="no number at all")
    with OllamaServer([honest]) as server:
        same = asking(server)
        same.remember(DIGEST, habit)
        held = await same.synthesize(request())
        met_late = asking(server, tell=lambda *line: lines.append(line))
        met_late.remember("sha256:" + "cd" * 32, habit)
        free = await met_late.synthesize(request())
        met_before = asking(server, tell=lambda *line: lines.append(line))
        await met_before.probe()
        met_before.remember("sha256:" + "cd" * 32, habit)
        assert met_before.inventions.numbers == 0
    assert (held.action, held.failure) == (Action.HOLD, Reason.LLM_INVENTS)
    assert "50% of its latest 40 numbers" in held.reasoning
    assert (free.action, free.failure) == (Action.BUY, None)
    assert [text.split(";")[0] for _, text in lines] == ["qwen3.5:4b was swapped: cdcdcdcdcdcd became abababababab"] * 2


async def test_who_answers_is_logged_once_a_run_also_where_the_last_run_knew_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "engine.synthesis.ollama_client")
    with OllamaServer([BUY]) as server:
        synthesizer = asking(server)
        synthesizer.remember(DIGEST, ())
        await synthesizer.probe()
        await synthesizer.probe()
    assert [record.getMessage() for record in caplog.records] == [
        f"model {MODEL}, digest {DIGEST}, prompt version {PROMPT_VERSION}"
    ]


async def test_a_missing_model_is_told_with_the_line_that_gets_it() -> None:
    lines: list[tuple[str, str]] = []
    with OllamaServer([BUY]) as server:
        synthesizer = asking(server, tell=lambda *line: lines.append(line), model="small:1b")
        await synthesizer.warm_up()
        assert server.warm_ups == []
    assert lines == [("warning", "small:1b is not installed; run: ollama pull small:1b")]


async def test_a_head_that_is_cut_off_later_is_noticed_by_what_the_rules_cost_before() -> None:
    """The floor of any tokenizer is far below the truth: a prompt cut by a third would pass it."""
    with OllamaServer([BUY]) as server:
        whole = (await asking(server).synthesize(request())).prompt_tokens
    assert whole is not None
    with OllamaServer(Script((Step(BUY), Step(BUY, prompt_tokens=int(whole * 0.9))))) as server:
        synthesizer = asking(server)
        assert (await synthesizer.synthesize(request())).failure is None
        cut = await synthesizer.synthesize(request())
    assert cut.failure is Reason.LLM_TRUNCATED
    assert "at least" in cut.reasoning


async def test_after_the_cool_down_one_probe_finds_the_model_back() -> None:
    clock = Wall()
    with OllamaServer(Script((Step(BUY),), faults={1: "status 500", 2: "status 500", 3: "status 500"})) as server:
        synthesizer = OllamaSynthesizer(LlmSettings(host=server.host), clock)
        reasons = [(await synthesizer.synthesize(request())).failure for _ in range(4)]
        clock.late = 31.0
        back = await synthesizer.synthesize(request())
        assert len(server.requests) == 4
    assert reasons == [Reason.LLM_DOWN] * 4
    assert back.action is Action.BUY


async def test_a_slow_model_whose_first_answer_was_none_is_invalid_and_not_down() -> None:
    with OllamaServer(Script((Step("no json"),), latency_s=0.35)) as server:
        synthesizer = asking(server, timeout_s=0.6)
        said = [await synthesizer.synthesize(request()) for _ in range(4)]
    assert {synthesis.failure for synthesis in said} == {Reason.LLM_INVALID}
    assert said[0].attempts == 2


async def test_a_question_that_is_too_long_to_be_sent_says_nothing_about_the_server() -> None:
    with OllamaServer(Script((Step(BUY),), faults=dict.fromkeys((1, 2, 3), "status 500"))) as server:
        clock = Wall()
        synthesizer = OllamaSynthesizer(LlmSettings(host=server.host), clock)
        for _ in range(3):
            await synthesizer.synthesize(request())
        clock.late = 31.0
        long = await synthesizer.synthesize(replace(request(), brief="word " * 5000))
        assert long.failure is Reason.LLM_TRUNCATED
        assert len(server.requests) == 3
        assert synthesizer.caller.outage
