"""Numbers that the reasoning names against the numbers that it was given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import SystemClock
from engine.config import LlmSettings
from engine.model import Action
from engine.reasons import Reason
from engine.synthesis.doctrine import Doctrine
from engine.synthesis.number_checker import InventionRecord, NumberCheck, check_numbers
from engine.synthesis.ollama_client import OllamaSynthesizer
from engine.synthesis.trading_system import system_prompt
from tests.ollama_server import OllamaServer, answer
from tests.synthesis.requests import request

BRIEF = """CLASS crypto
DIRECTION bullish, streak +3, signals up 9/15 down 2/15, timeframes up 3/3, score +0.41, strength 0.71
4H (10m): EMA up, RSI 67 up, MACD +0.42ATR up, OFI -0.18 down, VWAP +1.3sd up; band +0.8 ATR 1.47% vol 46%; score +0.55
BOOK (2s): imbalance +0.31, micro -0.4bp, spread 1.2bp, bid wall at 0.123%
FUNDING (40s): +0.0125% per 8h, due in 2h
OPEN INTEREST (30s): +12,345.6 in 24h"""


@pytest.mark.parametrize(
    ("reasoning", "invented"),
    [
        ("RSI 67 on 4H, 9 of 15 signals up, streak +3", ()),
        ("strength 0.71 rounds to 0.7, cut to 0.7; score 0.4", ()),
        ("ATR 1.5% rounded, 1.4% cut, 1.47 without its unit", ()),
        ("funding 0.0125%, or 0.000125, or 1.25 bp, or 1.25bps", ()),
        ("strength of 71%", ()),
        ("imbalance -0.31 with the wrong sign", ()),
        ("open interest 12345.6, 12,346 or 12,345", ()),
        ("EMA50 and MACD12 are names; FULL width ６７ is a number", ()),
        ("at least 5 signals and a ratio of 2.5 as the rules ask", ()),
        ("RSI 71 on 4H", ("71",)),
        ("ATR 2.1% and a spread of 9bp", ("2.1%", "9bp")),
        ("strength 0.75", ("0.75",)),
        ("RSI 67.4 has a digit that nobody gave", ("67.4",)),
        ("price 64,250.5 will break 65000", ("64,250.5", "65000")),
        ("no number at all", ()),
    ],
)
def test_a_number_counts_as_given_in_any_form_of_the_same_value(reasoning: str, invented: tuple[str, ...]) -> None:
    assert check_numbers(reasoning, (BRIEF, system_prompt(Doctrine()))).invented == invented


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_is_checked_and_a_text_never_invents_against_itself(reasoning: str, source: str) -> None:
    check = check_numbers(reasoning, (source,))
    assert 0 <= len(check.invented) <= check.numbers
    assert check_numbers(reasoning, (reasoning,)).invented == ()


def test_two_inventions_in_one_answer_or_a_habit_over_many_object_to_a_buy() -> None:
    record = InventionRecord(limit=0.25)
    assert record.objection(NumberCheck(4, ("9",))) == ""
    assert "2 of its 4 numbers stand nowhere: 8, 9" in record.objection(NumberCheck(4, ("8", "9")))
    assert record.rate is None
    for _ in range(4):
        record.objection(NumberCheck(3, ("9",)))
    assert record.rate == pytest.approx(7 / 20)
    assert "of its latest 23 numbers" in record.objection(NumberCheck(3, ()))
    record.forget()
    assert record.objection(NumberCheck(3, ())) == ""


async def test_a_buy_that_rests_on_invented_numbers_is_a_hold_with_its_own_reason() -> None:
    made_up = answer("BUY", reasoning="RSI 83 and funding of 0.77% with 41 whales")
    with OllamaServer([made_up]) as server:
        synthesis = await OllamaSynthesizer(LlmSettings(host=server.host), SystemClock()).synthesize(request())
    assert (synthesis.action, synthesis.failure) == (Action.HOLD, Reason.LLM_INVENTS)
    assert (synthesis.numbers, synthesis.invented_numbers) == (3, 3)
    assert "83" in synthesis.reasoning and synthesis.raw == made_up


async def test_an_exit_is_never_held_back_for_its_numbers_and_a_limit_of_1_lets_all_pass() -> None:
    with OllamaServer([answer("SELL", reasoning="RSI 83, 77, 99"), answer("BUY", reasoning="RSI 83, 77")]) as server:
        sold = await OllamaSynthesizer(LlmSettings(host=server.host), SystemClock()).synthesize(request())
        lax = OllamaSynthesizer(LlmSettings(host=server.host, max_invented_rate=1.0), SystemClock())
        bought = await lax.synthesize(request())
    assert (sold.action, sold.failure, sold.invented_numbers) == (Action.SELL, None, 3)
    assert (bought.action, bought.failure, bought.invented_numbers) == (Action.BUY, None, 2)
