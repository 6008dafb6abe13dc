"""What the simulator never says and a venue might: refused channels, stray errors, junk."""

from __future__ import annotations

import asyncio
import json
import socket as sockets
from collections.abc import Callable
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from engine.exchange.okx.stream.channels import BUSINESS, PRIVATE, PUBLIC
from engine.exchange.okx.stream.endings import End, LineEnded
from engine.exchange.okx.stream.line import open_wire
from engine.exchange.okx.stream.pace import OperationBudget
from engine.exchange.streams import BracketMoved, OrderMoved, Resumed, StreamState, Topic
from tests.exchange.okx.stream.scripted_socket import Told, accept, scripted


async def until(wanted: Callable[[], Any], timeout: float = 5.0) -> None:
    async with asyncio.timeout(timeout):
        while not wanted():
            await asyncio.sleep(0.01)


def state(told: Told, topic: Topic) -> StreamState:
    return next(health.state for health in told.streams.health() if health.topic is topic)


def refusing(operation: str, code: str, channel: str = "", times: int = 99) -> Any:
    left = [times]

    async def answer(socket: ServerConnection, request: dict[str, Any]) -> None:
        fits = request["op"] == operation and channel in {"", request["args"][0].get("channel")}
        if not fits or left[0] <= 0:
            await accept(socket, request)
            return
        left[0] -= 1
        body = {"event": "error", "code": code, "msg": f"Invalid request: {json.dumps(request)}"}
        await socket.send(json.dumps({"id": request["id"], **body} if "id" in request else body))

    return answer


async def test_a_channel_that_is_refused_is_off_and_the_others_are_heard() -> None:
    async with scripted(PUBLIC, refusing("subscribe", "60018", "status")) as told:
        await until(lambda: told.pushes == [Resumed((Topic.INSTRUMENTS, Topic.PULSE))])
        assert state(told, Topic.MAINTENANCE) is StreamState.OFF
        assert state(told, Topic.INSTRUMENTS) is StreamState.OK
        assert [level for level, _ in told.said] == ["error"]
        assert told.heard("status was refused")


async def test_too_many_requests_end_the_line_and_are_waited_for() -> None:
    async with scripted(PRIVATE, refusing("subscribe", "60014")) as told:
        await until(lambda: told.heard("orders was refused [60014]"))
        await asyncio.sleep(1.0)
        assert len(told.said) == 1
        assert state(told, Topic.ORDERS) is StreamState.CONNECTING


async def test_a_clock_that_cannot_be_compared_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted(PRIVATE, refusing("login", "60006", times=1)) as told:
        await until(lambda: told.heard("the clock cannot be compared"))
        await until(lambda: told.pushes)
        assert told.resyncs == 1


async def test_a_refused_login_never_repeats_what_was_sent() -> None:
    async with scripted(PRIVATE, refusing("login", "60005")) as told:
        await until(lambda: told.said)
        assert "a-passphrase" not in repr(told.said)
        assert "a-key" not in repr(told.said)


async def test_a_venue_that_never_answers_an_operation_is_left() -> None:
    async def silence(socket: ServerConnection, request: dict[str, Any]) -> None:
        await socket.send(json.dumps({"event": "channel-conn-count", "channel": "orders", "connCount": "1"}))

    async with scripted(PUBLIC, silence) as told:
        await until(lambda: told.heard("no answer to subscribe"))


async def test_a_key_that_is_not_logged_in_any_more_gets_a_new_line() -> None:
    async with scripted(PRIVATE, refusing("subscribe", "60011", times=1)) as told:
        await until(lambda: told.pushes)
        assert told.heard("orders was refused [60011]")


@pytest.mark.parametrize(
    ("words", "ends"),
    [
        ({"event": "error", "code": "60014", "msg": ""}, True),
        ({"event": "channel-conn-count-error", "channel": "orders", "connCount": "31"}, True),
        ({"event": "error", "code": "64003", "msg": ""}, False),
        ({"event": "notice", "code": "1", "msg": "hello"}, False),
        ("nonsense", False),
        ({"arg": {"channel": "never-asked"}, "data": [{}]}, False),
    ],
)
async def test_stray_words_end_a_line_only_when_it_is_of_no_use(words: Any, ends: bool) -> None:
    async def answer(socket: ServerConnection, request: dict[str, Any]) -> None:
        await accept(socket, request)
        if request["op"] == "subscribe" and request["args"][0]["channel"] == PRIVATE.channels[-1].name:
            await socket.send(words if isinstance(words, str) else json.dumps(words))

    async with scripted(PRIVATE, answer) as told:
        await until(lambda: told.pushes)
        await asyncio.sleep(0.3)
        assert bool(told.said) is ends


