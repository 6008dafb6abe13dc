"""One connection from its login to its end: what is said, what is heard, and whether it is still any good."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from engine.exchange.okx.sdk import OkxEndpoint
from engine.exchange.okx.stream.books import Books
from engine.exchange.okx.stream.channels import Channel, SocketPlan
from engine.exchange.okx.stream.endings import End, Ending, LineEnded, closed, refusal_of
from engine.exchange.okx.stream.frames import PING, Answer, Frame, Notice, Pushed, Unreadable, read_frame
from engine.exchange.okx.stream.load import Sieve
from engine.exchange.okx.stream.login import login_arguments
from engine.exchange.okx.stream.pace import OperationBudget
from engine.exchange.okx.stream.watch import PATIENCE, Patience, Watch
from engine.exchange.streams import Topic

log = logging.getLogger(__name__)

# The library writes every frame to its log at level DEBUG, the login included: ours never goes below WARNING.
_quiet = logging.getLogger("engine.exchange.okx.stream.wire")
_quiet.setLevel(logging.WARNING)

CLOSE_WITHIN_S = 1.0
LARGEST_FRAME = 4 * 2**20
"""All instruments at once are about 300 kB."""
CLOSING_SOON = "64008"
JUDGE_EVERY_S = 1.0
SLICE_S = 0.002
"""What has arrived together is read without a pause; after so long others on this loop have their turn."""


async def open_wire(url: str, connect_timeout_s: float) -> ClientConnection:
    """Raises LineEnded when nobody answers there."""
    loopback = url.startswith("ws://127.0.0.1")
    try:
        return await connect(
            url,
            # The simulator is never behind a proxy; a real venue may be, so the environment counts there.
            proxy=None if loopback else True,
            compression=None,
            ping_interval=None,
            open_timeout=connect_timeout_s,
            close_timeout=CLOSE_WITHIN_S,
            max_size=LARGEST_FRAME,
            user_agent_header=None,
            logger=_quiet,
        )
    except (OSError, WebSocketException) as error:
        raise LineEnded(End.UNREACHED, f"no connection ({type(error).__name__})") from None


def key_of(arg: Mapping[str, Any]) -> str:
    """A channel's name, with its instrument where it has one."""
    inst_id = arg.get("instId")
    return f"{arg.get('channel')} {inst_id}" if inst_id else str(arg.get("channel"))


