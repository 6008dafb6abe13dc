"""bench.model tells a good model from a bad one, on a scripted server."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.briefs import SKETCHES, BriefsError, question
from bench.briefs import main as write_briefs
from bench.model import examined, questions
from engine.clock import SystemClock
from engine.config import LlmSettings, Settings
from engine.synthesis.cassette import CASSETTE
from engine.synthesis.chat import ModelDown
from engine.synthesis.choice import Tape, choose_synthesizer
from tests.ollama_server import OllamaServer, Script, Step, answer
from tests.synthesis.requests import request

SOME = SKETCHES[::3]
ALL = 4 * len(SOME)


async def test_a_model_that_follows_the_rules_has_full_marks(capsys: pytest.CaptureFixture[str]) -> None:
    with OllamaServer(Script()) as server:
        seen = await examined(LlmSettings(host=server.host), (), SOME)
    assert seen["questions"] == ALL
    assert (seen["valid_first_try"], seen["valid"], seen["agreement"], seen["invented"]) == (1.0, 1.0, 1.0, 0.0)
    assert seen["breaks"] == dict.fromkeys(("flipped", "more bullish", "headlines"), f"0/{len(SOME)}")
    assert "crypto up, more bullish" in capsys.readouterr().err


async def test_a_model_that_always_buys_and_invents_is_found_out() -> None:
    boast = answer("BUY", reasoning="RSI 93 and 777% upside")
    with OllamaServer(Script((Step(boast),), faults={1: "schema ignored", 5: "empty", 6: "empty"})) as server:
        seen = await examined(LlmSettings(host=server.host), (), SOME)
    assert seen["failures"] == {"empty": 1}
    assert seen["valid"] == pytest.approx((ALL - 1) / ALL, abs=1e-3)
    assert seen["valid_first_try"] == pytest.approx((ALL - 2) / ALL, abs=1e-3)
    assert isinstance(seen["agreement"], float) and seen["agreement"] < 0.6
    assert seen["invented"] == 1.0
    assert isinstance(seen["breaks"], dict) and seen["breaks"]["flipped"].split("/")[0] != "0"


async def test_it_asks_what_an_engine_recorded(tmp_path: Path) -> None:
    with OllamaServer(Script()) as server:
        settings = Settings.model_validate({"goals": {"mode": "paper"}, "llm": {"host": server.host}})
        chosen = await choose_synthesizer(settings, SystemClock(), Tape(tmp_path))
        for streak in (2, 3, 3):
            await chosen.synthesize(request(brief=f"CLASS crypto\nstreak +{streak}"))
        await chosen.aclose()
        seen = await examined(settings.llm, questions(None, tmp_path / CASSETTE))
    assert (seen["questions"], seen["breaks"]) == (2, {})


async def test_it_asks_the_briefs_of_a_folder_that_was_written_from_a_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, sketched = tmp_path / "briefs", [question(sketch) for sketch in SKETCHES[:3]]
    with OllamaServer(Script()) as server:
        settings = Settings.model_validate({"goals": {"mode": "paper"}, "llm": {"host": server.host}})
        chosen = await choose_synthesizer(settings, SystemClock(), Tape(tmp_path))
        for asked in (*sketched, sketched[0]):
            brief = asked.user.partition("MARKETBRIEF\n")[2]
            await chosen.synthesize(request(brief=brief, streak=4))
        await chosen.aclose()
        arguments = ["briefs", "--cassette", str(tmp_path / CASSETTE), "--to", str(folder)]
        monkeypatch.setattr(sys, "argv", arguments)
        assert write_briefs() == 0
        assert capsys.readouterr().out.startswith("3 questions")
        seen = await examined(settings.llm, questions(folder, None))
    assert (seen["questions"], seen["valid"], seen["agreement"], seen["breaks"]) == (3, 1.0, 1.0, {})


@pytest.mark.parametrize(
    ("file", "why"),
    [(None, "not a folder"), ("", "holds no .txt file"), ("buy!", "begins with /nothink")],
)
def test_a_folder_that_holds_no_questions_is_one_line(tmp_path: Path, file: str | None, why: str) -> None:
    folder = tmp_path / "briefs"
    if file is not None:
        folder.mkdir()
    if file:
        (folder / "one.txt").write_text(file)
    with pytest.raises(BriefsError, match=why):
        questions(folder, None)


async def test_a_model_that_is_not_there_is_one_line() -> None:
    with OllamaServer(Script()) as server, pytest.raises(ModelDown, match="ollama pull other"):
        await examined(LlmSettings(host=server.host, model="other"))
