"""How answers must move when the question moves: of the rules mirror, and of a reader of the prompt's text."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bench.briefs import SKETCHES, Sketch, flipped, more_bullish, question
from bench.ollama_server.persona import reply_to
from engine.experts.gather_result import gather
from engine.experts.technical_expert import direction_of
from engine.model import Action, AssetClass, MarketStats
from engine.synthesis.doctrine import Doctrine
from engine.synthesis.port import SynthesisRequest
from engine.synthesis.rules import apply_rules
from engine.synthesis.trading_system import system_prompt, user_prompt
from tests.experts.markets import snapshot
from tests.synthesis.requests import CALM, request

OPPOSITE = {Action.BUY: Action.SELL, Action.SELL: Action.BUY, Action.HOLD: Action.HOLD}

sketches = st.builds(
    Sketch,
    name=st.just("drawn"),
    up=st.integers(0, 15),
    down=st.integers(0, 15),
    frames=st.integers(0, 3),
    score=st.floats(-1, 1).map(lambda x: round(x, 2)),
    streak=st.integers(-6, 6),
    asset_class=st.sampled_from(AssetClass),
    held=st.booleans(),
    funding=st.floats(-0.4, 0.4).map(lambda x: round(x, 4)),
    crowd=st.none() | st.floats(0.3, 5).map(lambda x: round(x, 2)),
).map(lambda s: replace(s, down=s.down % (16 - s.up)))


def asked_of_rules(sketch: Sketch, brief: str = "") -> SynthesisRequest:
    stats = MarketStats(sketch.funding / 100, 8.0, 3.0, 0.014, sketch.crowd, None)
    return request(
        sketch.up, sketch.down, sketch.frames, sketch.score, sketch.streak, sketch.held, stats, sketch.asset_class,
        brief=brief,
    )  # fmt: skip


def mirror(sketch: Sketch, brief: str = "") -> Action:
    return apply_rules(asked_of_rules(sketch, brief), Doctrine()).action


def reader(sketch: Sketch, headlines: tuple[str, ...] = ()) -> Action:
    asked = question(sketch, headlines)
    return Action(json.loads(reply_to(asked.system, asked.user))["action"])


def stance(decide: object, sketch: Sketch) -> tuple[Action, Action]:
    """What it would do flat, and what in a position: long only, so a bearish view shows only in the second."""
    return tuple(decide(replace(sketch, held=held)) for held in (False, True))  # type: ignore[operator,return-value]


@pytest.mark.parametrize("decide", [mirror, reader], ids=["rules", "reader"])
@pytest.mark.parametrize("sketch", [s for s in SKETCHES if s.funding < 0.05 and not s.held], ids=lambda s: s.name)
def test_flipping_every_signal_flips_the_action(decide: object, sketch: Sketch) -> None:
    """A BUY becomes a SELL of what is held; a view of nothing stays one."""
    strong = replace(sketch, streak=4 if sketch.score > 0 else -4)
    flat, held = stance(decide, strong)
    other_flat, other_held = stance(decide, flipped(strong))
    if flat is Action.BUY:
        assert (held, other_flat, other_held) == (Action.HOLD, Action.HOLD, Action.SELL)
    if held is Action.SELL:
        assert other_held is Action.HOLD
    if strong.direction == "neutral":
        assert {flat, held, other_flat, other_held} == {Action.HOLD}


@given(sketches)
@settings(max_examples=60, deadline=None)
def test_more_bullish_evidence_never_turns_a_buy_into_anything_less(sketch: Sketch) -> None:
    more = more_bullish(sketch)
    assume(more.up + more.down <= 15)
    for decide in (mirror, reader):
        before, after = decide(sketch), decide(more)
        if before is Action.BUY:
            assert after is Action.BUY
        if before is Action.HOLD:
            assert after is not Action.SELL


@given(sketches)
@settings(max_examples=60, deadline=None)
def test_the_reader_of_the_text_and_the_mirror_of_the_rules_agree(sketch: Sketch) -> None:
    """They share no code: what the prompt says is what the mirror does. The reader waits for bearish cycles as the
    prompt tells it to; the mirror leaves that to the gates."""
    assume(not (sketch.held and sketch.direction == "bearish" and sketch.streak > -2))
    assert reader(sketch) is mirror(sketch)


@pytest.mark.parametrize("asset_class", AssetClass)
def test_the_reader_reads_the_brief_that_the_engine_writes(asset_class: AssetClass) -> None:
    """Of real snapshots: the day the brief's wording changes, the persona must learn it."""
    seen = set()
    for seed in range(30):
        gathered = gather(snapshot(seed, asset_class), 3)
        for held in (False, True):
            asked = replace(request(in_position=held, asset_class=asset_class), brief=gathered.brief, gathered=gathered)
            asked = replace(asked, bearish_cycles=3 if gathered.dominant_direction == "bearish" else 0)
            said = json.loads(reply_to(system_prompt(Doctrine()), user_prompt(asked)))["action"]
            assert said == apply_rules(asked, Doctrine()).action, gathered.brief
            seen.add(said)
    assert seen == {"BUY", "SELL", "HOLD"}


@given(st.integers(0, 40), st.sampled_from([1e-4, 0.5, 3.0, 1e4]))
@settings(max_examples=8, deadline=None)
def test_rescaling_every_price_changes_neither_the_prompt_nor_the_answer(seed: int, scale: float) -> None:
    """The brief carries no absolute price; ticks and lots do not reach it."""
    prompts, answers = [], []
    for price in (1.0, scale):
        gathered = gather(snapshot(seed, price=price), 3)
        asked = replace(request(brief=gathered.brief), gathered=gathered)
        prompts.append(system_prompt(Doctrine()) + user_prompt(asked))
        answers.append(apply_rules(asked, Doctrine()))
    assert prompts[0] == prompts[1]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("sketch", SKETCHES, ids=lambda s: s.name)
def test_headlines_alone_change_nothing(sketch: Sketch) -> None:
    for headlines in (("Markets crash",), ("Record inflows", "Everybody buys"), ("BUY BUY BUY",)):
        assert reader(sketch, headlines) is reader(sketch)
        assert mirror(sketch, "\n".join(headlines)) is mirror(sketch)


def test_the_sketches_direction_is_the_experts() -> None:
    for sketch in SKETCHES:
        assert sketch.direction == direction_of(sketch.up, sketch.down, sketch.score).value
    assert CALM.funding_rate == 0.0001
