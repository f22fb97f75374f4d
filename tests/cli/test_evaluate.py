"""``mt3synth evaluate``: a folder of files, a bundle, and what is wrong with a command."""

import json

import numpy as np
import pytest
from cli_cases import write_song
from evaluation_cases import RATE, write_audio, write_case

from data_pipelines.corpus.performances import DEFAULT_FILE
from mt3synth.commands.evaluate.options import EMBEDDINGS
from mt3synth.evaluation.embeddings import NAMES, musicnn_setup
from mt3synth.transcription import harmonica

FAST = ("--vocoder", "griffin-lim", "--gin.griffin_lim.GriffinLim.iterations=1")
OWN = """
from mt3synth.symbolic.notes import Notes
def nothing(audio, sample_rate):
    return Notes.empty()
"""


@pytest.fixture
def evaluate(run, bundle_folder, here):
    """``mt3synth evaluate`` with what is quick; later options win."""

    def call(*options):
        (here / "own.py").write_text(OWN)
        quick = ("--bundle", bundle_folder, *FAST)
        if "--transcriber" not in options:
            quick += ("--transcriber", "own.py:nothing")
        return run("evaluate", *options, *quick, "--examples", "1", "--cache", "cache")

    return call


def test_files(evaluate, here):
    case = write_case(here / "case", ("dull", "bright"))
    done = evaluate(*case.options, "--out", "out", "--listening-test", "listen",
                    "--window-hop", "2")  # fmt: skip
    assert (done.status, done.err) == (0, [])
    assert done.out[0] == "All-FAD, log-mel"
    assert "Listening test: listen/listening_test.html" in done.out
    report = json.loads((here / "out/report.json").read_text())
    assert report["embedding"]["name"] == "log-mel"
    assert report["vocoder"] == "Griffin-Lim"
    assert report["notes"]["own.py:nothing"]["scores"]["note"]["real"]["f1"] == 0
    names = ("index.html", "tables.md", "scores.csv", "pieces.csv", "confusion.csv", "problems.csv")
    assert all((here / "out" / name).stat().st_size for name in names)
    assert sorted(p.name for p in (here / "cache").iterdir()) == ["embeddings", "notes", "vocoded"]


def test_every_embedding_can_be_chosen(evaluate, here):
    assert EMBEDDINGS == NAMES
    case = write_case(here / "case", ("dull", "bright"))
    own = ("--embedding", "performance", "--shrinkage", "ledoit-wolf")
    done = evaluate(*case.options, "--out", "out", *own)
    assert (done.status, done.err) == (0, [])
    assert done.out[0] == "All-FAD, performance"
    assert json.loads((here / "out/report.json").read_text())["embedding"]["dimension"] == 64


def test_a_transcriber_that_is_not_installed_leaves_the_rest(evaluate, here, monkeypatch):
    monkeypatch.setattr(harmonica, "find_version", lambda: None)
    case = write_case(here / "case", ("dull",))
    asked = ("--transcriber", "own.py:nothing", "harmonica-x-large", "own.py:nothing")
    done = evaluate(*case.options, "--out", "out", *asked)
    assert done.status == 2
    assert len(done.err) == 1
    assert done.err[0].startswith("mt3synth evaluate: --transcriber harmonica-x-large: harmonica-")
    assert "pip install --no-deps" in done.err[0] and "states no licence" in done.err[0]
    report = json.loads((here / "out/report.json").read_text())
    assert list(report["notes"]) == ["own.py:nothing"]
    assert "harmonica-x-large" in (here / "out/problems.csv").read_text()


def test_what_could_not_be_measured_is_listed_and_the_status_is_3(evaluate, here):
    case = write_case(here / "case", ("dull",))
    write_audio(here / "case/reference/dull/quiet.wav", np.zeros(RATE))
    done = evaluate(*case.options, "--out", "out", "--transcriber", "none")
    assert done.status == 3
    assert len(done.err) == 1
    assert done.err[0].startswith("mt3synth evaluate: dull/quiet.wav: ")
    assert "silence" in (here / "out/problems.csv").read_text()


