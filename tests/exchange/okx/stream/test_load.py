"""What is left out when there is more than there is time for."""

from __future__ import annotations

from engine.exchange.okx.stream.load import Sieve


class Counted:
    def __init__(self) -> None:
        self.now, self.skipped, self.told = 0.0, [], []
        self.sieve = Sieve(
            lambda: self.now, lambda: self.now, self.skipped.append, lambda *told: self.told.append(told), share=0.1
        )

    def work(self, text: str, seconds: float) -> bool:
        passes = self.sieve.passes(text)
        self.now += seconds if passes else 0.0
        self.sieve.worked_until(self.now)
        return passes


QUOTE = '{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT-SWAP"},"data":[]}'
UPDATE = '{"arg":{"channel":"books","instId":"BTC-USDT-SWAP"},"action":"update","data":[]}'


def test_quotes_beyond_their_share_of_time_are_left_out_and_nothing_else_is() -> None:
    one = Counted()
    assert [one.work(QUOTE, 0.01) for _ in range(4)] == [True, True, True, False]
    assert one.skipped == ["BTC-USDT-SWAP"]
    assert one.work(UPDATE, 0.01)
    assert one.work("pong", 0.0)
    assert one.sieve.note and [level for level, _ in one.told] == ["warning"]
    one.now = 0.26
    assert one.work(QUOTE, 0.01)


def test_the_end_of_the_sampling_is_told_once() -> None:
    one = Counted()
    for _ in range(10):
        one.work(QUOTE, 0.01)
    one.now += 61
    one.work(QUOTE, 0.0)
    one.work(QUOTE, 0.0)
    assert [level for level, _ in one.told] == ["warning", "info"]
    assert one.sieve.note == ""


def test_a_quote_is_known_by_its_instrument_however_it_is_written() -> None:
    spaced = QUOTE.replace(":", ": ").replace(",", ", ").replace("{", "{ ")
    for text in (QUOTE, spaced, QUOTE.encode(), '{"arg":{"instId":"BTC-USDT-SWAP","channel":"bbo-tbt"}}'):
        one = Counted()
        for _ in range(4):
            one.work(UPDATE, 0.01)
        assert not one.sieve.passes(text)
        assert one.skipped == ["BTC-USDT-SWAP"]
    for text in ('{"arg":{"channel":"bbo-tbt"}}', '{"arg":{"channel":"bbo-tbt","instId"', ""):
        assert one.sieve.passes(text)
