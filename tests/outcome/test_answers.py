"""How freely the model invented before a restart: from its own live answers, however many questions were not put."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.assembly import Assembly
from engine.clock import SystemClock
from engine.config import LlmSettings, Settings
from engine.db import Database
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.model import Action, DecisionRecord, Direction, Synthesis, SynthesisSource
from engine.outcome.answers import latest_answers, latest_digest
from engine.outcome.decision_log import DecisionLog
from engine.reasons import Reason
from engine.risk.limits import RiskLimits
from engine.synthesis.choice import ChosenSynthesizer, Tape, choose_synthesizer
from engine.synthesis.number_checker import LATEST, Counted
from tests.ollama_server import DIGEST, MODEL, OllamaServer, answer

OTHER = "sha256:" + "cd" * 32
SAID = Synthesis(
    SynthesisSource.OLLAMA, Action.HOLD, 7, 2, "RSI 93.7", None, model=MODEL, model_digest=DIGEST, numbers=4,
    invented_numbers=2,
)  # fmt: skip
SKIPPED = replace(SAID, source=SynthesisSource.SKIPPED, model="", model_digest="", numbers=None, invented_numbers=None)
COPIES = (
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
    " INSERT INTO decisions SELECT d.decision_id || '.' || i, cycle, ticker, inst_id, bar_ts, decided_at + i, action,"
    " reason, detail, price, strength, confidence, p_win, record FROM decisions d, n WHERE d.decision_id = ?"
)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with await Database.open(tmp_path / "cynosure.db") as database:
        yield database


async def decided(db: Database, folder: Path, synthesis: Synthesis, at: int, copies: int = 0) -> None:
    """As the engine logs it, with `copies` later ones."""
    record = DecisionRecord(
        f"d{at}", 1, "BTC", "BTC-USDT-SWAP", 0, at, Action.HOLD, Reason.LLM_HOLD, "said hold", None, 7, 2, 0.7, 0.66,
        0.4, Direction.BULLISH, 2, synthesis, (), (), None, "brief", {}, {},
    )  # fmt: skip
    await DecisionLog(db, folder, pytest.fail).record(record)
    if copies:
        await db.execute(COPIES, (copies, f"d{at}"))


async def test_a_habit_is_remembered_over_a_day_of_questions_that_were_not_put(db: Database, tmp_path: Path) -> None:
    await decided(db, tmp_path, SAID, 1, copies=LATEST)
    await decided(db, tmp_path, SKIPPED, 1_000, copies=17 * 96)
    assert await latest_digest(db, MODEL) == DIGEST
    assert await latest_answers(db, MODEL, DIGEST) == (Counted(4, 2),) * LATEST
    assert await latest_digest(db, "another") == ""


async def test_an_answer_of_unknown_weights_and_a_failure_hide_no_others(db: Database, tmp_path: Path) -> None:
    await decided(db, tmp_path, SAID, 1)
    await decided(db, tmp_path, replace(SAID, numbers=6), 2)
    await decided(db, tmp_path, replace(SAID, model_digest=""), 3)
    await decided(db, tmp_path, replace(SAID, model_digest=OTHER, numbers=None, failure=Reason.LLM_DOWN), 4)
    assert await latest_digest(db, MODEL) == DIGEST
    assert await latest_answers(db, MODEL, DIGEST) == (Counted(4, 2), Counted(6, 2)), "oldest first"


def assembly(host: str, folder: Path, told: list[str]) -> Assembly:
    settings = Settings.model_validate({"goals": {"mode": "paper"}, "llm": LlmSettings(host=host).model_dump()})
    return Assembly(
        settings, RiskLimits(), EntryLatch(folder), lambda _: None, lambda *line: told.append(line[2]), Home(folder),
        Tape(),
    )  # fmt: skip


async def started(assembly: Assembly, db: Database, told: list[str]) -> ChosenSynthesizer:
    """As the engine starts it."""
    chosen = await choose_synthesizer(assembly.settings, SystemClock(), Tape(), lambda _, text: told.append(text))
    await assembly._remember(db, chosen)
    return chosen


def numbers(chosen: ChosenSynthesizer) -> int:
    assert chosen._probe is not None
    return chosen._probe.inventions.numbers


async def test_a_replay_is_no_swap_and_empties_no_memory(db: Database, tmp_path: Path) -> None:
    told: list[str] = []
    await decided(db, tmp_path, SAID, 1)
    await decided(db, tmp_path, replace(SAID, model_digest=OTHER, replayed=True), 2, copies=2 * LATEST)
    await decided(db, tmp_path, replace(SAID, replayed=True), 1_000)
    with OllamaServer([answer("HOLD")]) as server:
        chosen = await started(assembly(server.host, tmp_path, told), db, told)
        await chosen.aclose()
    assert (numbers(chosen), told) == (4, []), "what was said again was counted when it was said"


async def test_weights_that_come_back_bring_their_own_habit(db: Database, tmp_path: Path) -> None:
    told: list[str] = []
    await decided(db, tmp_path, SAID, 1)
    await decided(db, tmp_path, replace(SAID, model_digest=OTHER, numbers=9), 2)
    with OllamaServer([answer("HOLD")]) as server:
        chosen = await started(assembly(server.host, tmp_path, told), db, told)
        await chosen.aclose()
    assert [text.split(";")[0] for text in told] == [f"{MODEL} was swapped: cdcdcdcdcdcd became abababababab"]
    assert numbers(chosen) == 4
