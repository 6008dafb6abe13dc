"""What a model said once can be heard again, byte for byte, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.clock import SystemClock
from engine.config import LlmSettings, Settings
from engine.model import Action, Synthesis
from engine.reasons import Reason
from engine.synthesis.cassette import CASSETTE, CassetteError, read_cassette
from engine.synthesis.choice import ChosenSynthesizer, Tape, choose_synthesizer
from engine.synthesis.port import SynthesisRequest
from tests.ollama_server import DIGEST, OllamaServer, Script, Step, answer, cancelled_in_mid_call
from tests.synthesis.requests import request

BRIEFS = tuple(request(brief=f"CLASS crypto\nDIRECTION bullish, streak +{n}") for n in range(2, 6))
STEPS = (Step("nonsense"), Step(answer("SELL")), Step(answer("BUY", reasoning="née ☃ 2")), Step(answer("HOLD")))


def paper(host: str, **llm: Any) -> Settings:
    return Settings.model_validate({"goals": {"mode": "paper"}, "llm": {"host": host, "parallel": 1, **llm}})


def kept(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def ask(chosen: ChosenSynthesizer, requests: tuple[SynthesisRequest, ...] = BRIEFS) -> list[Synthesis]:
    """Without the one figure that belongs to the wall clock."""
    answers = [replace(await chosen.synthesize(each), latency_ms=None) for each in requests]
    await chosen.aclose()
    return answers


async def recorded(folder: Path, script: Script, **llm: Any) -> tuple[list[Synthesis], Settings]:
    with OllamaServer(script) as server:
        settings = paper(server.host, **llm)
        return await ask(await choose_synthesizer(settings, SystemClock(), Tape(folder))), settings


async def replayed(settings: Settings, cassette: Path, **llm: Any) -> list[Synthesis]:
    changed = settings.model_copy(update={"llm": LlmSettings(**{**settings.llm.model_dump(), **llm})})
    return await ask(await choose_synthesizer(changed, SystemClock(), Tape(None, cassette)))


async def test_a_replay_without_any_server_is_what_the_model_said(tmp_path: Path) -> None:
    script = Script(STEPS, faults={4: "status 500"})
    first, settings = await recorded(tmp_path, script)
    assert [s.action for s in first] == [Action.SELL, Action.BUY, Action.HOLD, Action.HOLD]
    assert [s.failure for s in first] == [None, None, Reason.LLM_DOWN, None]
    again = await replayed(settings, tmp_path / CASSETTE)
    assert [s.failure for s in again] == [s.failure for s in first]
    assert all(s.replayed for s in again) and not any(s.replayed for s in first)
    assert again[:2] == first[:2] and again[3] == first[3]
    assert again[2].reasoning == f"as recorded: {first[2].reasoning}"


async def test_a_deadline_that_passed_is_part_of_the_recording(tmp_path: Path) -> None:
    _, settings = await recorded(tmp_path, Script((Step(answer("BUY")),), faults={1: "hang"}), timeout_s=1.0)
    again = await replayed(settings, tmp_path / CASSETTE)
    assert [s.failure for s in again] == [Reason.LLM_DOWN, None, None, None]
    assert "no answer before the deadline" in again[0].reasoning


async def test_a_call_that_was_cancelled_by_us_is_no_time_out_of_the_models(tmp_path: Path) -> None:
    """The engine stops, or a cycle ends, while the model thinks: replayed as an outage it would open a breaker that
    was never open."""
    with OllamaServer(Script((Step(answer("BUY"), delay_s=5), Step(answer("BUY"))))) as server:
        chosen = await choose_synthesizer(paper(server.host), SystemClock(), Tape(tmp_path))
        await cancelled_in_mid_call(server, chosen.synthesize(BRIEFS[0]))
        assert kept(tmp_path) == []
        assert (await chosen.synthesize(BRIEFS[0])).action is Action.BUY
        await chosen.aclose()
    (recording,) = read_cassette(tmp_path / CASSETTE)
    assert recording.reply is not None


async def test_each_line_is_keyed_by_weights_options_and_prompt(tmp_path: Path) -> None:
    await recorded(tmp_path, Script((Step(answer("BUY")),)))
    lines = [json.loads(line) for line in (tmp_path / CASSETTE).read_text().splitlines()]
    assert len(lines) == len(BRIEFS)
    assert {line["digest"] for line in lines} == {DIGEST}
    assert lines[0]["options"] == {"num_ctx": 3072, "temperature": 0.1, "seed": 7, "num_predict": 320}
    assert len({line["prompt"] for line in lines}) == len(BRIEFS)
    assert lines[0]["reply"]["text"] == answer("BUY")
    assert lines[0]["messages"][1]["content"].endswith("streak +2")


@pytest.mark.parametrize("llm", [{"seed": 8}, {"temperature": 0.2}, {"num_ctx": 4096}])
async def test_other_options_were_not_recorded(tmp_path: Path, llm: dict[str, Any]) -> None:
    _, settings = await recorded(tmp_path, Script((Step(answer("BUY")),)))
    again = await replayed(settings, tmp_path / CASSETTE, **llm)
    assert {(s.action, s.failure) for s in again} == {(Action.HOLD, Reason.LLM_NOT_RECORDED)}


async def test_another_prompt_was_not_recorded_and_nobody_is_asked(tmp_path: Path) -> None:
    with OllamaServer([answer("BUY")]) as server:
        settings = paper(server.host)
        await ask(await choose_synthesizer(settings, SystemClock(), Tape(tmp_path)))
        asked = len(server.requests)
        replay = await choose_synthesizer(settings, SystemClock(), Tape(tmp_path, tmp_path / CASSETTE))
        (unknown,) = await ask(replay, (request(brief="CLASS metal"),))
        assert len(server.requests) == asked
    assert (unknown.action, unknown.failure) == (Action.HOLD, Reason.LLM_NOT_RECORDED)
    assert len(read_cassette(tmp_path / CASSETTE)) == len(BRIEFS), "a replay records nothing"


async def test_the_same_prompt_asked_twice_is_played_in_its_order(tmp_path: Path) -> None:
    with OllamaServer([answer("BUY"), answer("HOLD")]) as server:
        settings = paper(server.host)
        twice = (BRIEFS[0], BRIEFS[0])
        first = await ask(await choose_synthesizer(settings, SystemClock(), Tape(tmp_path)), twice)
    replay = await choose_synthesizer(settings, SystemClock(), Tape(None, tmp_path / CASSETTE))
    assert await replay.describe() == ("ok", "cassette of qwen3.5:4b abababababab")
    again = await ask(replay, (*twice, BRIEFS[0]))
    assert [s.action for s in first] == [Action.BUY, Action.HOLD]
    assert [s.action for s in again] == [Action.BUY, Action.HOLD, Action.HOLD]


async def test_nothing_is_recorded_where_the_user_does_not_want_it(tmp_path: Path) -> None:
    await recorded(tmp_path, Script((Step(answer("BUY")),)), record=False)
    assert kept(tmp_path) == []


async def test_a_folder_that_takes_no_file_costs_the_recording_and_no_answer(tmp_path: Path) -> None:
    (tmp_path / CASSETTE).mkdir()
    answers, _ = await recorded(tmp_path, Script((Step(answer("BUY")),)))
    assert {s.action for s in answers} == {Action.BUY}


async def test_a_last_line_cut_by_a_power_failure_is_passed_over(tmp_path: Path) -> None:
    await recorded(tmp_path, Script((Step(answer("BUY")),)))
    path = tmp_path / CASSETTE
    path.write_bytes(path.read_bytes()[:-40])
    assert len(read_cassette(path)) == len(BRIEFS) - 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read"),
        (b"", "holds no recorded call"),
        (b'{"digest": 1}\n{}\n', "line 1: not a recorded call"),
        (b"\xff\xfe\n\n", "line 1: not a recorded call"),
    ],
)
def test_a_file_that_is_no_cassette_is_refused_by_name_and_line(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    path = tmp_path / "other.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CassetteError, match=f"other.jsonl.*{why}"):
        read_cassette(path)


async def test_a_rules_engine_has_no_use_for_a_tape(tmp_path: Path) -> None:
    settings = Settings.model_validate({"llm": {"backend": "rules"}})
    chosen = await choose_synthesizer(settings, SystemClock(), Tape(tmp_path))
    assert await chosen.describe() == ("ok", "rules")
    assert (await chosen.synthesize(request())).action is Action.BUY
    assert kept(tmp_path) == []
