"""cancel-all-after: resting orders are cancelled when the client stops refreshing. Wall time; stops survive."""

from __future__ import annotations

from engine.exchange.simulator.floor import Floor
from engine.exchange.simulator.okx_errors import parameter
from engine.exchange.simulator.order_desk import OrderDesk
from engine.exchange.simulator.params import Params, Row, tag_of, text

SHORTEST_S, LONGEST_S = 10, 120


class DeadManSwitch:
    """One timer a tag; the empty tag is the whole account."""

    def __init__(self, floor: Floor, orders: OrderDesk) -> None:
        self._floor = floor
        self._orders = orders

    def arm(self, params: Params) -> Row:
        """`timeOut` in seconds: 0 disarms, else 10–120. Raises 51000."""
        seconds, tag = text(params, "timeOut"), tag_of(params)
        if not seconds.isdecimal() or (int(seconds) and not SHORTEST_S <= int(seconds) <= LONGEST_S):
            raise parameter("timeOut")
        timers = self._floor.account.dead_man
        if int(seconds):
            timers[tag] = self._floor.wall_ms() + int(seconds) * 1000
        else:
            timers.pop(tag, None)
        self._floor.keep(self._floor.account)
        return {"triggerTime": str(timers.get(tag, 0)), "tag": tag, "ts": str(self._floor.now_ms)}

    def due(self, wall_ms: int) -> bool:
        return any(at <= wall_ms for at in self._floor.account.dead_man.values())

    def fire(self, wall_ms: int) -> None:
        timers = self._floor.account.dead_man
        for tag in [tag for tag, at in timers.items() if at <= wall_ms]:
            self._orders.cancel_tagged(tag)
            del timers[tag]
            self._floor.keep(self._floor.account)
