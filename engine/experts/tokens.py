"""How many tokens a text costs, bounded without the model's vocabulary.

Byte-level BPE tokenizers of the Qwen family first cut a text by a published pattern: one digit at a
time, a run of letters with at most one sign before it, a run of other signs, blanks. A merge never
crosses a cut, so the number of cuts is a true lower bound, and the number of bytes a true upper one.
Inside a cut only letters and signs can take several tokens. The words that the brief itself uses are charged what
they cost in Qwen's published vocabulary (qwen.tiktoken, 151 k entries). For any other word the estimate charges one
token for every 4 lower-case letters begun (plain English words of that family cost 1, rarely 2), for every 2 capitals
begun, for every sign, and for every byte outside ASCII. So bounded, it stays above the true count for the
abbreviations, numbers and plain words that a brief is made of (tests/experts/test_tokens.py counts with the real
vocabulary); it is not a bound for arbitrary text.
"""

from __future__ import annotations

import re

BRIEF_WORDS = {
    **dict.fromkeys(
        (
            "CLASS", "crypto", "metal", "index", "stock", "bullish", "neutral", "streak", "signals", "score", "BOOK",
            "imbalance", "micro", "spread", "OPEN", "LONG", "SHORT", "USD", "BTC", "range", "trend", "reversal",
            "toxic", "NEWS", "dropped", "under",
        ),
        1,
    ),
    **dict.fromkeys(
        ("DIRECTION", "bearish", "timeframes", "INTEREST", "REGIME", "FEAR", "GREED", "FORECAST", "VWAP"), 2
    ),
    "FUNDING": 3,
    "LIQUIDATIONS": 4,
}  # fmt: skip
"""Tokens of the words that a brief is written with, each after a blank, a slash or a line's beginning."""

_CUTS = re.compile(r" ?[A-Za-z]+|\d| ?[!-/:-@\[-`{-~]+|[^\x00-\x7f]+|\s+")
_COARSE_CUTS = re.compile(r"[A-Za-z]+|\d{1,3}|[!-/:-@\[-`{-~]+")


def estimated_tokens(text: str) -> int:
    """A conservative count: at least what the model will see, never more than the text's bytes."""
    return sum(_cost(cut) for cut in _CUTS.findall(text))


def fewest_tokens(text: str) -> int:
    """What no known tokenizer goes below: whole words, digits in threes, runs of signs."""
    return sum(1 for _ in _COARSE_CUTS.finditer(text))


def _cost(cut: str) -> int:
    body = cut.strip()
    if not body:
        return 1
    if not body.isascii():
        return len(body.encode("utf-8", "replace"))
    if not body[0].isalpha():
        return len(body)
    if body in BRIEF_WORDS:
        return BRIEF_WORDS[body]
    letters_per_token = 4 if body[1:].islower() or len(body) == 1 else 2
    return -(-len(body) // letters_per_token)
