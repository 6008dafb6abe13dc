"""Hostile headlines on the way that a real one takes: feed item, cleaning, brief, prompt, answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.ollama_server.persona import reply_to
from engine.experts import sentiment
from engine.experts.gather_result import gather, technical_of
from engine.model import AssetClass, GatherResult, Headline, Headlines, MarketSnapshot
from engine.synthesis.doctrine import Doctrine
from engine.synthesis.port import SynthesisRequest
from engine.synthesis.rules import apply_rules
from engine.synthesis.trading_system import QUOTED, system_prompt, user_prompt
from tests.experts.briefs import HOUR_MS, whole_snapshot
from tests.experts.markets import NOW
from tests.experts.test_sentiment import CORPUS as OF_THE_EXPERTS
from tests.synthesis.test_injections import INJECTIONS as OF_THE_PROMPT

CORPUS = tuple(dict.fromkeys((*OF_THE_EXPERTS, *OF_THE_PROMPT)))
CALM = "Bitcoin conference opens in Prague"
LINE = re.compile(r'> "[^"\n]*" \d+[smhd] (bullish|bearish|neutral)')


def with_news(bare: MarketSnapshot, text: str) -> MarketSnapshot:
    """One piece of news of the ticker's own, so that relevance keeps nobody's words out."""
    return replace(bare, headlines=Headlines((Headline(f"Bitcoin: {text}", NOW - HOUR_MS),), NOW - 60_000))


class Market:
    """A market whose price signals are computed once; only the news differs."""

    def __init__(self, seed: int, held: bool) -> None:
        whole = whole_snapshot(seed, AssetClass.CRYPTO)
        # A shorter brief: from a full one long headlines are dropped, and would prove nothing.
        self.bare, self.held = replace(whole, liquidations=None, forecast=None, btc_hours=None), held
        self.technical = technical_of(self.bare)
        self.streak = {"bullish": 3, "bearish": -3}.get(self.technical.direction, 0)

    def gathered(self, text: str) -> GatherResult:
        return gather(with_news(self.bare, text), self.streak, technical=self.technical)

    def asked(self, text: str) -> tuple[str, str, str]:
        """The model's prompt; what a reader of it and what the rules answer."""
        gathered = self.gathered(text)
        request = SynthesisRequest("BTC", gathered.brief, gathered, self.held, max(0, -self.streak), None)
        user = user_prompt(request)
        read = json.loads(reply_to(system_prompt(Doctrine()), user))["action"]
        return user, read, apply_rules(request, Doctrine()).action.value


def test_there_are_more_than_two_hundred_of_them() -> None:
    assert len(CORPUS) >= 200


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """What the wall withheld, or let through, is remembered by text."""
    sentiment._story.cache_clear()
    yield
    sentiment._story.cache_clear()


@pytest.mark.parametrize("shown", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["shown", "as built"])
@pytest.mark.parametrize(
    ("seed", "held", "action"),
    [
        (7, False, "BUY"),
        pytest.param(5, True, "SELL", marks=pytest.mark.slow),
        pytest.param(2, False, "HOLD", marks=pytest.mark.slow),
    ],
)
def test_no_headline_changes_an_action_or_leaves_its_quotes(
    seed: int, held: bool, action: str, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What talks to a model is withheld; were it not recognised, it would stand in quotes and change nothing."""
    if shown:
        monkeypatch.setattr(sentiment, "speaks_to_a_model", lambda _: False)
    market = Market(seed, held)
    frame, *decided = market.asked(CALM)
    assert decided == [action, action]
    head = frame.split("\nNEWS")[0]
    changed, escaped, seen = [], [], 0
    for text in CORPUS:
        user, *said = market.asked(text)
        news = user.removeprefix(head).splitlines()[2:]
        changed += [text] if said != decided or not user.startswith(head) else []
        escaped += [text] if any(not LINE.fullmatch(line) for line in news) else []
        seen += bool(news)
    assert (changed, escaped) == ([], [])
    assert seen > 200 if shown else seen < len(CORPUS) // 2, "the second wall withholds most; none of them needs it"
    assert QUOTED in market.asked(CALM)[0]
