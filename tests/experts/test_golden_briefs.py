"""The exact brief of a crypto, a metal and a stock market: what a model reads changes only on purpose.

`python -m tests.experts.test_golden_briefs` writes the files anew; read the difference before it is committed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.experts.gather_result import gather
from engine.model import AssetClass
from tests.experts.briefs import whole_snapshot

CLASSES = (AssetClass.CRYPTO, AssetClass.METAL, AssetClass.STOCK)
FOLDER = Path(__file__).with_name("golden_briefs")


def brief(asset_class: AssetClass) -> str:
    return gather(whole_snapshot(7, asset_class), 3).brief + "\n"


@pytest.mark.parametrize("asset_class", CLASSES)
def test_a_brief_reads_as_its_golden_file(asset_class: AssetClass) -> None:
    assert brief(asset_class) == (FOLDER / f"{asset_class}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("asset_class", CLASSES)
def test_a_golden_brief_tells_neither_day_nor_ticker_nor_price(asset_class: AssetClass) -> None:
    text = brief(asset_class)
    snapshot = whole_snapshot(7, asset_class)
    assert snapshot.instrument.ticker not in text and snapshot.quote is not None
    assert str(snapshot.quote.last)[:6] not in text


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in CLASSES:
        (FOLDER / f"{each}.txt").write_text(brief(each), encoding="utf-8")
