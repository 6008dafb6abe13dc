"""From a request as it arrived to the answer as it leaves: one dictionary look-up from a request line to a handler.

Handlers are synchronous and the venue is single-threaded by construction: one worker, one loop, one request at a
time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Scope

from engine.exchange.simulator import routes_account, routes_market, routes_public, routes_rubik, routes_trade
from engine.exchange.simulator.auth import refuse_request
from engine.exchange.simulator.envelope import answer, dump, fault, gateway_fault, trade_answer
from engine.exchange.simulator.okx_errors import OkxError
from engine.exchange.simulator.routing import Answering, Desk, Route, Routes
from engine.exchange.simulator.timekeeper import wall_ms, wall_us

ROUTES: Routes = {
    **routes_public.ROUTES,
    **routes_market.ROUTES,
    **routes_rubik.ROUTES,
    **routes_account.ROUTES,
    **routes_trade.ROUTES,
}
_PATHS = frozenset(path for _, path in ROUTES)


class GatewayRefusal(Exception):
    """Refused before the venue heard of it."""

    def __init__(self, code: str, status: int, payload: bytes) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.payload = payload


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request, as its bytes came in."""

    scope: Scope
    body: bytes

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        return str(self.scope["path"])

    def params(self) -> Any:
        """The query of a GET, the JSON of a POST. Raises OkxError when there is none or it is no JSON."""
        if self.method == "GET":
            return dict(parse_qsl(self.scope["query_string"].decode("latin-1"), keep_blank_values=True))
        if not self.body:
            raise OkxError("50000", "Body for POST request cannot be empty.")
        try:
            return json.loads(self.body, parse_float=str, parse_int=str)
        except ValueError:
            raise OkxError("50002", "JSON syntax error") from None

    def facts(self) -> Any:
        """The parameters for whoever only looks at them: what cannot be read is empty."""
        try:
            return self.params()
        except OkxError:
            return {}


class Gateway:
    """Signature, limits, parameters, handler, envelope, log."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def admits(self, request: Request) -> bool:
        """Whether the request would get past the gateway now."""
        try:
            self._admit(request)
        except GatewayRefusal:
            return False
        return True

    def answer(self, request: Request, admitted: bool = False) -> tuple[int, bytes]:
        """(HTTP status, body). `admitted`: its signature was good when it arrived, which may be a while ago."""
        in_us = wall_us()
        params: Any = {}
        code = "500"
        try:
            route = _find(request) if admitted else self._admit(request)
            params = request.params()
            self._desk.timekeeper.pulse()
            if self._desk.limits is not None:
                self._desk.limits.count(request.method, request.path, params)
            code, status, payload = self._handle(route, params, in_us)
        except GatewayRefusal as refusal:
            code, status, payload = refusal.code, refusal.status, refusal.payload
        except OkxError as error:
            code, (status, payload) = error.code, fault(error.code, error.msg)
        finally:
            self._desk.log.add(in_us, wall_us(), request.method, request.path, params, code)
        return status, payload

    def _handle(self, route: Route, params: Any, in_us: int) -> tuple[str, int, bytes]:
        rows = route.handle(self._desk, params)
        if route.answering is Answering.TRADE:
            code, payload = trade_answer(rows, in_us, wall_us())
            return code, 200, payload
        return "0", 200, answer(rows)

    def _admit(self, request: Request) -> Route:
        route = _find(request)
        if route.signed:
            self._check_signature(request)
        away = self._desk.venue.turned_away(request.method, request.path, signed=route.signed)
        if away is not None:
            status, _ = fault(away.code, away.msg)
            raise _refusal(away.code, away.msg, 401 if status == 200 else status)
        return route

    def _check_signature(self, request: Request) -> None:
        scope = request.scope
        query = scope["query_string"]
        target: bytes = scope["raw_path"] + (b"?" + query if query else b"")
        now_ms = wall_ms() + self._desk.venue.skew_ms
        headers = dict(scope["headers"])
        refusal = refuse_request(self._desk.credentials, request.method, target, request.body, headers, now_ms)
        if refusal is not None:
            raise _refusal(refusal.code, refusal.message, 401)


def _refusal(code: str, message: str, status: int) -> GatewayRefusal:
    return GatewayRefusal(code, status, gateway_fault(code, message))


def _find(request: Request) -> Route:
    route = ROUTES.get((request.method, request.path))
    if route is not None:
        return route
    if request.path in _PATHS:
        raise _refusal("50115", "Invalid request method.", 405)
    not_found = {"code": "50000", "msg": f"Not Found: {request.path}", "data": []}
    raise GatewayRefusal("50000", 404, dump(not_found))
