"""The words by which a headline is read, as data: which markets it speaks of, and whether it sounds good or bad.

A small list of our own in the manner of Loughran, McDonald, J. Finance 66(1) (2011): words whose sense in financial
news is plain. It reads English only.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.model import AssetClass


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NAMES: Mapping[str, tuple[str, ...]] = {
    "BTC": ("bitcoin", "btc", "satoshi"),
    "ETH": ("ethereum", "ether", "eth", "vitalik"),
    "SOL": ("solana",),
    "XRP": ("xrp", "ripple"),
    "SUI": ("sui network", "sui blockchain", "mysten"),
    "DOGE": ("dogecoin", "doge"),
    "BNB": ("bnb", "binance coin"),
    "LTC": ("litecoin", "ltc"),
    "BCH": ("bitcoin cash", "bch"),
    "XAU": ("gold", "bullion", "xau"),
    "XAG": ("silver", "xag"),
    "QQQ": ("nasdaq", "nasdaq 100", "qqq", "tech stocks"),
    "SPY": ("s&p 500", "s&p500", "sp500", "spdr", "wall street"),
    "NVDA": ("nvidia", "nvda", "jensen huang"),
    "MSFT": ("microsoft", "msft", "azure"),
    "META": ("meta platforms", "facebook", "instagram", "whatsapp", "zuckerberg"),
    "AAPL": ("apple", "aapl", "iphone"),
    "GOOGL": ("google", "alphabet", "googl", "youtube", "waymo"),
    "AMZN": ("amazon", "amzn", "aws"),
    "TSLA": ("tesla", "tsla", "musk"),
    "PLTR": ("palantir", "pltr"),
}
"""By ticker, whatever their case. The ticker itself counts in capitals only: "SUI", not "sui"."""

OTHERS: Mapping[str, tuple[str, ...]] = {"BTC": ("bitcoin cash",), "ETH": ("ethereum classic",), "XAU": ("gold coast",)}
"""By ticker: what holds one of its names and is something else."""

_MONEY = (
    "fed", "federal reserve", "fomc", "interest rate", "interest rates", "rate cut", "rate cuts", "rate hike",
    "rate hikes", "inflation", "cpi", "treasury yields", "jobs report", "payrolls", "recession", "tariff", "tariffs",
)  # fmt: skip
_SHARES = (*_MONEY, "wall street", "stocks", "stock market", "equities", "dow jones", "s&p 500", "nasdaq")

MARKET_WIDE: Mapping[AssetClass, tuple[str, ...]] = {
    AssetClass.CRYPTO: (
        "crypto", "cryptos", "cryptocurrency", "cryptocurrencies", "bitcoin", "btc", "altcoin", "altcoins",
        "stablecoin", "stablecoins", "digital asset", "digital assets", "defi", "tether", "usdt", "binance", "coinbase",
        "okx",
    ),
    AssetClass.METAL: (*_MONEY, "precious metals", "metals", "bullion"),
    AssetClass.INDEX: _SHARES,
    AssetClass.STOCK: _SHARES,
}  # fmt: skip
"""What moves every market of a class."""

BULLISH_PHRASES = (
    "all-time high", "all time high", "record high", "record highs", "rate cut", "rate cuts", "short squeeze",
    "bull market", "bull run", "buys the dip", "risk-on", "beats estimates", "tops estimates", "exceeds estimates",
)  # fmt: skip
BEARISH_PHRASES = (
    "all-time low", "record low", "record lows", "rate hike", "rate hikes", "sell-off", "sell off", "bear market",
    "death cross", "risk-off", "profit warning", "misses estimates", "below estimates", "under pressure",
)  # fmt: skip
BULLISH_WORDS = _words("""
    up rise rises rising rose gain gains gained gaining rally rallies rallied rallying surge surges surged surging
    soar soars soared soaring jump jumps jumped jumping climb climbs climbed climbing advance advances advanced
    rebound rebounds rebounded recover recovers recovered recovery higher boost boosts boosted strong stronger
    strength strengthens bullish bull bulls outperform outperforms upgrade upgrades upgraded beat beats optimism
    optimistic approval approve approves approved adoption adopts inflow inflows breakout milestone growth profit
    profits profitable accumulate accumulates accumulation momentum support supports win wins success successful
    partnership upbeat expands expansion buyback stimulus
""")
BEARISH_WORDS = _words("""
    down fall falls falling fell drop drops dropped dropping decline declines declined declining slide slides slid
    sliding plunge plunges plunged plunging tumble tumbles tumbled tumbling sink sinks sank sinking slump slumps
    slumped crash crashes crashed crashing lose loses losing lost loss losses lower weak weaker weakness weakens
    bearish bear bears underperform underperforms downgrade downgrades downgraded miss misses missed fear fears
    worry worries worried concern concerns panic warn warns warned warning hack hacked hacks exploit exploited
    breach stolen theft fraud scam lawsuit sues sued probe investigation charges charged ban bans banned crackdown
    fine fined penalty bankruptcy bankrupt insolvency liquidation liquidations liquidated outflow outflows selloff
    default defaults layoffs recession reject rejects rejected delay delays delayed halted outage tension tensions
    war sanctions capitulation
""")
NEGATIONS = _words("""
    no not never without nor neither cannot cant can't isn't isnt won't wont doesn't doesnt don't dont hardly deny
    denies denied denying halt halts stop stops ease eases easing end ends ended avoid avoids erase erases erased
    fail fails failed pare pares pared despite
""")
"""Each turns the next word of feeling within reach round: "fails to rally", "halts decline", "fears ease" is read by
its own word."""
