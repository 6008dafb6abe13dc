"""OKX's error codes as data: one row a class, one table for the whole adapter.

Codes are compared as strings by their first five digits, because suffixes such as "51008_1001" occur.
"1" and "2" are not errors of their own: they say "look at each item's sCode".
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.exchange.errors import (
    AuthFailed,
    ClockSkewed,
    ErrorClass,
    ExchangeError,
    Rejected,
    Unavailable,
    UnknownOutcome,
)

OK = "0"
LOOK_INSIDE = frozenset({"1", "2"})

CODES_BY_CLASS: dict[ErrorClass, str] = {
    ErrorClass.UNKNOWN_STATE: "50004 51054 51149 51412",
    ErrorClass.TRANSIENT: "50001 50013 50026 51028-51030 51290 63999 64007",
    ErrorClass.THROTTLE: "50011 50040 50061 51113 60014",
    ErrorClass.CLOCK: "50102 50107 50112 60004 60006",
    ErrorClass.AUTH: "50100 50101 50103-50106 50111 50113 50114 50119 60005 60007 60009 60024 60032",
    ErrorClass.PERMISSION: "50030 50035 50110 50120 50121 54072",
    ErrorClass.ACCOUNT_HALT: "50007-50010 50012 50027 50028 51009 51024 59113 59114",
    ErrorClass.RISK_FROZEN: "50017-50023 51037 51209",
    ErrorClass.UPGRADE: "50005 50115",
    ErrorClass.OUR_BUG: (
        "50000 50002 50006 50014-50016 50024 50025 50039 51000 51003 51015 51407 60012 60013 60018 60019"
    ),
    ErrorClass.INSTRUMENT_OFF: "51001 51021 51022 51027 51109 51155 54007 54092 54094",
    ErrorClass.SIZE_SMALL: "51007 51020 51120 51121 51150 50122",
    ErrorClass.SIZE_BIG: (
        "51005 51101 51185 51201-51203 51108 51207 51275 51004 51103-51107 54030 54031 54035"
    ),
    ErrorClass.PRICE_BAND: "51006 51031 51116 51122 51135-51138 51250",
    ErrorClass.MONEY: "51008 51127 51131 51502 59103 59108 59200 59303",
    ErrorClass.MODE: "51010 51039 51041 50072 59000 59101 59102 59105-59107 59112",
    ErrorClass.DUPLICATE_ID: "51011 51016 51065 51068 50071 50042",
    ErrorClass.POSITION_GONE: "51023 51043 51058 51169 51170 51112 51205 51206 51148 51168",
    ErrorClass.CLOSE_CONFLICT: "51032 51115 51342",
    ErrorClass.ALGO_PRICE_SIDE: "51046-51053 51258 51259 51277-51280 51300-51308",
    ErrorClass.ALGO_CAPS: "51025 51088 51102 51165 51174 51257 51260 51261 51299 51311 51327-51333",
    ErrorClass.TOO_LATE: "51400-51402 51410 51416 51503 51509 51510 51513 51532",
    ErrorClass.NOT_FOUND: "51603",
    ErrorClass.DEMO: "50038",
    ErrorClass.EXPIRED: "50036 50037",
}  # fmt: skip


def _expand(text: str) -> Iterator[str]:
    for word in text.split():
        first, _, last = word.partition("-")
        yield from (str(code) for code in range(int(first), int(last or first) + 1))


CLASS_BY_CODE: dict[str, ErrorClass] = {
    code: error_class for error_class, text in CODES_BY_CLASS.items() for code in _expand(text)
}

_NOBODY_KNOWS = frozenset({ErrorClass.UNKNOWN_STATE, ErrorClass.TRANSIENT})
_OPERATOR_ACTS = frozenset({ErrorClass.AUTH, ErrorClass.PERMISSION})


def classify(code: str) -> ErrorClass:
    """The class of a venue code; UNCLASSIFIED for one that the table does not hold."""
    return CLASS_BY_CODE.get(code[:5], ErrorClass.UNCLASSIFIED)


def error_type(code: str, write: bool) -> type[ExchangeError]:
    """Which exception a code becomes.

    A refused write is `Rejected`, one whose fate is open `UnknownOutcome`; a failed read is `Unavailable`.
    An unlisted 5xxxx refuses a write; anything else unlisted leaves its outcome open.
    """
    error_class = classify(code)
    if error_class in _OPERATOR_ACTS:
        return AuthFailed
    if error_class is ErrorClass.CLOCK:
        return ClockSkewed
    if not write:
        return Unavailable
    if error_class is ErrorClass.UNCLASSIFIED:
        return Rejected if _is_five_thousand(code) else UnknownOutcome
    return UnknownOutcome if error_class in _NOBODY_KNOWS else Rejected


def venue_error(code: str, message: str, write: bool) -> ExchangeError:
    """The exception for a venue code, ready to raise."""
    return error_type(code, write)(message, code, classify(code))


def _is_five_thousand(code: str) -> bool:
    return len(code[:5]) == 5 and code[:5].isdigit() and code[0] == "5"
