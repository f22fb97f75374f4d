"""How loud: marks, hairpins, words, accents."""

import numpy as np
import pytest
from notation_cases import (
    direction,
    dynamic,
    marks,
    note,
    play,
    quarters,
    score_of_parts,
    wedge,
    words,
)

from mt3synth.symbolic.scores import play_score
from mt3synth.symbolic.scores.dynamics import LEVELS

FOUR = ("C4", "D4", "E4", "F4")


def velocities(*measures: str, **options: object) -> list[int]:
    return play(*measures, **options).notes.velocity.tolist()


def test_without_a_mark_it_is_mezzo_forte():
    assert velocities(quarters(*FOUR)) == [LEVELS["mf"]] * 4


@pytest.mark.parametrize("name", ["ppp", "pp", "p", "mp", "mf", "f", "ff", "fff"])
def test_a_mark_holds_until_the_next(name):
    measure = note("C4") + dynamic(name) + quarters("D4", "E4") + dynamic("mf") + note("F4")
    assert velocities(measure) == [80, LEVELS[name], LEVELS[name], 80]


def test_a_hairpin_leads_to_the_next_mark_in_a_line():
    swell = dynamic("p") + wedge("crescendo") + quarters(*FOUR) + wedge("stop")
    played = velocities(swell, dynamic("f") + quarters("G4", "A4"))
    assert played[0] == LEVELS["p"]
    assert played[4:] == [LEVELS["f"]] * 2
    steps = np.diff(played[:5])
    np.testing.assert_allclose(steps, steps[0], atol=1)


def test_a_hairpin_without_a_mark_is_one_step():
    fall = dynamic("f") + wedge("diminuendo") + quarters(*FOUR) + wedge("stop")
    assert velocities(fall, note("G4", 4))[-1] == LEVELS["f"] - 16


def test_a_hairpin_to_a_sudden_piano_still_swells():
    swell = dynamic("mf") + wedge("crescendo") + quarters(*FOUR) + wedge("stop")
    played = velocities(swell, dynamic("p") + note("G4", 4))
    assert played[3] > played[0]
    assert played[4] == LEVELS["p"]


def test_words_are_hairpins_up_to_the_next_mark():
    by_words = velocities(
        dynamic("p") + words("cresc.") + quarters(*FOUR), quarters(*FOUR), dynamic("f") + note("C4")
    )
    assert by_words[0] == LEVELS["p"]
    assert np.all(np.diff(by_words) > 0)
    assert by_words[-1] == LEVELS["f"]
    assert velocities(dynamic("f") + words("dim.") + quarters(*FOUR), note("C4", 4))[-1] < 96


def test_sforzato_is_one_note_and_fp_falls_after_it():
    played = velocities(dynamic("p") + note("C4") + dynamic("sfz") + quarters("D4", "E4", "F4"))
    assert played == [49, 49 + 32, 49, 49]
    played = velocities(dynamic("f") + note("C4") + dynamic("fp") + quarters("D4", "E4", "F4"))
    assert played == [96, 127, 49, 49]


@pytest.mark.parametrize(
    ("mark", "velocity"),
    [("accent", 96), ("strong-accent", 104), ("stress", 88), ("unstress", 72), ("staccato", 80)],
)
def test_accents(mark, velocity):
    assert velocities(note("C4", 1, marks(mark)) + note("D4")) == [velocity, 80]


def test_a_velocity_that_the_file_gives_counts():
    loud = quarters("C4", "D4").replace("<note>", '<note dynamics="111.11">', 1)
    assert velocities(dynamic("p") + loud) == [100, 49]


def test_both_staves_of_a_piano_share_what_stands_between_them():
    def staff(number: int, pitch: str) -> str:
        return note(pitch, 4).replace("</note>", f"<staff>{number}</staff></note>")

    back = "<backup><duration>96</duration></backup>"
    measure = dynamic("pp") + staff(1, "C5") + back + staff(2, "C3")
    song = play_score(score_of_parts(([measure], "Piano", 1), attributes="<staves>2</staves>"))
    assert song.notes.velocity.tolist() == [33, 33]


def test_parts_do_not_share_theirs():
    loud, soft = [dynamic("ff") + note("C4", 4)], [dynamic("pp") + note("C3", 4)]
    song = play_score(score_of_parts((loud, "Violin", 41), (soft, "Cello", 43)))
    assert song.notes.velocity[np.argsort(song.notes.pitch)].tolist() == [33, 112]


def test_what_is_no_usual_mark_is_reported():
    odd = direction("<dynamics><other-dynamics>loudish</other-dynamics></dynamics>")
    song = play(odd + note("C4", 4))
    assert any("dynamic marks" in line for line in song.reports)