def test_a_listening_test_without_pairs_leaves_the_report(evaluate, here):
    case = write_case(here / "case", ("dull",))
    (here / "case/generated/0.wav").rename(here / "case/generated/own.wav")
    (here / "case/map.csv").write_text("audio,performance\nown.wav,dull\n")
    done = evaluate(*case.options[:6], "--out", "out", "--listening-test", "listen")
    assert done.status == 3
    assert any(line.startswith("mt3synth evaluate: --listening-test: nothing") for line in done.err)
    assert (here / "out/index.html").is_file() and not (here / "listen").exists()


@pytest.mark.parametrize(
    "options, message",
    [
        ([], "--generated, --reference, --performances, --out missing"),
        (["--out", "x", "--generated", "g"], "--reference, --performances missing"),
        (["--shrinkage", "2"], "--shrinkage 2; must be ledoit-wolf or within 0..1"),
        (["--shrinkage", "much"], "--shrinkage much; must be"),
        (["--seed", "-1"], "--seed -1; must be in 0.."),
        (["--examples", "-1"], "--examples -1; must be at least 0"),
        (["--example-seconds", "0"], "--example-seconds 0; must be above 0"),
        (["--window-hop", "0"], "--window-hop: hop=0 s between segments; must be above 0"),
        (["--window-overlap", "1"], "--window-overlap goes with --window-hop"),
        (["--embedding", "mfcc"], "--embedding: invalid choice: 'mfcc'"),
        (["--embedding", "musicnn"], "--setup"),
        (["--embedding-source", "here"], "log-mel has no weights to take from here"),
        (["--transcriber", "nothing"], "write module:attribute or file.py:attribute"),
        (["--generated", "none"], "--generated none: no such folder"),
        (["--bundle", "none"], "none: no such folder"),
        (["--out", "case/map.csv"], "--out case/map.csv: case/map.csv is no folder"),
        (["--listening-test", "case/map.csv/x"], "--listening-test case/map.csv/x: "),
        (["--cache", "case/map.csv"], "--cache case/map.csv: "),
        (
            ["--real", "case/reference"],
            "3 of its recordings are in --reference",
        ),
    ],
)
def test_refusals_are_one_line(run, here, bundle_folder, options, message):
    case = write_case(here / "case", ("dull",)) if options and "missing" not in message else None
    given = [] if case is None else [*case.options, "--out", "out", "--bundle", bundle_folder]
    done = run("evaluate", *given, *FAST, "--transcriber", "none", *options)
    assert done.status == 2
    assert len(done.err) == 1 and message in done.err[0], done.err


def test_setup_gets_the_weights_and_ends(run, monkeypatch):
    asked = []
    monkeypatch.setattr(musicnn_setup, "setup", lambda folder: asked.append(folder) or "there")
    done = run("evaluate", "--setup")
    assert (done.status, done.out[0], asked) == (0, "musicnn: there", [None])
    assert done.out[1].startswith("basic-pitch: ")
    assert done.out[2].startswith("harmonica: ") and "states no licence" in done.out[2]


@pytest.mark.parametrize(
    "options, message",
    [
        (["--excerpts", "0"], "--excerpts 0; must be at least 1"),
        (["--crossed", "9", "--excerpts", "8"], "--crossed 9; must be at most --excerpts 8"),
        (["--seconds", "0.5"], "--seconds 0.5; must be within 1..60 s"),
        (["--steps=-1"], "steps=-1; must be at least 0"),
        (["--gin.SamplingConfig.steps=-1"], "steps=-1; must be at least 0"),
        (["--levels", "5", "--excerpts", "4"], "--levels 5; must be at most --excerpts 4"),
        (["--bundle", "nowhere"], "nowhere: no such folder"),
        (["--performance", "nobody"], "nobody"),
    ],
)
def test_what_is_wrong_with_a_bundle_report_is_one_line(run, options, message):
    done = run("evaluate", "bundle", "--corpus", "none", "--out", "out", *options)
    assert done.status == 2
    assert len(done.err) == 1 and message in done.err[0]


