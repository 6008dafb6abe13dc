"""The four shadow books behind the decisions: one decide(), every bar once, also over restarts and refusals."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.assembly import Assembly
from engine.config import Settings
from engine.db import Database
from engine.events import Event, LogLine, WorthMeasured
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.model import Action, AssetClass, Direction, Synthesis, SynthesisSource
from engine.model.worth import Answerer, Policy
from engine.outcome.measuring import Measuring
from engine.outcome.signal_log import SignalLog
from engine.outcome.worth import policies, turn
from engine.outcome.worth.book import Book, inputs_of
from engine.outcome.worth.policies import MIN_CHANCES, draw, frequency
from engine.outcome.worth.shadows import Shadows
from engine.reasons import Reason
from engine.risk import decide as the_house
from engine.risk.inputs import Controls, HeldPosition, OpenExposure
from engine.risk.limits import RiskLimits
from engine.schema import APPLICATION_ID, MIGRATIONS
from engine.synthesis.choice import Tape
from engine.synthesis.doctrine import Doctrine
from tests.outcome.shadow_market import BAR, FIRST, NOW, Row, model, moment

DAY = 86_400_000
SKIPPED = replace(model(Action.HOLD), source=SynthesisSource.SKIPPED)
RISING: tuple[Row, ...] = ((100, 101, 99.9, 101), (101, 102, 100.9, 102), (102, 103, 101.9, 103))
FALLING: tuple[Row, ...] = ((100, 100.5, 99, 99), (99, 99.5, 50, 60))


def uncorrelated(_: str, others: tuple[str, ...]) -> dict[str, float | None]:
    return dict.fromkeys(others, 0.1)


class FrozenClock:
    def now_ms(self) -> int:
        return NOW + DAY

    def speed(self) -> float:
        return 1.0

    def monotonic(self) -> float:
        return 0.0

    def wall_ms(self) -> int:
        return NOW


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with await Database.open(tmp_path / "cynosure.db") as database:
        yield database


async def fresh(db: Database) -> Shadows:
    shadows = Shadows(db, Doctrine(), 0.025, uncorrelated)
    await shadows.load()
    return shadows


async def through(shadows: Shadows, answers: Sequence[Synthesis], rows: Sequence[Row], first: int = 0) -> None:
    for number, answer in enumerate(answers, start=first):
        await shadows.observe(moment(number, answer, rows[:number]))


def by(digest: str, action: Action = Action.HOLD, prompt_version: str = "3") -> Synthesis:
    """The answer of known weights."""
    return replace(model(action), model="qwen", model_digest=digest, prompt_version=prompt_version)


def states(shadows: Shadows) -> dict[Policy, Book]:
    return dict(shadows._books)


async def test_shadows_are_judged_by_the_one_decision_function_and_agree_with_it(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert turn.decide is the_house.decide
    asked: list[tuple[object, object]] = []

    def listening(inputs: object) -> object:
        record = the_house.decide(inputs)  # type: ignore[arg-type]
        asked.append((inputs, record))
        return record

    monkeypatch.setattr(turn, "decide", listening)
    shadows = await fresh(db)
    inputs = moment(0, model(Action.BUY))
    await shadows.observe(inputs)
    assert len(asked) == len(Policy)
    own, record = asked[0]
    expected = the_house.decide(inputs)
    assert record == expected, "on a book like the account's, the model's shadow decides what the engine decides"
    assert states(shadows)[Policy.MODEL].positions["TEST"].contracts == expected.sizing.contracts  # type: ignore[union-attr]
    assert own.held is None  # type: ignore[attr-defined]


async def test_each_policy_answers_for_itself(db: Database) -> None:
    shadows = await fresh(db)
    await through(shadows, [model(Action.HOLD)] * 3, RISING)
    books = states(shadows)
    assert not books[Policy.MODEL].positions and not books[Policy.HOLD].positions
    assert not books[Policy.RANDOM].positions, "the model has not entered, so that nobody draws an entry"
    held = books[Policy.RULES].positions["TEST"]
    assert (held.entry, held.opened_at) == (100, FIRST + BAR), "filled at the open of the bar after the decision"
    assert held.mark == 102
    assert books[Policy.RULES].net == held.unrealised + held.costs
    assert books[Policy.MODEL].net == books[Policy.HOLD].net == 0


async def test_a_bar_is_measured_once_however_often_it_is_decided(db: Database) -> None:
    shadows = await fresh(db)
    await through(shadows, [model(Action.HOLD)] * 2, RISING)
    before = states(shadows)
    await shadows.observe(moment(1, model(Action.BUY), RISING[:1]))
    await shadows.observe(moment(0, model(Action.BUY)))
    assert states(shadows) == before


async def test_a_restart_in_the_middle_changes_nothing(db: Database, tmp_path: Path) -> None:
    answers = [model(Action.BUY), model(Action.HOLD), model(Action.HOLD), model(Action.HOLD)]
    rows = (*RISING[:2], (102, 102, 50, 60))
    whole = await fresh(db)
    await through(whole, answers, rows)
    async with await Database.open(tmp_path / "other.db") as other:
        for number, answer in enumerate(answers):
            reborn = await fresh(other)
            await reborn.observe(moment(number, answer, rows[:number]))
        reborn = await fresh(other)
        assert states(reborn) == states(whole)
        assert states(reborn)[Policy.MODEL].closed == 1
        now = NOW + DAY
        first, second = await whole.measured(now), await reborn.measured(now)
        assert first == second
        assert first.comparisons[0].days == 1


async def test_bars_of_a_stopped_engine_are_led_over_when_it_comes_back(db: Database) -> None:
    stopped = await fresh(db)
    await stopped.observe(moment(0, model(Action.BUY)))
    back = await fresh(db)
    await back.observe(moment(3, model(Action.HOLD), (*FALLING, QUIET_LOW)))
    books = states(back)
    assert books[Policy.MODEL].closed == books[Policy.RULES].closed == 1
    assert books[Policy.MODEL].net == books[Policy.RULES].net < 0


QUIET_LOW: Row = (60, 60.5, 59.5, 60)


async def test_a_hole_in_the_bars_ends_what_was_open(db: Database) -> None:
    shadows = await fresh(db)
    await through(shadows, [model(Action.BUY), model(Action.HOLD)], RISING)
    await shadows.observe(moment(3, model(Action.HOLD), RISING, missing=frozenset({2})))
    (trade,) = states(shadows)[Policy.MODEL].recent
    assert trade.reason is Reason.CLOSED_ELSEWHERE
    assert trade.exit_price == 101, "the last price that was seen"


async def test_a_sell_closes_the_book_that_asked_for_it_alone(db: Database) -> None:
    shadows = await fresh(db)
    await through(shadows, [model(Action.BUY)] + [model(Action.HOLD)] * 13, ())
    sells = replace(moment(14, model(Action.SELL), streak=-3))
    await shadows.observe(sells)
    await shadows.observe(moment(15, model(Action.HOLD)))
    books = states(shadows)
    assert [trade.reason for trade in books[Policy.MODEL].recent] == [Reason.SIGNAL_EXIT]
    assert "TEST" in books[Policy.RULES].positions


async def test_a_refused_write_changes_neither_memory_nor_database(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    shadows = await fresh(db)
    await through(shadows, [model(Action.BUY)], ())
    before = states(shadows)
    with monkeypatch.context() as locked:

        async def refuses(*_: object) -> None:
            raise sqlite3.OperationalError("database is locked")

        locked.setattr(shadows._store, "put", refuses)
        with pytest.raises(sqlite3.OperationalError):
            await shadows.observe(moment(1, model(Action.HOLD), RISING[:1]))
    assert states(shadows) == before == states(await fresh(db))
    await shadows.observe(moment(2, model(Action.HOLD), RISING[:2]))
    assert states(shadows)[Policy.MODEL].positions["TEST"].mark == 102, "the bar that was missed is made good"


async def test_what_came_of_the_questions_is_counted_and_rules_are_no_model(db: Database) -> None:
    shadows = await fresh(db)
    assert (await shadows.measured(NOW)).answered_by is Answerer.NOBODY
    rules = replace(model(Action.HOLD), source=SynthesisSource.RULES)
    await through(shadows, [rules], ())
    await shadows.observe(moment(1, SKIPPED, streak=1))
    worth = await shadows.measured(NOW)
    assert worth.text == "rules answer: nothing to compare"
    await through(shadows, [model(Action.HOLD), model(Action.HOLD, Reason.LLM_DOWN)], (), first=2)
    worth = await shadows.measured(NOW)
    assert worth.answers == {"by_model": 1, "by_rules": 1, "failed": 1, "skipped": 1, "unasked": 0}
    assert worth.answered_by is Answerer.MODEL
    assert (await (await fresh(db)).measured(NOW)).answered_by is Answerer.MODEL
    assert worth.parted == 0


async def test_days_on_which_only_the_rules_spoke_say_nothing_about_a_model(db: Database) -> None:
    shadows = await fresh(db)
    rules = replace(model(Action.BUY), source=SynthesisSource.RULES)
    await through(shadows, [rules, rules], FALLING)
    assert (await shadows.measured(NOW + DAY)).comparisons[1].days == 1, "the rules beside always HOLD"
    await shadows.observe(moment(96, model(Action.HOLD)))
    worth = await shadows.measured(NOW + 2 * DAY)
    assert [c.days for c in worth.comparisons] == [1, 1, 1], "the model's own day alone"
    assert worth.comparisons[0].trades_missing == 30, "and none of the rules' trades"


async def test_a_question_put_about_another_position_is_counted(db: Database) -> None:
    shadows = await fresh(db)
    await through(shadows, [model(Action.BUY), model(Action.HOLD)], ())
    assert (await shadows.measured(NOW)).parted == 1, "the account is flat, the model's shadow is not"


async def test_only_the_unknown_account_keeps_the_books_from_beginning(db: Database) -> None:
    shadows = await fresh(db)
    await shadows.observe(replace(moment(0, model(Action.BUY)), account=None))
    assert not states(shadows)
    await shadows.observe(moment(1, model(Action.BUY)))
    assert {book.start for book in states(shadows).values()} == {Decimal(10_000)}


async def test_a_book_stands_in_the_accounts_place(db: Database) -> None:
    shadows = await fresh(db)
    await through(shadows, [model(Action.BUY), model(Action.HOLD)], RISING)
    book = states(shadows)[Policy.MODEL]
    stranger = OpenExposure("OTHER", AssetClass.CRYPTO, Decimal(1))
    real = replace(moment(2, model(Action.BUY), RISING[:2], ticker="ELSE"), open_positions=(stranger,))
    own = inputs_of(book, real, model(Action.BUY), uncorrelated)
    assert own.open_positions is not None and [p.ticker for p in own.open_positions] == ["TEST"]
    assert own.correlations == {"TEST": 0.1}
    assert own.account is not None
    assert (own.account.open_positions, own.account.entries_today) == (1, 1)
    assert own.account.equity == book.equity
    assert own.account.margin_ratio is not None and own.account.margin_ratio > 40
    assert own.controls is real.controls, "a halt of the engine halts every policy"
    gates = {gate.name: str(gate.verdict) for gate in the_house.decide(own).gates}
    assert gates["margin_ratio"] == gates["correlation"] == gates["max_positions"] == "pass"


def test_a_draw_is_its_decisions_own_and_evenly_spread() -> None:
    drawn = [draw(f"BTC{number}") for number in range(2_000)]
    assert draw("BTC1") == drawn[1]
    assert all(0 <= value < 1 for value in drawn)
    assert 0.27 < sum(value < 0.3 for value in drawn) / 2_000 < 0.33


def test_random_entries_are_as_frequent_as_the_models() -> None:
    book = Book(Policy.MODEL, Decimal(1))
    assert frequency(book) == 0
    assert frequency(replace(book, chances=1, entries=1)) == 1 / MIN_CHANCES, "one entry is no habit"
    often = replace(book, chances=1_000, entries=300)
    empty = Book(Policy.RANDOM, Decimal(1))
    asked = moment(0, model(Action.HOLD))
    answers = [
        policies.answer(Policy.RANDOM, replace(asked, decision_id=f"d{n}"), empty, often, Doctrine())
        for n in range(500)
    ]
    assert 0.24 < sum(answer.action is Action.BUY for answer in answers) / 500 < 0.36


async def test_a_ticker_that_left_the_watchlist_keeps_no_position_open(db: Database) -> None:
    shadows = await fresh(db)
    await through(shadows, [model(Action.BUY), model(Action.HOLD)], RISING)
    await shadows.observe(moment(500, model(Action.HOLD), ticker="ELSE"))
    await shadows.tidy(NOW + 500 * BAR)
    books = states(shadows)
    assert all("TEST" not in book.positions for book in books.values())
    assert books[Policy.MODEL].closed == 1
    assert states(await fresh(db)) == books


async def test_what_is_old_goes(db: Database) -> None:
    shadows = await fresh(db)
    await through(shadows, [model(Action.BUY), model(Action.HOLD), model(Action.HOLD)], FALLING)
    assert (await db.fetch_one("SELECT count(*) FROM shadow_trades"))[0] > 0  # type: ignore[index]
    await shadows.observe(moment(450 * 96, model(Action.HOLD)))
    await shadows.tidy(NOW + 450 * 96 * BAR)
    assert not await db.fetch_all("SELECT 1 FROM shadow_trades UNION ALL SELECT 1 FROM shadow_returns")
    assert len(await db.fetch_all("SELECT day FROM shadow_days")) == 1


async def test_a_defect_in_measuring_is_told_and_never_the_decisions(db: Database) -> None:
    told: list[Event] = []
    shadows = await fresh(db)
    measuring = Measuring(SignalLog(db), shadows, FrozenClock(), told.append)
    broken = replace(moment(0, model(Action.BUY)), decided_at=None)  # type: ignore[arg-type]
    await measuring.observe(broken)
    assert [event.level for event in told if isinstance(event, LogLine)] == ["warning"]
    await measuring.observe(moment(0, model(Action.BUY)))
    await measuring.tell()
    assert isinstance(told[-1], WorthMeasured)
    assert (
        told[-1].worth.text
        == "+0.00 %/day n 1 d: not distinguishable from rules (29 more days and 30 more trades needed)"
    )


async def test_other_weights_or_another_wording_begin_a_measure_of_their_own(db: Database) -> None:
    """What the old ones earned is kept, and is none of the new ones' merit."""
    shadows = await fresh(db)
    await through(shadows, [by("sha256:old", Action.BUY), by("sha256:old")], FALLING)
    old = await shadows.measured(NOW + DAY)
    assert old.model == "qwen old, prompt 3" and old.comparisons[0].days == 1
    assert old.tally(Policy.MODEL).closed == 0  # type: ignore[union-attr]
    tomorrow = 96
    await shadows.observe(moment(tomorrow, by("sha256:new")))
    new = await shadows.measured(NOW + DAY)
    assert (new.model, new.since) == ("qwen new, prompt 3", "2025-10-10")
    assert new.text.endswith("; qwen new, prompt 3 since 2025-10-10")
    assert [c.days for c in new.comparisons] == [0, 0, 0]
    assert {book.start for book in states(shadows).values()} == {Decimal(10_000)}
    assert all((book.net, book.closed) == (0, 0) for book in states(shadows).values())
    assert not states(shadows)[Policy.MODEL].positions, "the new weights hold nothing that the old ones bought"
    assert states(await fresh(db)) == states(shadows)
    assert (await (await fresh(db)).measured(NOW + DAY)).text == new.text
    kept = await db.fetch_all("SELECT era, closed FROM shadow_returns WHERE policy = 'model' AND closed > 0")
    assert [tuple(row) for row in kept] == [(1, 1)], "the position of the old weights ended in the old era"
    assert new.answers["by_model"] == 1
    await shadows.observe(moment(tomorrow + 1, by("sha256:new", prompt_version="4")))
    assert (await shadows.measured(NOW + DAY)).model == "qwen new, prompt 4"


