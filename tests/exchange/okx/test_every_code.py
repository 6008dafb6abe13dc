"""Every single code of the fact sheet: what the adapter raises for a read, a write and a write's item, on the wire."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.exchange.errors import (
    AuthFailed,
    ClockSkewed,
    ErrorClass,
    ExchangeError,
    Rejected,
    Unavailable,
    UnknownOutcome,
)
from engine.exchange.okx.codes import CLASS_BY_CODE
from engine.exchange.okx.endpoints import BALANCE, PLACE_ORDER
from engine.exchange.okx.session import OkxSession
from tests.exchange.okx.fact_sheet import SHEET, sheet_codes
from tests.exchange.okx.scripted_venue import ScriptedVenue, Step, item, ok, refused, scripted_venue

ORDER = {"instId": "BTC-USDT-SWAP", "tdMode": "isolated", "side": "buy", "ordType": "market", "sz": "1"}

HTTP = {
    "50001": 503, "50004": 400, "50005": 410, "50011": 429, "50013": 429, "50026": 500, "50035": 403, "50102": 401,
    "50110": 401, "50111": 401, "50113": 401, "50115": 405, "51000": 400, "51054": 500, "51113": 429, "51149": 500,
}  # fmt: skip
"""With the status of the sheet where it names one."""

ON_READ: dict[ErrorClass, type[ExchangeError]] = {
    ErrorClass.AUTH: AuthFailed,
    ErrorClass.PERMISSION: AuthFailed,
    ErrorClass.CLOCK: ClockSkewed,
}
ON_WRITE: dict[ErrorClass, type[ExchangeError]] = ON_READ | {
    ErrorClass.UNKNOWN_STATE: UnknownOutcome,
    ErrorClass.TRANSIENT: UnknownOutcome,
}
"""All others: a read is Unavailable, a write Rejected."""


@pytest.fixture(scope="module")
def venue() -> Iterator[ScriptedVenue]:
    with scripted_venue() as server:
        yield server


@pytest.fixture(scope="module")
def session(venue: ScriptedVenue) -> Iterator[OkxSession]:
    session = OkxSession(venue.endpoint())
    yield session
    session.close()


def raised(session: OkxSession, venue: ScriptedVenue, write: bool, step: Step) -> ExchangeError:
    venue.on("public/time", ok({"ts": "1700000000000"}))
    venue.on("trade/order" if write else "account/balance", step)
    with pytest.raises(ExchangeError) as caught:
        session.call(PLACE_ORDER if write else BALANCE, ORDER if write else {})
    return caught.value


@pytest.mark.parametrize(("code", "error_class"), sheet_codes())
def test_what_a_code_becomes(session: OkxSession, venue: ScriptedVenue, code: str, error_class: ErrorClass) -> None:
    status = HTTP.get(code, 200)
    read = raised(session, venue, False, refused(code, "why", status))
    write = raised(session, venue, True, refused(code, "why", status))
    single = raised(session, venue, True, item(code, "why"))
    despite_success = raised(session, venue, True, item(code, "why", code="0"))
    assert type(read) is ON_READ.get(error_class, Unavailable)
    for error in (write, single, despite_success):
        assert type(error) is ON_WRITE.get(error_class, Rejected)
    for error in (read, write, single, despite_success):
        assert (error.code, error.error_class) == (code, error_class)


def test_the_table_holds_exactly_what_the_sheet_lists() -> None:
    listed = {code[:5] for code, _ in sheet_codes()}
    assert set(CLASS_BY_CODE) == listed
    assert set(SHEET) == set(ErrorClass) - {ErrorClass.UNCLASSIFIED}


@pytest.mark.parametrize("code", ["50999", "51999_1", "59999"])
def test_an_unknown_refusal_of_a_write_is_rejected_and_of_a_read_is_for_later(
    session: OkxSession, venue: ScriptedVenue, code: str
) -> None:
    assert type(raised(session, venue, True, refused(code, "new"))) is Rejected
    assert type(raised(session, venue, True, item(code, "new"))) is Rejected
    read = raised(session, venue, False, refused(code, "new"))
    assert type(read) is Unavailable
    assert read.error_class is ErrorClass.UNCLASSIFIED


def test_a_write_that_is_our_mistake_leaves_what_was_sent_in_the_log(
    session: OkxSession, venue: ScriptedVenue, caplog: pytest.LogCaptureFixture
) -> None:
    raised(session, venue, True, item("51000", "Parameter sz error"))
    raised(session, venue, False, refused("51000", "Parameter ccy error", 400))
    [line] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "'ordType': 'market'" in line
    assert not any(secret in line for secret in ("key-abc", "secret-def", "pass-ghi"))
