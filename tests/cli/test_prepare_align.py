"""`mt3synth prepare align` and `mt3synth prepare check`, with a chorale whose times are known."""

import csv
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from data_pipelines.alignment.features import SAMPLE_RATE
from data_pipelines.corpus.performances import read_performances
from data_pipelines.corpus.sound.render import render
from data_pipelines.prepare.manifest import read_manifest
from mt3synth.audio.files import write_audio
from mt3synth.errors import UserError
from mt3synth.symbolic.midi import read_midi, write_midi

pytest.importorskip("synctoolbox")
EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
STUDIO = read_performances()[0]
SECONDS = 12.0


def _can_render() -> bool:
    try:
        STUDIO.soundfont.path()
    except UserError:
        return False
    return shutil.which("fluidsynth") is not None


needs_fluidsynth = pytest.mark.skipif(
    not _can_render(), reason="needs fluidsynth and Debian's fluid-soundfont-gm"
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Writes a recording, its score and its true notes, another song, and silence."""
    folder = tmp_path_factory.mktemp("takes")
    score = read_midi(EXAMPLES / "bach_chorale.mid")[0].cropped(0.0, SECONDS)
    truth = score.replace(start=_late(score.start), end=_late(score.end))
    audio = render(truth, STUDIO, SAMPLE_RATE, np.random.default_rng(0))
    write_audio(folder / "take é.wav", audio, SAMPLE_RATE, {})
    write_audio(folder / "silence.wav", np.zeros(SAMPLE_RATE * 5, np.float32), SAMPLE_RATE, {})
    write_midi(score, folder / "score.mid")
    write_midi(truth, folder / "truth.mid")
    write_midi(truth.select(truth.start > 0.12).shifted(-0.12), folder / "early.mid")
    other = read_midi(EXAMPLES / "mozart_quartet.mid")[0].cropped(0.0, SECONDS)
    write_midi(other, folder / "other.mid")
    return folder


def _late(seconds: np.ndarray) -> np.ndarray:
    """Plays half a second later, at a tempo that slows down from 118 to 85 %."""
    return 0.5 + 0.85 * seconds + 0.0135 * seconds**2


def _table(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["audio,midi,performance,split", *rows]) + "\n", encoding="utf-8")
    return path


@needs_fluidsynth
def test_one_pair(run, files: Path, here: Path) -> None:
    pair = ("--audio", files / "take é.wav", "--midi", files / "score.mid", "--out", "a.mid")
    result = run("prepare", "align", *pair)
    assert result.status == 0, result.err
    assert "confidence 0." in result.out[0] and "a.png" in result.out[0]
    assert (here / "a.png").read_bytes().startswith(b"\x89PNG")
    aligned, truth = read_midi(here / "a.mid")[0], read_midi(files / "truth.mid")[0]
    assert np.median(np.abs(np.sort(aligned.start) - np.sort(truth.start))) <= 0.02
    again = run("prepare", "align", *pair)
    assert again.status == 2 and len(again.err) == 1 and "--overwrite" in again.err[0]


@needs_fluidsynth
@pytest.mark.parametrize(
    ("audio", "midi", "what"),
    [("take é.wav", "other.mid", "confidence"), ("silence.wav", "score.mid", "silent")],
)
def test_a_refused_pair_leaves_no_file(run, files, here, audio, midi, what) -> None:
    pair = ("--audio", files / audio, "--midi", files / midi)
    result = run("prepare", "align", *pair, "--out", "a.mid")
    assert result.status == 2 and len(result.err) == 1
    assert what in result.err[0] and audio in result.err[0] and midi in result.err[0]
    assert not list(here.iterdir())


@pytest.mark.slow
@needs_fluidsynth
def test_a_table_of_pairs(run, files: Path, here: Path) -> None:
    rows = [f"take é.wav,{midi},hall,test" for midi in ("score.mid", "other.mid", "gone.mid")]
    table = _table(files / "pairs.csv", *rows)
    result = run("prepare", "align", "--manifest", table, "--out", "aligned")
    assert result.status == 3 and "1 of 3 pairs aligned" in result.out[-2]
    with open(here / "aligned" / "rejected.csv", encoding="utf-8", newline="") as file:
        rejected = list(csv.DictReader(file))
    assert [Path(row["midi"]).name for row in rejected] == ["gone.mid", "other.mid"]
    assert "confidence" in rejected[1]["reason"]
    assert sorted(path.suffix for path in (here / "aligned").iterdir() if "take" in path.name) == [
        ".mid",
        ".png",
    ]
    (listed,) = read_manifest(here / "aligned" / "manifest.csv").recordings
    assert (listed.performance, listed.split) == ("hall", "test")
    assert listed.audio.path.resolve() == (files / "take é.wav").resolve()
    checked = run("prepare", "check", "--manifest", here / "aligned" / "manifest.csv")
    assert checked.status == 0, checked.err
    before = (here / "aligned" / "take é.mid").stat().st_mtime_ns
    run("prepare", "align", "--manifest", table, "--out", "aligned")
    assert (here / "aligned" / "take é.mid").stat().st_mtime_ns == before


@needs_fluidsynth
def test_check_names_the_bad_pairs(run, files: Path) -> None:
    names = ("truth.mid", "early.mid", "other.mid", "gone.mid")
    table = _table(files / "check.csv", *(f"take é.wav,{midi},hall,test" for midi in names))
    result = run("prepare", "check", "--manifest", table)
    assert result.status == 3 and result.out[-1].startswith("1 of 4 pairs")
    early, other, gone = result.err
    assert "early.mid" in early and "shifted" in early
    assert 100 <= int(early.split("comes ")[1].split(" ms after")[0]) <= 140
    assert "other.mid" in other and "does not match" in other
    assert "gone.mid" in gone


HEARS = """
from mt3synth.symbolic.midi import read_midi
from mt3synth.symbolic.notes import Notes


def truth(audio, sample_rate):
    return read_midi("{folder}/truth.mid")[0]


def nothing(audio, sample_rate):
    return Notes.empty()
"""


@needs_fluidsynth
def test_check_asks_a_transcriber_or_says_that_it_cannot_tell(run, files: Path, here: Path) -> None:
    (here / "mine.py").write_text(HEARS.format(folder=files))
    truth = read_midi(files / "truth.mid")[0]
    write_midi(truth.select(truth.start >= 0.3).shifted(-0.3), files / "earlier.mid")

    def check(midi: str, transcriber: str):
        pair = ("--audio", files / "take é.wav", "--midi", files / midi)
        # What alignment follows is told to let this shift pass.
        return run("prepare", "check", *pair, "--tolerance", 400, "--transcriber", transcriber)

    good = check("truth.mid", "mine.py:truth")
    assert good.status == 0 and re.search(r" ([1-9])/\1  ", good.out[1])
    bad = check("earlier.mid", "mine.py:truth")
    assert bad.status == 3 and re.search(r" 0/[1-9]  ", bad.out[1])
    assert re.search(r"off in (\d) of \1 stretches, .* the sound comes (28|30|32)0 ms", bad.err[0])
    deaf = check("truth.mid", "mine.py:nothing")
    assert deaf.status == 0 and "hears too little of it to say how exact it is" in deaf.out[2]
    alone = check("truth.mid", "none")
    assert alone.status == 0 and alone.out[-2].startswith("No transcriber was asked: of pairs that")


@pytest.mark.parametrize(
    "arguments",
    [
        ("align", "--out", "a.mid"),
        ("align", "--audio", "a.wav", "--midi", "b.mid", "--out", "a.wav"),
        ("align", "--manifest", "a.csv", "--audio", "b.wav", "--out", "c"),
        ("align", "--manifest", "gone.csv", "--out", "c"),
        ("align", "--audio", "a.wav", "--midi", "b.mid", "--out", "gone/a.mid"),
        ("align", "--audio", "a.wav", "--midi", "b.mid", "--out", "a.mid", "--threshold", "2"),
        ("check",),
        ("check", "--audio", "a.wav"),
        ("check", "--manifest", "a.csv", "--audio", "b.wav", "--midi", "c.mid"),
        ("check", "--manifest", "gone.csv"),
        ("check", "--manifest", "gone.csv", "--tolerance", "0"),
    ],
)
def test_wrong_options_are_one_line(run, here: Path, arguments) -> None:
    result = run("prepare", *arguments)
    assert result.status == 2 and len(result.err) == 1
    assert not list(here.iterdir())
