"""The signs of the screen, in UTF-8 and in ASCII. Meaning never rests on colour alone, so these carry it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One cell each, except `spark` (a ramp from low to high)."""

    up: str
    down: str
    flat: str
    ok: str
    fail: str
    skip: str
    unknown: str
    cursor: str
    run: str
    start: str
    pause: str
    halt: str
    kill: str
    stale: str
    arrow: str
    override: str
    bar: str
    dot: str
    ruler: str
    ruler_left: str
    ruler_right: str
    full: str
    empty: str
    spark: str
    more: str
    minus: str
    corner_tl: str
    corner_tr: str
    corner_bl: str
    corner_br: str
    horizontal: str
    vertical: str


UTF8 = Glyphs(
    up="▲", down="▼", flat="=", ok="✓", fail="✗", skip="–", unknown="—", cursor="▶",
    run="●", start="◌", pause="‖", halt="■", kill="✖", stale="~", arrow="→", override="◀",
    bar="│", dot="●", ruler="─", ruler_left="├", ruler_right="┤", full="█", empty="░",
    spark="▁▂▃▄▅▆▇█", more="↓", minus="-",
    corner_tl="╭", corner_tr="╮", corner_bl="╰", corner_br="╯", horizontal="─", vertical="│",
)  # fmt: skip

ASCII = Glyphs(
    up="^", down="v", flat="=", ok="+", fail="x", skip="-", unknown="-", cursor=">",
    run="*", start="o", pause="=", halt="#", kill="X", stale="~", arrow=">", override="<",
    bar="|", dot="o", ruler="-", ruler_left="[", ruler_right="]", full="#", empty=".",
    spark="_.-=+*%#", more="v", minus="-",
    corner_tl="+", corner_tr="+", corner_bl="+", corner_br="+", horizontal="-", vertical="|",
)  # fmt: skip


TO_ASCII = str.maketrans(
    {"—": "-", "–": "-", "→": ">", "…": ".", "≥": ">", "≤": "<", "×": "x", "·": ".", "±": "+", "σ": "s", "⏎": "."}
    | {"−": "-", "’": "'", "“": '"', "”": '"', "▲": "^", "▼": "v", "✓": "+", "✗": "x", "│": "|", "½": "."}
)


def pick(environ: Mapping[str, str]) -> Glyphs:
    """ASCII when the locale is not UTF-8, or on the Linux console whose fonts lack the signs."""
    if environ.get("CYNOSURE_GLYPHS", "").lower() == "ascii" or environ.get("TERM") == "linux":
        return ASCII
    name = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or "C.UTF-8"
    return UTF8 if "utf" in name.lower() else ASCII
