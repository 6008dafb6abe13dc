from __future__ import annotations

import numpy as np
import pytest

from engine.experts.scanner import momentum, ranked, rs_scores
from tests.experts.markets import walk


def test_the_strongest_trend_ranks_first_and_scores_are_0_to_100() -> None:
    closes = {
        name: walk(i, 200, drift, 0.01) for i, (name, drift) in enumerate([("A", 0.003), ("B", 0), ("C", -0.003)])
    }
    scores = rs_scores(closes)
    assert ranked(scores) == ("A", "B", "C")
    assert scores["B"] == pytest.approx(50)
    assert all(score is not None and 0 <= score <= 100 for score in scores.values())


def test_short_frozen_or_broken_history_is_unknown_and_ranks_last() -> None:
    closes = {
        "short": walk(1, 168),
        "frozen": np.full(200, 5.0),
        "nan": np.append(walk(1, 200), np.nan),
        "ok": walk(2, 200),
    }
    scores = rs_scores(closes)
    assert [scores[name] for name in ("short", "frozen", "nan")] == [None, None, None]
    assert scores["ok"] == pytest.approx(50)
    assert ranked(scores)[0] == "ok"
    assert rs_scores({"short": walk(1, 5)}) == {"short": None}
    assert rs_scores({}) == {}


def test_momentum_knows_no_price_level_and_only_the_last_week() -> None:
    closes = walk(3, 400)
    assert momentum(closes * 1024) == pytest.approx(momentum(closes))
    assert momentum(closes[-169:]) == momentum(closes)


def test_momentum_of_the_mirrored_log_price_is_the_opposite() -> None:
    closes = walk(3, 200)
    assert momentum(1e4 / closes) == pytest.approx(-(momentum(closes) or 0))
