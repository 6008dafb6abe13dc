"""Which happenings a fault hits, and that the same ones are hit again."""

from __future__ import annotations

from typing import Any

import pytest

from engine.exchange.simulator.faults.catalogue import read_fault
from engine.exchange.simulator.faults.plan import FaultPlan
from engine.exchange.simulator.faults.spec import ACT_KINDS, REQUEST_KINDS

ORDER = "/api/v5/trade/order"


class Wall:
    def __init__(self) -> None:
        self.ms = 1_000

    def __call__(self) -> int:
        return self.ms


def plan(*whens: dict[str, Any], seed: int = 0, wall: Wall | None = None) -> FaultPlan:
    made = FaultPlan(seed, wall or Wall())
    made.arm([read_fault({"kind": "refuse", "code": 50_001 + n, "when": when}) for n, when in enumerate(whens)])
    return made


def hits(armed: FaultPlan, count: int, **facts: Any) -> list[int]:
    """Which of `count` equal requests are hit, 1-based."""
    given = {"method": "POST", "path": ORDER, "body": {"instId": "BTC-USDT-SWAP"}} | facts
    return [n for n in range(1, count + 1) if armed.take(REQUEST_KINDS, **given) is not None]


@pytest.mark.parametrize(
    ("when", "hit"),
    [
        ({}, [1]),
        ({"times": 3}, [1, 2, 3]),
        ({"call": 4}, [4]),
        ({"call": 2, "times": 2}, [2, 3]),
        ({"calls": [2, 5]}, [2, 5]),
        ({"every": 3}, [3, 6, 9]),
        ({"every": 3, "times": 2}, [3, 6]),
    ],
)
def test_which_of_the_matching_ones(when: dict[str, Any], hit: list[int]) -> None:
    assert hits(plan(when), 10) == hit


@pytest.mark.parametrize(
    ("when", "matches"),
    [
        ({"method": "post"}, True),
        ({"method": "GET"}, False),
        ({"path": ORDER}, True),
        ({"path": "/api/v5/trade/*"}, True),
        ({"path": "/api/v5/account/*"}, False),
        ({"inst": "BTC-USDT-SWAP"}, True),
        ({"inst": "ETH-USDT-SWAP"}, False),
        ({"body": {"side": "buy", "reduceOnly": True, "sz": 2}}, True),
        ({"body": {"side": "sell"}}, False),
        ({"body": {"absent": ""}}, False),
        ({"channel": "orders"}, False),
    ],
)
def test_every_condition_must_hold(when: dict[str, Any], matches: bool) -> None:
    body = {"instId": "BTC-USDT-SWAP", "side": "buy", "reduceOnly": "true", "sz": "2"}
    assert bool(hits(plan(when), 1, body=body)) is matches
    assert bool(hits(plan(when), 1, body=[{"instId": "X"}, body])) is matches


def test_chance_is_the_same_again_and_another_with_another_seed() -> None:
    first, again, other = (hits(plan({"chance": 0.2}, seed=seed), 500) for seed in (1, 1, 2))
    assert first == again != other
    assert 60 < len(first) < 140


def test_each_fault_counts_for_itself_and_one_fires_at_a_time() -> None:
    armed = plan({"call": 1}, {"call": 2}, {})
    codes = [armed.take(REQUEST_KINDS, path=ORDER) for _ in range(4)]
    assert [fault and fault.params.code for fault in codes] == ["50001", "50002", "50003", None]  # type: ignore[attr-defined]
    assert [(row["matched"], row["fired"]) for row in armed.report()] == [(1, 1), (2, 1), (3, 1)]


def test_a_window_of_wall_time() -> None:
    wall = Wall()
    armed = plan({"from_s": 2, "until_s": 4, "times": 9}, wall=wall)
    seen = []
    for second in range(6):
        wall.ms = 1_000 + second * 1_000
        seen.append(bool(hits(armed, 1)))
    assert seen == [False, False, True, True, False, False]


def test_a_timed_fault_is_due_once_when_its_moment_has_come() -> None:
    fault = read_fault({"kind": "lose_reply", "after_s": 1.5})
    armed = FaultPlan()
    armed.arm([fault], now_wall_ms=10_000)
    assert armed.due(11_499, REQUEST_KINDS) == []
    assert armed.due(11_500, ACT_KINDS) == []
    assert armed.due(11_500, REQUEST_KINDS) == [fault]
    assert armed.due(99_000, REQUEST_KINDS) == []


def test_clearing_disarms() -> None:
    armed = plan({"times": 5})
    armed.clear()
    assert hits(armed, 3) == []
    assert armed.report() == []
