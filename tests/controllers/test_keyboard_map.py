"""Keyboard maps: which key plays what, at which pitch, and files that are none."""

import numpy as np
import pytest
from midi_cases import midi, tone

from mt3synth.controllers.keyboard_map import read_tuning
from mt3synth.controllers.scala import ScalaError
from mt3synth.controllers.song_treatment import treat_song
from mt3synth.symbolic.midi import read_song

JUST = "just\n7\n9/8\n5/4\n4/3\n3/2\n5/3\n15/8\n2/1\n"
WHITE = """! Seven degrees on the white keys; the black keys are silent.
12
0
127
60
69
{hz}
7
0
x
1
x
2
3
x
4
x
5
x
6
"""
LINEAR = "0\n{first}\n{last}\n{middle}\n{reference}\n{hz}\n0\n"


@pytest.fixture
def tune(tmp_path):
    """Tunes the keys by the text of two files; None for one that is not given."""

    def read(scale: str | None, keyboard_map: str) -> np.ndarray:
        paths = []
        for name, text in (("s.scl", scale), ("m.kbm", keyboard_map)):
            if text is not None:
                (tmp_path / name).write_text(text)
            paths.append(None if text is None else tmp_path / name)
        cents = read_tuning(*paths)
        assert cents is not None and cents.shape == (128,)
        return cents

    return read


def linear(first=0, last=127, middle=60, reference=69, hz=440.0) -> str:
    return LINEAR.format(first=first, last=last, middle=middle, reference=reference, hz=hz)


def test_a_map_alone_sets_the_pitch_of_twelve_equal_steps(tune):
    assert tune(None, linear()) == pytest.approx(np.zeros(128))
    # The old French diapason: 19.8 cents lower everywhere.
    assert tune(None, linear(hz=435.0)) == pytest.approx(1200 * np.log2(435 / 440))


def test_keys_play_the_degrees_that_the_map_gives_them(tune):
    cents = tune(JUST, WHITE.format(hz=440.0))
    hz = 440 * 2 ** ((cents + 100 * (np.arange(128) - 69)) / 1200)
    # A fifth and an octave above C, a third, and the reference itself.
    assert hz[[67, 72, 64, 69]] / hz[60] == pytest.approx([3 / 2, 2, 5 / 4, 5 / 3])
    assert hz[69] == pytest.approx(440)
    assert hz[[48, 36]] / hz[60] == pytest.approx([1 / 2, 1 / 4])
    silent = np.isnan(cents)
    assert silent.sum() == 53 and silent[[61, 63, 66, 68, 70]].all()


def test_a_linear_map_lets_neighbours_be_neighbours_from_its_middle_on(tune):
    cents = tune(JUST, linear(middle=62, reference=62, hz=300.0))
    hz = 440 * 2 ** ((cents + 100 * (np.arange(128) - 69)) / 1200)
    assert hz[[62, 63, 69, 55]] == pytest.approx([300, 300 * 9 / 8, 600, 150])


def test_keys_outside_the_map_stay_as_they_are(tune):
    cents = tune(None, linear(first=60, last=71, hz=450.0))
    assert np.flatnonzero(cents).tolist() == list(range(60, 72))


def test_what_a_map_leaves_out_is_silent(tune):
    text = WHITE.format(hz=440.0).replace("\n69\n", "\n60\n")
    assert np.isnan(tune(JUST, text[: text.index("4\nx\n5")])).sum() > 53


def test_notes_on_silent_keys_are_left_out_and_counted_but_drums_are_not(tune):
    cents = tune(JUST, WHITE.format(hz=440.0))
    song = read_song(midi(tone(60) + tone(61) + tone(63) + tone(64) + tone(37, channel=9)))
    treated = treat_song(song, cents)
    assert len(treated.notes) == 3 and treated.notes.is_drum.sum() == 1
    assert "notes on keys that the keyboard map keeps silent: 2 ignored" in treated.reports


def test_neither_file_is_no_tuning():
    assert read_tuning(None) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no keyboard map: 0 lines; must begin with 7 numbers"),
        ("12\n0\n127\n", "no keyboard map: 3 lines"),
        (JUST, "line 1: 'just'; must be the size of the map, a whole number"),
        (linear(hz="high"), "line 6: 'high' is no frequency; must be Hz (440.0)"),
        (linear(hz=0), "line 6: '0' is no frequency"),
        (linear(hz="1" + "0" * 9), "is no frequency"),
        (linear(middle="C"), "line 4: 'C'; must be the middle key, a whole number"),
        (linear(reference=200), "reference key 200 has no degree of the scale"),
        (linear().replace("0\n", "99999\n", 1), "a map of 99999 keys; must be 0 to 1024"),
        (linear().replace("0\n", "2\n", 1) + "x\nx\n", "all keys are silent"),
        (linear().replace("0\n", "1\n", 1) + "1.5\n", "line 8: '1.5'; must be a degree"),
        (WHITE.format(hz=440.0).replace("\n69\n", "\n70\n"), "reference key 70 has no degree"),
    ],
)
def test_what_is_no_map_is_said_in_one_line(tune, text, said):
    with pytest.raises(ScalaError) as raised:
        tune(JUST, text)
    assert said in str(raised.value) and "\n" not in str(raised.value)
