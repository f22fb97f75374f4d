"""How much of its written length a note sounds."""

import pytest
from notation_cases import marks, note, play, quarters, rows


def lengths(*measures: str, expression: float = 0.0) -> list[float]:
    return [length for _, length, _ in rows(play(*measures, expression=expression))]


@pytest.mark.parametrize(
    ("names", "length"),
    [
        (("staccato",), 0.5),
        (("staccatissimo",), 0.33),
        (("spiccato",), 0.5),
        (("detached-legato",), 0.67),
        (("tenuto",), 1.0),
        (("staccato", "tenuto"), 0.67),
        (("strong-accent",), 0.67),
        (("accent",), 1.0),
        (("breath-mark",), 0.75),
    ],
)
def test_marks_shorten(names, length):
    assert lengths(note("C4", 1, marks(*names)) + note("D4")) == [length, 1.0]


def test_dots_under_a_slur_are_portato():
    dotted = marks("staccato")
    first = note("C4", 1, f'<slur type="start" number="1"/>{dotted}')
    last = note("E4", 1, f'<slur type="stop" number="1"/>{dotted}')
    assert lengths(first + note("D4", 1, dotted) + last) == [0.67, 0.67, 0.5]


def test_the_onset_of_the_next_note_does_not_move():
    played = rows(play(note("C4", 1, marks("staccato")) + note("D4")))
    assert played[1][0] == 1.0


def test_with_expression_only_what_is_slurred_is_joined():
    first, last = '<slur type="start" number="1"/>', '<slur type="stop" number="1"/>'
    measure = note("C4", 1, first) + note("D4") + note("E4", 1, last) + note("F4")
    assert lengths(measure) == [1, 1, 1, 1]
    song = play(measure, expression=1.0)
    gaps = song.notes.start[1:] - song.notes.end[:-1]
    assert gaps[0] == gaps[1] == 0
    assert gaps[2] > 0.05


def test_the_pedal_holds():
    def pedal(kind: str) -> str:
        return f'<direction><direction-type><pedal type="{kind}"/></direction-type></direction>'

    song = play(pedal("start") + quarters("C4", "E4", "G4") + pedal("stop") + note("C5"), program=1)
    assert song.notes.end.tolist() == [3.0, 3.0, 3.0, 4.0]
