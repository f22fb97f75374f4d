"""Scores of music21's corpus, read as MusicXML here and as the MIDI that music21 makes of them.

music21 plays neither ornaments, grace notes, articulations, fermatas nor words, and chord symbols
as notes; so these are taken out of the scores first, and what they do is tested elsewhere. What is
left must be the same notes. Where the two differ on purpose, in scores whose parts drift apart or
whose repeats have no beginning, is said in docs/scores.md.
"""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from midi_cases import through_music21

from mt3synth.symbolic import read_midi
from mt3synth.symbolic.scores import musicxml, play_score

music21 = pytest.importorskip("music21")

CORPUS = Path(music21.__file__).parent / "corpus"
# Two chorales and a movement of a trio sonata.
SHORT = ("bach/bwv66.6.mxl", "bach/bwv101.7.mxl", "corelli/opus3no1/1grave.xml")
MANY = (
    "bach/bwv10.7.mxl",
    "bach/bwv102.7.mxl",
    "bach/bwv103.6.mxl",
    "bach/bwv104.6.mxl",
    "bach/bwv108.6.mxl",
    "cpebach/h186.mxl",
    "handel/rinaldo/Lascia_chio_pianga.mxl",
    "monteverdi/madrigal.3.1.mxl",
    "bach/bwv110.7.mxl",
    "monteverdi/madrigal.3.7.mxl",
    "monteverdi/madrigal.3.10.mxl",
    "monteverdi/madrigal.3.13.mxl",
    "monteverdi/madrigal.3.14.mxl",
    "monteverdi/madrigal.3.15.mxl",
    "monteverdi/madrigal.3.19.mxl",
    "monteverdi/madrigal.4.12.mxl",
    "bach/bwv111.6.mxl",
    "bach/bwv113.8.mxl",
    "bach/bwv119.9.mxl",
    "monteverdi/madrigal.5.8.mxl",
)
UNPLAYED = {
    "articulations",
    "ornaments",
    "technical",
    "fermata",
    "arpeggiate",
    "words",
    "pedal",
    "harmony",
}


def take_out(element: ElementTree.Element) -> None:
    """Takes out what music21's MIDI has not or has in its own way."""
    for child in list(element):
        small = child.find("grace") is not None or child.find("cue") is not None
        if child.tag in UNPLAYED or (child.tag == "note" and small):
            element.remove(child)
        else:
            take_out(child)


def rows(notes) -> np.ndarray:
    columns = np.stack([notes.pitch, notes.program, notes.start, notes.end], axis=1)
    return columns[np.lexsort(columns.T[::-1])]


def check(name: str) -> None:
    data = (CORPUS / name).read_bytes()
    root = ElementTree.fromstring(musicxml.unpack(data, name) if name.endswith("mxl") else data)
    take_out(root)
    text = ElementTree.tostring(root)
    ours = play_score(text, name)
    theirs, _ = read_midi(through_music21(text.decode(), "musicxml"))
    assert len(ours.notes) == len(theirs) > 100
    # A tick of music21's MIDI is 0.05 ms at 120 quarters a minute; a tempo is rounded to 1 us.
    np.testing.assert_allclose(rows(ours.notes), rows(theirs), atol=2e-3)


@pytest.mark.parametrize("name", SHORT)
def test_the_notes_are_those_of_music21s_midi(name):
    check(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", MANY)
def test_so_are_those_of_twenty_scores(name):
    check(name)
