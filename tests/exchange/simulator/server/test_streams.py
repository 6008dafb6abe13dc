"""The WebSocket side, heard through an independent client."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from engine.exchange.simulator.connection import CLOSE_BUFFER_FULL, OPERATIONS_PER_HOUR, OUTBOX, Connection
from tests.exchange.simulator.server.conftest import Sdk
from tests.simulator_process import Simulator, simulator

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=")

BTC = "BTC-USDT-SWAP"


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """Without limits: these tests connect more often than three times in a second."""
    with simulator(tmp_path_factory.mktemp("venue"), no_limits=True) as running:
        yield running


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """With the venue's limits."""
    with simulator(tmp_path_factory.mktemp("limited")) as running:
        yield running


@pytest.fixture(autouse=True)
def running(venue: Simulator) -> Iterator[None]:
    """Time flows during each test, so that there is something to push."""
    venue.set_speed(60)
    yield
    venue.set_speed(0)


class Listener:
    """A socket and everything that it has said."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[Any] = []

    async def say(self, op: str, *args: dict[str, str], **more: str) -> None:
        await self.socket.send(json.dumps({"op": op, "args": list(args)} | more))

    async def until(self, wanted: Callable[[Any], bool], timeout: float = 8) -> Any:
        """The first message, from now on, that satisfies `wanted`."""
        async with asyncio.timeout(timeout):
            while True:
                text = await self.socket.recv()
                message = text if text == "pong" else json.loads(text)
                self.heard.append(message)
                if wanted(message):
                    return message

    async def event(self, name: str) -> Any:
        return await self.until(lambda message: isinstance(message, dict) and message.get("event") == name)

    async def push(self, channel: str) -> Any:
        return await self.until(lambda m: told(m, channel))


def told(message: Any, channel: str) -> bool:
    return "data" in message and message["arg"]["channel"] == channel


@asynccontextmanager
async def listening(venue: Simulator, kind: str) -> AsyncIterator[Listener]:
    async with connect(f"{venue.ws_url}/{kind}", proxy=None, max_queue=None) as socket:
        yield Listener(socket)


def login(venue: Simulator, secret: str | None = None) -> dict[str, str]:
    stamp = str(int(time.time()))
    prehash = f"{stamp}GET/users/self/verify".encode()
    digest = hmac.new((secret or venue.secret).encode(), prehash, hashlib.sha256).digest()
    sign = base64.b64encode(digest).decode()
    return {"apiKey": venue.key, "passphrase": venue.passphrase, "timestamp": stamp, "sign": sign}


async def test_a_bare_ping_is_answered_with_a_bare_pong(venue: Simulator) -> None:
    for kind in ("public", "private", "business"):
        async with listening(venue, kind) as listener:
            await listener.socket.send("ping")
            assert await listener.socket.recv() == "pong"


@pytest.mark.parametrize(
    "channel", ["tickers", "trades", "books", "books5", "bbo-tbt", "mark-price", "funding-rate", "open-interest"]
)
async def test_public_channels_acknowledge_and_push(venue: Simulator, channel: str) -> None:
    async with listening(venue, "public") as listener:
        await listener.say("subscribe", {"channel": channel, "instId": BTC}, id="77")
        acknowledged = await listener.event("subscribe")
        assert acknowledged["arg"] == {"channel": channel, "instId": BTC}
        assert (acknowledged["id"], len(acknowledged["connId"])) == ("77", 8)
        pushed = await listener.push(channel)
        assert pushed["data"]
        await listener.say("unsubscribe", {"channel": channel, "instId": BTC})
        await listener.event("unsubscribe")
        with pytest.raises(TimeoutError):
            await listener.until(lambda _: True, timeout=0.4)


async def test_candles_live_on_the_business_socket_and_end_with_confirm(venue: Simulator) -> None:
    async with listening(venue, "business") as listener:
        await listener.say("subscribe", {"channel": "candle1m", "instId": BTC})
        finished = await listener.until(lambda m: "data" in m and m["data"][0][8] == "1")
        running = await listener.push("candle1m")
        assert int(running["data"][0][0]) == int(finished["data"][0][0]) + 60_000
        assert running["data"][0][8] == "0"
        await listener.say("subscribe", {"channel": "mark-price-candle1m", "instId": BTC})
        assert len((await listener.push("mark-price-candle1m"))["data"][0]) == 6


async def test_liquidations_of_the_market_are_pushed(venue: Simulator) -> None:
    venue.set_speed(3600)
    async with listening(venue, "public") as listener:
        await listener.say("subscribe", {"channel": "liquidation-orders", "instType": "SWAP"})
        pushed = await listener.push("liquidation-orders")
        detail = pushed["data"][0]["details"][0]
        assert {"side", "posSide", "bkPx", "sz", "ts"} <= detail.keys()


async def test_book_updates_chain_from_the_snapshot_and_lead_to_the_rest_book(venue: Simulator, sdk: Sdk) -> None:
    async with listening(venue, "public") as listener, listening(venue, "public") as late:
        await listener.say("subscribe", {"channel": "books", "instId": BTC})
        book = Book(await listener.push("books"))
        for _ in range(5):
            book.apply(await listener.push("books"))
        await late.say("subscribe", {"channel": "books", "instId": BTC})
        joined = Book(await late.push("books"))
        joined.apply(await late.push("books"))
        venue.set_speed(0)
        rest = sdk.market.get_orderbook(BTC, sz="400")["data"][0]
        await book.catch_up(listener, rest["ts"])
        await joined.catch_up(late, rest["ts"])
        for side in ("asks", "bids"):
            expected = {row[0]: row[1] for row in rest[side]}
            assert book.levels[side] == joined.levels[side] == expected


class Book:
    """A client's book: a snapshot, then updates that must chain."""

    def __init__(self, snapshot: Any) -> None:
        assert snapshot["action"] == "snapshot"
        data = snapshot["data"][0]
        assert (data["prevSeqId"], data["checksum"]) == (-1, 0)
        self.seq: int = data["seqId"]
        self.ts: str = data["ts"]
        self.levels = {side: {row[0]: row[1] for row in data[side]} for side in ("asks", "bids")}

    def apply(self, update: Any) -> None:
        assert update["action"] == "update"
        data = update["data"][0]
        assert data["prevSeqId"] == self.seq
        self.seq, self.ts = data["seqId"], data["ts"]
        for side in ("asks", "bids"):
            for price, size, *_ in data[side]:
                if size == "0":
                    del self.levels[side][price]
                else:
                    self.levels[side][price] = size

    async def catch_up(self, listener: Listener, ts: str) -> None:
        while self.ts != ts:
            self.apply(await listener.push("books"))


