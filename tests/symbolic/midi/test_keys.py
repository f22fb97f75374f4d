"""Pedals and keys: when notes end."""

import pytest
from midi_cases import control, event, midi, tone

from mt3synth.symbolic.midi import read_song


def ends(*tracks: bytes, **options) -> list[tuple[int, float]]:
    """(key, second of its end), in order of start and key."""
    notes = read_song(midi(*tracks), **options).notes
    return list(zip(notes.pitch.tolist(), notes.end.round(3).tolist()))


def on(key: int = 60, after: int = 0, channel: int = 0) -> bytes:
    return event(0x90 | channel, key, 80, after=after)


def off(key: int = 60, after: int = 0, channel: int = 0) -> bytes:
    return event(0x80 | channel, key, 0, after=after)


def test_the_sustain_pedal_holds_until_it_goes_up_whichever_track_it_is_in():
    assert ends(control(64, 127) + tone() + control(64, 0, after=960)) == [(60, 1.5)]
    assert ends(tone(), control(64, 127) + control(64, 0, after=1440)) == [(60, 1.5)]
    assert ends(tone(), control(64, 127) + control(64, 0, after=1440), sustain=False) == [(60, 0.5)]


@pytest.mark.parametrize(("value", "end"), [(63, 0.5), (64, 1.5), (1, 0.5), (127, 1.5)])
def test_a_pedal_is_down_from_64(value, end):
    for pedal in (64, 66):
        track = on() + control(pedal, value) + off(after=480) + control(pedal, 0, after=960)
        assert ends(track) == [(60, end)]


def test_a_key_struck_again_ends_what_the_pedal_holds_of_it():
    track = control(64, 127) + tone() + tone() + control(64, 0, after=480)
    assert ends(track) == [(60, 0.5), (60, 1.5)]


def test_pedal_up_and_down_at_one_moment_ends_what_it_held():
    track = control(64, 127) + tone() + control(64, 0, after=480) + control(64, 127)
    assert ends(track + tone(62) + control(64, 0, after=480)) == [(60, 1.0), (62, 2.0)]


def test_one_of_two_notes_struck_at_one_moment_under_the_pedal_is_left():
    song = read_song(midi(control(64, 127) + on() + on() + off(after=480) + control(64, 0)))
    assert len(song.notes) == 1
    assert song.reports == ["notes struck twice at once under the pedal: 1 ignored"]


def test_a_pedal_never_lifted_holds_until_the_last_key_or_pedal_moves():
    assert ends(control(64, 127) + tone() + tone(62, 960)) == [(60, 1.5), (62, 1.5)]


def test_pedals_do_not_hold_drums():
    track = control(64, 127, channel=9) + tone(36, channel=9) + control(64, 0, 960, channel=9)
    assert ends(track) == [(36, 0.5)]


def test_sostenuto_holds_only_what_sounds_when_it_goes_down():
    track = on(48) + control(66, 127, after=240) + off(48, after=240) + tone(60)
    assert ends(track + control(66, 0, after=480)) == [(48, 1.5), (60, 1.0)]


def test_a_key_that_sostenuto_holds_is_held_again_when_it_is_struck_again():
    track = on(48) + control(66, 127) + off(48, after=480) + tone(48) + tone(60)
    assert ends(track + control(66, 0, after=480)) == [(48, 0.5), (48, 2.0), (60, 1.5)]


def test_sostenuto_does_not_take_over_what_only_the_sustain_pedal_holds():
    track = control(64, 127) + tone(48) + control(66, 127) + tone(60) + control(64, 0)
    assert ends(track + control(66, 0, after=480)) == [(48, 1.0), (60, 1.0)]


def test_sustain_takes_over_what_sostenuto_held():
    track = on(48) + control(66, 127) + off(48, after=480) + control(64, 127) + control(66, 0)
    assert ends(track + control(64, 0, after=480)) == [(48, 1.0)]


