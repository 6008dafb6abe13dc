from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.model import Action, AssetClass, Synthesis, SynthesisSource
from engine.synthesis.doctrine import Doctrine, adapted, struggling
from engine.synthesis.port import Performance, SynthesisRequest
from engine.synthesis.rules import RulesSynthesizer, apply_rules
from tests.synthesis.requests import CALM, request


def asked(of: SynthesisRequest) -> Synthesis:
    return apply_rules(of, Doctrine())


async def test_the_port_answers_as_the_rules_do() -> None:
    synthesis = await RulesSynthesizer().synthesize(request())
    assert synthesis == asked(request())
    assert (synthesis.source, synthesis.action, synthesis.failure) == (SynthesisSource.RULES, Action.BUY, None)


@pytest.mark.parametrize(
    ("given_", "action", "why"),
    [
        (request(), Action.BUY, "every entry rule holds"),
        (request(bulls=4, bears=0), Action.HOLD, "4 signals up, 5 needed"),
        (request(bulls=5, bears=2), Action.BUY, "5/15"),
        (request(timeframes=1), Action.HOLD, "1 timeframes up, 2 needed"),
        (request(bears=7), Action.HOLD, "direction is neutral"),
        (request(score=-0.1), Action.HOLD, "direction is neutral"),
        (request(bulls=2, bears=9, score=-0.4), Action.HOLD, "direction is bearish"),
        (request(bulls=2, bears=9, score=-0.4, streak=-2, in_position=True), Action.SELL, "bearish for 2 cycles"),
        (request(in_position=True), Action.HOLD, "bracket"),
        (request(stats=replace(CALM, funding_rate=0.001)), Action.HOLD, "funding"),
        (request(stats=replace(CALM, funding_rate=0.0005, funding_interval_h=4.0)), Action.HOLD, "funding"),
        (request(stats=replace(CALM, funding_rate=0.0005, long_short_ratio=2.6)), Action.HOLD, "crowded"),
        (request(stats=replace(CALM, long_short_ratio=2.6)), Action.BUY, "every"),
        (request(stats=replace(CALM, funding_rate=0.001), asset_class=AssetClass.METAL), Action.BUY, "every"),
        (request(stats=replace(CALM, funding_rate=0.003), asset_class=AssetClass.STOCK), Action.HOLD, "funding"),
        (request(stats=replace(CALM, funding_rate=None, long_short_ratio=None)), Action.BUY, "every"),
    ],
)
def test_the_rules_case_by_case(given_: SynthesisRequest, action: Action, why: str) -> None:
    synthesis = asked(given_)
    assert synthesis.action is action
    assert why in synthesis.reasoning


def test_reasoning_names_the_numbers() -> None:
    assert "Signals 9/15 up, 2/15 down, timeframes 3/3, strength 0.70, streak +3." in asked(request()).reasoning


counts = st.integers(0, 15)


@given(bulls=counts, bears=counts, timeframes=st.integers(0, 3), score=st.floats(-1, 1), held=st.booleans())
def test_sell_only_when_held_and_buy_only_when_flat(
    bulls: int, bears: int, timeframes: int, score: float, held: bool
) -> None:
    action = asked(request(bulls, bears, timeframes, score, in_position=held)).action
    assert action is not (Action.BUY if held else Action.SELL)


@given(bulls=st.integers(5, 15), bears=st.integers(0, 4), timeframes=st.integers(2, 3), score=st.floats(0.01, 1))
def test_more_bullish_evidence_never_undoes_a_buy(bulls: int, bears: int, timeframes: int, score: float) -> None:
    assume(asked(request(bulls, bears, timeframes, score)).action is Action.BUY)
    assert asked(request(min(bulls + 1, 15), max(bears - 1, 0), min(timeframes + 1, 3), score)).action is Action.BUY


@given(rate=st.floats(-0.01, 0.01), more=st.floats(0, 0.01), crowd=st.floats(0.2, 5))
def test_dearer_funding_never_makes_a_buy(rate: float, more: float, crowd: float) -> None:
    def action(funding: float) -> Action:
        return asked(request(stats=replace(CALM, funding_rate=funding, long_short_ratio=crowd))).action

    if action(rate) is Action.HOLD:
        assert action(rate + more) is Action.HOLD


def test_poor_results_ask_for_one_more_signal_from_20_trades_on() -> None:
    poor = Performance(20, -0.1, 0.5)
    assert asked(request(bulls=5, bears=2, performance=poor)).action is Action.HOLD
    assert asked(request(bulls=6, bears=2, performance=poor)).action is Action.BUY
    assert asked(request(bulls=5, bears=2, performance=replace(poor, closed_trades=19))).action is Action.BUY


@pytest.mark.parametrize(
    ("performance", "expected"),
    [
        (None, False),
        (Performance(19, -2.0, 0.1), False),
        (Performance(20, -0.01, 0.9), True),
        (Performance(20, 1.0, 0.44), True),
        (Performance(20, 1.0, 0.45), False),
        (Performance(20, None, None), False),
    ],
)
def test_struggling(performance: Performance | None, expected: bool) -> None:
    assert struggling(performance) is expected
    assert adapted(Doctrine(), performance).min_signals == 5 + expected