async def test_a_last_answer_of_the_old_weights_at_the_bar_of_the_swap_begins_nothing(db: Database) -> None:
    shadows = await fresh(db)
    await shadows.observe(moment(0, by("sha256:old")))
    await shadows.observe(moment(1, by("sha256:new")))
    await shadows.observe(moment(1, by("sha256:old"), ticker="ELSE"))
    await shadows.observe(moment(2, by("sha256:new")))
    assert len(await db.fetch_all("SELECT 1 FROM shadow_eras")) == 2
    assert (await shadows.measured(NOW)).model == "qwen new, prompt 3"


async def test_neither_a_failure_without_weights_nor_the_rules_nor_a_skipped_question_begins_an_era(
    db: Database,
) -> None:
    shadows = await fresh(db)
    await shadows.observe(moment(0, by("sha256:one")))
    others = (
        replace(by("sha256:two"), source=SynthesisSource.RULES),
        replace(by("sha256:two"), source=SynthesisSource.SKIPPED),
        replace(by(""), failure=Reason.LLM_DOWN),
    )
    for number, said in enumerate(others, start=1):
        await shadows.observe(moment(number, said))
    assert (await shadows.measured(NOW)).model == "qwen one, prompt 3"
    unknown = replace(moment(9, by("sha256:two")), account=None)
    await shadows.observe(unknown)
    assert (await shadows.measured(NOW)).model == "qwen one, prompt 3", "begun once the account is known"


