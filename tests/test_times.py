"""Times of a song as people write them."""

import pytest

from mt3synth.errors import UserError
from mt3synth.times import read_region, read_time, write_time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0:00", 0),
        ("1:30", 90),
        ("90", 90),
        (" 0:07.25 ", 7.25),
        ("75:10", 4510),
        ("1:02:03", 3723),
    ],
)
def test_a_time_is_read_and_written(text, seconds):
    assert read_time(text) == seconds
    assert read_time(write_time(float(seconds))) == seconds


def test_times_are_written_as_people_do():
    assert [write_time(each) for each in (0.0, 90.0, 59.9996, 7.25)] == [
        "0:00",
        "1:30",
        "1:00",
        "0:07.25",
    ]


def test_a_passage_is_two_times():
    assert read_region("0:20-0:28.5") == (20, 28.5)


@pytest.mark.parametrize("text", ["", "x", "1:60", "1:75:00", "-3", "1e3", "nan", "1:2:3:4", "1:"])
def test_what_is_no_time(text):
    with pytest.raises(UserError, match=r"^time '.*'; must "):
        read_time(text)


@pytest.mark.parametrize("text", ["0:20", "0:28-0:20", "0:20-0:20", "0:20-", "a-b"])
def test_what_is_no_passage(text):
    with pytest.raises(UserError, match="must be"):
        read_region(text)
