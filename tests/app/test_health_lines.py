from __future__ import annotations

from typing import Any

from engine.cli.health_lines import health_lines


def told(status: str, age_s: float | None = None, detail: str = "") -> dict[str, Any]:
    return {"status": status, "age_s": age_s, "detail": detail}


def test_a_sick_source_has_a_line_of_its_own_that_says_why_and_since_when() -> None:
    lines = health_lines({"okx": told("ok", 0.4), "news": told("stale", 7260.0, "3 of 3 feeds do not answer")})
    assert lines == ["health    news stale 121 min ago: 3 of 3 feeds do not answer", "health    ok: okx 0 s ago"]


def test_an_unknown_age_is_left_out_and_never_called_0() -> None:
    assert health_lines({"forecast": told("off"), "llm": told("ok")}) == ["health    forecast off", "health    ok: llm"]


def test_without_an_engine_a_feed_is_as_old_as_what_the_last_one_read() -> None:
    lines = health_lines({"news": told("no engine", 300.0), "f&g": told("no engine")})
    assert lines == [
        "health    news no engine reads it; last read 5 min ago",
        "health    f&g no engine reads it; never read",
    ]


def test_before_anything_was_told_there_is_no_line() -> None:
    assert health_lines({}) == []
