"""What goes down the pipe comes out of it; what is cut off or of another shape is noticed."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.forecast.pipe import Batch, answer_of, line_of, packed, quantiles_of, read_batch, rows_of

SERIES = st.lists(st.floats(allow_nan=False), max_size=20).map(np.array)
BATCHES = st.builds(Batch, st.integers(1, 128), st.lists(SERIES, max_size=4).map(tuple))


@given(batch=BATCHES, cut=st.integers(0, 10_000))
def test_a_batch_arrives_whole_or_not_at_all(batch: Batch, cut: int) -> None:
    data = packed(batch)
    arrived = read_batch(io.BytesIO(data + b"the next"))
    assert arrived is not None and arrived.steps == batch.steps
    assert all(np.array_equal(a, b) for a, b in zip(arrived.series, batch.series, strict=True))
    assert read_batch(io.BytesIO(data[: cut % len(data)])) is None


def test_an_answer_keeps_what_is_not_a_number_apart() -> None:
    quantiles = np.array([[0.5, np.nan, np.inf, *range(7)]])
    rows = answer_of(line_of({"quantiles": rows_of(quantiles)}))["quantiles"]
    assert rows[0][:3] == [0.5, None, None]
    assert np.isnan(quantiles_of(rows, 1)[0, 1:3]).all()


@pytest.mark.parametrize("rows", [[], [[1.0] * 9], [[1.0] * 10] * 2, [["a"] * 10]])
def test_an_answer_of_another_shape_is_refused(rows: list[list[float]]) -> None:
    with pytest.raises(ValueError):
        quantiles_of(rows, 1)


def test_an_answer_that_is_no_object_is_refused() -> None:
    with pytest.raises(ValueError, match="not an object"):
        answer_of(b"[1]\n")
