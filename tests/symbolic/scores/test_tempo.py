"""When things happen."""

import numpy as np
import pytest
from notation_cases import (
    BACKWARD,
    FORWARD,
    direction,
    marks,
    note,
    quarters,
    score,
    score_of_parts,
    words,
)

from mt3synth.symbolic.scores import ScoreError, play_score

FOUR = quarters("C4", "D4", "E4", "F4")
FERMATA = "<fermata/>"


def starts(*measures: str) -> list[float]:
    return play_score(score(*measures)).notes.start.round(3).tolist()


def tempo(number: float) -> str:
    return direction(
        f"<metronome><beat-unit>quarter</beat-unit><per-minute>{number}</per-minute></metronome>"
    )


def test_without_a_mark_it_is_120_as_in_midi():
    assert starts(FOUR) == [0, 0.5, 1.0, 1.5]


def test_marks_count_from_where_they_stand():
    assert starts(tempo(60) + FOUR, tempo(120) + FOUR) == [0, 1, 2, 3, 4, 4.5, 5, 5.5]


def test_the_unit_of_a_mark_counts():
    dotted = direction(
        "<metronome><beat-unit>half</beat-unit><per-minute>60</per-minute></metronome>"
    )
    assert starts(dotted + FOUR) == [0, 0.5, 1.0, 1.5]


def test_headings_have_the_number_that_music21_gives_them():
    assert starts(words("Adagio") + FOUR)[1] == pytest.approx(60 / 56, abs=1e-3)
    # A mark beside it counts more, and a word that is no heading counts nothing.
    assert starts(words("Adagio") + tempo(120) + FOUR)[1] == 0.5
    assert starts(words("molto vivace e leggiero") + FOUR)[1] == 0.5


@pytest.mark.parametrize(("word", "last"), [("rit.", 0.7), ("poco rit.", 0.84), ("accel.", 1.3)])
def test_a_change_of_tempo_is_gradual_and_given_back(word, last):
    played = starts(tempo(60) + words(word) + FOUR, FOUR, words("a tempo") + FOUR)
    steps = np.diff(played)
    assert steps[-1] == pytest.approx(1.0)
    assert np.all(np.diff(steps[:8]) * (1 if last < 1 else -1) > 0)
    assert steps[7] == pytest.approx(1 / last, rel=0.05)


def test_a_ritardando_near_the_end_lasts_to_the_end():
    steps = np.diff(starts(tempo(60) + FOUR, FOUR, words("rall.") + FOUR, FOUR))
    assert np.all(np.diff(steps[8:]) > 0)


def test_tempo_primo_goes_back_to_the_first():
    played = starts(tempo(60) + FOUR, tempo(90) + FOUR, words("Tempo I") + FOUR)
    assert np.diff(played)[-1] == pytest.approx(1.0)


def test_a_fermata_holds_all_parts():
    held = quarters("C4", "D4") + note("E4", 1, FERMATA) + note("F4")
    moving = note("C3", 2) + note("D3", 0.5) + note("E3", 0.5, FERMATA) + note("F3")
    song = play_score(score_of_parts(([tempo(60) + held], "A", 41), ([moving], "B", 43)))
    top = song.notes.select(song.channel == 0)
    low = song.notes.select(song.channel == 1)
    # As long again, once, for both; whoever moves goes on moving before it.
    assert top.start.tolist() == [0, 1, 2, 4]
    assert top.end.tolist() == [1, 2, 4, 5]
    assert low.start.tolist() == [0, 2, 2.5, 4]
    assert low.end.tolist() == [2, 2.5, 4, 5]


def test_a_fermata_holds_two_seconds_more_at_most():
    song = play_score(score(tempo(30) + note("C4", 4, FERMATA) + note("D4")))
    assert song.notes.end[0] == 10


def test_a_caesura_is_silence():
    song = play_score(score(tempo(60) + note("C4", 2, marks("caesura")) + note("D4", 2)))
    assert song.notes.end[0] == 2.0
    assert song.notes.start[1] == pytest.approx(2.6)


def test_repeats_take_their_tempo_along():
    assert starts(tempo(60) + FORWARD + note("C4", 4), tempo(120) + note("D4", 4) + BACKWARD) == [
        0,
        4,
        6,
        10,
    ]


@pytest.mark.parametrize("number", ["0.5", "-60", "1e12"])
def test_tempos_that_nobody_plays_are_reported(number):
    song = play_score(score(direction("<words></words>", f'tempo="{number}"') + FOUR))
    assert song.notes.start.tolist() == [0, 0.5, 1.0, 1.5]
    assert song.reports == ["tempos that nobody plays: 1 ignored"]


def test_a_trill_without_end_is_refused_at_once():
    trill = "<ornaments><trill-mark/></ornaments>"
    with pytest.raises(ScoreError, match="at most 14400 s"):
        play_score(score(note("C4", 1e6, trill)))