@pytest.fixture
def own_performances(here, monkeypatch):
    """Writes a file of the tiny bundle's performances, which are played without a soundfont."""
    text = DEFAULT_FILE.read_text()
    for ours, theirs in (("hall", "concert-hall"), ("old-radio", "tape")):
        text = text.replace(f'name = "{theirs}"', f'name = "{ours}"')
    (here / "own.toml").write_text(text)
    played = []

    def noise(notes, performance, rate, rng, folders):
        played.append(performance.name)
        return rng.normal(0, 0.1, rate).astype(np.float32)

    monkeypatch.setattr("data_pipelines.corpus.sound.render.render", noise)
    return played


def test_sampling_of_a_bundle_is_what_gin_and_options_say(evaluate, here, own_performances):
    write_song("song.mid", 60)
    song = ("bundle", "--corpus", "none", "--only", "song", "--song", "song.mid",
            "--performances", "own.toml", "--song-performances", "old-radio")  # fmt: skip
    done = evaluate(*song, "--out", "out", "--gin.SamplingConfig.steps=1", "--seed", "7",
                    "--gin.SamplingConfig.overlap=8", "--sampler", "ddpm")  # fmt: skip
    assert done.status == 0, done.err
    report = json.loads((here / "out/report.json").read_text())
    used = {name: report["sampling"][name] for name in ("steps", "overlap", "sampler", "seed")}
    assert used == {"steps": "1", "overlap": "8", "sampler": "ddpm", "seed": "7"}
    assert report["seed"] == 7
    assert [row["performance"] for row in report["song"]["renderings"]] == ["old-radio"]
    assert own_performances == ["old-radio"]
    assert (here / "out/song_old_radio.png").stat().st_size
    assert "song.mid" in (here / "out/index.html").read_text()


def test_a_bundle_of_performances_that_nobody_knows(evaluate, here):
    done = evaluate("bundle", "--corpus", "none", "--only", "song", "--out", "out")
    assert done.status == 2
    assert "performances hall, old-radio of the bundle are none that" in done.err[-1]


@pytest.mark.slow
def test_thin_music_needs_no_corpus(evaluate, here, own_performances):
    thin = ("bundle", "--only", "thin", "--thin-groups", "flute", "--steps", "1")
    done = evaluate(*thin, "--performances", "own.toml", "--out", "out", "--pictures", "drawn")
    assert done.status == 0, done.err
    assert own_performances == ["studio"] * 7  # three velocities from two times on, and the tune
    assert (here / "drawn/tune_studio.png").stat().st_size
    report = json.loads((here / "out/report.json").read_text())
    flute = report["thin"]["studio"]["flute"]
    assert set(flute["generated"]["level_db"]) == {"30", "60", "100"}
    assert flute["vocoded"]["pieces"] == 6
    tables = (here / "out/tables.md").read_text()
    assert tables.startswith("## Thin music, studio\n\n| group | level at 30 |")
    assert "\n| flute | " in tables
    assert "thin studio flute start_db" in (here / "out/scores.csv").read_text()
    own_performances.clear()
    assert evaluate(*thin, "--performances", "own.toml", "--out", "out").status == 0
    assert own_performances == ["studio"]  # what is there is not rendered again, but for the tune


def test_thin_music_of_performances_that_nobody_knows(evaluate, here):
    done = evaluate("bundle", "--only", "thin", "--thin-groups", "drums", "--steps", "1",
                    "--out", "out")  # fmt: skip
    assert done.status == 3
    assert done.err[-1].startswith("mt3synth evaluate: thin music, studio, real: performances hall")
    report = json.loads((here / "out/report.json").read_text())
    assert report["thin"]["studio"]["drums"]["generated"]["pieces"] == 6


def test_excerpts_need_a_corpus(run):
    done = run("evaluate", "bundle", "--out", "out", "--only", "thin", "levels")
    assert done.status == 2
    assert done.err[0].endswith("measure what needs none by --only thin song")


def test_interrupt_is_one_line(evaluate, here, monkeypatch):
    case = write_case(here / "case", ("dull",))

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("mt3synth.evaluation.evaluate.measure", interrupted)
    done = evaluate(*case.options, "--out", "out")
    assert (done.status, done.err) == (2, ["mt3synth evaluate: interrupted"])