async def test_orders_and_brackets_that_are_told_again_are_no_news() -> None:
    order = {"instId": "X", "ordId": "1", "clOrdId": "a", "state": "live", "accFillSz": "", "uTime": "5"}
    algo = {"instId": "X", "algoId": "2", "algoClOrdId": "b", "state": "live", "uTime": "5"}

    async def answer(socket: ServerConnection, request: dict[str, Any]) -> None:
        await accept(socket, request)
        channel = request["args"][0].get("channel")
        rows = {"orders": order, "orders-algo": algo}.get(channel)
        for _ in range(2 if rows else 0):
            await socket.send(json.dumps({"arg": request["args"][0], "data": [rows]}))

    for plan, kind in ((PRIVATE, OrderMoved), (BUSINESS, BracketMoved)):
        async with scripted(plan, answer) as told:
            await until(lambda told=told: len(told.pushes) >= 2)
            await asyncio.sleep(0.1)
            assert len([push for push in told.pushes if isinstance(push, kind)]) == 1


async def test_a_line_that_breaks_while_it_is_asked_is_left() -> None:
    async def drop(socket: ServerConnection, request: dict[str, Any]) -> None:
        if request["op"] == "login":
            await accept(socket, request)
        socket.transport.abort()

    async with scripted(PRIVATE, drop) as told:
        await until(lambda: told.heard("the connection broke"))


async def test_a_line_whose_operations_are_used_up_makes_room_for_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OperationBudget, "take", lambda self: False)
    async with scripted(PUBLIC, accept) as told:
        await until(lambda: told.heard("the operations of this connection are used up"))


async def test_a_line_that_ends_before_its_successor_is_up_is_not_called_alive_any_more() -> None:
    first: list[ServerConnection] = []

    async def answer(socket: ServerConnection, request: dict[str, Any]) -> None:
        first.append(socket)
        if socket is not first[0]:
            await socket.close()
            return
        await accept(socket, request)
        if request["args"][0]["channel"] == PUBLIC.channels[-1].name:
            await socket.send(json.dumps({"event": "notice", "code": "64008", "msg": "soon"}))
            await socket.close()

    async with scripted(PUBLIC, answer) as told:
        await until(lambda: told.heard("trying again"))
        await until(lambda: state(told, Topic.INSTRUMENTS) is StreamState.CONNECTING)


async def test_a_venue_that_hangs_up_between_two_requests_is_left_with_its_own_words() -> None:
    async def accept_and_close(socket: ServerConnection, request: dict[str, Any]) -> None:
        await accept(socket, request)
        await socket.close(4004)

    async with scripted(PUBLIC, accept_and_close) as told:
        await until(lambda: told.heard("closed by the venue with 4004"))


async def test_an_address_where_nobody_listens_is_told_as_unreached() -> None:
    with sockets.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        with pytest.raises(LineEnded, match="no connection") as ended:
            await open_wire(f"ws://127.0.0.1:{reserved.getsockname()[1]}", 1.0)
    assert ended.value.ending.kind is End.UNREACHED


async def test_an_announced_end_is_bridged_by_a_new_line_and_what_comes_meanwhile_is_heard() -> None:
    order = {"instId": "X", "ordId": "1", "clOrdId": "a", "state": "live", "accFillSz": "", "uTime": "5"}
    orders = {"channel": "orders", "instType": "SWAP"}
    lines: list[ServerConnection] = []

    async def announce(socket: ServerConnection, request: dict[str, Any]) -> None:
        if request["op"] == "login":
            lines.append(socket)
        if len(lines) == 2 and request["op"] == "login":
            # The successor is being greeted: the old line still tells.
            await lines[0].send(json.dumps({"arg": orders, "data": [order]}))
        await accept(socket, request)
        if len(lines) == 1 and request["args"][0].get("channel") == PRIVATE.channels[-1].name:
            await socket.send(json.dumps({"event": "notice", "code": "64008", "msg": "soon", "connId": "a"}))

    async with scripted(PRIVATE, announce) as told:
        await until(lambda: len([push for push in told.pushes if isinstance(push, Resumed)]) == 2)
        assert [type(push) for push in told.pushes] == [Resumed, OrderMoved, Resumed]
        assert state(told, Topic.ORDERS) is StreamState.OK
        assert told.said == [("info", told.said[0][1])], "no loss is told: there was none"
        assert told.heard("a new one takes over")
        await until(lambda: lines[0].close_code is not None)
        await lines[1].send(json.dumps({"arg": orders, "data": [{**order, "ordId": "2"}]}))
        await until(lambda: isinstance(told.pushes[-1], OrderMoved))


async def test_a_line_that_ends_before_its_successor_is_up_is_not_shown_as_alive() -> None:
    released, lines = asyncio.Event(), []

    async def announce(socket: ServerConnection, request: dict[str, Any]) -> None:
        if request["op"] == "login":
            lines.append(socket)
        if len(lines) == 2 and request["op"] == "login":
            await lines[0].send(json.dumps({"event": "error", "code": "60014", "msg": ""}))
            await released.wait()
        await accept(socket, request)
        if len(lines) == 1 and request["args"][0].get("channel") == PRIVATE.channels[-1].name:
            await socket.send(json.dumps({"event": "notice", "code": "64008", "msg": "soon", "connId": "a"}))

    async with scripted(PRIVATE, announce) as told:
        await until(lambda: len(lines) == 2)
        await until(lambda: state(told, Topic.ORDERS) is StreamState.CONNECTING)
        released.set()
        await until(lambda: state(told, Topic.ORDERS) is StreamState.OK)
        assert len([push for push in told.pushes if isinstance(push, Resumed)]) == 2
