"""How far a run has read, and that it does not go on elsewhere."""

import dataclasses

import pytest

from mt3synth.errors import UserError
from mt3synth.training.reading import ReaderPosition

BEGIN = ReaderPosition(examples=0, batch_size=16, seed=0, data="abc")


def test_the_position_is_the_number_of_the_next_batch():
    assert BEGIN.batch == 0
    assert BEGIN.after(3).batch == 3
    assert BEGIN.after(3).continued(BEGIN).batch == 3


@pytest.mark.parametrize(("size", "batch"), [(8, 6), (48, 1), (32, 2), (5, 10)])
def test_with_another_batch_size_nothing_is_read_twice(size, batch):
    read = BEGIN.after(3)  # 48 examples
    found = read.continued(dataclasses.replace(BEGIN, batch_size=size))
    assert found.batch == batch
    assert read.examples <= found.examples < read.examples + size


@pytest.mark.parametrize(
    ("change", "message"),
    [({"seed": 1}, "seed=1, but the run was begun with seed=0"), ({"data": "x"}, "other data")],
)
def test_another_order_or_other_data_are_refused(change, message):
    with pytest.raises(UserError, match=message):
        BEGIN.after(3).continued(dataclasses.replace(BEGIN, **change))
