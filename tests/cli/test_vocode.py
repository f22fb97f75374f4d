"""`mt3synth vocode`, and --vocoder wherever it is offered."""

import dataclasses
import json
import shutil
import sys

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
import soundfile
from cli_cases import PERFORMANCES, random_params, tiny_spec, write_song

from mt3synth import __version__, bundle
from mt3synth.audio.files import read_audio, read_metadata
from mt3synth.audio.mel import MELGAN, log_mel
from mt3synth.training.checkpoints.manager import Checkpoints
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.state import init_state
from mt3synth.vocoder import files
from mt3synth.vocoder.files import VocoderWeights, abstract_params
from mt3synth.vocoder.neural import NeuralVocoder
from mt3synth.vocoder.vocos import VocosConfig

ONE_ITERATION = "--gin.griffin_lim.GriffinLim.iterations=1"


@pytest.fixture(scope="module")
def voice() -> VocoderWeights:
    """Makes a tiny network of random weights, loud enough to clip."""
    config = VocosConfig(width=16, layers=1, mlp_width=16, projections=2)
    rng = np.random.default_rng(0)
    params = jax.tree.map(
        lambda leaf: rng.normal(0, 0.1, leaf.shape).astype(np.float16).astype(np.float32),
        abstract_params(config, MELGAN),
    )
    bias = params["head"]["bias"]
    bias[: config.fft // 2 + 1] = np.float16(2)
    return VocoderWeights(MELGAN, config, params)


@pytest.fixture
def voice_folder(voice, here):
    files.write(here / "voice", voice.config, voice.spec, voice.params)
    return here / "voice"


@pytest.fixture(scope="module")
def voiced(voice, tmp_path_factory):
    """Writes the tiny model with a vocoder of its own."""
    folder = tmp_path_factory.mktemp("voiced") / "tiny"
    spec = tiny_spec()
    params = random_params(spec)
    bundle.save(folder, spec, PERFORMANCES, "studio", params, "# Tiny\n", vocoder=voice)
    return folder


def write_tone(path, seconds=1.0, rate=44100, channels=2, level=0.3):
    time = np.arange(int(seconds * rate)) / rate
    tone = level * np.sin(2 * np.pi * 440 * time)
    soundfile.write(path, np.stack([tone] * channels, axis=1), rate)
    return read_audio(path, 16000)


def test_audio_of_any_rate_and_channels_comes_back_as_long_as_it_was(run, bundle_folder):
    audio = write_tone("in.flac", seconds=1.003)
    outcome = run("vocode", "in.flac", "-o", "out.wav", "--bundle", bundle_folder)
    assert outcome.status == 0, outcome.err
    made = read_audio("out.wav", 16000)
    assert len(made) == len(audio)
    far = np.abs(log_mel(made, MELGAN) - log_mel(audio, MELGAN))[5:-5]
    assert far[log_mel(audio, MELGAN)[5:-5] > -3].mean() < 0.1
    assert "out.wav: 1.0 s of audio in" in outcome.err[-1]
    assert read_metadata("out.wav") == {
        "software": f"mt3synth {__version__}",
        "bundle": bundle.load(bundle_folder).hash,
        "recording": "in.flac",
        "vocoder": "GriffinLim",
        "gain_db": "0.0",
    }


def test_the_vocoder_of_the_bundle_is_taken_unless_another_is_named(run, voiced, voice):
    audio = write_tone("in.wav", level=0.99)
    assert run("vocode", "in.wav", "-o", "own.wav", "--bundle", voiced).status == 0
    expected = NeuralVocoder.of(voice)(log_mel(audio, MELGAN))[: len(audio)]
    peak = np.abs(expected).max()
    assert peak > 1
    np.testing.assert_allclose(read_audio("own.wav", 16000), expected / peak, atol=1e-4)
    assert read_metadata("own.wav")["vocoder"] == "NeuralVocoder"
    assert read_metadata("own.wav")["vocoder_weights"] == voice.hash
    other = ("--vocoder", "griffin-lim", ONE_ITERATION, "--bundle", voiced)
    assert run("vocode", "in.wav", "-o", "other.wav", *other).status == 0
    assert read_metadata("other.wav")["vocoder"] == "GriffinLim"


def test_audio_that_would_clip_is_turned_down_and_that_is_said(run, voiced, voice):
    write_tone("in.wav", level=0.99)
    outcome = run("vocode", "in.wav", "-o", "out.wav", "--bundle", voiced)
    assert outcome.err[0].startswith("out.wav: -")
    assert outcome.err[0].endswith(" dB, so that it does not clip")
    audio = read_audio("out.wav", 16000)
    assert np.abs(audio).max() == pytest.approx(1, abs=1e-4)
    # The metadata undo it.
    gain = 10 ** (float(read_metadata("out.wav")["gain_db"]) / 20)
    made = NeuralVocoder.of(voice)(log_mel(read_audio("in.wav", 16000), MELGAN))[: len(audio)]
    assert np.abs(audio / gain - made).max() < 1e-3


def test_recordings_that_hold_little_or_nothing(run, voiced, here):
    """Silence and a single sample come back, the others are named, and nothing is left of them."""
    for name, audio in {
        "silent": np.zeros(4000),
        "instant": np.full(1, 0.5),
        "nothing": np.zeros(0),
        "broken": np.full(4000, np.nan),
        "loud": np.full(4000, 1e6),
    }.items():
        soundfile.write(f"{name}.wav", audio, 16000, subtype="FLOAT")
    (here / "out").mkdir()
    names = ("silent", "instant", "nothing", "broken", "loud")
    outcome = run("vocode", *(f"{n}.wav" for n in names), "-o", "out", "--bundle", voiced)
    assert outcome.status == 2
    complaints = [line for line in outcome.err if line.startswith("mt3synth vocode: ")]
    assert len(complaints) == 2, outcome.err
    assert "nothing.wav" in complaints[0] and "broken.wav" in complaints[1]
    assert sorted(p.stem for p in (here / "out").iterdir()) == ["instant", "loud", "silent"]
    assert len(read_audio("out/instant.wav", 16000)) == 1
    assert len(read_audio("out/silent.wav", 16000)) == 4000


def test_another_trained_vocoder_from_its_folder(run, bundle_folder, voice_folder, voice):
    write_tone("in.wav")
    options = ("--vocoder", "neural", "--vocoder-source", "voice", "--bundle", bundle_folder)
    assert run("vocode", "in.wav", "-o", "out.wav", *options).status == 0
    assert read_metadata("out.wav")["vocoder_weights"] == voice.hash


def test_synthesize_takes_the_same_options(synthesize, voiced, bundle_folder, voice, here):
    write_song("song.mid", 60)
    for name, options in {
        "own": ("--bundle", voiced),
        "plain": ("--bundle", bundle_folder),
        "asked": ("--bundle", voiced, "--vocoder", "griffin-lim"),
    }.items():
        outcome = synthesize("song.mid", "-o", f"{name}.wav", "--save-mel", f"{name}.npy", *options)
        assert outcome.status == 0, outcome.err
    own, plain, asked = (read_metadata(f"{name}.wav") for name in ("own", "plain", "asked"))
    assert (own["vocoder"], own["vocoder_weights"]) == ("NeuralVocoder", voice.hash)
    assert plain["vocoder"] == asked["vocoder"] == "GriffinLim"
    np.testing.assert_array_equal(np.load("own.npy"), np.load("plain.npy"))
    np.testing.assert_array_equal(read_audio("plain.wav", 16000), read_audio("asked.wav", 16000))


def test_a_folder_and_a_file_into_a_folder_and_the_bad_ones_apart(run, bundle_folder, here):
    for folder in ("in", "out"):
        (here / folder).mkdir()
    write_tone("in/a.wav", 0.2)
    write_tone("in/b.flac", 0.2)
    (here / "in" / "c.wav").write_bytes(b"")
    (here / "in" / "notes.txt").write_text("no audio")
    write_tone("d.ogg", 0.2)
    outcome = run(
        *("vocode", "in", "d.ogg", "none.wav", "-o", "out", "--bundle", bundle_folder),
        ONE_ITERATION,
    )
    assert outcome.status == 2
    complaints = [line for line in outcome.err if line.startswith("mt3synth vocode: ")]
    assert len(complaints) == 2
    assert "in/c.wav: is empty" in complaints[0]
    assert "none.wav: cannot be read" in complaints[1]
    assert sorted(p.name for p in (here / "out").iterdir()) == ["a.wav", "b.wav", "d.wav"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "the following arguments are required: -o/--output"),
        ("-o other.wav", "other.wav exists; give --overwrite"),
        ("-o in.wav", "in.wav is what is read; give another -o"),
        ("-o out.aiff", "suffix '.aiff'; must be one of .wav, .flac"),
        ("-o no/out.wav", "no/out.wav: its folder does not exist"),
        ("-o out.wav --vocoder wavenet", "invalid choice: 'wavenet'"),
        ("-o out.wav --vocoder neural", "the bundle has no trained vocoder: name a folder"),
        ("-o out.wav --vocoder neural --vocoder-source .", ". holds no trained vocoder"),
        ("-o out.wav --vocoder neural --vocoder-source other", "inverts other mel frames: low_hz"),
        ("-o out.wav --vocoder-source voice", "goes with neural or soundstream"),
        ("-o out.wav --vocoder griffin-lim --vocoder-source voice", "goes with neural or sound"),
        ("-o out.wav --vocoder soundstream", "name the folder of its SavedModel, or its address"),
        ("-o out.wav --vocoder soundstream --vocoder-source voice", "voice is no SavedModel"),
    ],
)
def test_what_cannot_be_vocoded(run, bundle_folder, voice_folder, here, options, said):
    write_tone("in.wav", 0.1)
    shutil.copytree("voice", "other")
    described = json.loads((here / "other" / files.DESCRIPTION).read_text())
    described["mel"]["low_hz"] = 60.0
    (here / "other" / files.DESCRIPTION).write_text(json.dumps(described))
    shutil.copy("in.wav", "other.wav")
    before = (here / "in.wav").read_bytes()
    outcome = run("vocode", "in.wav", "--bundle", bundle_folder, *options.split())
    assert outcome.status == 2
    assert len(outcome.err) == 1, outcome.err
    assert said in outcome.err[0]
    assert (here / "in.wav").read_bytes() == (here / "other.wav").read_bytes() == before
    assert sorted(p.name for p in here.iterdir()) == ["in.wav", "other", "other.wav", "voice"]


