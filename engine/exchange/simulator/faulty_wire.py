"""The way to the gateway and back, with the faults that were ordered for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from engine.exchange.simulator.faults import requests
from engine.exchange.simulator.faults.plan import FaultPlan
from engine.exchange.simulator.faults.spec import REQUEST_KINDS, Fault, FaultKind
from engine.exchange.simulator.gateway import Gateway, Request
from engine.exchange.simulator.timekeeper import wall_ms


@dataclass(frozen=True, slots=True)
class Reply:
    """What the client gets; None in its place is a connection that breaks."""

    status: int
    payload: bytes
    content_type: bytes = b"application/json"


class FaultyWire:
    """Asks the gateway and tells what comes back, faults included."""

    def __init__(self, gateway: Gateway, plan: FaultPlan) -> None:
        self._gateway = gateway
        self._plan = plan
        self._late: list[tuple[int, Request]] = []

    async def ask(self, request: Request) -> Reply | None:
        facts = {"method": request.method, "path": request.path, "body": request.facts()} if self._plan.armed else {}
        fault = self._plan.take(REQUEST_KINDS, **facts)
        if fault is None:
            return Reply(*self._gateway.answer(request))
        return await self._disturbed(fault, request)

    def pulse(self) -> None:
        """Lets what is late arrive; to be called often."""
        now = wall_ms()
        for due_ms, request in [late for late in self._late if late[0] <= now]:
            self._late.remove((due_ms, request))
            self._gateway.answer(request, admitted=True)

    async def _disturbed(self, fault: Fault, request: Request) -> Reply | None:
        match fault.params:
            case requests.Refuse() as refuse:
                return Reply(refuse.status, requests.refused(refuse, request.path, request.facts()))
            case requests.Late(delay_ms=delay_ms):
                if self._gateway.admits(request):
                    self._late.append((wall_ms() + delay_ms, request))
                return None
            case requests.Html(status=status, acted=acted):
                if acted:
                    self._gateway.answer(request)
                return Reply(status, requests.PAGE, b"text/html")
        return None if fault.kind is FaultKind.LOSE_REQUEST else await self._changed(fault, request)

    async def _changed(self, fault: Fault, request: Request) -> Reply | None:
        """The venue acts; something happens to its answer."""
        status, payload = self._gateway.answer(request)
        match fault.params:
            case requests.Delay(delay_ms=delay_ms):
                await asyncio.sleep(delay_ms / 1000)
            case requests.Duplicate(twice="request"):
                status, payload = self._gateway.answer(request)
            case requests.Duplicate():
                payload = requests.doubled(payload)
            case requests.MissingFields() as missing:
                payload = requests.without(payload, missing)
        if fault.kind is FaultKind.LOSE_REPLY:
            return None
        return Reply(status, requests.cut(payload) if fault.kind is FaultKind.GARBLE else payload)
