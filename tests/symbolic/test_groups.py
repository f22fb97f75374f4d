"""Instrument groups cover General MIDI once."""

import pytest

from mt3synth.symbolic import DEFAULT_GROUPS, PROGRAMS, InstrumentGroup
from mt3synth.symbolic.groups import program_table


def test_every_program_is_in_one_group():
    assert len(PROGRAMS) == len(set(PROGRAMS)) == 128
    table = program_table(DEFAULT_GROUPS)
    assert table.min() == 0 and table.max() == len(DEFAULT_GROUPS) - 1
    for index, group in enumerate(DEFAULT_GROUPS):
        assert table[group.representative] == index


def test_representatives_carry_the_names_of_their_groups():
    words = {"mallets": "marimba", "strings": "string ensemble", "synth": "lead"}
    for group in DEFAULT_GROUPS:
        assert words.get(group.name, group.name) in PROGRAMS[group.representative].lower()


def test_bad_groups_are_refused():
    with pytest.raises(ValueError, match="representative=3 is not among"):
        InstrumentGroup("piano", 3, (0, 1))
    with pytest.raises(ValueError, match=r"program 128 outside 0..127"):
        InstrumentGroup("piano", 0, (0, 128))
    with pytest.raises(ValueError, match=r"program 0 .* is in two groups: 'piano' and 'keys'"):
        program_table([*DEFAULT_GROUPS, InstrumentGroup("keys", 0, (0,))])
