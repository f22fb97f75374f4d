"""Stems, a part to practise, variations, tempo and performances on the command line."""

import numpy as np
import pytest
import soundfile
from cli_cases import write_song

from mt3synth.audio.files import read_metadata
from mt3synth.symbolic.midi import write_midi
from mt3synth.symbolic.notes import Notes


def write_duet(path: str) -> None:
    """A violin above a piano."""
    start = np.array([0.0, 0.0])
    program = np.array([40, 0])
    notes = Notes(start, start + 0.5, np.array([76, 48]), np.full(2, 80), program, program < 0)
    write_midi(notes, path)


def pcm(path: str) -> np.ndarray:
    return soundfile.read(path, dtype="int16")[0].astype(np.int32)


def test_files_of_stems_add_up_to_that_of_the_mix(synthesize, here):
    write_duet("duet.mid")
    outcome = synthesize(
        "duet.mid", "--stems", "--practice", "violin", "--performance", "piano=hall"
    )
    assert outcome.status == 0
    said = "duet.mid: 2 parts rendered one by one and summed: piano, violin"
    assert said in outcome.err
    names = sorted(path.name for path in here.glob("*.wav"))
    assert names == ["duet.piano.wav", "duet.violin.wav", "duet.wav"]
    np.testing.assert_array_equal(pcm("duet.wav"), pcm("duet.piano.wav") + pcm("duet.violin.wav"))
    metadata = read_metadata("duet.violin.wav")
    assert (metadata["part"], metadata["practice"]) == ("violin", "violin")
    assert metadata["performance"] == "piano=hall,studio"
    (here / "duet.wav").unlink()
    again = synthesize("duet.mid", "--stems")
    assert again.status == 2
    assert again.err == [
        "mt3synth synthesize: duet.piano.wav exists; give --overwrite to replace it, or another -o"
    ]


def test_variations_are_numbered(synthesize, here):
    write_song("song.mid", 60)
    options = ("--seed", 3, "--tempo", 2, "--transpose", 5, "--steps", 1)
    assert synthesize("song.mid", "--variations", 2, *options).status == 0
    assert sorted(path.name for path in here.glob("*.wav")) == ["song.1.wav", "song.2.wav"]
    first, second = (read_metadata(f"song.{n}.wav") for n in (1, 2))
    assert (first["seed"], second["seed"]) == ("3", "4")
    assert first["tempo"] == "2.0" and first["transpose"] == "5"
    assert synthesize("song.mid", "-o", "alone.wav", *options).status == 0
    np.testing.assert_array_equal(pcm("alone.wav"), pcm("song.1.wav"))
    assert np.any(pcm("song.1.wav") != pcm("song.2.wav"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--performance studio,hall", "performance 'studio,hall': two performances at 0:00"),
        ("--performance studio*0.7+hall*0.2", "add up to 0.9; must be 1"),
        ("--performance studio,hall@9:00", "hall@9:00 is after the song, which ends at 0:00.5"),
        ("--performance cello=hall", "no part 'cello'; known are: piano"),
        ("--practice cello", "no part 'cello'; known are: piano"),
        ("--tempo 0", "tempo=0.0; must be between 0.25 and 4.0"),
        ("--transpose 200", "transpose=200; must be a whole number"),
        ("--variations 0", "--variations 0; must be at least 1"),
    ],
)
def test_what_is_wrong_is_one_line(synthesize, here, options, said):
    write_song("song.mid", 60)
    outcome = synthesize("song.mid", *options.split())
    assert outcome.status == 2 and said in outcome.err[-1]
    assert not list(here.glob("*.wav"))


def test_what_a_stream_cannot_do(synthesize):
    write_song("song.mid", 60)
    outcome = synthesize("song.mid", "--stream", "-", "--stems")
    assert outcome.status == 2 and "leave out --stems" in outcome.err[-1]


def test_variations_of_standard_input(synthesize):
    outcome = synthesize("-", "--variations", 2)
    assert outcome.status == 2 and "name a file instead of -" in outcome.err[-1]


def test_what_changed_since_is_rendered_again(synthesize, here):
    write_song("v1.mid", *range(60, 76), seconds=1.0)
    write_song("v2.mid", *range(60, 66), 50, *range(67, 76), seconds=1.0)
    quick = ("--steps", 1)
    assert synthesize("v1.mid", "--sidecar", *quick).status == 0
    outcome = synthesize("v2.mid", "--since", "v1.wav", *quick)
    assert outcome.status == 0
    assert "v2.wav: rendered again: 0:03.84-0:08.96; all else is that of v1.wav" in outcome.err
    begins, ends = round(3.84 * 16000), round(8.96 * 16000)
    first, second = pcm("v1.wav"), pcm("v2.wav")
    np.testing.assert_array_equal(first[:begins], second[:begins])
    np.testing.assert_array_equal(first[ends:], second[ends:])
    assert np.any(first[begins:ends] != second[begins:ends])
    assert (here / "v2.wav.sidecar.npz").exists()
    options = ("--since", "v2.wav", "--region", "0:12-0:13", "--seed", 8, "-o", "v3.wav")
    assert synthesize("v2.mid", *options, *quick).status == 0
    third = pcm("v3.wav")
    outside = np.r_[0 : 12 * 16000, 13 * 16000 : len(third)]
    np.testing.assert_array_equal(third[outside], second[outside])
    assert np.any(third != second)
    wrong = synthesize("v2.mid", "--since", "v1.wav", "--seed", 4, "-o", "v4.wav", *quick)
    assert wrong.status == 2 and "rendered with seed 0, now it is 4" in wrong.err[-1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--region 0:20-0:28", "--region goes with --since"),
        ("--since none.wav", "none.wav: no such file; --since needs an earlier rendering"),
        ("--since none.wav --region 0:28-0:20", "its end must be after its beginning"),
        ("--sidecar -o song.mp3", "only WAV and FLAC keep the samples"),
        ("--sidecar --stems", "is for songs that are rendered whole"),
    ],
)
def test_what_is_no_earlier_rendering(synthesize, here, options, said):
    write_song("song.mid", 60)
    outcome = synthesize("song.mid", *options.split())
    assert outcome.status == 2 and said in outcome.err[-1]
    assert sorted(path.name for path in here.iterdir()) == ["song.mid"]
