"""Songs split into parts: by instrument, by channel, with names and seeds of their own."""

import numpy as np
import pytest

from mt3synth.errors import UserError
from mt3synth.symbolic.groups import DEFAULT_GROUPS
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis import SamplingConfig
from mt3synth.synthesis.parts import check_part, part_config, split_parts

PROGRAM = np.array([40, 0, 40, 1, 0, 110])
DRUM = np.array([0, 0, 0, 0, 1, 0], bool)
CHANNEL = np.array([3, 0, 5, 0, 9, 3])


def song() -> Notes:
    start = np.arange(6) / 2
    same = np.full(6, 60)
    return Notes(start, start + 1, same, same, np.where(DRUM, 0, PROGRAM), DRUM)


def test_instruments_are_parts():
    parts = split_parts(song(), DEFAULT_GROUPS)
    assert [part.name for part in parts] == ["piano", "violin", "drums"]
    assert [list(part.rows) for part in parts] == [[1, 3], [0, 2, 5], [4]]
    assert {part.channel for part in parts} == {None}


def test_players_of_one_instrument_on_several_channels_are_numbered():
    parts = split_parts(song(), DEFAULT_GROUPS, CHANNEL)
    assert [(part.name, part.channel) for part in parts] == [
        ("piano", 0),
        ("violin", 3),
        ("violin-2", 5),
        ("drums", 9),
    ]
    assert [part.instrument for part in parts] == ["piano", "violin", "violin", "drums"]


@pytest.mark.parametrize("channel", [None, CHANNEL])
def test_every_note_is_in_one_part(channel):
    whole = song()
    parts = split_parts(whole, DEFAULT_GROUPS, channel)
    assert sorted(row for part in parts for row in part.rows) == list(range(len(whole)))
    for part in parts:
        np.testing.assert_array_equal(part.notes.start, whole.start[part.rows])


def test_a_name_means_a_part_or_an_instrument():
    parts = split_parts(song(), DEFAULT_GROUPS, CHANNEL)
    assert [part.is_called("violin") for part in parts] == [False, True, True, False]
    assert [part.is_called("violin-2") for part in parts] == [False, False, True, False]
    check_part("violin-2", parts)
    with pytest.raises(UserError, match="no part 'violn'; did you mean 'violin'"):
        check_part("violn", parts)


def test_seeds_follow_from_the_song_and_the_part():
    config = SamplingConfig(seed=7, steps=3)
    seeds = {part_config(config, name).seed for name in ("violin", "violin-2", "piano")}
    assert len(seeds) == 3
    assert part_config(config, "violin") == part_config(config, "violin")
    assert part_config(SamplingConfig(seed=8), "violin").seed not in seeds
    assert part_config(config, "violin").steps == 3