def test_soundstream_without_tensorflow_says_what_is_missing(run, bundle_folder, here, monkeypatch):
    write_tone("in.wav", 0.1)
    (here / "saved_model.pb").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    options = ("--vocoder", "soundstream", "--vocoder-source", ".", "--bundle", bundle_folder)
    outcome = run("vocode", "in.wav", "-o", "out.wav", *options)
    assert outcome.status == 2
    assert "SoundStream needs tensorflow" in outcome.err[0]
    assert outcome.err[0].endswith("pip install tensorflow")


def test_export_gives_a_bundle_a_vocoder_and_another_one(run, bundle_folder, voice_folder, voice):
    call = ("export", "--vocoder", "voice")
    outcome = run(*call, "--bundle", bundle_folder, "-o", "new")
    assert outcome.status == 0, outcome.err
    old, new = bundle.load(bundle_folder), bundle.load("new")
    assert outcome.out == [f"new: vocoder {voice.hash}, bundle {new.hash}"]
    assert (old.vocoder, new.vocoder.hash) == (None, voice.hash)
    assert old.hash != new.hash
    assert new.spec == old.spec
    for name in (bundle.CONFIG, bundle.PERFORMANCES, bundle.WEIGHTS):
        assert (old.folder / name).read_bytes() == (new.folder / name).read_bytes()
    with open("more.md", "w") as file:
        file.write("Trained for a test.")
    assert run(*call, "--bundle", "new", "-o", "newer", "--card", "more.md").status == 0
    card = (bundle.load("newer").folder / bundle.CARD).read_text()
    assert card.startswith("# A random model\n")
    assert card.count("## Vocoder") == 1
    assert f"{voice.hash}) turns the frames" in card
    assert card.endswith("\nTrained for a test.\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("-o new", "--bundle goes with --vocoder"),
        ("-o new --vocoder voice --step 3", "--step: it is of --run; leave it out"),
        ("-o new --vocoder .", ". holds no trained vocoder"),
        ("-o voice --vocoder voice", "voice exists; give a new folder"),
        ("-o new --vocoder voice --run x", "not allowed with argument"),
    ],
)
def test_what_export_refuses(run, bundle_folder, voice_folder, here, options, said):
    outcome = run("export", "--bundle", bundle_folder, *options.split())
    assert outcome.status == 2
    assert len(outcome.err) == 1, outcome.err
    assert said in outcome.err[0]
    assert [p.name for p in here.iterdir()] == ["voice"]


