"""Bad input: one clear line, status 2, nothing half-written, and the others still rendered."""

import errno
import json
import os
import shutil

import pytest
from cli_cases import write_song

GOOD = "good.mid"


@pytest.fixture(autouse=True)
def good(here):
    return write_song(GOOD, 60)


def refused(outcome, *said):
    assert outcome.status == 2
    assert len(outcome.err) == 1, outcome.err
    assert outcome.err[0].startswith("mt3synth synthesize: ")
    for words in said:
        assert words in outcome.err[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--steps 0", "steps=0; must be at least 1"),
        ("--devices 99", "devices=99; must be at most"),
        ("--seed -1", "seed=-1; must be at least 0"),
        ("--seed 4294967296", "must be at most 4294967295"),
        ("--eta 2", "eta is 2.0; must be between 0 and 1"),
        ("--sampler ddpm --eta 0", "eta=0.0 goes with the sampler ddim"),
        ("--continuity context", "reads no frames before a segment (context_frames=0)"),
        ("--guidance-notes -1", "guidance on notes is -1.0; must be at least 0"),
        ("--guidance-performance nan", "guidance on performance is nan"),
        ("--start -1", "start=-1.0 s; must be at least 0"),
        ("--start nan", "start=nan s"),
        ("--start 2 --end 1", "end=1.0 s; must be after start=2.0 s"),
        ("--start 99", "good.mid: no notes from 99.0 s"),
        ("--performance hal", "did you mean 'hall'? known are: studio, hall, old-radio"),
        ("--bundle none", "none: no such folder"),
        ("--bundle .", ". is no bundle: it has no config.json"),
        ("-o no/such/x.wav", "no/such/x.wav: its folder does not exist"),
        ("-o no/such/", "no/such/: no such folder"),
        ("-o x.aiff", "suffix '.aiff'; must be one of .wav, .flac, .mp3, .ogg, .opus, .m4a"),
        ("-o x", "suffix ''; must be one of .wav, .flac"),
        ("--save-mel x.csv", "suffix '.csv'; must be .npy"),
        ("--save-mel no/x.npy", "no/x.npy: its folder does not exist"),
        ("--gin.synthesis.SamplingConfig.chunk=0", "chunk=0; must be at least 1"),
        ("--gin.synthesis.SamplingConfig.overlap=200", "overlap=200 frames"),
        ("--gin.griffin_lim.GriffinLim.refine=3", "refine=3 steps per frame; must divide"),
    ],
)
def test_options(synthesize, here, options, said):
    refused(synthesize(GOOD, *options.split()), said)
    assert [p.name for p in here.iterdir()] == [GOOD]


def midi_without_notes() -> bytes:
    return b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\0\4\0\xff\x2f\0"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "bad.mid: cannot be read (No such file"),
        (b"", "bad.mid: not a MIDI file"),
        (b"RIFF0000WAVE", "bad.mid: not a MIDI file"),
        ("cut", "bad.mid: the MIDI file has no notes (the end of the file is cut off"),
        (midi_without_notes(), "bad.mid: the MIDI file has no notes"),
        ("outside", "bad.mid: all 2 notes are outside the model's range, keys 21 to 108"),
    ],
)
def test_files(synthesize, here, content, said):
    match content:
        case "cut":
            (here / "bad.mid").write_bytes((here / GOOD).read_bytes()[:-10])
        case "outside":
            write_song("bad.mid", 3, 125)
        case bytes():
            (here / "bad.mid").write_bytes(content)
    outcome = synthesize("bad.mid", GOOD)
    assert outcome.status == 2
    complaints = [line for line in outcome.err if line.startswith("mt3synth synthesize: ")]
    assert len(complaints) == 1
    assert said in complaints[0]
    assert (here / "good.wav").exists()
    assert not (here / "bad.wav").exists()


def test_an_existing_file_is_left_alone_and_nothing_is_rendered_first(synthesize, here):
    (here / "good.wav").write_text("precious")
    refused(synthesize(GOOD), "good.wav exists; give --overwrite")
    assert (here / "good.wav").read_text() == "precious"
    (here / "x.npy").write_text("precious")
    refused(synthesize(GOOD, "-o", "x.wav", "--save-mel", "x.npy"), "x.npy exists")
    assert not (here / "x.wav").exists()


def test_two_inputs_of_one_name(synthesize, here):
    (here / "a").mkdir()
    write_song("a/good.mid", 62)
    outcome = synthesize(GOOD, "a/good.mid")
    assert outcome.status == 2
    assert outcome.err[0].endswith("a/good.mid: good.wav is already that of good.mid")
    assert (here / "good.wav").exists()


def test_several_inputs_need_a_folder(synthesize, here):
    write_song("other.mid", 60)
    refused(synthesize(GOOD, "other.mid", "-o", "x.wav"), "-o x.wav: no such folder")
    (here / "empty").mkdir()
    refused(synthesize("empty"), "empty: no MIDI files")


def test_a_bundle_of_another_version(synthesize, here, bundle_folder):
    shutil.copytree(bundle_folder, here / "old")
    config = json.loads((here / "old" / "config.json").read_text())
    (here / "old" / "config.json").write_text(json.dumps(config | {"format": 99}))
    refused(synthesize(GOOD, "--bundle", "old"), "old is a bundle of format 99")


@pytest.mark.parametrize("target", ["good.wav", "good.npy"])
def test_a_full_disk(synthesize, here, monkeypatch, target):
    replace = os.replace

    def full(source, destination):
        if str(destination).endswith(target):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, destination)

    monkeypatch.setattr(os, "replace", full)
    outcome = synthesize(GOOD, "--save-mel", ".")
    assert outcome.status == 2
    assert outcome.err[-1].endswith(f"{target}: cannot be written: No space left on device")
    left = {p.name for p in here.iterdir()}
    assert left <= {GOOD, "good.npy", "good.wav"} - {target}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([], "performances [] of a network that knows 3"),
        ([{"index": 1}], "performances [1, 1, 2]"),
        ([{"name": "x\x1b[2J"}], r"called or described 'x\x1b[2J'"),
        ([{"description": "two\nlines"}], r"'two\nlines'"),
        ([{"name": "hall"}], "default performance 'studio' of hall, hall, old-radio"),
        ("[" * 100_000, "JSON that nests too deep"),
    ],
)
def test_a_bundle_whose_performances_cannot_be_shown(run, here, bundle_folder, changes, said):
    shutil.copytree(bundle_folder, here / "odd")
    path = here / "odd" / "performances.json"
    listed = json.loads(path.read_text())
    if isinstance(changes, str):
        path.write_text(changes)
    else:
        for entry, change in zip(listed, changes):
            entry.update(change)
        path.write_text(json.dumps(changes and listed))
    outcome = run("performances", "--bundle", "odd")
    assert outcome.status == 2 and not outcome.out
    assert len(outcome.err) == 1 and said in outcome.err[0]
