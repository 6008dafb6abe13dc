"""The one JSON object in whatever a model wrote, or a refusal that names what was wrong.

Constrained decoding is never trusted: schemas are ignored by some servers, thinking leaks, replies
are cut, and quotes come full-width.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from enum import StrEnum
from typing import NoReturn, TypeVar

Valid = TypeVar("Valid")

MAX_TEXT = 65_536

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    ord("“"): ord('"'),
    ord("”"): ord('"'),
    ord("、"): ord(","),
    ord("　"): ord(" "),
}


class Fault(StrEnum):
    """What was wrong with an answer's text."""

    EMPTY = "empty"
    NO_OBJECT = "no object"
    ARRAY = "array"
    UNFINISHED = "unfinished"
    CUT = "cut"
    NOT_JSON = "not JSON"
    TWO_ANSWERS = "two answers"
    WRONG_KEYS = "wrong keys"
    WRONG_VALUE = "wrong value"
    TOO_LONG = "too long"


class AnswerInvalid(Exception):
    """The text holds no valid answer. The message says what was wrong and what was expected; echo it once."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault


def read_object(text: str | bytes, decisive: str, validate: Callable[[dict[str, object]], Valid]) -> Valid:
    """What `validate` makes of the first complete object. Raises AnswerInvalid, and nothing else.

    `decisive` is the key that decides: a later object that says otherwise under it is a contradiction, and
    which of two answers was meant is never guessed.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if len(text) > MAX_TEXT:
        raise AnswerInvalid(Fault.TOO_LONG, f"{len(text)} characters; one short JSON object was expected")
    said = text.rpartition("</think>")[2]
    spoken = without_thinking(text)
    unsaid = said[len(spoken) :]
    try:
        return _read(spoken, unsaid, decisive, validate)
    except AnswerInvalid as error:
        narrow = spoken.translate(_FULL_WIDTH)
        if narrow == spoken or error.fault is Fault.TWO_ANSWERS:
            raise
    return _read(narrow, unsaid, decisive, validate)


def without_thinking(text: str) -> str:
    """What follows the last closed think block, up to one that never closes."""
    spoken = text.rpartition("</think>")[2]
    return spoken.partition("<think>")[0]


def shown(value: object) -> str:
    """Short and printable: it goes back to the model and into the log."""
    return ascii(value)[:60]


def _read(text: str, unsaid: str, decisive: str, validate: Callable[[dict[str, object]], Valid]) -> Valid:
    """`unsaid` is what follows an unclosed thought: no answer, but a change of mind counts there, too."""
    start, end = _first_object(text)
    found = decoded(text[start:end])
    valid = validate(found)
    said = found.get(decisive)
    for other in _mentions((text[:start] + "\n" + text[end:] + unsaid).translate(_FULL_WIDTH), decisive):
        if other.casefold() != str(said).casefold():
            detail = f"a second object says {decisive} {shown(other)} after {shown(said)}; exactly one was expected"
            raise AnswerInvalid(Fault.TWO_ANSWERS, detail)
    return valid


def _mentions(text: str, decisive: str) -> list[str]:
    """Whatever stands under the key that decides, in a whole object, a nested, a cut or a broken one."""
    return re.findall(rf"""["']{re.escape(decisive)}["']\s*[:=]\s*["']?(\w+)""", text, re.IGNORECASE)


def _first_object(text: str) -> tuple[int, int]:
    """From the first brace to behind the brace that closes it. An object inside an array does not count."""
    start = text.find("{")
    if start < 0:
        fault = Fault.NO_OBJECT if text.strip() else Fault.EMPTY
        raise AnswerInvalid(fault, "no JSON object; one object with the asked keys was expected")
    if text.count("[", 0, start) > text.count("]", 0, start):
        raise AnswerInvalid(Fault.ARRAY, "an array; one object was expected")
    end = _closing_brace(text, start)
    if end is None:
        raise AnswerInvalid(Fault.UNFINISHED, "the JSON object never ends; a complete one was expected")
    return start, end + 1


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


def decoded(text: str) -> dict[str, object]:
    """Strict JSON: no NaN, no key twice. Raises AnswerInvalid."""
    try:
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        raise AnswerInvalid(Fault.NOT_JSON, f"not JSON: {str(error)[:120]}") from error
    return dict(value)


def _no_constant(name: str) -> NoReturn:
    raise AnswerInvalid(Fault.WRONG_VALUE, f"{name} is not a JSON number")


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise AnswerInvalid(Fault.WRONG_KEYS, "a key occurs twice; each exactly once was expected")
    return found