@pytest.fixture
def vocoder_run(voice, here):
    """Writes a vocoder's run at step 30 whose averaged weights are those of `voice`."""
    (here / "run").mkdir()
    state = init_state(jax.tree.map(np.zeros_like, voice.params), OptimizerConfig().build(50))
    jaxtyping.config.update("jaxtyping_disable", True)  # orbax puts other things into the state
    checkpoints = Checkpoints(here / "run")
    checkpoints.save(state.replace(ema=voice.params, step=jnp.int32(30)))
    checkpoints.close()
    jaxtyping.config.update("jaxtyping_disable", False)
    described = files.to_json(voice.config, voice.spec)
    (here / "run" / files.DESCRIPTION).write_text(json.dumps(described))
    return here / "run"


def test_export_makes_a_folder_of_a_vocoders_run(run, vocoder_run, voice):
    outcome = run("export", "--run", vocoder_run, "-o", "made")
    assert outcome.status == 0, outcome.err
    assert outcome.out == [f"made: step 30, 0.0 M parameters, vocoder {voice.hash}"]
    assert files.read("made").hash == voice.hash
    for options, said in {
        ("-o", "made"): "made exists; give a new folder",
        ("-o", "new", "--step", 7): "no checkpoint of step 7; there are: 30",
        ("-o", "new", "--corpus", "."): "--corpus: ",
        ("-o", "new", "--vocoder", "made"): "--vocoder: ",
    }.items():
        outcome = run("export", "--run", vocoder_run, *options)
        assert (outcome.status, len(outcome.err)) == (2, 1)
        assert said in outcome.err[0]