async def test_weights_of_which_nothing_came_back_begin_no_era_and_a_text_that_nobody_can_read_does(
    db: Database,
) -> None:
    shadows = await fresh(db)
    await shadows.observe(moment(0, by("sha256:one")))
    silent = (Reason.LLM_DOWN, Reason.LLM_NOT_RECORDED, Reason.LLM_TRUNCATED, Reason.LLM_INVALID)
    for number, failure in enumerate(silent, start=1):
        await shadows.observe(moment(number, replace(by("sha256:two"), failure=failure)))
    worth = await shadows.measured(NOW + DAY)
    assert (worth.model, worth.answers["failed"]) == ("qwen one, prompt 3", 4)
    assert worth.comparisons[0].days == 1, "what was measured is still there"
    await shadows.observe(moment(9, replace(by("sha256:two"), failure=Reason.LLM_INVALID, raw="nonsense")))
    assert (await shadows.measured(NOW)).model == "qwen two, prompt 3"


async def test_weights_that_come_back_go_on_with_their_own_measure_and_begin_flat(db: Database) -> None:
    shadows = await fresh(db)
    await through(shadows, [by("sha256:old", Action.BUY), by("sha256:old"), by("sha256:old")], FALLING)
    await shadows.observe(moment(96, by("sha256:new")))
    await shadows.observe(moment(2 * 96, by("sha256:old")))
    back = await shadows.measured(NOW + 2 * DAY)
    assert (back.model, back.since, back.books_since) == ("qwen old, prompt 3", "2025-10-09", "2025-10-11")
    assert [c.days for c in back.comparisons] == [1, 1, 1], "the day of the new weights is none of theirs"
    assert all((book.net, book.closed) == (0, 0) for book in states(shadows).values())
    assert not states(shadows)[Policy.MODEL].positions
    again = await fresh(db)
    assert states(again) == states(shadows) and states(again)[Policy.MODEL].recent, "its own last trades are known"
    assert (await again.measured(NOW + 2 * DAY)).text == back.text
    await again.observe(moment(3 * 96, by("sha256:new", prompt_version="4")))
    eras = await db.fetch_all("SELECT era, digest, prompt_version FROM shadow_eras ORDER BY era")
    assert [tuple(row) for row in eras] == [
        (1, "sha256:old", "3"), (2, "sha256:new", "3"), (3, "sha256:new", "4"),
    ]  # fmt: skip
    await again.observe(moment(4 * 96, by("sha256:new")))
    assert (await (await fresh(db)).measured(NOW + 4 * DAY)).model == "qwen new, prompt 3"


