"""``mt3synth prepare inspect``: figures on the terminal, a report beside the data set."""

import numpy as np
import pytest
import soundfile

from mt3synth.symbolic.midi import write_midi
from mt3synth.symbolic.notes import Notes


@pytest.fixture
def prepared(run, here):
    """Makes a data set of three recordings of 6 s in two performances, and one rejection."""

    def make(folder, kind="numpy"):
        tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(6 * 16000) / 16000)
        note = Notes(*(np.array([v]) for v in (0.5, 5.5, 69, 80, 40, False)))
        write_midi(note, here / "a.mid")
        rows = ["audio,midi,performance,split", "empty.wav,a.mid,studio,train"]
        (here / "empty.wav").write_bytes(b"")
        for name, performance in (("one", "studio"), ("二番", "<hall>"), ("three", "<hall>")):
            soundfile.write(here / f"{name}.wav", tone, 16000)
            rows.append(f"{name}.wav,a.mid,{performance},train")
        (here / "pairs.csv").write_text("\n".join(rows))
        options = ("--out", folder, "--format", kind, "--workers", "1")
        assert run("prepare", "pairs", "--manifest", "pairs.csv", *options).status == 3
        return folder

    return make


def test_figures_and_report(run, here, prepared):
    done = run("prepare", "inspect", prepared(here / "my set"))
    assert done.status == 0
    assert done.err == []
    assert done.out[1].split() == ["train", "3", "18.0", "s", "6.0", "s", "3", "0.2"]
    assert any(line.startswith("1  <hall>") for line in done.out)
    assert any(line.split() == ["Violin", "40", "3", "3", "100.0%"] for line in done.out)
    assert "Recordings left out: 1; rejected.csv says why." in done.out
    page = here / "my set-inspection/index.html"
    assert done.out[-1] == f"2 examples: {page}"
    assert page.is_file()
    assert len(list((here / "my set-inspection/examples").iterdir())) == 8


def test_one_song(run, here, prepared):
    options = ("--example", "二番.wav", "--start", "1", "--end", "2", "--split", "train")
    done = run("prepare", "inspect", prepared("set", "tfrecord"), "--out", "report", *options)
    assert done.status == 0
    assert sorted(p.name for p in (here / "report/examples").iterdir()) == [
        f"00001_二番.wav.{suffix}" for suffix in ("check.wav", "mid", "png", "wav")
    ]


@pytest.mark.parametrize(
    "options, message",
    [
        (["missing"], "missing: "),
        (["."], ".: "),
        (["set", "--start", "-1"], "--start -1 s; must be at least 0 s"),
        (["set", "--start", "3", "--end", "2"], "--end 2 s; must be after --start, 3 s"),
        (["set", "--most", "-1"], "--most -1; must be at least 0"),
        (["set", "--start", "9"], "cannot begin at 9 s"),
        (["set", "--example", "nothing"], "no song nothing (of 3 songs)"),
        (["set", "--split", "test"], "no split 'test'"),
        (["set", "--out", "file"], "--out file: "),
    ],
)
def test_refusals_are_one_line(run, here, prepared, options, message):
    (here / "file").write_text("")
    prepared("set")
    done = run("prepare", "inspect", *options)
    assert done.status == 2
    assert len(done.err) == 1 and message in done.err[0]
