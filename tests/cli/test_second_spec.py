"""A bundle of other frames, 44.1 kHz made tiny, goes through every command like SoundStream's."""

import json

import numpy as np
import pytest
import soundfile
from cli_cases import FULL_BAND, random_params, save_model, write_song
from evaluation_cases import write_audio

from mt3synth import bundle
from mt3synth.audio.files import read_audio
from mt3synth.audio.mel import log_mel
from mt3synth.vocoder import files

RATE = FULL_BAND.sample_rate
ONCE = "--gin.griffin_lim.GriffinLim.iterations=1"
FRAMES = ("--gin_file", "gin_configs/frames/full_band.gin", "--gin.mel.MelSpec.bins=24")
NETWORK = (
    "--gin_file=gin_configs/models/unet_tiny.gin",
    "--gin_file=gin_configs/diffusion/v_l2.gin",
    "--gin_file=gin_configs/runs/train.gin",
    *FRAMES,
    *("--gin.TRAIN_STEPS=2", "--gin.BATCH_SIZE=2", "--gin.config.TrainConfig.eval_batches=1"),
)
VOCODER = (
    "--gin_file=gin_configs/runs/train_vocoder.gin",
    *FRAMES,
    *("--gin.VocosConfig.width=16", "--gin.VocosConfig.layers=1", "--gin.VocosConfig.mlp_width=16"),
    *("--gin.VocosConfig.projections=1", "--gin.DiscriminatorConfig.periods=(3,)"),
    *("--gin.DiscriminatorConfig.windows=(256,)", "--gin.VocoderTrainConfig.frames=8"),
    *("--gin.VocoderTrainConfig.eval_segments=1", "--gin.VocoderTrainConfig.eval_frames=20"),
    *("--gin.BATCH_SIZE=2", "--gin.TRAIN_STEPS=2", "--gin.ADVERSARIAL_FROM=1"),
)


@pytest.fixture(scope="module")
def full_band(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("models") / "full", FULL_BAND)


def tone(seconds, rate=RATE, hertz=(440.0, 12000.0)):
    time = np.arange(round(seconds * rate)) / rate
    heard = [h for h in hertz if h < rate / 2]
    return np.float32(sum(0.2 * np.sin(2 * np.pi * h * time) for h in heard))


def energy_above(audio, hertz):
    power = np.abs(np.fft.rfft(audio)) ** 2
    return power[np.fft.rfftfreq(len(audio), 1 / RATE) > hertz].sum() / power.sum()


def test_renders_streams_and_vocodes_the_whole_band(run, here, full_band):
    write_song("song.mid", 60, 64)
    model = ("--bundle", full_band, ONCE)
    done = run("synthesize", "song.mid", *model, "--steps", "2", "--save-mel", "song.npy")
    assert np.load("song.npy").shape[1] == FULL_BAND.bins
    assert done.status == 0, done.err
    assert soundfile.info("song.wav").samplerate == RATE
    done = run("synthesize", "song.mid", *model, "--steps", "2", "-o", "song.mp3")
    assert done.status == 0 and soundfile.info("song.mp3").samplerate == RATE
    write_audio(here / "in.wav", tone(1.0), RATE)
    done = run("vocode", "in.wav", "-o", "out.wav", *model)
    assert done.status == 0 and not any("samples per second" in line for line in done.err)
    made = read_audio("out.wav", RATE)
    assert len(made) == RATE
    assert energy_above(made, 8000) > 0.05  # which 16 kHz could not hold
    assert run("doctor", "--bundle", full_band).status == 0
    assert run("performances", "--bundle", full_band).status == 0


def test_a_recording_of_a_lower_rate_is_said_once_and_vocoded(run, here, full_band):
    for name in ("a", "b"):
        write_audio(here / f"{name}.wav", tone(0.5, 22050), 22050)
    (here / "made").mkdir()
    done = run("vocode", "a.wav", "b.wav", "-o", "made", "--bundle", full_band, ONCE)
    assert done.status == 0
    assert [line for line in done.err if "samples per second" in line] == [
        "mt3synth vocode: a.wav: 22050 samples per second, and the frames reach to 16000 Hz: above"
        " 11025 Hz there is nothing to hear; vocoded all the same"
    ]
    assert soundfile.info("made/b.wav").samplerate == RATE


