"""Piano rolls: what each plane holds, and that windows are windows."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scores import make_notes, scores

from mt3synth.symbolic import (
    EventCodec,
    Notes,
    RollSpec,
    SongRoll,
    channel_names,
    encode_segment,
    piano_roll,
    substitutions,
)

SPEC = RollSpec(ramp="unit")
PAPER = RollSpec(ramp="unit", onset="unit", drums=False)
CHANNEL = {name: index for index, name in enumerate(channel_names(SPEC))}


def test_channels_are_named_once_each():
    assert SPEC.channels == len(CHANNEL) == 18 * 176 + 256 + 176
    assert CHANNEL["piano/onset/21"] == 0
    assert CHANNEL["pooled/ramp/108"] == SPEC.channels - 1
    assert CHANNEL["pooled/onset/21"] == SPEC.pooled_start


def test_one_note_fills_its_planes_and_nothing_else():
    roll = piano_roll(make_notes((1.0, 2.0, 69, 100, 40, False)), SPEC, 0, 256)
    assert roll.shape == (256, SPEC.channels) and roll.dtype == np.float32
    for block in ("violin", "pooled"):
        onset = roll[:, CHANNEL[f"{block}/onset/69"]]
        assert onset[50] == pytest.approx(100 / 127) and np.count_nonzero(onset) == 1
        ramp = roll[:, CHANNEL[f"{block}/ramp/69"]]
        np.testing.assert_allclose(ramp[50:101], np.linspace(1, 0, 51), atol=1e-6)
        assert np.count_nonzero(ramp) == 50
    assert np.count_nonzero(roll) == 2 * 51


def test_note_already_sounding_shows_the_rest_of_its_ramp():
    notes = make_notes((1.0, 2.0, 69, 100, 40, False))
    roll = piano_roll(notes, SPEC, 75, 50)
    np.testing.assert_allclose(
        roll[:26, CHANNEL["violin/ramp/69"]], np.linspace(0.5, 0, 26), atol=1e-6
    )
    assert not roll[:, CHANNEL["violin/onset/69"]].any()


def test_note_shorter_than_a_frame_has_an_onset():
    roll = piano_roll(make_notes((0.101, 0.103, 60, 127, 0, False)), SPEC, 0, 10)
    assert roll[5, CHANNEL["piano/onset/60"]] == 1
    assert roll[5, CHANNEL["piano/ramp/60"]] == 1
    assert np.count_nonzero(roll) == 4


def test_a_ramp_of_velocity_is_the_unit_ramp_scaled_note_by_note():
    notes = make_notes(
        (0, 1, 60, 64, 0, False), (0, 1, 72, 127, 0, False), (0.5, 0.6, 36, 32, 0, True)
    )
    unit = piano_roll(notes, SPEC, 10, 40)
    scaled = piano_roll(notes, RollSpec(ramp="velocity"), 10, 40)
    for name, velocity in (("piano/ramp/60", 64), ("pooled/ramp/72", 127), ("drums/ramp/36", 32)):
        channel = CHANNEL[name]
        np.testing.assert_allclose(scaled[:, channel], unit[:, channel] * velocity / 127, rtol=1e-6)
    assert RollSpec() == RollSpec(ramp="velocity")


def test_repeated_note_starts_its_ramp_anew():
    notes = make_notes((0, 1, 60, 64, 0, False), (1, 2, 60, 32, 0, False))
    roll = piano_roll(notes, SPEC, 0, 100)
    np.testing.assert_allclose(roll[[0, 49, 50, 99], CHANNEL["piano/ramp/60"]], [1, 0.02, 1, 0.02])
    np.testing.assert_allclose(
        roll[[0, 50], CHANNEL["piano/onset/60"]], [64 / 127, 32 / 127], rtol=1e-6
    )


def test_drums_have_their_own_keys_and_a_fixed_decay():
    hit, held = (make_notes((0.2, end, 36, 127, 0, True)) for end in (0.2, 2.0))
    roll = piano_roll(hit, SPEC, 0, 50)
    np.testing.assert_array_equal(roll, piano_roll(held, SPEC, 0, 50))
    assert roll[10, CHANNEL["drums/onset/36"]] == 1
    sounding = np.flatnonzero(roll[:, CHANNEL["drums/ramp/36"]])
    assert sounding[0] == 10 and 0.1 <= len(sounding) / SPEC.frame_rate <= 0.2
    assert not roll[:, SPEC.pooled_start :].any()


def test_onsets_on_frame_boundaries_fall_into_the_frame_they_open():
    frames = np.arange(1000)
    for rate in (50.0, 100.0, 25.0):
        spec = RollSpec(frame_rate=rate)
        start = frames / rate
        row = np.ones(1000, int)
        notes = Notes(start, start + 1 / rate, 60 * row, 127 * row, 0 * row, row < 0)
        roll = piano_roll(notes, spec, 0, 1000)
        assert (roll[:, CHANNEL["piano/onset/60"]] == 1).all()


@settings(max_examples=30, deadline=None)
@given(scores(), st.integers(0, 1500), st.integers(1, 300))
def test_window_is_a_slice_of_the_whole(notes, start, frames):
    song = SongRoll(notes, SPEC)
    window = song.window(start, frames)
    np.testing.assert_array_equal(window, piano_roll(notes, SPEC, start, frames))
    np.testing.assert_array_equal(window, song.window(0, start + frames)[start:])
    if song.frames:
        assert song.window(song.frames - 1, 1).any()
    assert not song.window(song.frames, 10).any()


@settings(max_examples=30, deadline=None)
@given(scores(), st.integers(0, 500))
def test_pooled_block_is_the_maximum_over_groups(notes, start):
    roll = piano_roll(notes, SPEC, start, 128)
    groups = roll[:, : 176 * len(SPEC.groups)].reshape(128, len(SPEC.groups), 176)
    np.testing.assert_array_equal(roll[:, SPEC.pooled_start :], groups.max(axis=1))
    assert roll.min() >= 0 and roll.max() <= 1


@settings(max_examples=30, deadline=None)
@given(scores(), st.integers(0, 500))
def test_onsets_agree_with_tokens(notes, start):
    codec = EventCodec(1)
    tokens, times = encode_segment(notes, codec, start, 256, 50.0)
    events = [codec.event(int(token)) for token in tokens]
    silent, onsets = True, set()
    for event, time in zip(events[events.index(("tie", 0)) :], times[events.index(("tie", 0)) :]):
        if event and event[0] == "velocity":
            silent = event[1] == 0
        if event and event[0] == "pitch" and 21 <= event[1] <= 108 and not silent:
            onsets.add((int(time), event[1] - 21))
    roll = piano_roll(notes, SPEC, start, 256)
    pooled = roll[:, SPEC.pooled_start : SPEC.pooled_start + 88]
    assert onsets == set(zip(*(axis.tolist() for axis in np.nonzero(pooled))))


def test_substitutions_name_each_program_that_sounds_as_another():
    notes = make_notes(
        (0, 1, 60, 64, 24, False),
        (1, 2, 60, 64, 24, False),
        (0, 1, 60, 64, 25, False),
        (0, 1, 36, 64, 0, True),
        (0, 1, 110, 64, 0, False),
    )
    assert substitutions(notes, SPEC) == [
        "program 24 Acoustic Guitar (nylon): 2 notes rendered as "
        "guitar (25 Acoustic Guitar (steel))",
        "pitches outside 21..108: 1 note left out",
    ]
    assert np.count_nonzero(piano_roll(notes.select(notes.pitch == 110), SPEC, 0, 50)) == 0
    assert substitutions(Notes.empty(), SPEC) == []


@pytest.mark.parametrize("spec", [SPEC, PAPER])
def test_spec_survives_json(spec):
    restored = RollSpec.from_dict(json.loads(json.dumps(spec.to_dict())))
    assert restored == spec and hash(restored) == hash(spec)


def test_spec_from_before_there_was_a_choice_of_onset_and_drums():
    values = RollSpec().to_dict()
    del values["onset"], values["drums"]
    assert RollSpec.from_dict(values) == RollSpec()


def test_the_papers_form_has_neither_velocity_nor_drums():
    pitched = [(0, 1, 60, 64, 0, False), (0.5, 1.5, 60, 20, 40, False)]
    roll = piano_roll(make_notes(*pitched, (0.2, 0.4, 36, 90, 0, True)), PAPER, 0, 100)
    names = channel_names(PAPER)
    assert roll.shape == (100, PAPER.channels) == (100, len(names))
    assert not any(name.startswith("drums") for name in names)
    loud = piano_roll(make_notes(*((*n[:3], 127, *n[4:]) for n in pitched)), SPEC, 0, 100)
    np.testing.assert_array_equal(roll, loud[:, [CHANNEL[name] for name in names]])
    assert sorted(set(roll[:, names.index("violin/onset/60")])) == [0, 1]


def test_drums_that_a_roll_does_not_hold_are_named():
    notes = make_notes((0, 1, 60, 64, 0, False), (0, 1, 36, 64, 0, True), (1, 2, 36, 9, 0, True))
    assert substitutions(notes, PAPER) == ["drums: 2 notes left out"]
    assert substitutions(notes, SPEC) == []


def test_bad_values_are_refused(as_released):
    with pytest.raises(ValueError, match=r"frame_rate=0.0; must be positive"):
        RollSpec(frame_rate=0.0)
    with pytest.raises(ValueError, match=r"program 72 Piccolo is in no group"):
        RollSpec(groups=SPEC.groups[:16] + SPEC.groups[17:], drum_seconds=0.1)
    with pytest.raises(ValueError, match="onset='loud'; must be 'velocity' or 'unit'"):
        RollSpec(onset="loud")
    with pytest.raises(ValueError, match="share a name"):
        RollSpec(groups=SPEC.groups * 2)
    with pytest.raises(ValueError, match="frames=0; must be at least 1"):
        piano_roll(Notes.empty(), SPEC, 0, 0)
