"""`mt3synth train-vocoder` from a prepared folder to a recording that its vocoder takes back."""

import numpy as np
import pytest
import soundfile
from song_cases import RATE, noise_song

from data_pipelines.shards.formats import FORMATS
from data_pipelines.shards.names import shard_path
from mt3synth.audio.files import read_audio, read_metadata
from mt3synth.vocoder import files

TINY = (
    "VocosConfig.width=16",
    "VocosConfig.layers=1",
    "VocosConfig.mlp_width=16",
    "VocosConfig.projections=1",
    "DiscriminatorConfig.periods=(3,)",
    "DiscriminatorConfig.windows=(256,)",
    "DiscriminatorConfig.period_channels=(4,)",
    "DiscriminatorConfig.resolution_channels=(2,)",
    "VocoderTrainConfig.frames=8",
    "VocoderTrainConfig.eval_segments=1",
    "VocoderTrainConfig.eval_frames=20",
    "VocoderTrainConfig.log_every=2",
    "BATCH_SIZE=2",
    "TRAIN_STEPS=4",
    "ADVERSARIAL_FROM=2",
)


def prepare(folder, kind, **splits):
    shapes = FORMATS[kind]
    folder.mkdir()
    for split, songs in splits.items():
        shapes.write(shard_path(folder, split, 0, 1, shapes.suffix), songs)


@pytest.fixture(autouse=True)
def corpora(here):
    """Writes two corpora that can be trained on, and some that cannot."""
    song = noise_song("a", 1.0)
    prepare(here / "one", "numpy", train=[song], validation=[noise_song("v", 1.0, seed=1)])
    prepare(here / "two", "tfrecord", train=[noise_song("b", 0.5, seed=2)])
    prepare(here / "no_songs", "numpy", train=[])
    prepare(here / "not_split", "numpy", validation=[song])
    (here / "empty").mkdir()


@pytest.fixture
def train(run):
    def call(*options):
        gin = [f"--gin.{binding}" for binding in TINY]
        return run("train-vocoder", "--run", "run", *gin, *options)

    return call


@pytest.mark.slow
@pytest.mark.usefixtures("quickly_compiled")
def test_from_folders_to_a_recording_and_back(train, run, bundle_folder, here):
    outcome = train("--gin.DATA_FOLDER=['one', 'two']")
    assert outcome.status == 0, outcome.err
    assert any(line.startswith("step 4 of 4: loss ") for line in outcome.out)
    assert any("validation mel_l1" in line and "Griffin-Lim" in line for line in outcome.out)
    assert "VocosConfig.width = 16" in (here / "run" / "config.gin").read_text()
    outcome = run("export", "--run", "run", "-o", "voice")
    assert outcome.status == 0, outcome.err
    voice = files.read("voice")
    assert outcome.out == [f"voice: step 4, 0.0 M parameters, vocoder {voice.hash}"]

    time = np.arange(48000) / 48000
    tone = 0.3 * np.sin(2 * np.pi * 440 * time)
    soundfile.write("in.wav", np.stack([tone, 0.5 * tone], axis=1), 48000)
    named = ("--vocoder", "neural", "--vocoder-source", "voice", "--bundle", bundle_folder)
    outcome = run("vocode", "in.wav", "-o", "out.wav", *named)
    assert outcome.status == 0, outcome.err
    made = read_audio("out.wav", RATE)
    assert len(made) == RATE and np.abs(made).max() > 0.01
    assert read_metadata("out.wav")["vocoder_weights"] == voice.hash


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "DATA_FOLDER has no value"),
        ("--data none", "none: no such folder"),
        ("--data empty", "empty: holds no data set"),
        ("--data no_songs", "no_songs: the train split has no songs"),
        ("--data not_split", "not_split: no train-*"),
        ("--data one --gin.DATA_FOLDER=[]", "gin configuration: folder=[]; must be at least one"),
        ("--data one --gin.BATCH_SIZE=0", "gin configuration: batch_size=0; must be at least 1"),
        ("--data one --gin.VOCODR=1", "no file defines VOCODR; did you mean VOCODER?"),
        ("--data one --gin.VocosConfig.widht=8", "VocosConfig has no parameter widht"),
        ("--data one --gin.VocosConfig.fft=1000", "fft=1000 samples; must be a multiple of hop"),
        ("--data one --gin.VocoderTrainConfig.frames=2", "frames=2 of 320 samples; must be as"),
        ("--data one --gin.LossWeights.mel=-1", "mel=-1; must be at least 0"),
        ("--data one --budget-minutes 0", "minutes=0.0; must be positive"),
        ("--data one --profile 5", "--profile 5: must be START:STOP"),
        ("--data one --mesh data=3", "data=3 x fsdp=1 x tensor=1 does not fit"),
    ],
)
def test_what_cannot_be_trained_leaves_nothing(train, here, as_released, options, said):
    before = sorted(here.rglob("*"))
    outcome = train(*options.split())
    assert outcome.status == 2
    assert len(outcome.err) == 1, outcome.err
    assert said in outcome.err[0]
    assert outcome.err[0].startswith("mt3synth train-vocoder: ")
    assert sorted(here.rglob("*")) == before
