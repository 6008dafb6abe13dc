"""Client ids: pure functions of a decision, so that a restart asks for the same order and never for a second one.

Form: `cyn` + role + attempt (2 base-36 digits, 4 from the 1296th on) + 24 letters of SHA-256(decision id) in
base 32; 30 or 32 characters, lower-case letters and digits only, as OKX wants them (≤ 32).
"""

from __future__ import annotations

import base64
import hashlib
import re
from enum import StrEnum

PREFIX = "cyn"
TAG = "cynosure"
"""Only entries carry it: it is what the dead-man switch cancels by."""
EXIT_TAG = "cynosurexit"
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_OURS = re.compile(r"cyn[a-z](?:[0-9a-z]{2}){1,2}[a-z2-7]{24}")


class Role(StrEnum):
    """What an order with this id is for."""

    ENTRY = "e"
    BRACKET = "b"
    EXIT = "x"


DIGEST_LENGTH = 24

MAX_ATTEMPT = len(_DIGITS) ** 4 - 1
"""A position that the venue refuses to close for a weekend is tried again thousands of times."""


def client_id(role: Role, decision_id: str, attempt: int = 0) -> str:
    """`attempt` in [0, MAX_ATTEMPT]; the same arguments always give the same id."""
    assert decision_id, "an id without a decision would not be unique"
    assert 0 <= attempt <= MAX_ATTEMPT, f"attempt must be in [0, {MAX_ATTEMPT}], got {attempt}"
    digest = base64.b32encode(hashlib.sha256(decision_id.encode()).digest()[:15]).decode().lower()
    return client_id_of(role, digest, attempt)


def client_id_of(role: Role, digest: str, attempt: int = 0) -> str:
    """As `client_id`, from the decision's letters as they stand at the end of any of its ids."""
    return f"{PREFIX}{role.value}{_base36(attempt)}{digest}"


def _base36(attempt: int) -> str:
    width = 2 if attempt < len(_DIGITS) ** 2 else 4
    return "".join(_DIGITS[attempt // len(_DIGITS) ** place % len(_DIGITS)] for place in reversed(range(width)))


def entry_id(decision_id: str) -> str:
    """The only entry that this decision can ever have."""
    return client_id(Role.ENTRY, decision_id)


def bracket_id(decision_id: str, attempt: int) -> str:
    """0 is the bracket that rides on the entry; the guard's own begin at 1."""
    return client_id(Role.BRACKET, decision_id, attempt)


def exit_id(decision_id: str, attempt: int) -> str:
    return client_id(Role.EXIT, decision_id, attempt)


def is_ours(venue_client_id: str) -> bool:
    """True for ids of this form. Whether the journal knows it is another question."""
    return _OURS.fullmatch(venue_client_id) is not None
