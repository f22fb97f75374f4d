"""Time: tempo maps, SMPTE, formats."""

import pytest
from midi_cases import event, midi, tempo, tone

from mt3synth.symbolic.midi import read_song


def starts(*tracks: bytes, **options) -> list[float]:
    return read_song(midi(*tracks, **options)).notes.start.tolist()


def test_a_tempo_change_counts_in_any_track():
    music = tone() + tone() + tone()
    for change in (tempo(250_000, after=480), tempo(500_000) + tempo(250_000, after=480)):
        assert starts(music, change) == starts(change, music) == [0, 0.5, 0.75]


def test_the_first_tempo_stands_from_the_beginning():
    assert starts(tone() + tone(), tempo(1_000_000)) == [0, 1]


def test_tempo_changes_of_all_tracks_are_one_map():
    slow, fast = tempo(1_000_000, after=480), tempo(250_000, after=960)
    assert starts(slow, fast, tone() + tone() + tone() + tone()) == [0, 0.5, 1.5, 1.75]


@pytest.mark.parametrize(("frames", "rate"), [(24, 24), (25, 25), (29, 30_000 / 1001), (30, 30)])
def test_smpte_time_knows_no_tempo(frames, rate):
    division = -frames << 8 | 40
    assert starts(tempo(1_000_000) + tone(ticks=4000) + tone(), division=division) == [
        0,
        pytest.approx(100 / rate),
    ]


@pytest.mark.parametrize("division", [1, 24, 480, 32767])
def test_any_resolution(division):
    assert starts(tone(ticks=division) + tone(ticks=division), division=division) == [0, 0.5]


def test_patterns_are_played_one_after_another():
    pattern = tone() + event(0xF8, after=480)
    song = read_song(midi(tempo(250_000) + pattern, tone(62), form=2))
    assert song.notes.start.tolist() == [0, 0.5] and song.notes.pitch.tolist() == [60, 62]
    assert "patterns (format 2): 2 played one after another" in song.reports


def test_a_file_of_one_track_may_have_several():
    assert starts(tone(), tone(62), form=0) == [0, 0]
