"""One call to the venue, synchronous: every outcome becomes rows or one of our errors.

This is the only place that knows what a time-out, an HTML page, an HTTP status, an envelope code or an
item's sCode mean. On a write, whatever leaves the outcome open is `UnknownOutcome`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import httpx

from engine.exchange.errors import (
    ClockSkewed,
    ErrorClass,
    ExchangeError,
    Rejected,
    Unavailable,
    UnknownOutcome,
)
from engine.exchange.okx.codes import LOOK_INSIDE, OK, venue_error
from engine.exchange.okx.endpoints import TIME, Endpoint
from engine.exchange.okx.sdk import OkxApi, OkxEndpoint
from engine.exchange.okx.wire import text, time_ms

Row = Any
"""A venue row: a dict of strings, or a list of strings (candles, rubik)."""

MESSAGE_LIMIT = 200
CLOCK_SAMPLES = 3
QUICK_MS = 500
"""A round trip this short places the venue's clock to a quarter of a second; a longer one is measured again."""

SLOW_MS = 10_000
"""A round trip longer than this says nothing that could be relied on."""
STEP_MS = 250
"""Our wall clock and the monotonic one disagree by more about a round trip: the wall clock was set meanwhile."""

BeforeSend = Callable[[], None]

_log = logging.getLogger(__name__)


class _Closed(httpx.TransportError):
    """We closed the connection ourselves."""


_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, _Closed)
_DROPPED = (httpx.RemoteProtocolError, httpx.ReadError)


class EndpointHealth(NamedTuple):
    """When an endpoint family last answered (monotonic seconds) and how long that took."""

    last_ok: float
    latency_ms: float


class Answer(NamedTuple):
    """What came over the wire, before it is judged."""

    status: int
    body: Any


