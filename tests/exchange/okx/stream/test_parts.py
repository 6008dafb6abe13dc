"""The pure parts of the stream client: frames, waits, silence, memory, addresses."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.exchange.okx.sdk import OkxEndpoint
from engine.exchange.okx.stream.addresses import stream_address
from engine.exchange.okx.stream.books import RENEW_AFTER_S, Books
from engine.exchange.okx.stream.channels import PLANS, book_channel
from engine.exchange.okx.stream.endings import CLOSE_CODES, End, closed, refusal_of
from engine.exchange.okx.stream.frames import Answer, Ignored, Notice, Pong, Pushed, Unreadable, read_frame
from engine.exchange.okx.stream.login import login_arguments
from engine.exchange.okx.stream.pace import LONGEST_WAIT_S, Backoff, ConnectGate, OperationBudget
from engine.exchange.okx.stream.seen import Seen
from engine.exchange.okx.stream.translate import Translator
from engine.exchange.okx.stream.watch import Patience, Watch
from engine.exchange.streams import BalanceMoved, InstrumentsMoved, PositionMoved, Topic, Unread

# ------------------------------------------------------------ frames


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("pong", Pong),
        (b"pong", Pong),
        ('{"event":"login","code":"0","msg":"","connId":"a"}', Answer),
        ('{"id":"7","event":"subscribe","arg":{"channel":"orders"},"connId":"a"}', Answer),
        ('{"id":"7","event":"error","code":"60012","msg":"Invalid request"}', Answer),
        ('{"event":"notice","code":"64008","msg":"soon","connId":"a"}', Notice),
        ('{"event":"channel-conn-count","channel":"orders","connCount":"2","connId":"a"}', Ignored),
        ('{"event":"channel-conn-count-error","channel":"orders","connCount":"31","connId":"a"}', Answer),
        ('{"arg":{"channel":"books","instId":"X"},"action":"update","data":[{}]}', Pushed),
        ('{"arg":{"channel":"books"}}', Unreadable),
        ('{"arg":[],"data":[]}', Unreadable),
        ("[1]", Unreadable),
        ("{", Unreadable),
        ("", Unreadable),
    ],
)
def test_each_frame_is_what_it_is(text: str | bytes, kind: type) -> None:
    assert isinstance(read_frame(text), kind)


def test_codes_and_ids_of_answers() -> None:
    assert read_frame('{"id":"7","event":"subscribe","arg":{}}') == Answer("subscribe", "7", "0", "")
    assert read_frame('{"event":"error","msg":"?"}') == Answer("error", "", "unknown", "?")
    assert read_frame('{"id":"7","event":"error","code":"60018","msg":"no"}') == Answer("error", "7", "60018", "no")


@given(st.one_of(st.text(), st.binary()))
def test_nothing_that_arrives_can_raise(text: str | bytes) -> None:
    read_frame(text)


def test_a_nest_without_end_is_unreadable() -> None:
    assert isinstance(read_frame("[" * 100_000), Unreadable)


# ------------------------------------------------------------ endings


def test_close_codes_have_words() -> None:
    assert closed(None).detail == "the connection broke"
    assert closed(4004).detail == "closed by the venue with 4004: no data for 30 s"
    assert closed(1009).kind is End.CLOSED
    assert {code for code, (_, kind) in CLOSE_CODES.items() if kind is End.REFUSED} == {4001, 4007}


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        ("60014", End.THROTTLED), ("60006", End.CLOCK), ("60004", End.CLOCK), ("60005", End.REFUSED),
        ("60032", End.REFUSED), ("60011", End.CLOSED), ("60031", End.CLOSED), ("60018", None), ("64003", None),
    ],
)  # fmt: skip
def test_what_a_refusal_means_for_its_line(code: str, ending: End | None) -> None:
    assert refusal_of(code) is ending


# ------------------------------------------------------------ waits


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_waits_double_with_jitter_and_start_anew_after_a_line_that_held() -> None:
    backoff = Backoff(np.random.default_rng(7))
    waits = [backoff.wait_s() for _ in range(12)]
    assert all(0.25 * 2**n <= wait <= 0.5 * 2**n for n, wait in enumerate(waits[:6]))
    assert max(waits) <= LONGEST_WAIT_S
    assert min(waits[6:]) >= LONGEST_WAIT_S / 2
    backoff.held(5)
    assert backoff.wait_s() > 10
    backoff.held(60)
    assert backoff.wait_s() <= 0.5


async def test_connections_leave_the_gate_one_by_one() -> None:
    loop = asyncio.get_running_loop()
    gate, left = ConnectGate(loop.time, spacing_s=0.05), []

    async def knock() -> None:
        await gate.turn()
        left.append(loop.time())

    await asyncio.gather(*(knock() for _ in range(4)))
    assert all(b - a > 0.04 for a, b in pairwise(left))


def test_operations_are_counted_by_the_hour() -> None:
    hands = Hands()
    budget = OperationBudget(hands, per_hour=3)
    assert [budget.take() for _ in range(4)] == [True, True, True, False]
    hands.now = 3601
    assert budget.take()


# ------------------------------------------------------------ silence


def watch(**limits: float) -> Watch:
    return Watch(limits, 0.0, Patience(ping_after_s=10, pong_within_s=8))


def test_a_silent_line_is_asked_and_then_left() -> None:
    silent = watch()
    assert not silent.verdict(9).ping
    assert silent.verdict(10).ping
    silent.pinged(10)
    assert not silent.verdict(17).fault
    assert silent.verdict(18).fault == "silent for 18 s, also to a ping"
    silent.heard(17.5)
    assert not silent.verdict(18).fault
    assert not silent.verdict(18).stale


def test_a_line_that_answers_but_says_nothing_is_deaf() -> None:
    deaf = watch(account=20)
    deaf.pushed("account", 5)
    deaf.heard(24)
    assert not deaf.verdict(24.9).fault
    verdict = deaf.verdict(25)
    assert verdict.stale
    assert verdict.fault == "connected, but account has been silent for 20 s"
    assert deaf.age_s("account", 25) == 20
    assert deaf.age_s("orders", 25) is None


@pytest.mark.parametrize(("pace", "stale"), [(0.0, False), (0.5, False), (1.0, True), (240.0, True)])
def test_a_market_that_stands_still_misses_nothing(pace: float, stale: bool) -> None:
    still = watch(account=20)
    still.heard(30)
    assert still.verdict(30, pace).stale is stale


def test_the_next_look_is_never_later_than_the_next_due() -> None:
    lively = watch(account=3)
    assert lively.due_in(0) == 3
    lively.pushed("account", 2.5)
    assert lively.due_in(2.5) == 3
    assert lively.due_in(1e6) == 0.25


def test_silence_longer_than_the_venue_allows_is_no_setting() -> None:
    with pytest.raises(AssertionError, match="30 s"):
        Patience(ping_after_s=30)


# ------------------------------------------------------------ books


def pushed_book(action: str, before: int, now: int) -> Pushed:
    level = {"asks": [["101", "1", "0", "1"]], "bids": [["100", "1", "0", "1"]], "ts": "5"}
    row = {**level, "prevSeqId": before, "seqId": now}
    return Pushed("books", {"channel": "books", "instId": "X"}, action, (row,))


def test_a_book_that_went_quiet_or_broke_is_none_and_is_asked_for_once_in_a_while() -> None:
    hands = Hands()
    books = Books(hands)
    assert books.book("X", 5, fresh_s=10) is None
    assert not books.apply(pushed_book("snapshot", -1, 7))
    assert books.book("X", 5, fresh_s=10) is not None
    hands.now = 10.1
    assert books.book("X", 5, fresh_s=10) is None
    assert books.apply(pushed_book("update", 8, 9)), "7 was the last one: something is missing"
    assert books.book("X", 5, fresh_s=10) is None
    assert not books.apply(pushed_book("update", 9, 10))
    hands.now += RENEW_AFTER_S
    assert books.apply(pushed_book("update", 10, 11))


# ------------------------------------------------------------ memory


def test_repeats_and_older_versions_are_no_news() -> None:
    seen = Seen(remembered=2)
    assert seen.is_news("order", 10, "live")
    assert seen.is_news("order", 10, "filled")
    assert not seen.is_news("order", 10, "live")
    assert seen.is_news("order", 11, "live")
    assert not seen.is_news("order", 10, "canceled")
    assert seen.is_news("b", 1, "live")
    assert seen.is_news("c", 1, "live")
    assert seen.is_news("order", 1, "live"), "the oldest subject is forgotten"


def position(contracts: str, side: str = "net") -> dict[str, Any]:
    return {"instId": "X", "pos": contracts, "posSide": side, "mgnMode": "isolated", "uTime": "5"}


def test_only_a_new_size_of_a_position_is_news() -> None:
    translator = Translator()

    def sizes(*rows: dict[str, Any]) -> list[str]:
        told = translator.news(Topic.POSITIONS, rows)
        return [str(push.contracts) for push in told if isinstance(push, PositionMoved)]

    assert sizes(position("1"), position("1")) == ["1"]
    assert sizes(position("1")) == []
    assert sizes(position("0")) == ["0"]
    assert sizes(position("2", "short")) == ["-2"]
    translator.forget_levels()
    assert sizes(position("0")) == ["0"]


def test_prices_do_not_move_the_balance_and_cash_does() -> None:
    translator = Translator()

    def told(cash: str, equity: str) -> list[Any]:
        line = {"ccy": "USDT", "cashBal": cash, "eq": equity}
        return list(translator.news(Topic.BALANCE, ({"uTime": "9", "details": [line]},)))

    assert len(told("100", "100")) == 1
    assert told("100", "103") == []
    assert isinstance(told("99.5", "103")[0], BalanceMoved)


def test_a_changed_specification_is_news_and_the_first_one_is_not() -> None:
    translator = Translator()
    rows = ({"instId": "X", "state": "live", "tickSz": "0.1"}, {"instId": ""}, "nonsense")
    assert list(translator.news(Topic.INSTRUMENTS, rows)) == []
    assert list(translator.news(Topic.INSTRUMENTS, rows)) == []
    moved = ({"instId": "X", "state": "suspend", "tickSz": "0.1"},)
    assert list(translator.news(Topic.INSTRUMENTS, moved)) == [InstrumentsMoved(("X",))]


@pytest.mark.parametrize("topic", [Topic.ORDERS, Topic.BRACKETS, Topic.POSITIONS, Topic.BALANCE])
def test_what_cannot_be_read_is_still_a_reason_to_look(topic: Topic) -> None:
    told = list(Translator().news(topic, ({"nothing": "known"}, "nonsense")))
    assert [type(push) for push in told] == [Unread, Unread]


def test_an_announcement_is_news_once_in_each_state() -> None:
    translator, row = Translator(), {"title": "upgrade", "state": "scheduled", "begin": "1", "end": "2"}
    assert len(list(translator.news(Topic.MAINTENANCE, (row, row)))) == 1
    assert len(list(translator.news(Topic.MAINTENANCE, ({**row, "state": "ongoing"},)))) == 1


def test_a_pulse_is_no_news() -> None:
    assert list(Translator().news(Topic.PULSE, ({"markPx": "1"},))) == []


# ------------------------------------------------------------ addresses


@pytest.mark.parametrize(
    ("host", "flag", "address"),
    [
        ("http://127.0.0.1:8080", "1", "ws://127.0.0.1:8080/ws/v5"),
        ("https://www.okx.com", "0", "wss://ws.okx.com:8443/ws/v5"),
        ("https://openapi.okx.com", "1", "wss://wspap.okx.com:8443/ws/v5"),
        ("https://eea.okx.com", "1", "wss://wseeapap.okx.com:8443/ws/v5"),
        ("https://us.okx.com/", "0", "wss://wsus.okx.com:8443/ws/v5"),
        ("https://example.org", "0", None),
    ],
)
def test_each_host_has_its_sockets(host: str, flag: str, address: str | None) -> None:
    assert stream_address(host, flag) == address


def test_the_login_is_signed_with_the_corrected_clock() -> None:
    endpoint = OkxEndpoint("http://127.0.0.1:1", "1", "key", "secret", "pass")
    before = int(login_arguments(endpoint)["timestamp"])
    endpoint.clock.correct(60_000)
    arguments = login_arguments(endpoint)
    assert 59 <= int(arguments["timestamp"]) - before <= 61
    assert set(arguments) == {"apiKey", "passphrase", "timestamp", "sign"}


def test_every_socket_has_a_channel_that_always_moves() -> None:
    for plan in PLANS:
        assert any(channel.quiet_s is not None for channel in plan.channels), plan.name
    assert book_channel("X").argument == {"channel": "books", "instId": "X"}
