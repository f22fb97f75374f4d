"""The state of channels: programs, drums, tunings and curves."""

import numpy as np
import pytest
from midi_cases import control, event, exclusive, midi, tone, wheel

from mt3synth.symbolic.midi import ControllerCurves, read_song

GM, GM2, GS, XG = "7e 7f 09 01", "7e 7f 09 03", "41 10 42 12 40 00 7f 00 41", "43 10 4c 00 00 7e 00"


def bank(number: int, channel: int, program: int = 0, fine: int = 0) -> bytes:
    select = control(0, number, channel=channel) + control(32, fine, channel=channel)
    return select + event(0xC0 | channel, program)


def parameter(number: int, coarse: int, fine: int = 0) -> bytes:
    return control(101, 0) + control(100, number) + control(6, coarse) + control(38, fine)


def curves(*tracks: bytes) -> ControllerCurves:
    return read_song(midi(*tracks)).curves[0]


def test_a_program_counts_for_the_whole_file_from_the_next_note_on():
    setup, music = event(0xC0, 73), tone(60)
    assert read_song(midi(setup, music)).notes.program.tolist() == [73]
    change = event(0x90, 60, 80) + event(0xC0, 42, after=240) + event(0x80, 60, 0, after=240)
    assert read_song(midi(change + tone(62))).notes.program.tolist() == [0, 42]


def test_ports_have_channels_of_their_own():
    port = b"\0\xff\x21\1\1"
    song = read_song(midi(event(0xC0, 73) + tone(60), port + tone(62) + tone(36, channel=9)))
    assert song.notes.program.tolist() == [0, 73, 0]
    assert song.notes.is_drum.tolist() == [False, False, True]
    assert song.channel.tolist() == [16, 0, 25] and set(song.curves) == {0, 16, 25}


@pytest.mark.parametrize(
    ("setup", "channel", "is_drum"),
    [
        (b"", 9, True),
        (b"", 10, False),
        (exclusive(XG) + bank(127, 10), 10, True),
        (exclusive(XG) + bank(126, 10), 10, True),
        (exclusive(XG) + bank(127, 10) + bank(0, 10), 10, False),
        (bank(127, 10), 10, True),
        (exclusive(GS) + bank(127, 10), 10, False),
        (exclusive(GM2) + bank(120, 10), 10, True),
        (exclusive(GM2) + bank(121, 9), 9, False),
        (bank(121, 9), 9, True),
        (bank(0, 9), 9, True),
        (bank(127, 10) + exclusive(GM), 10, False),
        (exclusive("43 10 4c 08 0a 07 02"), 10, True),
        (exclusive("43 10 4c 08 09 07 00"), 9, False),
        (exclusive("41 10 42 12 40 1a 15 02 0f"), 10, True),
        (exclusive("41 10 42 12 40 10 15 00 1b"), 9, False),
        (exclusive("41 10 42 12 40 11 15 01 19"), 0, True),
        (control(0, 127, channel=10), 10, False),
    ],
)
def test_drums(setup, channel, is_drum):
    song = read_song(midi(setup + tone(36, channel=channel)))
    assert song.notes.is_drum.tolist() == [is_drum]


def test_exclusive_messages_of_other_kinds_are_counted():
    track = exclusive("7f 7f 04 01 00 40") + exclusive("") + exclusive("41 10 42 12") + tone()
    assert read_song(midi(track)).reports == ["system exclusive messages: 3 ignored"]


def test_banks_and_kits_that_are_not_heard_are_counted():
    track = bank(8, 0) + bank(0, 0, fine=3) + event(0xC9, 8) + tone() + tone(36, channel=9)
    assert read_song(midi(track)).reports == [
        "changes of drum kit: 1 ignored",
        "programs of other banks than General MIDI's: 2 played by their number",
    ]