async def test_what_cannot_be_subscribed_is_refused_with_its_code(venue: Simulator) -> None:
    async with listening(venue, "public") as listener:
        cases: list[tuple[str, dict[str, str], str]] = [
            ("subscribe", {"channel": "tickers", "instId": "NOPE"}, "60018"),
            ("subscribe", {"channel": "orders", "instType": "SWAP"}, "60018"),
            ("subscribe", {"channel": "candle1m", "instId": BTC}, "60018"),
            ("subscribe", {"channel": "nothing"}, "60018"),
            ("dance", {}, "60012"),
        ]
        for op, arg, code in cases:
            await listener.say(op, arg)
            assert (await listener.event("error"))["code"] == code
        for junk in ("{", "[]", '"x"', '{"op":"subscribe","args":{}}', '{"op":"subscribe","args":[1]}'):
            await listener.socket.send(junk)
            assert (await listener.event("error"))["code"] == "60012"
        await listener.say("subscribe", {"channel": "tickers", "instId": BTC})
        await listener.push("tickers")


async def test_private_channels_want_a_login_first_and_only_once(venue: Simulator) -> None:
    async with listening(venue, "private") as listener:
        await listener.say("subscribe", {"channel": "orders", "instType": "SWAP"})
        assert (await listener.event("error"))["code"] == "60011"
        await listener.say("login", login(venue, secret="wrong"))
        assert (await listener.event("error"))["code"] == "60007"
        await listener.say("login", login(venue))
        assert (await listener.event("login"))["code"] == "0"
        await listener.say("login", login(venue))
        assert (await listener.event("error"))["code"] == "60031"
        await listener.say("subscribe", {"channel": "orders"})
        assert (await listener.event("error"))["code"] == "60013"


