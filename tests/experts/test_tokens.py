"""The estimate that bounds a brief, against the real vocabulary of the model family (qwen.tiktoken)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.experts.gather_result import gather
from engine.experts.market_brief import TOKEN_BUDGET
from engine.experts.tokens import BRIEF_WORDS, estimated_tokens, fewest_tokens
from engine.model import AssetClass
from tests.experts.briefs import whole_snapshot

Count = Callable[[str], int]


@pytest.fixture(scope="module")
def count() -> Count:
    from dashscope.tokenizers import get_tokenizer  # a second of reading

    tokenizer = get_tokenizer("qwen-turbo")
    return lambda text: len(tokenizer.encode(text))


@pytest.mark.parametrize("word", BRIEF_WORDS)
def test_the_brief_s_own_words_cost_what_the_vocabulary_says(word: str, count: Count) -> None:
    assert BRIEF_WORDS[word] == count(f" {word}")


@given(seed=st.integers(0, 500), streak=st.integers(-60, 60), asset_class=st.sampled_from(list(AssetClass)))
@settings(max_examples=60, deadline=None)
def test_a_brief_never_costs_more_than_estimated_nor_than_its_budget(
    count: Count, seed: int, streak: int, asset_class: AssetClass
) -> None:
    gathered = gather(whole_snapshot(seed, asset_class), streak)
    assert fewest_tokens(gathered.brief) <= count(gathered.brief) <= gathered.brief_tokens <= TOKEN_BUDGET


def test_the_estimate_is_not_far_above_what_a_brief_costs(count: Count) -> None:
    """Else the budget would push out what fits."""
    brief = gather(whole_snapshot(7), 3).brief
    assert estimated_tokens(brief) < 1.1 * count(brief)