def test_bends_are_kept_in_semitones_of_their_range():
    song = wheel(4096) + wheel(-8192, after=480) + tone(60, 960)
    assert curves(song).bend.values.tolist() == [1.0, -2.0]
    assert curves(song).bend.times.tolist() == [0.0, 0.5]
    wide = parameter(0, 12, 50) + wheel(4096) + tone()
    assert curves(wide).cents(0.0) == pytest.approx(625)
    late = wheel(4096) + tone() + parameter(0, 12)
    assert curves(late).cents(np.array([0.0, 0.5])).tolist() == pytest.approx([100, 600])


def test_fine_tuning_is_a_curve_and_coarse_tuning_moves_keys():
    assert curves(parameter(1, 96) + tone()).cents(0.0) == pytest.approx(50)
    song = read_song(midi(parameter(2, 64 - 12) + tone(60) + tone(36, channel=9)))
    assert song.notes.pitch.tolist() == [48, 36] and song.reports == []
    song = read_song(midi(tone(60) + parameter(2, 127) + tone(100)))
    assert song.notes.pitch.tolist() == [60]
    assert song.reports == ["notes that coarse tuning moves beyond the keys: 1 ignored"]


def test_data_entry_for_no_or_other_parameters_is_counted():
    null = control(101, 127) + control(100, 127) + control(6, 5)
    own = parameter(0, 2) + control(99, 1) + control(98, 8) + control(6, 70)
    assert read_song(midi(null + own + tone())).reports == [
        "controller 6 (data entry): 2 ignored",
        "controller 98: 1 ignored",
        "controller 99: 1 ignored",
    ]


def test_curves_begin_with_the_defaults_of_general_midi():
    silent = curves(tone())
    for name, value in {"volume": 100, "expression": 127, "pan": 64, "bend": 0, "soft": 0}.items():
        assert getattr(silent, name).is_constant
        assert getattr(silent, name).at(5.0) == value


def test_curves_hold_each_controller_from_its_time_on():
    numbers = {"volume": 7, "expression": 11, "modulation": 1, "pan": 10, "soft": 67, "sustain": 64}
    for name, number in numbers.items():
        track = control(number, 10) + tone() + control(number, 20) + control(number, 20, after=480)
        curve = getattr(curves(track), name)
        assert curve.times.tolist() == [0.0, 0.5] and curve.values.tolist() == [10, 20]
        assert curve.at(np.array([0.0, 0.49, 0.5, 9.0])).tolist() == [10, 10, 20, 20]


def test_reset_all_controllers_leaves_what_it_must_leave():
    set_all = control(7, 1) + control(10, 2) + control(11, 3) + control(1, 4) + wheel(4096)
    after = curves(set_all + parameter(0, 4) + tone() + control(121, 0) + event(0xC0, 3))
    levels = {n: float(getattr(after, n).at(1.0)) for n in ("volume", "pan", "expression", "bend")}
    assert levels == {"volume": 1, "pan": 2, "expression": 127, "bend": 0}
    assert after.modulation.at(1.0) == 0 and after.bend.at(0.0) == 2
    # The range stays, too.
    again = curves(parameter(0, 4) + control(121, 0) + wheel(4096) + tone())
    assert again.bend.at(0.0) == 2


def test_a_reset_of_the_instrument_sets_everything_back():
    track = control(7, 1) + event(0xC0, 73) + parameter(2, 70) + tone() + exclusive(GS) + tone()
    song = read_song(midi(track))
    assert song.notes.program.tolist() == [73, 0] and song.notes.pitch.tolist() == [66, 60]
    assert song.curves[0].volume.values.tolist() == [1, 100]


def test_level_follows_volume_and_expression():
    track = control(7, 127) + control(11, 64) + tone() + control(7, 64) + tone() + control(11, 0)
    level = curves(track).level_db(np.array([0.0, 0.5, 1.0]))
    assert level == pytest.approx([-11.9, -23.8, -np.inf], abs=0.05)