async def test_an_order_sent_over_rest_is_told_on_every_account_channel(venue: Simulator, sdk: Sdk) -> None:
    async with listening(venue, "private") as listener, listening(venue, "business") as algos:
        for socket in (listener, algos):
            await socket.say("login", login(venue))
            await socket.event("login")
        await algos.say("subscribe", {"channel": "orders-algo", "instType": "SWAP"})
        await algos.event("subscribe")
        await listener.say("subscribe", {"channel": "account"})
        assert Decimal((await listener.push("account"))["data"][0]["totalEq"]) > 0
        await listener.say("subscribe", {"channel": "positions", "instType": "ANY"})
        await listener.push("positions")
        await listener.say("subscribe", {"channel": "balance_and_position"})
        assert (await listener.push("balance_and_position"))["data"][0]["eventType"] == "snapshot"
        await listener.say("subscribe", {"channel": "orders", "instType": "SWAP", "instId": "ETH-USDT-SWAP"})
        await listener.say("subscribe", {"channel": "orders", "instType": "SWAP", "instId": BTC})
        await listener.event("subscribe")
        await listener.event("subscribe")
        listener.heard.clear()

        last = Decimal(sdk.market.get_ticker(BTC)["data"][0]["last"])
        bracket = {"tpTriggerPx": str(last * 2), "tpOrdPx": "-1", "slTriggerPx": str(last / 2 // 1), "slOrdPx": "-1"}
        await asyncio.to_thread(
            sdk.trade.place_order, BTC, "isolated", "buy", "market", "1", clOrdId="ws1", attachAlgoOrds=[bracket]
        )
        await listener.until(lambda m: told(m, "positions") and m["data"][0]["pos"] == "1")
        await listener.until(lambda m: told(m, "account"))
        orders = [m for m in listener.heard if told(m, "orders")]
        assert orders[-1]["data"][0]["state"] == "filled"
        assert {m["arg"]["instId"] for m in orders} == {BTC}
        assert all(m["arg"]["uid"] for m in orders)
        assert [m for m in listener.heard if told(m, "balance_and_position")]
        live = await algos.until(lambda m: "data" in m and m["data"][0]["state"] == "live")
        assert live["data"][0]["ordType"] == "oco"
        await asyncio.to_thread(sdk.trade.close_positions, BTC, "isolated")
        await listener.until(lambda m: told(m, "positions") and m["data"][0]["pos"] == "0")


async def test_a_client_that_does_not_read_does_not_hold_up_the_others(venue: Simulator) -> None:
    async with listening(venue, "public") as slow, listening(venue, "public") as quick:
        slow.socket.transport.pause_reading()
        await slow.say(
            "subscribe", {"channel": "books", "instId": BTC}, {"channel": "books", "instId": "ETH-USDT-SWAP"}
        )
        await quick.say("subscribe", {"channel": "tickers", "instId": BTC})
        for _ in range(10):
            await quick.push("tickers")
        slow.socket.transport.abort()


class Unread:
    """A socket whose client never reads: sending never ends."""

    def __init__(self) -> None:
        self.closed_with: int | None = None

    async def receive(self) -> dict[str, str]:
        await asyncio.Event().wait()
        return {}

    async def send_text(self, text: str) -> None:
        await asyncio.Event().wait()

    async def close(self, code: int) -> None:
        self.closed_with = code


async def test_a_client_that_never_reads_is_dropped_when_its_buffer_is_full() -> None:
    socket = Unread()
    connection = Connection(socket, "public", time.monotonic)  # type: ignore[arg-type]
    served = asyncio.ensure_future(connection.run(lambda _: None))
    await asyncio.sleep(0)
    for number in range(OUTBOX + 2):
        connection.send(str(number))
    async with asyncio.timeout(3):
        await served
    assert socket.closed_with == CLOSE_BUFFER_FULL


async def test_a_fourth_connection_within_a_second_is_refused(limited: Simulator) -> None:
    for _ in range(3):
        async with listening(limited, "public"):
            pass
    with pytest.raises(InvalidStatus, match="429"):
        async with listening(limited, "public"):
            pass


async def test_an_operation_beyond_those_of_an_hour_is_refused(limited: Simulator) -> None:
    await asyncio.sleep(1.1)
    async with listening(limited, "public") as listener:
        status = {"channel": "status"}
        await listener.say("subscribe", *[status] * (OPERATIONS_PER_HOUR + 1), id="9")
        refused = await listener.event("error")
        assert (refused["code"], refused["id"]) == ("60014", "9")


async def test_private_subscriptions_are_counted_aloud(venue: Simulator) -> None:
    async with listening(venue, "private") as listener:
        await listener.say("login", login(venue))
        await listener.say("subscribe", {"channel": "account"})
        assert (await listener.event("channel-conn-count"))["connCount"] == "1"


async def test_an_unknown_socket_is_not_opened(venue: Simulator) -> None:
    with pytest.raises((ConnectionClosed, Exception), match="403"):
        async with listening(venue, "nonsense"):
            pass