@pytest.mark.parametrize("mode", [123, 124, 125, 126, 127])
def test_all_notes_off_and_changes_of_mode_let_go_of_keys_but_not_of_pedals(mode):
    assert ends(on(60) + on(64) + control(mode, 0, after=480)) == [(60, 0.5), (64, 0.5)]
    held = control(64, 127) + on() + control(mode, 0, after=480) + control(64, 0, after=480)
    assert ends(held) == [(60, 1.0)]


def test_all_sound_off_ends_everything():
    held = control(64, 127) + tone(60) + on(62) + control(120, 0, after=480)
    assert ends(held + control(64, 0, after=480)) == [(60, 1.0), (62, 1.0)]


def test_reset_all_controllers_lifts_pedals():
    for pedal in (64, 66):
        track = on() + control(pedal, 127) + off(after=480) + control(121, 0, after=480)
        assert ends(track + control(7, 1, after=960)) == [(60, 1.0)]


def test_other_channels_are_left_alone():
    track = on() + control(123, 0, 240, channel=1) + control(64, 127, channel=1) + off(after=240)
    assert ends(track + control(64, 0, 480, channel=1)) == [(60, 0.5)]


def test_two_voices_on_one_key_keep_their_lengths():
    right = on() + off(after=960)
    left = on(after=240) + off(after=240)
    assert ends(right, left) == [(60, 1.0), (60, 0.5)]
    assert ends(left, right) == [(60, 1.0), (60, 0.5)]
    # Under the pedal they are one string: struck again, and let go when both are.
    pedal = control(64, 127) + control(64, 0, after=1920)
    assert ends(pedal, right, left) == [(60, 0.25), (60, 2.0)]


def test_a_key_that_a_track_only_strikes_may_be_let_go_in_another():
    assert ends(on(), off(after=480)) == [(60, 0.5)]
    # Here each track lets go of its own, and a release too many in the other does no harm.
    assert ends(on() + off(after=960), off(after=480)) == [(60, 1.0)]
    assert ends(on() + off(after=960), off() + on(62) + off(62, 480)) == [(60, 1.0), (62, 0.5)]


def test_within_a_track_one_release_ends_all_of_a_key():
    assert ends(on() + on(after=240) + off(after=240) + off(after=240)) == [(60, 0.5), (60, 0.5)]


def test_a_release_at_the_moment_of_a_new_strike_is_of_the_earlier_note():
    struck_first = on() + on(after=480) + off() + off(after=480)
    let_go_first = on() + off(after=480) + on() + off(after=480)
    assert ends(struck_first) == ends(let_go_first) == [(60, 0.5), (60, 1.0)]


def test_a_release_without_a_strike_is_nothing():
    assert ends(off() + tone() + off(62)) == [(60, 0.5)]


def test_notes_never_released_end_with_their_track_or_the_next_strike():
    other = control(7, 1, after=1920)
    assert ends(on() + control(7, 1, after=960), other) == [(60, 1.0)]
    assert ends(on(), on(after=480) + control(7, 1, after=480), other) == [(60, 0.5), (60, 1.0)]


def test_a_late_end_of_track_does_not_hold_a_note_for_hours():
    assert ends(on() + control(7, 1, after=480) + event(0xF8, after=9_600_000)) == [(60, 10.5)]


def test_a_drum_never_released_is_short():
    assert ends(on(36, channel=9) + on(36, 480, channel=9)) == [(36, 0.1), (36, 0.6)]


def test_a_note_of_no_length_is_short():
    song = read_song(midi(on() + off() + tone(62)))
    assert song.notes.end.tolist() == [0.05, 0.5]
    assert song.reports == ["notes without a length: 1 made 0.05 s long"]


def test_a_release_written_before_its_strike_makes_a_short_note_if_no_other_comes():
    assert ends(off() + on() + on(62, after=480) + off(62, after=480)) == [(60, 0.05), (62, 1.0)]
    assert ends(off() + on() + off(after=480)) == [(60, 0.5)]
