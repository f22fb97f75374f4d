"""The front door from Python, and that the command line does the same."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
from cli_cases import PERFORMANCES, save_model, tiny_spec, write_song

import mt3synth
from mt3synth import cli
from mt3synth.audio.files import read_audio, read_metadata
from mt3synth.errors import UserError
from mt3synth.symbolic import read_midi, sequence_from_notes
from mt3synth.synthesis import SamplingConfig
from mt3synth.vocoder.griffin_lim import GriffinLim

ROOT = Path(__file__).parents[1]
STEPS = 2

pytestmark = pytest.mark.usefixtures("quick_griffin_lim")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def model(folder):
    return mt3synth.load(folder)


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return write_song("song.mid", 60, 64, 67)


def test_the_import_loads_neither_jax_nor_numpy():
    code = (
        "import sys, mt3synth\n"
        "assert {'load', 'Model'} <= set(dir(mt3synth))\n"
        "heavy = {'jax', 'numpy', 'flax', 'note_seq'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert callable(mt3synth.load) and 'jax' in sys.modules\n"
        "try: mt3synth.laod\n"
        "except AttributeError: pass\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_the_module_can_be_run():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "mt3synth", "--version"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout == f"mt3synth {mt3synth.__version__}\n"


def test_a_model_says_what_it_is(model):
    assert model.spec == tiny_spec()
    assert model.performances == PERFORMANCES
    assert repr(model) == (
        "Model(tiny, 0.4 M parameters; performances: studio, hall, old-radio; default: studio)"
    )


def test_a_song_is_its_sound_its_frames_and_what_it_came_from(model, path):
    song = model.render(path, performance="hall", seed=7, steps=STEPS)
    assert song.sample_rate == 16000
    assert song.mel.shape == (200, 128)
    assert song.audio.shape == (200 * 320,) and song.audio.dtype == np.float32
    assert np.abs(song.audio).max() <= 1 and song.gain <= 1
    assert song.seconds == 4.0
    assert song.reports == ()
    assert song.metadata["seed"] == "7" and song.metadata["performance"] == "hall"
    assert repr(song) == "Song(song.mid, performance hall, 4.0 s at 16000 Hz)"


def test_the_command_writes_the_same_samples_frames_and_metadata(model, path, folder):
    options = ["--performance", "hall", "--seed", "3", "--eta", "0.5", "--end", "1"]
    argv = ["synthesize", str(path), "--bundle", str(folder), "--steps", str(STEPS), *options]
    assert cli.main([*argv, "-o", "theirs.wav", "--save-mel", "theirs.npy"]) == 0
    song = model.render(path, "hall", seed=3, eta=0.5, end=1.0, steps=STEPS)
    song.write("ours.wav")
    song.write_mel("ours.npy")
    assert Path("ours.wav").read_bytes() == Path("theirs.wav").read_bytes()
    assert Path("ours.npy").read_bytes() == Path("theirs.npy").read_bytes()
    assert read_metadata("ours.wav")["end"] == "1.0"


def test_all_kinds_of_scores_render_alike(model, path):
    notes, _ = read_midi(path)
    kinds = (
        str(path),
        pretty_midi.PrettyMIDI(str(path)),
        sequence_from_notes(notes),
        notes,
    )
    expected = model.render(path, steps=STEPS)
    for kind in kinds:
        song = model.render(kind, steps=STEPS)
        np.testing.assert_array_equal(song.audio, expected.audio)
        assert song.metadata.get("score") == ("song.mid" if isinstance(kind, str) else None)


def test_a_score_in_memory_has_its_pedal_applied_and_its_rest_reported(path):
    from mt3synth.score import Span, read_score

    midi = pretty_midi.PrettyMIDI(str(path))
    changes = midi.instruments[0].control_changes
    changes.append(pretty_midi.ControlChange(64, 127, 0.0))
    changes.append(pretty_midi.ControlChange(64, 0, 3.0))
    changes.append(pretty_midi.ControlChange(7, 100, 0.0))
    midi.instruments[0].pitch_bends.append(pretty_midi.PitchBend(100, 0.2))
    midi.write("pedal.mid")
    from_file, from_memory = (read_score(s, Span(), tiny_spec()) for s in ("pedal.mid", midi))
    np.testing.assert_allclose(from_memory.notes.end, from_file.notes.end, atol=2e-3)
    np.testing.assert_allclose(from_memory.notes.end, 3.0, atol=2e-3)
    assert from_memory.reports == from_file.reports
    assert from_memory.reports == ()
    for score in (from_memory, from_file):
        [treatment] = score.treatments
        assert treatment.cents.values.tolist() == pytest.approx([0, 100 * 2 * 100 / 8192])
        assert treatment.cents.times.tolist() == pytest.approx([0, 0.2], abs=2e-3)
        assert not treatment.moves_level


def test_what_is_not_rendered_as_written_is_reported(model, path):
    write_song("low.mid", 60, 10, 120, program=43)
    song = model.render("low.mid", steps=STEPS)
    assert song.reports == (
        "program 43 Contrabass: 3 notes rendered as cello (42 Cello)",
        "pitches outside 21..108: 2 notes left out",
    )
    assert "2 reports" in repr(song)
    assert "2 notes left out" in song._repr_html_()


def test_a_configuration_a_vocoder_and_a_callback(model, path):
    done = []
    song = model.render(
        path,
        config=SamplingConfig(steps=9, seed=5, tail=1.0),
        vocoder=GriffinLim(model.spec.mel, iterations=0),
        steps=3,
        on_step=lambda number, steps: done.append((number, steps)),
    )
    assert done == [(1, 3), (2, 3), (3, 3)]
    assert song.seconds == 2.5  # the notes and the tail
    assert (song.metadata["steps"], song.metadata["seed"]) == ("3", "5")


def test_a_renderer_settles_everything_but_the_score(model, path):
    from mt3synth.score import Span, read_score

    renderer = model.renderer("hall", steps=STEPS)
    song = renderer.render(read_score(path, Span(0.5, 1.0), model.spec))
    expected = model.render(path, "hall", start=0.5, end=1.0, steps=STEPS)
    np.testing.assert_array_equal(song.audio, expected.audio)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"score": "none.mid"}, "none.mid: cannot be read (No such file"),
        ({"score": 3}, "a score of type int; give the path of a MIDI file"),
        ({"score": pretty_midi.PrettyMIDI()}, "the PrettyMIDI has no notes"),
        ({"performance": "hal"}, "did you mean 'hall'?"),
        ({"start": -1.0}, "start=-1.0 s; must be at least 0"),
        ({"start": 2.0, "end": 1.0}, "end=1.0 s; must be after start=2.0 s"),
        ({"start": 99.0}, "no notes from 99.0 s"),
        ({"step": 3}, "no option 'step'; did you mean 'steps'?"),
        ({"steps": 0}, "steps=0; must be at least 1"),
        ({"steps": "many"}, "steps='many'; must be an integer"),
        ({"eta": "x"}, "eta='x'; must be a number"),
        ({"sampler": "euler"}, "sampler='euler'; must be one of"),
        ({"sampler": "ddpm", "eta": 0.5}, "eta=0.5 goes with the sampler ddim"),
        ({"seed": 2**32}, "must be at most 4294967295"),
        ({"overlap": 200}, "overlap=200 frames"),
        ({"vocoder": "griffin"}, "no vocoder 'griffin'; must be one of neural, griffin-lim"),
        ({"vocoder_source": "x"}, "goes with neural or soundstream"),
    ],
)
def test_errors_are_one_line_for_the_user(model, path, arguments, said):
    with pytest.raises(UserError) as raised:
        model.render(**{"score": path, "steps": STEPS} | arguments)
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_a_folder_that_is_no_bundle(path):
    with pytest.raises(UserError, match="none: no such folder"):
        mt3synth.load("none")


def test_a_song_that_cannot_be_written_leaves_nothing_behind(model, path):
    song = model.render(path, steps=STEPS)
    for write, target in (
        (song.write, "x.aiff"),
        (song.write, "no/x.wav"),
        (song.write_mel, "no/x"),
    ):
        with pytest.raises(UserError):
            write(target)
    song.write("x.flac")
    np.testing.assert_allclose(read_audio("x.flac", 16000), song.audio, atol=1e-4)
    assert sorted(p.name for p in Path().iterdir()) == ["song.mid", "x.flac"]


def test_a_notebook_shows_a_player_and_the_frames(model, path, monkeypatch):
    song = model.render(path, steps=STEPS)
    shown = song._repr_html_()
    assert "<audio controls" in shown and "data:audio/mpeg;base64," in shown
    assert "data:image/png;base64," in shown
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # as if it were not installed
    shown = song._repr_html_()
    assert "<audio controls" in shown and "image/png" not in shown


@pytest.mark.slow
def test_in_an_executed_notebook(folder, path, monkeypatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    cell = (
        "import mt3synth\n"
        f"model = mt3synth.load({str(folder)!r})\n"
        f"model.render({str(path.absolute())!r}, performance='hall', seed=7, steps={STEPS})"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    shown = [out["data"] for out in notebook.cells[0].outputs if "data" in out]
    assert len(shown) == 1
    assert shown[0]["text/plain"].startswith("Song(song.mid, performance hall")
    assert "data:audio/mpeg;base64," in shown[0]["text/html"]
    assert "data:image/png;base64," in shown[0]["text/html"]
