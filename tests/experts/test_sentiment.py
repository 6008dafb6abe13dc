"""Headlines: whose they are, how they sound, how old they are, and that none of them gives orders."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.experts.headline_text import LONGEST, clean_headline, deidentified, quoted, speaks_to_a_model, story_key
from engine.experts.sentiment import HOUR_MS, sentiment_signals, tag_of
from engine.model import AssetClass, Direction, Headline, Headlines, SentimentSignals

NOW = 1_800_000_000_000
CORPUS = [
    line
    for line in (Path(__file__).parent / "injections.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("# ")
]
UP, DOWN, FLAT = Direction.BULLISH, Direction.BEARISH, Direction.NEUTRAL


def told(*texts: str, age_h: float = 1.0, read_h: float = 0.0) -> Headlines:
    items = tuple(Headline(text, NOW - int((age_h + i / 100) * HOUR_MS)) for i, text in enumerate(texts))
    return Headlines(items, NOW - int(read_h * HOUR_MS))


def about(headlines: Headlines | None, ticker: str = "BTC", of: AssetClass = AssetClass.CRYPTO) -> SentimentSignals:
    signals = sentiment_signals(headlines, ticker, of, NOW)
    assert signals is not None
    return signals


def texts(signals: SentimentSignals) -> list[str]:
    return [headline.text for headline in signals.headlines]


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("Bitcoin rallies as ETF inflows surge", UP),
        ("Bitcoin plunges 8% amid liquidations", DOWN),
        ("Bitcoin fails to rally", DOWN),
        ("Bitcoin halts decline", UP),
        ("Bitcoin does not fall", UP),
        ("Never mind: nothing about the miners here; later this week bitcoin gains", UP),
        ("Fed rate cut expected", UP),
        ("Fed rate hike looms", DOWN),
        ("Gold hits all-time high", UP),
        ("Gold sell-off deepens", DOWN),
        ("Bitcoin conference opens in Prague", FLAT),
        ("Bitcoin gains, then losses", FLAT),
        ("", FLAT),
    ],
)
def test_the_tag_is_the_lexicon_s_and_negation_turns_it_round(text: str, tag: Direction) -> None:
    assert tag_of(text) is tag


@pytest.mark.parametrize(
    ("ticker", "of", "mine", "not_mine"),
    [
        ("BTC", AssetClass.CRYPTO, "Bitcoin's hash rate climbs", "Gold climbs"),
        ("BTC", AssetClass.CRYPTO, "Spot BTC funds grow", "Ethereum Classic climbs"),
        ("ETH", AssetClass.CRYPTO, "Crypto market rallies", "Methane rules approved"),
        ("SUI", AssetClass.CRYPTO, "SUI jumps 12%", "sui generis rules"),
        ("SOL", AssetClass.CRYPTO, "$SOL staking grows", "Sol y sombra"),
        ("XAU", AssetClass.METAL, "Gold slips as Fed waits", "Goldman upgraded"),
        ("NVDA", AssetClass.STOCK, "Nvidia beats estimates", "Bitcoin beats all"),
        ("META", AssetClass.STOCK, "META slides", "Meta-analysis of diets"),
        ("QQQ", AssetClass.INDEX, "Nasdaq 100 falls", "Solana falls"),
        ("PEPE", AssetClass.CRYPTO, "PEPE doubles", "pepe doubles"),
    ],
)
def test_a_headline_belongs_to_the_markets_that_it_names(ticker: str, of: AssetClass, mine: str, not_mine: str) -> None:
    assert texts(about(told(mine, not_mine), ticker, of)) == [mine]


def test_three_at_most_its_own_first_and_the_newest_on_top() -> None:
    signals = about(
        told("Crypto one", "Crypto two", "Crypto three", "Solana four", "Solana five"), "SOL", AssetClass.CRYPTO
    )
    assert texts(signals) == ["Crypto one", "Solana four", "Solana five"]
    assert [h.age_h for h in signals.headlines] == pytest.approx([1.0, 1.03, 1.04])


def test_bitcoin_cash_is_not_bitcoin_though_it_is_crypto() -> None:
    own = ["Bitcoin one", "Bitcoin two", "Bitcoin three"]
    assert texts(about(told("Bitcoin Cash climbs", *own))) == own
    assert texts(about(told("Bitcoin Cash climbs"))) == ["Bitcoin Cash climbs"]


def test_the_score_is_the_mean_tag_weighted_by_age() -> None:
    old_good = Headline("Bitcoin rallies", NOW - 12 * HOUR_MS)
    new_bad = Headline("Bitcoin crashes", NOW)
    assert about(Headlines((new_bad, old_good), NOW)).score == pytest.approx((-1 + 0.25) / 1.25)
    assert about(told("Gold rallies")).score is None


def test_a_day_old_or_tomorrow_s_or_repeated_is_left_out() -> None:
    items = (
        Headline("Bitcoin of tomorrow", NOW + HOUR_MS),
        Headline("Bitcoin rallies!", NOW - HOUR_MS),
        Headline("BITCOIN  rallies", NOW - 2 * HOUR_MS),
        Headline("Bitcoin of yesterday", NOW - 24 * HOUR_MS - 1),
    )
    assert texts(about(Headlines(items, NOW))) == ["Bitcoin rallies!"]


def test_feeds_that_nobody_read_for_a_day_say_nothing_at_all() -> None:
    assert sentiment_signals(None, "BTC", AssetClass.CRYPTO, NOW) is None
    assert sentiment_signals(told("Bitcoin", read_h=24.1), "BTC", AssetClass.CRYPTO, NOW) is None
    assert about(told("Bitcoin", read_h=23.9)).headlines


def test_the_corpus_is_large_enough() -> None:
    assert len(CORPUS) >= 40


@pytest.mark.parametrize("text", CORPUS)
def test_a_headline_that_speaks_to_a_model_is_withheld_and_weighs_nothing(text: str) -> None:
    innocent = "Bitcoin conference opens"
    assert about(told(text, innocent)) == about(Headlines(told(text, innocent).items[1:], NOW))
    assert speaks_to_a_model(clean_headline(text))


@pytest.mark.parametrize("text", CORPUS)
def test_even_shown_it_could_not_leave_its_quotes(text: str) -> None:
    line = quoted(text)
    assert line.count('"') == 2
    assert line == line.strip()
    assert not set(line) & set("\n\r<>{}`\\")


@pytest.mark.parametrize(
    "text",
    [
        "Bitcoin rises as traders ignore weak jobs data",
        "Should you buy the dip in bitcoin?",
        "Nvidia hits record high after earnings beat",
        "SEC approves rules for spot ether funds",
        "Fed officials say policy is in a good place",
        "Digihost reports month-over-month increase in cash and crypto position",
        "Gold's rally pauses; silver extends losses",
        "Café chain accepts bitcoin payments",
    ],
)
def test_news_is_not_taken_for_an_order(text: str) -> None:
    assert not speaks_to_a_model(clean_headline(text))


@given(st.text(max_size=300) | st.text(alphabet="&lt;gtamp#x0123<>/script \u200b\u202e\"'`{}\\…ﷺ", max_size=200))
@settings(max_examples=300, deadline=None)
def test_a_clean_headline_is_one_short_printable_line_and_stays_as_it_is(raw: str) -> None:
    text = clean_headline(raw)
    assert len(text) <= LONGEST
    assert clean_headline(text) == text == " ".join(text.split())
    assert not {unicodedata.category(c) for c in text} & {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}
    assert not set(text) & set('<>{}"`\\')


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  Bitcoin\n\tup\u00a05% ", "Bitcoin up 5%"),
        ("<p>Bitcoin <b>up</b></p>", "Bitcoin up"),
        ("&lt;p&gt;Bitcoin&lt;/p&gt;", "Bitcoin"),
        ("&amp;lt;img src=x onerror=alert(1)&amp;gt;Gold", "Gold"),
        ("Bit\u200bco\u00adin \u202eup\u2066", "Bitcoin up"),
        ("<script>alert('x')</script>Gold up", "Gold up"),
        ("<img src='x", ""),
        ("BTC < 50k", "BTC 50k"),
        ("He said “buy”", "He said 'buy'"),
        ("B\u0336\u0337\u0338TC", "B\u0336TC"),
        ("\x00\x1b[31mred\x07", "[31mred"),
        ("x" * 5000, "x" * (LONGEST - 3) + "..."),
    ],
)
def test_cleaning(raw: str, clean: str) -> None:
    assert clean_headline(raw) == clean


def test_the_same_story_has_the_same_key() -> None:
    assert story_key("Bitcoin: up 5%!") == story_key("BITCOIN — up 5 %") != story_key("Bitcoin up 6%")


@given(st.lists(st.tuples(st.text(max_size=80), st.integers(-(2**62), 2**62)), max_size=8), st.sampled_from(AssetClass))
@settings(max_examples=100, deadline=None)
def test_whatever_stands_in_the_headlines_nothing_raises(items: list[tuple[str, int]], of: AssetClass) -> None:
    headlines = Headlines(tuple(Headline(text, ts) for text, ts in items), NOW)
    signals = about(headlines, "BTC", of)
    assert len(signals.headlines) <= 3
    assert signals.score is None or -1 <= signals.score <= 1


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("Bitcoin falls 5.2% below $97,000", "Bitcoin falls 5.2% below an amount"),
        ("Bitcoin at 97,123.50 on Dec 5, 2024", "Bitcoin at an amount on a date"),
        ("Gold hits 2700 as of 2024-12-05", "Gold hits an amount as of a date"),
        ("ETF inflows of $1.2 billion in March 2025", "ETF inflows of an amount in a date"),
        ("Bitcoin eyes 100k in Q4", "Bitcoin eyes an amount in a date"),
        ("Nasdaq 100 and S&P 500 gain 1%", "Nasdaq 100 and S&P 500 gain 1%"),
        ("Stocks may gain", "Stocks may gain"),
        ("Three charts", "Three charts"),
    ],
)
def test_a_headline_can_be_told_without_price_and_date(text: str, without: str) -> None:
    assert deidentified(text) == without
