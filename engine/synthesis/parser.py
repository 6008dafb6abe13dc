"""From whatever a model wrote to one valid answer, or to a named refusal. Nothing in between.

Constrained decoding is never trusted: schemas are ignored by some servers, thinking leaks, replies
are cut, and quotes come full-width.
"""

from __future__ import annotations

import json
import math
import re
from typing import NoReturn

from engine.model import Action
from engine.synthesis.port import Answer

KEYS = ("action", "signals_aligned", "timeframes_aligned", "reasoning", "notional")
MAX_TEXT = 65_536
MAX_REASONING = 2_000
MAX_NOTIONAL = 1e12

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    ord("“"): ord('"'),
    ord("”"): ord('"'),
    ord("、"): ord(","),
    ord("　"): ord(" "),
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


class AnswerInvalid(Exception):
    """The text holds no valid answer. The message says what was wrong and what was expected; echo it once."""


def parse_answer(text: str | bytes) -> Answer:
    """The answer in the first complete JSON object of `text`. Raises AnswerInvalid, and nothing else."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if len(text) > MAX_TEXT:
        raise AnswerInvalid(f"{len(text)} characters; one short JSON object was expected")
    spoken = without_thinking(text)
    try:
        return _validated(_decoded(_first_object(spoken)))
    except AnswerInvalid:
        narrow = spoken.translate(_FULL_WIDTH)
        if narrow == spoken:
            raise
    return _validated(_decoded(_first_object(narrow)))


def without_thinking(text: str) -> str:
    """What follows the last closed think block, up to one that never closes."""
    spoken = text.rpartition("</think>")[2]
    return spoken.partition("<think>")[0]


def _first_object(text: str) -> str:
    """The text from the first brace to the brace that closes it. An object inside an array does not count."""
    start = text.find("{")
    if start < 0:
        raise AnswerInvalid("no JSON object; one object with the five keys was expected")
    if re.search(r"\[\s*$", text[:start]):
        raise AnswerInvalid("an array; one object was expected")
    end = _closing_brace(text, start)
    if end is None:
        raise AnswerInvalid("the JSON object never ends; a complete one was expected")
    return text[start : end + 1]


def _closing_brace(text: str, start: int) -> int | None:
    depth, in_string, escaped = 0, False, False
    for position in range(start, len(text)):
        char = text[position]
        if in_string:
            in_string = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            in_string = True
        elif char in "{}":
            depth += 1 if char == "{" else -1
            if depth == 0:
                return position
    return None


def _decoded(text: str) -> dict[str, object]:
    try:
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        raise AnswerInvalid(f"not JSON: {str(error)[:120]}") from error
    return dict(value)


def _no_constant(name: str) -> NoReturn:
    raise AnswerInvalid(f"{name} is not a JSON number")


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise AnswerInvalid("a key occurs twice; each of the five exactly once was expected")
    return found


def _validated(found: dict[str, object]) -> Answer:
    missing = [key for key in KEYS if key not in found]
    extra = [key for key in found if key not in KEYS]
    if missing or extra:
        raise AnswerInvalid(f"missing keys {missing}, unknown keys {_shown(extra)}; exactly {list(KEYS)} were expected")
    return Answer(
        action=_action(found["action"]),
        signals_aligned=_count("signals_aligned", found["signals_aligned"], 15),
        timeframes_aligned=_count("timeframes_aligned", found["timeframes_aligned"], 3),
        reasoning=_reasoning(found["reasoning"]),
        notional=_notional(found["notional"]),
    )


def _action(value: object) -> Action:
    if isinstance(value, str) and value in Action.__members__:
        return Action(value)
    raise AnswerInvalid(f"action is {_shown(value)}; BUY, SELL or HOLD was expected")


def _count(key: str, value: object, most: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
        return value
    raise AnswerInvalid(f"{key} is {_shown(value)}; an integer from 0 to {most} was expected")


def _reasoning(value: object) -> str:
    """Printable text: control and direction marks become blanks, unpaired surrogates question marks."""
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_REASONING:
        raise AnswerInvalid(f"reasoning is {_shown(value)}; 1 to {MAX_REASONING} characters were expected")
    return _CONTROL.sub(" ", value.encode("utf-8", "replace").decode("utf-8")).strip() or "-"


def _notional(value: object) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and isinstance(value, int | float) and 0 <= value <= MAX_NOTIONAL and math.isfinite(value):
        return float(value)
    raise AnswerInvalid(f"notional is {_shown(value)}; a number from 0 was expected")


def _shown(value: object) -> str:
    """Short and printable: it goes back to the model and into the log."""
    return ascii(value)[:60]