async def test_a_worth_is_of_one_era_whatever_begins_while_it_is_read(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    shadows = await fresh(db)
    await through(shadows, [by("sha256:old", Action.BUY), by("sha256:old"), by("sha256:old")], FALLING)
    expected = await shadows.measured(NOW + DAY)
    read = shadows._store.days

    async def slowly(*asked: Any) -> Any:
        found = await read(*asked)
        await shadows.observe(moment(96, by("sha256:new")))
        return found

    monkeypatch.setattr(shadows._store, "days", slowly)
    assert await shadows.measured(NOW + DAY) == expected
    assert (await shadows.measured(NOW + DAY)).model == "qwen new, prompt 3"


@pytest.mark.parametrize(("cassette", "measured"), [(None, True), (Path("cassette.jsonl"), False)])
async def test_what_a_cassette_says_again_is_not_measured_again(
    db: Database, tmp_path: Path, cassette: Path | None, measured: bool
) -> None:
    told: list[tuple[str, str, str]] = []
    settings = Settings()
    assembly = Assembly(
        settings, RiskLimits(), EntryLatch(tmp_path), lambda _: None, lambda *line: told.append(line), Home(tmp_path),
        Tape(None, cassette),
    )  # fmt: skip
    agent: Any = SimpleNamespace(after_decision=None, windows=None)
    venue: Any = SimpleNamespace(clock=FrozenClock())
    await assembly._measuring(db, venue, {}, agent)
    assert (agent.after_decision is not None) == measured
    assert [(level, source) for level, source, _ in told] == ([] if measured else [("info", "worth")])


async def test_where_the_model_was_not_asked_for_the_accounts_sake_alone_nobody_acts(db: Database) -> None:
    """The account is in position, so that no answer could buy; the model's shadow is flat: what it would have said is
    not known. Were only the model held back, the rules would be measured against a gagged model."""
    shadows = await fresh(db)
    held = HeldPosition(Decimal(1), Decimal(100), NOW - 1)
    await shadows.observe(replace(moment(0, SKIPPED), held=held))
    assert not any(book.positions for book in states(shadows).values())
    worth = await shadows.measured(NOW)
    assert (worth.answers["unasked"], worth.answers["skipped"], worth.parted) == (1, 0, 1)
    await shadows.observe(moment(1, model(Action.HOLD)))
    assert states(shadows)[Policy.RULES].positions, "asked, it said HOLD, and the rules may buy"


async def test_where_no_answer_could_help_the_models_own_book_others_are_judged_by_theirs(db: Database) -> None:
    """The model's shadow is in position and no bearish bar is confirmed: its HOLD is forced, and the rules, which are
    flat, are free to buy."""
    shadows = await fresh(db)
    rules_hold = replace(moment(0, model(Action.BUY)), tightened=False)
    technical = replace(rules_hold.gathered.technical, direction=Direction.NEUTRAL)
    await shadows.observe(replace(rules_hold, gathered=replace(rules_hold.gathered, technical=technical)))
    books = states(shadows)
    assert books[Policy.MODEL].positions and not books[Policy.RULES].positions
    held = HeldPosition(Decimal(1), Decimal(100), NOW - 1)
    await shadows.observe(replace(moment(1, SKIPPED), held=held))
    assert states(shadows)[Policy.RULES].positions
    assert (await shadows.measured(NOW)).answers["skipped"] == 1


async def test_what_every_book_shares_holds_every_policy_alike(db: Database) -> None:
    shadows = await fresh(db)
    for number, controls in enumerate((Controls(kill_engaged=True), Controls(ticker_paused=True))):
        await shadows.observe(replace(moment(number, SKIPPED), controls=controls))
    await shadows.observe(moment(2, SKIPPED, streak=1))
    assert not any(book.positions for book in states(shadows).values())
    assert (await shadows.measured(NOW)).answers["skipped"] == 3


async def test_old_rows_that_cannot_be_removed_spoil_no_measurement_and_are_tried_again(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Event] = []
    shadows = await fresh(db)
    measuring = Measuring(SignalLog(db), shadows, FrozenClock(), told.append)
    measuring.note(moment(0, model(Action.BUY)))
    with monkeypatch.context() as locked:

        async def refuses(*_: object) -> None:
            raise sqlite3.OperationalError("database is locked")

        locked.setattr(shadows._store, "prune", refuses)
        await measuring.tell()
    assert states(shadows)[Policy.MODEL].positions, "the decision was measured"
    assert [event.text for event in told if isinstance(event, LogLine)] == [
        "not measured: what was measured cannot be read or tidied: database is locked"
    ]
    measuring.note(moment(1, model(Action.HOLD)))
    await measuring.tell()
    assert isinstance(told[-1], WorthMeasured) and shadows._pruned


async def test_a_database_of_the_version_before_keeps_what_it_measured_as_an_era_of_nobody(tmp_path: Path) -> None:
    path = tmp_path / "cynosure.db"
    with closing(sqlite3.connect(path)) as raw:
        for statements in MIGRATIONS[:3]:
            for statement in statements:
                raw.execute(statement)
        raw.execute("INSERT INTO shadow_returns VALUES ('model', '2025-06-01', 0.01, 1)")
        raw.execute("INSERT INTO shadow_days VALUES ('2025-06-01', 9, 0, 1, 2, 3)")
        raw.execute(f"PRAGMA application_id={APPLICATION_ID}")
        raw.execute("PRAGMA user_version=3")
        raw.commit()
    async with await Database.open(path) as old:
        worth = await (await fresh(old)).measured(NOW)
        assert (worth.model, worth.since, worth.comparisons[0].days) == ("", "2025-06-01", 1)
        assert (worth.answers["by_model"], worth.answers["unasked"], worth.parted) == (9, 0, 3)
