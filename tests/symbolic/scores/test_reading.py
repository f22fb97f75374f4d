"""The front door: other notations than MusicXML, and MIDI beside them."""

import gzip
import io

import numpy as np
import pytest
from notation_cases import quarters, score

from mt3synth.symbolic.midi import MidiError, read_midi, write_midi
from mt3synth.symbolic.scores import ScoreError, play_score, read_music

ABC = b"""X:1
T:A tune
M:4/4
L:1/4
Q:1/4=60
K:G
G A B c | d2 .d e |]
"""
KERN = b"""**kern\t**kern
*M4/4\t*M4/4
*MM60\t*MM60
=1\t=1
2C\t4c
.\t4d
2D\t4e
.\t4f#
=\t=
*-\t*-
"""


def test_abc():
    song = play_score(ABC)
    assert song.notes.pitch.tolist() == [67, 69, 71, 72, 74, 74, 76]
    assert song.notes.start.tolist() == [0, 1, 2, 3, 4, 6, 7]


def test_abc_without_meter_counts_eighths():
    song = play_score(b"X:1\nT:B\nK:C\nCDEF|GABc|]\n")
    assert song.notes.start.tolist() == [0.25 * i for i in range(8)]


def test_of_a_book_of_tunes_the_first_is_played():
    song = play_score(ABC + b"\n" + ABC.replace(b"X:1", b"X:2").replace(b"G A B c", b"c B A G"))
    assert song.notes.pitch[0] == 67
    assert song.reports == ["only the first of 2 tunes is played"]


def test_kern():
    song = play_score(KERN)
    assert sorted(zip(song.notes.start.tolist(), song.notes.pitch.tolist())) == [
        (0.0, 48),
        (0.0, 60),
        (1.0, 62),
        (2.0, 50),
        (2.0, 64),
        (3.0, 66),
    ]
    assert set(song.channel.tolist()) == {0, 1}


@pytest.mark.parametrize("data", [b"X:1\nT:None\nK:C\n", b"**kern\n*-\n"], ids=["abc", "kern"])
def test_no_notes(data):
    with pytest.raises(ScoreError, match=r"no notes|cannot read"):
        play_score(data, "empty")


def test_letters_of_older_files_do_no_harm():
    assert len(play_score(ABC.replace(b"A tune", b"Caf\xe9")).notes) == 7


def test_what_is_no_score_is_refused():
    with pytest.raises(ScoreError, match="no score in notation"):
        play_score(b"Dear all")


MUSICXML = score(quarters("C4", "D4", "E4", "F4"))


@pytest.mark.parametrize("name", ["song.musicxml", "song.xml", "song.txt"])
def test_a_file_is_known_by_its_content(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(MUSICXML)
    assert read_music(path).notes.pitch.tolist() == [60, 62, 64, 65]
    path.write_bytes(gzip.compress(MUSICXML))
    assert len(read_music(path).notes) == 4


def test_bytes_and_open_files():
    assert len(read_music(MUSICXML).notes) == 4
    assert len(read_music(io.BytesIO(MUSICXML)).notes) == 4


def test_midi_is_read_as_ever(tmp_path):
    path = tmp_path / "song.mid"
    write_midi(read_music(MUSICXML).notes, path)
    notes, reports = read_midi(path)
    song = read_music(path)
    np.testing.assert_array_equal(song.notes.start, notes.start)
    assert song.reports == reports
    # There is nothing written in it that could be played with expression.
    assert [line for line in read_music(path, 0.5).reports if line not in reports] == [
        "expression: MIDI files are played as they are, only scores in notation with it"
    ]


def test_errors_name_the_file(tmp_path):
    path = tmp_path / "broken.mid"
    path.write_bytes(b"MThd")
    with pytest.raises(MidiError, match=r"broken\.mid: "):
        read_music(path)
    path.write_bytes(MUSICXML[:-50])
    with pytest.raises(ScoreError, match=r"broken\.mid: measure 1: damaged XML"):
        read_music(path)
    with pytest.raises(MidiError, match=r"missing: cannot be read"):
        read_music(tmp_path / "missing")
