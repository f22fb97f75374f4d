"""Expressions that say in whose sound a song is played."""

import pytest

from mt3synth.cast import Cast, read_cast
from mt3synth.errors import UserError

NAMES = ("studio", "hall", "old-radio", "a+b@home")


def read(expression: str | None) -> Cast:
    return read_cast(expression, NAMES, "hall")


def shares(line) -> list:
    return [
        (time, {name: pytest.approx(share) for name, share in blend.shares})
        for time, blend in line.changes
    ]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (None, [(0, {"hall": 1})]),
        ("old-radio", [(0, {"old-radio": 1})]),
        ("a+b@home", [(0, {"a+b@home": 1})]),  # a name, whatever is in it
        ("studio*0.7+hall*0.3", [(0, {"studio": 0.7, "hall": 0.3})]),
        ("studio+hall", [(0, {"studio": 0.5, "hall": 0.5})]),
        ("studio*.333+hall*.333+old-radio*.333", [(0, dict.fromkeys(NAMES[:3], 1 / 3))]),
        ("studio@0:00,hall@1:30", [(0, {"studio": 1}), (90, {"hall": 1})]),
        ("hall@1:30, studio", [(0, {"studio": 1}), (90, {"hall": 1})]),
    ],
)
def test_one_line_for_the_whole_song(expression, expected):
    cast = read(expression)
    assert not cast.parts and shares(cast.others) == expected


def test_each_instrument_may_have_its_own():
    cast = read("violin=studio,piano=hall*0.5+studio*0.5,violin=old-radio@0:10")
    assert list(cast.parts) == ["violin", "piano"]
    assert shares(cast.line("violin-2", "violin")) == [(0, {"studio": 1}), (10, {"old-radio": 1})]
    assert shares(cast.line("cello", "cello")) == [(0, {"hall": 1})]  # the default
    assert shares(read("violin=studio,old-radio").others) == [(0, {"old-radio": 1})]


@pytest.mark.parametrize(
    "expression",
    [
        None,
        "studio",
        "studio*0.7+hall*0.3",
        "violin=studio,violin=hall@0:10,piano=hall",
        "hall,studio@9",
    ],
)
def test_what_is_written_is_read_as_the_same(expression):
    cast = read(expression)
    assert read(str(cast)) == cast


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("studio,hall", "two performances at 0:00"),
        ("violin=studio,violin=hall", "two performances for violin at 0:00"),
        ("studio@0:10,hall@0:20", "nothing before 0:10; begin with NAME@0:00"),
        ("violin=hall@0:20", "nothing for violin before 0:20"),
        ("studio*0.7+hall*0.2", "add up to 0.9; must be 1"),
        ("studio*0.7+hall", "some have a share and some have none"),
        ("studio*1.5+hall*-0.5", "share '1.5'"),
        ("studio*x", "share 'x'"),
        ("studio*nan", "share 'nan'"),
        ("studio*0.5+studio*0.5", "studio stands twice"),
        ("studio@0:00,hall@soon", "time 'soon'"),
        ("studio@0:00,hal@0:10", "no performance 'hal'; did you mean 'hall'?"),
        ("=hall", "names no instrument"),
        ("studio,", "no performance ''"),
    ],
)
def test_what_is_wrong_is_one_line(expression, said):
    with pytest.raises(UserError) as raised:
        read(expression)
    assert said in str(raised.value) and "\n" not in str(raised.value)
    assert str(raised.value).startswith(f"performance {expression!r}: ")


def test_an_unknown_name_is_answered_as_ever():
    with pytest.raises(UserError, match=r"^no performance 'hal'; did you mean 'hall'"):
        read("hal")


def test_changes_after_the_end_are_refused():
    cast = read("violin=studio,violin=hall@1:30")
    cast.check_end(90.1)
    with pytest.raises(UserError, match=r"hall@1:30 is after the song, .* ends at 1:29"):
        cast.check_end(89.0)