class OkxSession:
    """The venue over one connection pool. Thread-safe; `close()` ends it."""

    def __init__(self, endpoint: OkxEndpoint) -> None:
        self._endpoint = endpoint
        self._api = OkxApi(endpoint)
        self._health: dict[str, EndpointHealth] = {}
        self._resyncing = threading.Lock()

    def health(self) -> Mapping[str, EndpointHealth]:
        return dict(self._health)

    def close(self) -> None:
        self._api.close()

    def call(self, endpoint: Endpoint, params: Mapping[str, Any], before_send: BeforeSend | None = None) -> list[Row]:
        """The rows of a successful answer. On a write each item's sCode "0" is checked here as well.

        `before_send` runs directly before each request that goes out; what it raises is raised here.
        Raises Unavailable (reads), Rejected or UnknownOutcome (writes), AuthFailed, ClockSkewed.
        """
        rows = self.items(endpoint, params, before_send)
        if endpoint.write:
            self._refuse_failed_items(endpoint, params, rows)
        return rows

    def items(self, endpoint: Endpoint, params: Mapping[str, Any], before_send: BeforeSend | None = None) -> list[Row]:
        """As `call`, but a write's items come back as they are: the caller looks at each sCode.

        A refused time stamp is answered by one look at the venue's clock and one more try: the venue judges it
        before anything else, so that nothing has happened yet.
        """
        corrections = self._endpoint.clock.corrections
        try:
            return self._ask(endpoint, params, before_send)
        except ClockSkewed as skewed:
            self._resync(corrections, skewed)
        return self._ask(endpoint, params, before_send)

    def measure_clock(self) -> int:
        """The venue's clock − ours, in ms; what is sent from now on is signed by it. Raises Unavailable."""
        samples = []
        for _ in range(CLOCK_SAMPLES):
            sample = self._clock_sample()
            samples += [sample] if sample is not None else []
            if sample is not None and sample[0] < QUICK_MS:
                break
        if not samples:
            why = "too slow to measure the clock by, or this machine's clock was set meanwhile"
            raise Unavailable(self._message(TIME, why), "", ErrorClass.TRANSIENT)
        offset = min(samples)[1]
        self._endpoint.clock.correct(offset)
        return offset

    def item_error(self, endpoint: Endpoint, row: Row) -> ExchangeError | None:
        """The error that a write's item carries, or None when it was accepted."""
        code = str(row.get("sCode", OK)) if isinstance(row, dict) else ""
        if code == OK:
            return None
        text = f"{row.get('sMsg', '')} {row.get('subCode', '')}" if isinstance(row, dict) else f"item {row!r}"
        return venue_error(code, self._message(endpoint, text), write=True)

    def _ask(self, endpoint: Endpoint, params: Mapping[str, Any], before_send: BeforeSend | None) -> list[Row]:
        started = time.monotonic()
        answer = self._exchange(endpoint, params, before_send)
        rows = self._rows(endpoint, params, answer)
        self._health[endpoint.family] = EndpointHealth(time.monotonic(), (time.monotonic() - started) * 1000)
        return rows

    # ------------------------------------------------------------ the clock

    def _resync(self, corrections: int, skewed: ClockSkewed) -> None:
        """Unless another call has done so since. Raises `skewed` when the venue's time cannot be read."""
        with self._resyncing:
            if self._endpoint.clock.corrections != corrections:
                return
            try:
                offset = self.measure_clock()
            except Unavailable as error:
                raise skewed from error
        _log.warning("the venue refused our time stamp (%s); its clock is %+d ms from ours", skewed.code, offset)

    def _clock_sample(self) -> tuple[int, int] | None:
        """(round trip, offset) in ms; half of the round trip is taken off, as NTP does, and 0 is what it explains.
        None when the sample says nothing."""
        began, before = time.monotonic(), self._endpoint.clock.local_ms()
        try:
            body = self._api.ask_unsigned(TIME.path)
        except (httpx.HTTPError, ValueError, RuntimeError) as error:
            raise Unavailable(self._message(TIME, _name(error)), "", ErrorClass.TRANSIENT) from None
        after, took = self._endpoint.clock.local_ms(), (time.monotonic() - began) * 1000
        rows = self._rows(TIME, {}, Answer(self._api.last_status, body))
        if not rows:
            raise self._unreadable(TIME, "no row")
        trip, apart = after - before, gateway_ms(rows[0]) - (before + after) // 2
        if not 0 <= trip <= SLOW_MS or abs(trip - took) > STEP_MS:
            return None
        return trip, apart if 2 * abs(apart) > trip + 1 else 0

    # ------------------------------------------------------------ the wire

    def _exchange(self, endpoint: Endpoint, params: Mapping[str, Any], before_send: BeforeSend | None) -> Answer:
        """One request; a read whose connection was dropped (stale keep-alive, GOAWAY) is sent once more."""
        if before_send is not None:
            before_send()
        try:
            return self._send(endpoint, params)
        except _DROPPED as dropped:
            if endpoint.write:
                raise UnknownOutcome(self._message(endpoint, _name(dropped)), "", ErrorClass.UNKNOWN_STATE) from None
        except httpx.HTTPError as error:
            raise self._network_error(endpoint, error) from None
        try:
            return self._send(endpoint, params)
        except httpx.HTTPError as error:
            raise self._network_error(endpoint, error) from None

    def _send(self, endpoint: Endpoint, params: Mapping[str, Any]) -> Answer:
        if self._api.is_closed:
            raise _Closed("closed")
        self._api.answers.status = 0
        try:
            if endpoint.method:
                body = getattr(self._api, endpoint.method)(**params)
            else:
                verb = "POST" if endpoint.write else "GET"
                body = self._api._request_with_params(verb, f"/api/v5/{endpoint.path}", params)
        except ValueError:  # the SDK parses whatever came as JSON
            body = None
        except RuntimeError as error:
            if self._api.is_closed:  # httpx: by another thread since we looked
                raise _Closed("closed") from None
            raise self._unreadable(endpoint, f"{_name(error)} while it was sent") from error
        return Answer(self._api.last_status, body)

    def _network_error(self, endpoint: Endpoint, error: httpx.HTTPError) -> ExchangeError:
        message = self._message(endpoint, _name(error))
        if not endpoint.write:
            return Unavailable(message, "", ErrorClass.TRANSIENT)
        if isinstance(error, _NOT_SENT):
            return Rejected(f"{message}, nothing was sent", "", ErrorClass.TRANSIENT)
        return UnknownOutcome(message, "", ErrorClass.UNKNOWN_STATE)

    # ------------------------------------------------------------ the envelope

    def _rows(self, endpoint: Endpoint, params: Mapping[str, Any], answer: Answer) -> list[Row]:
        status, body = answer
        if not isinstance(body, dict) or "code" not in body:
            raise self._unreadable(endpoint, f"HTTP {status} without a readable body")
        code, rows = str(body["code"]), body.get("data")
        if status >= 500:
            raise self._server_fault(endpoint, status, code, body)
        items = rows if isinstance(rows, list) else []
        if code == OK and isinstance(rows, list):
            return items
        if code == OK:
            raise self._unreadable(endpoint, f"code 0 without data: {rows!r}")
        if endpoint.write and code in LOOK_INSIDE and items:
            return items
        error = venue_error(code, self._message(endpoint, str(body.get("msg", ""))), endpoint.write)
        raise _logged(error, endpoint, params)

    def _server_fault(self, endpoint: Endpoint, status: int, code: str, body: Mapping[str, Any]) -> ExchangeError:
        error = venue_error(code, self._message(endpoint, f"HTTP {status} {body.get('msg', '')}"), endpoint.write)
        if endpoint.write and not isinstance(error, UnknownOutcome):
            return UnknownOutcome(error.message, code, ErrorClass.UNKNOWN_STATE)
        return error

    def _unreadable(self, endpoint: Endpoint, what: str) -> ExchangeError:
        message = self._message(endpoint, what)
        if endpoint.write:
            return UnknownOutcome(message, "", ErrorClass.UNKNOWN_STATE)
        return Unavailable(message, "", ErrorClass.TRANSIENT)

    def _refuse_failed_items(self, endpoint: Endpoint, params: Mapping[str, Any], rows: list[Row]) -> None:
        if not rows:
            raise self._unreadable(endpoint, "accepted without an item")
        for row in rows:
            error = self.item_error(endpoint, row)
            if error is not None:
                raise _logged(error, endpoint, params)

    def _message(self, endpoint: Endpoint, text: str) -> str:
        cleaned = self._endpoint.without_secrets(" ".join(text.split()))[:MESSAGE_LIMIT]
        return f"{endpoint.path}: {cleaned or 'refused without a message'}"


def gateway_ms(row: Row) -> int:
    """The time that the venue judges signatures by, of a row of public/time. The simulator's markets may run faster
    than the wall, while its gateway goes by the wall: there a field of its own tells."""
    return time_ms(row, "gatewayTs" if text(row, "gatewayTs") else "ts")


def _name(error: Exception) -> str:
    """The kind of network failure; its text may hold addresses and is left out."""
    return type(error).__name__.lstrip("_")


def _logged(error: ExchangeError, endpoint: Endpoint, params: Mapping[str, Any]) -> ExchangeError:
    """A write that the venue calls malformed is our mistake: what was sent is kept for whoever mends it."""
    if endpoint.write and error.error_class is ErrorClass.OUR_BUG:
        _log.error("%s refused as malformed (%s): %s", endpoint.path, error.code, dict(params))
    return error
