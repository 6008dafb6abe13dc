"""The venue's error codes as its fact sheet lists them (2026-07), class by class: what the adapter's table is held
against. Written by hand from the sheet, not from the table."""

from __future__ import annotations

from collections.abc import Iterator

from engine.exchange.errors import ErrorClass as C

SHEET: dict[C, str] = {
    C.UNKNOWN_STATE: "50004 51054 51149 51412",
    C.TRANSIENT: "50001 50013 50026 51030 51028 51029 51290 63999 64007",
    C.THROTTLE: "50011 50040 50061 51113 60014",
    C.CLOCK: "50102 50112 50107 60004 60006",
    C.AUTH: "50100 50101 50103-50106 50111 50113 50114 50119 60005 60007 60009 60024 60032",
    C.PERMISSION: "50030 50035 50110 50120 50121 54072",
    C.ACCOUNT_HALT: "50007-50010 50012 50027 50028 51009 51024 59113 59114",
    C.RISK_FROZEN: "50017-50023 51037 51209",
    C.UPGRADE: "50005 50115",
    C.OUR_BUG: "50000 50002 50006 50014-50016 50024 50025 50039 51000 51003 51015 51407 60012 60013 60018 60019",
    C.INSTRUMENT_OFF: "51001 51021 51022 51027 51109 51155 54007 54092 54094",
    C.SIZE_SMALL: "51007 51020 51120 51121 51150 50122",
    C.SIZE_BIG: (
        "51005 51101 51185 51201 51202 51203 51108 51207 51275 51004_1101 51004 51103-51107 54030 54031 54035"
    ),
    C.PRICE_BAND: "51006 51031 51116 51122 51135-51138 51250",
    C.MONEY: "51008 51008_1000 51127 51131 51502 51502_1001 59103 59108 59200 59303",
    C.MODE: "51010 51039 51041 50072 59000 59101 59102 59105-59107 59112",
    C.DUPLICATE_ID: "51011 51016 51065 51068 50071 50042",
    C.POSITION_GONE: "51023 51043 51058 51169 51170 51112 51205 51206 51148 51168",
    C.CLOSE_CONFLICT: "51032 51115 51342",
    C.ALGO_PRICE_SIDE: "51046-51053 51258 51259 51277-51280 51300-51308",
    C.ALGO_CAPS: "51025 51088 51102 51165 51174 51257 51260 51261 51299 51311 51327-51333",
    C.TOO_LATE: "51400 51410 51416 51503 51513 51532 51401 51402 51509 51510",
    C.NOT_FOUND: "51603",
    C.DEMO: "50038",
    C.EXPIRED: "50036 50037",
}  # fmt: skip


def sheet_codes() -> Iterator[tuple[str, C]]:
    """Every single code with its class, ranges spelled out."""
    for error_class, text in SHEET.items():
        for word in text.split():
            first, _, last = word.partition("-")
            if not last:
                yield word, error_class
                continue
            for code in range(int(first), int(last) + 1):
                yield str(code), error_class
