"""The gateway believes a request only over its exact bytes, within 30 s of wall time, and says which part failed."""

from __future__ import annotations

import pytest

from engine.exchange.simulator.auth import (
    Credentials,
    iso_or_epoch_ms,
    refuse_login,
    refuse_request,
)

KEYS = Credentials("key", "secret", "pass")
NOW = 1_607_418_537_715
STAMP = b"2020-12-08T09:08:57.715Z"
TARGET = b"/api/v5/account/balance?ccy=BTC"


def signed(stamp: bytes = STAMP, body: bytes = b"", **changes: bytes | None) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes | None] = {
        b"ok-access-key": b"key",
        b"ok-access-sign": KEYS.sign(stamp + b"GET" + TARGET + body).encode(),
        b"ok-access-timestamp": stamp,
        b"ok-access-passphrase": b"pass",
        b"x-simulated-trading": b"1",
    }
    headers |= {name.replace("_", "-").encode(): value for name, value in changes.items()}
    return {name: value for name, value in headers.items() if value is not None}


def verdict(headers: dict[bytes, bytes], target: bytes = TARGET, body: bytes = b"", now: int = NOW) -> str | None:
    refusal = refuse_request(KEYS, "GET", target, body, headers, now)
    return None if refusal is None else refusal.code


def test_a_correctly_signed_request_is_admitted() -> None:
    assert verdict(signed()) is None


def test_the_vendor_sdk_signs_the_same_way() -> None:
    from okx import utils

    prehash = utils.pre_hash(STAMP.decode(), "GET", TARGET.decode(), "", False)
    assert utils.sign(prehash, "secret").decode() == KEYS.sign(STAMP + b"GET" + TARGET)


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ("ok_access_key", "50103"),
        ("ok_access_sign", "50106"),
        ("ok_access_timestamp", "50107"),
        ("ok_access_passphrase", "50104"),
    ],
)
def test_a_missing_header_is_named(missing: str, code: str) -> None:
    assert verdict(signed(**{missing: None})) == code
    assert verdict(signed(**{missing: b""})) == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ok_access_key": b"other"}, "50111"),
        ({"ok_access_passphrase": b"other"}, "50105"),
        ({"ok_access_sign": b"AAAA"}, "50113"),
        ({"ok_access_sign": b"\xff\xfe"}, "50113"),
        ({"x_simulated_trading": b"0"}, "50101"),
        ({"x_simulated_trading": None}, "50101"),
        ({"ok_access_timestamp": b"yesterday"}, "50112"),
        ({"ok_access_timestamp": b"2020-13-08T09:08:57.715Z"}, "50112"),
    ],
)
def test_each_wrong_part_has_its_own_code(changes: dict[str, bytes | None], code: str) -> None:
    assert verdict(signed(**changes)) == code


@pytest.mark.parametrize("drift", [-30_001, 30_001])
def test_a_stamp_more_than_thirty_seconds_off_is_refused_before_the_key_is_looked_up(drift: int) -> None:
    assert verdict(signed(), now=NOW + drift) == "50102"
    assert verdict(signed(ok_access_key=b"other"), now=NOW + drift) == "50102"
    assert verdict(signed(), now=NOW + drift // 30_001 * 30_000) is None


def test_one_changed_byte_of_target_or_body_breaks_the_signature() -> None:
    assert verdict(signed(), target=b"/api/v5/account/balance?ccy=ETH") == "50113"
    assert verdict(signed(), target=b"/api/v5/account/balance%3Fccy=BTC") == "50113"
    assert verdict(signed(body=b"{}"), body=b"{ }") == "50113"


def test_stamps_are_iso_or_unix_seconds() -> None:
    assert iso_or_epoch_ms("2020-12-08T09:08:57.715Z") == NOW
    assert iso_or_epoch_ms("1607418537.715") == NOW
    assert iso_or_epoch_ms("2020-12-08 09:08:57") is None
    assert iso_or_epoch_ms("1607418537715") is None


def login(**changes: str) -> dict[str, object]:
    stamp = changes.get("timestamp", "1607418537")
    sign = KEYS.sign(f"{stamp}GET/users/self/verify".encode())
    return {"apiKey": "key", "passphrase": "pass", "timestamp": stamp, "sign": sign} | changes


def test_a_login_is_judged_part_by_part() -> None:
    def code(**changes: str) -> str | None:
        refusal = refuse_login(KEYS, login(**changes), NOW)
        return None if refusal is None else refusal.code

    assert code() is None
    assert code(apiKey="other") == "60005"
    assert code(passphrase="other") == "60024"
    assert code(sign="AAAA") == "60007"
    assert code(timestamp="1607418507") == "60006"
    assert code(timestamp="2020-12-08T09:08:57.715Z") == "60004"
