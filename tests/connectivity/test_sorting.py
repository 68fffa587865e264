"""The order of synapses is that of NumPy's own sort of rows, however many pathways, cores and bits there are."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thalia.connectivity import sorting
from thalia.connectivity.sorting import in_order


@st.composite
def pathways(draw):
    """Sources, delays and targets of some pathways; each source population has neurons of its own."""
    largest = draw(st.sampled_from([3, 1000, 2**31 - 1]))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    drawn, starts = [], []
    for _ in range(draw(st.integers(1, 6))):
        start, size = draw(st.sampled_from([0, 5, 10])), draw(st.integers(0, 40))
        columns = (
            generator.integers(0, 5, size) + start,
            generator.integers(0, largest, size),
            generator.integers(0, largest, size),
        )
        drawn.append(tuple(column.astype(np.int32) for column in columns))
        starts.append(start)
    return drawn, starts


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(sorting, "BLOCK", 7)


@given(given_pathways=pathways(), threads=st.integers(1, 3))
@settings(max_examples=100, deadline=None)
def test_synapses_are_sorted_by_source_delay_target_and_pathway(given_pathways, threads):
    drawn, starts = given_pathways
    rows = np.array(
        [
            row
            for number, columns in enumerate(drawn)
            for row in zip(*columns, [number] * len(columns[0]), strict=True)
        ]
    )
    expected = rows.reshape(-1, 4)[np.lexsort(rows.reshape(-1, 4).T[::-1])]

    with ThreadPoolExecutor(threads) as pool:
        found = in_order(list(drawn), starts, pool)

    assert np.array_equal(np.stack(found, axis=1), expected)