def test_evaluates_at_its_own_rate(run, here, full_band):
    for folder in ("generated", "real/dull", "reference/dull"):
        for number in range(2):
            noise = np.random.default_rng(number).normal(0, 0.05, 2 * RATE)
            write_audio(here / folder / f"{number}.wav", tone(2.0) + noise, RATE)
    write_song("0.mid", 69, seconds=2.0)
    (here / "map.csv").write_text("audio,performance,midi\n0.wav,dull,0.mid\n1.wav,dull,0.mid\n")
    (here / "own.py").write_text(
        "from mt3synth.symbolic.notes import Notes\n"
        f"def none(audio, rate):\n    assert rate == {RATE}\n    return Notes.empty()\n"
    )
    given = ("--generated", "generated", "--reference", "reference", "--real", "real")
    done = run("evaluate", *given, "--performances", "map.csv", "--out", "out", "--cache", "cache",
               "--bundle", full_band, ONCE, "--transcriber", "own.py:none", "--examples", "1",
               "--shrinkage", "0.5")  # fmt: skip
    assert done.status in (0, 3), done.err  # 3: too little of it for some distances
    report = json.loads((here / "out/report.json").read_text())
    assert report["audio_distance"]["generated"]["chroma"]["value"] > 0.99
    assert report["notes"]["own.py:none"]["scores"]["note"]["real"]["recall"] == 0
    assert not any("samples per second" in problem["reason"] for problem in report["problems"])


@pytest.mark.slow
def test_from_recordings_to_a_model_with_a_vocoder(run, here, bundle_folder, as_released):
    start = np.arange(0.2, 11, 0.5)
    write_song("a.mid", *(60 + np.arange(len(start)) % 12))
    rows = ["audio,midi,performance,split"]
    for number, split in enumerate(("train", "validation")):
        write_audio(here / f"{number}.flac", tone(12.0), RATE)
        rows.append(f"{number}.flac,a.mid,mine,{split}")
    (here / "pairs.csv").write_text("\n".join(rows))
    done = run("prepare", "pairs", "--manifest", "pairs.csv", "--out", "data", "--format", "numpy",
               "--sample-rate", RATE, "--workers", "1")  # fmt: skip
    assert done.status == 0, done.err
    assert run("prepare", "inspect", "data").status == 0

    done = run("train", *NETWORK, "--data", "data", "--run", "run")
    assert done.status == 0, done.err
    assert run("export", "--run", "run", "-o", "mine").status == 0
    assert bundle.load("mine").spec.mel.sample_rate == RATE
    done = run("train-vocoder", *VOCODER, "--data", "data", "--run", "voice")
    assert done.status == 0, done.err
    assert run("export", "--run", "voice", "-o", "my_voice").status == 0
    assert files.read("my_voice").spec == bundle.load("mine").spec.mel
    done = run("export", "--bundle", "mine", "--vocoder", "my_voice", "-o", "voiced")
    assert done.status == 0, done.err
    done = run("synthesize", "a.mid", "--bundle", "voiced", "--steps", "1", "-o", "a.wav")
    assert done.status == 0, done.err
    assert soundfile.info("a.wav").samplerate == RATE
    done = run("vocode", "0.flac", "-o", "b.wav", "--bundle", "voiced")
    assert done.status == 0, done.err

    done = run("export", "--bundle", bundle_folder, "--vocoder", "my_voice", "-o", "wrong")
    assert done.status == 2
    assert "sample_rate=16000 (vocoder: 44100), hop=320 (vocoder: 882)" in done.err[-1]


def test_random_weights_know_the_bins_of_their_frames(full_band):
    spec = bundle.load(full_band).spec
    assert spec.roll.frame_rate == spec.mel.frame_rate == 50
    assert random_params(spec)["frames_out"]["bias"].shape == (24,)
    assert log_mel(tone(1.0), spec.mel).shape == (50, 24)