def test_export_of_a_run_takes_a_vocoder_along(run, voice, voice_folder, here):
    spec = tiny_spec()
    params = random_params(spec)
    state = init_state(params, OptimizerConfig().build(50))
    jaxtyping.config.update("jaxtyping_disable", True)
    checkpoints = Checkpoints(here / "run")
    checkpoints.save(state)
    checkpoints.close()
    jaxtyping.config.update("jaxtyping_disable", False)
    (here / "run" / "model.json").write_text(json.dumps(spec.to_dict()))
    listed = [dataclasses.asdict(performance) for performance in PERFORMANCES]
    (here / "run" / "performances.json").write_text(json.dumps(listed))
    assert run("export", "--run", "run", "-o", "made", "--vocoder", "voice").status == 0
    assert bundle.load("made").vocoder.hash == voice.hash
    assert "## Vocoder" in (here / "made" / bundle.CARD).read_text()


def test_a_bundle_with_a_vocoder_that_does_not_fit(run, voiced, here):
    shutil.copytree(voiced, here / "bad")
    described = json.loads((here / "bad" / files.DESCRIPTION).read_text())
    described["config"]["width"] = 24
    (here / "bad" / files.DESCRIPTION).write_text(json.dumps(described))
    with pytest.raises(files.VocoderFileError, match="not those of the network"):
        bundle.load("bad")
    described["config"]["width"], described["mel"]["low_hz"] = 16, 60.0
    (here / "bad" / files.DESCRIPTION).write_text(json.dumps(described))
    with pytest.raises(bundle.BundleError, match=r"bad: the vocoder inverts other .* low_hz=0"):
        bundle.load("bad")


def test_doctor_says_which_vocoder_there_is(run, voiced, bundle_folder, voice):
    said = run("doctor", "--bundle", voiced).out
    assert f"vocoder: neural, {voice.hash}, 0.0 M parameters" in said
    said = run("doctor", "--bundle", bundle_folder).out
    assert "vocoder: none of its own, so griffin-lim" in said
    assert any(line.startswith("--vocoder soundstream: ") for line in said)