class Line:
    """One reader at a time: first the greeting (`log_in`, `subscribe`), then `listen`.

    `pace` is the venue's speed; a frozen market excuses silent channels. `sieve` leaves out what there is no time for.
    """

    def __init__(
        self,
        wire: ClientConnection,
        plan: SocketPlan,
        hear: Callable[[Topic, Pushed], None],
        monotonic: Callable[[], float],
        pace: Callable[[], float],
        patience: Patience = PATIENCE,
        sieve: Sieve | None = None,
    ) -> None:
        self._wire = wire
        self._sieve = sieve
        self._hear = hear
        self._monotonic = monotonic
        self._pace = pace
        self._topics = {key_of(channel.argument): channel.topic for channel in plan.channels}
        self._budget = OperationBudget(monotonic)
        self._serial = 0
        self._noticed = False
        self._doubted = False
        self._leaving = ""
        self._judged_at = self._rested_at = monotonic()
        self.watch = Watch({}, monotonic(), patience)
        self.books = Books(monotonic)

    # ------------------------------------------------------------ greeting

    async def log_in(self, endpoint: OkxEndpoint) -> None:
        """Raises LineEnded. What the venue says about it is not repeated: it may quote our arguments."""
        answer = await self._perform("login", login_arguments(endpoint))
        if answer.code != "0":
            raise LineEnded(refusal_of(answer.code) or End.REFUSED, f"the login was refused [{answer.code}]")

    async def subscribe(self, channel: Channel) -> str:
        """Empty when subscribed, else why this channel cannot be. Raises LineEnded when the line is of no use."""
        answer = await self._perform("subscribe", channel.argument)
        if answer.code == "0":
            if channel.quiet_s is not None:
                self.watch.limits = {**self.watch.limits, key_of(channel.argument): channel.quiet_s}
            return ""
        ending = refusal_of(answer.code)
        if ending is not None:
            raise LineEnded(ending, f"{channel.name} was refused [{answer.code}]")
        return f"{channel.name} was refused: {answer.message} [{answer.code}]"

    async def _perform(self, operation: str, argument: Mapping[str, str]) -> Answer:
        request_id = await self._ask(operation, argument)
        try:
            async with asyncio.timeout(self.watch.patience.answer_within_s):
                while True:
                    frame = await self._next()
                    if isinstance(frame, Answer) and frame.request_id in {"", request_id}:
                        return frame
                    await self._take(frame)
        except TimeoutError:
            raise LineEnded(End.SILENT, f"no answer to {operation}") from None

    async def _ask(self, operation: str, argument: Mapping[str, str]) -> str:
        """The request's id; a login has none."""
        if not self._budget.take():
            raise LineEnded(End.SPENT, "the operations of this connection are used up")
        self._serial += 1
        request_id = "" if operation == "login" else str(self._serial)
        named = {"id": request_id} if request_id else {}
        await self._send(json.dumps({**named, "op": operation, "args": [dict(argument)]}, allow_nan=False))
        return request_id

    # ------------------------------------------------------------ listening

    async def listen(self) -> Ending:
        """Until the line is of no use, or once when the venue announces its end; may then be called again."""
        try:
            while True:
                await self._take(await self._next())
        except LineEnded as ended:
            return ended.ending

    def leave(self, why: str) -> None:
        """Ends as when the venue announces it, at the next word: a successor takes over first."""
        self._leaving = why

    async def close(self) -> None:
        """Says good-bye, for a second at most."""
        await self._wire.close()

    async def _next(self) -> Frame:
        while True:
            await self._judge_now_and_then()
            await self._let_others_run()
            self._leave_now()
            try:
                async with asyncio.timeout(self.watch.due_in(self._monotonic())):
                    text = await self._wire.recv()
            except TimeoutError:
                await self._judge()
                continue
            except ConnectionClosed as end:
                ending = closed(end.rcvd.code if end.rcvd is not None else None)
                raise LineEnded(ending.kind, ending.detail) from None
            self.watch.heard(self._monotonic())
            if self._sieve is None or self._sieve.passes(text):
                return read_frame(text)

    async def _let_others_run(self) -> None:
        """A socket that always has something to read would never wait, and with it nobody else would run."""
        now = self._monotonic()
        if self._sieve is not None:
            self._sieve.worked_until(now)
        if now - self._rested_at >= SLICE_S:
            await asyncio.sleep(0)
            self._rested_at = self._monotonic()

    def _leave_now(self) -> None:
        why, self._leaving = self._leaving, ""
        if why:
            raise LineEnded(End.NOTICED, why)

    async def _judge_now_and_then(self) -> None:
        """Also while other channels are busy."""
        if self._monotonic() - self._judged_at > JUDGE_EVERY_S:
            await self._judge()

    async def _judge(self) -> None:
        """A fault counts when it is still there after a moment: while our own loop was held up, all seems silent."""
        now = self._judged_at = self._monotonic()
        verdict = self.watch.verdict(now, self._pace())
        if verdict.fault and self._doubted:
            raise LineEnded(End.STALE if verdict.stale else End.SILENT, verdict.fault)
        self._doubted = bool(verdict.fault)
        if verdict.ping:
            self.watch.pinged(now)
            await self._send(PING)

    async def _send(self, text: str) -> None:
        try:
            await self._wire.send(text)
        except ConnectionClosed as end:
            ending = closed(end.rcvd.code if end.rcvd is not None else None)
            raise LineEnded(ending.kind, ending.detail) from None

    # ------------------------------------------------------------ what was heard

    async def _take(self, frame: Frame) -> None:
        match frame:
            case Pushed():
                await self._push(frame)
            case Notice(code=code) if code == CLOSING_SOON and not self._noticed:
                self._noticed = True
                raise LineEnded(End.NOTICED, "the venue will close this connection")
            case Answer(event=event, code=code) if "error" in event:
                self._complain(event, code)
            case Unreadable(text=text):
                log.warning("the stream said what nobody can read: %s", text)

    def _complain(self, event: str, code: str) -> None:
        """An error that nobody waits for: of a renewed book, or of the connection itself."""
        ending = refusal_of(event if event.startswith("channel") else code)
        if ending is not None:
            raise LineEnded(ending, f"the venue said {event} [{code}]")
        log.warning("the stream said %s [%s]", event, code)

    async def _push(self, pushed: Pushed) -> None:
        key = key_of(pushed.arg)
        topic = self._topics.get(key)
        if topic is None:
            return
        self.watch.pushed(key, self._monotonic())
        if topic is not Topic.BOOK:
            self._hear(topic, pushed)
        elif self.books.apply(pushed):
            channel = {"channel": str(pushed.arg["channel"]), "instId": str(pushed.arg.get("instId", ""))}
            await self._ask("unsubscribe", channel)
            await self._ask("subscribe", channel)
