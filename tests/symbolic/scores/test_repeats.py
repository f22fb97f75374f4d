"""The order in which measures are played."""

import pytest
from notation_cases import (
    BACKWARD,
    FORWARD,
    direction,
    ending,
    note,
    play,
    quarters,
    score,
    score_of_parts,
    words,
)

from mt3synth.symbolic.scores import ScoreError, play_score, repeats

SEGNO, CODA = direction("<segno/>"), direction("<coda/>")
FIRST = ("C4", "D4", "E4", "F4", "G4", "A4", "B4")


def order(*extras: str | tuple[str, str]) -> str:
    """Plays measures that hold one note each, C, D, E ..., with signs before and after it."""
    measures = []
    for pitch, extra in zip(FIRST, extras):
        before, after = extra if isinstance(extra, tuple) else (extra, "")
        measures.append(before + note(pitch, 4) + after)
    song = play(*measures)
    names = dict(zip((60, 62, 64, 65, 67, 69, 71), "CDEFGAB"))
    # Each measure follows the one before without a gap.
    assert [round(float(s)) for s in song.notes.start] == list(range(0, 4 * len(song.notes), 4))
    return "".join(names[int(p)] for p in song.notes.pitch)


@pytest.mark.parametrize(
    ("extras", "played"),
    [
        (("", ("", BACKWARD), ""), "CDCDE"),
        (("", (FORWARD, BACKWARD), ""), "CDDE"),
        (("", ("", BACKWARD.replace("/>", ' times="3"/>', 1)), ""), "CDCDCDE"),
        # Neither repeat has a beginning: each begins where the one before ended.
        ((("", BACKWARD), "", ("", BACKWARD), ""), "CCDEDEF"),
        # A beginning without an end is none.
        (("", FORWARD, "", ""), "CDEF"),
    ],
    ids=["from the start", "marked", "three times", "unmarked", "no end"],
)
def test_repeats(extras, played):
    assert order(*extras) == played


REPEATED = '<repeat direction="backward"/>'


@pytest.mark.parametrize("numbers", [("1", "2"), ("", ""), ("", "2")])
def test_endings_with_and_without_their_numbers(numbers):
    first, second = numbers
    one = (ending("left", first, "start"), ending("right", first, "stop", REPEATED))
    two = (ending("left", second, "start"), ending("right", second, "discontinue"))
    assert order("", one, two, "") == "CDCEF"


def test_a_bracket_that_is_drawn_short_reaches_to_its_repeat():
    one = ending("left", "1", "start") + "", ending("right", "1", "discontinue")
    two = (ending("left", "2", "start"), ending("right", "2", "discontinue"))
    assert order("", one, ("", BACKWARD), two, "") == "CDECFG"


def test_three_endings():
    extras = [
        (ending("left", n, "start"), ending("right", n, "stop", REPEATED if n != "3" else ""))
        for n in "123"
    ]
    assert order("", *extras, "") == "CDCECFG"


@pytest.mark.parametrize(
    ("extras", "played"),
    [
        (("", ("", words("Fine")), ("", words("D.C. al Fine"))), "CDECD"),
        (("", SEGNO, "", ("", words("D.S."))), "CDEFDEF"),
        (("", SEGNO, ("", words("Fine")), ("", words("D.S. al Fine"))), "CDEFDE"),
        (("", SEGNO, ("", CODA), ("", words("D.S. al Coda")), CODA, ""), "CDEFDEGA"),
        (("", ("", CODA), ("", words("D.C. al Coda")), CODA), "CDECDF"),
    ],
    ids=["dc al fine", "ds", "ds al fine", "ds al coda", "dc al coda"],
)
def test_jumps(extras, played):
    assert order(*extras) == played


@pytest.mark.parametrize(
    ("extras", "said"),
    [
        (("", "", ("", words("D.S."))), "measure 3: D.S., but there is no Segno"),
        (("", "", ("", words("D.C. al Fine"))), "measure 3: D.C. al Fine, but there is no Fine"),
        (("", ("", CODA), ("", words("D.C. al Coda"))), "measure 3: D.C. al Coda needs two Coda"),
        (
            ("", ("", words("D.C.")), SEGNO, ("", words("D.S."))),
            "measure 4: D.S. after another jump back",
        ),
        (
            (
                "",
                (ending("left", "1", "start"), ending("right", "1", "stop", REPEATED)),
                (ending("left", "3", "start"), ending("right", "3", "stop")),
            ),
            "measure 2: repeats and endings contradict each other",
        ),
    ],
)
def test_contradictions_are_said_with_the_measure(extras, said):
    with pytest.raises(ScoreError) as caught:
        order(*extras)
    assert said in str(caught.value)


def test_nested_repeats_without_end_are_refused(monkeypatch):
    monkeypatch.setattr(repeats, "MAX_MEASURES", 50)
    thrice = BACKWARD.replace("/>", ' times="99"/>', 1)
    with pytest.raises(ScoreError, match="measure 2: over 50 measures with repeats"):
        order("", (FORWARD, thrice), "")


def test_signs_of_any_part_count_for_all():
    plain = [note("C3", 4), note("D3", 4)]
    signed = [note("C4", 4), note("D4", 4) + BACKWARD]
    song = play_score(score_of_parts((plain, "Cello", 43), (signed, "Violin", 41)))
    assert song.notes.pitch[song.channel == 0].tolist() == [48, 50, 48, 50]
    assert song.notes.pitch[song.channel == 1].tolist() == [60, 62, 60, 62]


def test_a_note_tied_into_a_repeat_is_one_note():
    first = note("C4", 4, "<tied type='start'/>", "<tie type='start'/>")
    second = note("C4", 4, "<tied type='stop'/>", "<tie type='stop'/>")
    song = play(first, second, quarters("D4", "E4", "F4", "G4") + BACKWARD)
    assert song.notes.pitch.tolist() == [60, 62, 64, 65, 67] * 2
    assert song.notes.end[0] - song.notes.start[0] == 8


def test_more_repeats_than_are_soon_written_out_are_refused():
    with pytest.raises(ScoreError, match="measure 129: over 128 repeats; take the score apart"):
        play_score(score(*[quarters("C4") + BACKWARD] * 200), "long.musicxml")
