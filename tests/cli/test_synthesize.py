"""Checks what `mt3synth synthesize` writes, where, and what it says about it."""

import gzip
import io
import struct

import numpy as np
import pytest
import soundfile
from cli_cases import tiny_spec, write_song

from mt3synth import __version__, bundle
from mt3synth.audio.files import read_audio, read_metadata


def test_name_mid_becomes_name_wav_in_the_current_folder(synthesize, tmp_path):
    (tmp_path / "scores").mkdir()
    outcome = synthesize(write_song(tmp_path / "scores" / "song.mid", 60, 64, 67))
    assert outcome.status == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["scores", "song.wav"]
    info = soundfile.info("song.wav")
    assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
    assert info.duration == pytest.approx(1.5 + 2.5, abs=0.02)  # the notes, and the tail
    assert "song.wav: 4.0 s of audio in" in outcome.err[-1]


def test_settings_version_and_bundle_go_into_the_metadata(synthesize, bundle_folder):
    write_song("song.mid", 60)
    synthesize(
        *("song.mid", "-o", "out.flac", "--performance", "hall", "--steps", 3, "--seed", 7),
        *("--eta", 0.5, "--guidance-notes", 2, "--guidance-performance", 1.5),
        *("--guidance-kind", "compositional", "--end", 0.4),
    )
    metadata = read_metadata("out.flac")
    assert float(metadata.pop("gain_db")) <= 0 and float(metadata.pop("limited_db")) < 0
    assert metadata == {
        "software": f"mt3synth {__version__}",
        "origin": "rendered by a neural model",
        "bundle": bundle.load(bundle_folder).hash,
        "performance": "hall",
        "score": "song.mid",
        "start": "0.0",
        "end": "0.4",
        "steps": "3",
        "sampler": "ddim",
        "eta": "0.5",
        "guidance_notes": "2.0",
        "guidance_performance": "1.5",
        "guidance_kind": "compositional",
        "seed": "7",
        "continuity": "canvas",
        "overlap": "32",
        "tail": "2.5",
        "window_hop": "4.48",
        "window_overlap": "0.64",
        "vocoder": "GriffinLim",
    }


def test_the_seed_and_the_performance_decide_and_nothing_else(synthesize):
    write_song("song.mid", 60)
    options = {"a": (), "b": (), "c": ("--seed", 1), "d": ("--performance", "hall")}
    for name, more in options.items():
        assert synthesize("song.mid", "-o", f"{name}.wav", *more).status == 0
    a, b, c, d = (read_audio(f"{name}.wav", 16000) for name in options)
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)
    assert not np.array_equal(a, d)
    assert read_metadata("a.wav")["performance"] == "studio"


def test_options_win_over_gin_bindings_and_those_over_files(synthesize, run, bundle_folder):
    write_song("song.mid", 60)
    with open("my.gin", "w") as file:
        file.write(
            "from __gin__ import dynamic_registration\n"
            "from mt3synth import synthesis\n"
            "from mt3synth.diffusion import guidance\n"
            "synthesis.SamplingConfig.seed = 5\n"
            "synthesis.SamplingConfig.guidance = @guidance.Guidance()\n"
            "guidance.Guidance.notes = 3.0\n"
        )
    run(
        *("synthesize", "--bundle", bundle_folder, "song.mid", "--gin_file", "my.gin"),
        *("--gin.synthesis.SamplingConfig.seed=6", "--gin.synthesis.SamplingConfig.steps=9"),
        *("--gin.ddim.DDIM.eta=0.0", "--steps", 1),
    )
    metadata = read_metadata("song.wav")
    assert metadata["steps"] == "1"
    assert metadata["seed"] == "6"
    assert metadata["guidance_notes"] == "3.0"
    assert metadata["eta"] == "0.0"


def test_a_model_is_guided_as_it_says_itself(synthesize):
    write_song("song.mid", 60)
    synthesize("song.mid", "--guidance-performance", 1.5)
    metadata = read_metadata("song.wav")
    assert metadata["guidance_notes"] == str(tiny_spec().guidance.notes) == "1.75"
    assert metadata["guidance_performance"] == "1.5"


def test_few_steps_by_a_solver_with_guidance_in_the_middle(synthesize):
    write_song("song.mid", 60)
    outcome = synthesize(
        *("song.mid", "--sampler", "heun", "--spacing", "log-snr"),
        *("--guidance-interval", 0.2, 0.8, "--guidance-rescale", 0.7),
    )
    assert outcome.status == 0
    metadata = read_metadata("song.wav")
    assert (metadata["sampler"], metadata["spacing"]) == ("heun", "log-snr")
    assert metadata["guidance_interval"] == "0.2 to 0.8"
    assert metadata["guidance_rescale"] == "0.7"


def test_ddpm(synthesize):
    write_song("song.mid", 60)
    assert synthesize("song.mid", "--sampler", "ddpm").status == 0
    metadata = read_metadata("song.wav")
    assert (metadata["sampler"], metadata["variance"]) == ("ddpm", "posterior")


def test_a_folder_and_a_file_are_rendered_into_a_folder(synthesize, tmp_path):
    (tmp_path / "scores").mkdir()
    (tmp_path / "out").mkdir()
    write_song("scores/a.mid", 60)
    write_song("scores/b.MIDI", 62)
    (tmp_path / "scores" / "notes.txt").write_text("not a score")
    write_song("c.mid", 64)
    assert synthesize("scores", "c.mid", "-o", "out", "--save-mel", "out").status == 0
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == ["a.npy", "a.wav", "b.npy", "b.wav", "c.npy", "c.wav"]


def test_the_mel_frames_are_those_of_the_audio(synthesize):
    write_song("song.mid", 60)
    assert synthesize("song.mid", "-o", "x.wav", "--save-mel", "x.npy").status == 0
    mel = np.load("x.npy")
    assert mel.shape == (150, 128)
    assert mel.dtype == np.float32
    assert soundfile.info("x.wav").frames == 150 * 320


def test_start_and_end_cut_the_song(synthesize):
    write_song("song.mid", 60, 62, 64, 65)
    assert synthesize("song.mid", "--start", 0.5, "--end", 1.5).status == 0
    assert soundfile.info("song.wav").duration == pytest.approx(1.0 + 2.5, abs=0.02)


def test_what_is_not_rendered_as_written_is_reported_once(synthesize):
    write_song("song.mid", 60, 10, 120, program=43)
    outcome = synthesize("song.mid")
    assert outcome.status == 0
    assert outcome.err[:2] == [
        "song.mid: program 43 Contrabass: 3 notes rendered as cello (42 Cello)",
        "song.mid: pitches outside 21..108: 2 notes left out",
    ]


def test_overwrite(synthesize, tmp_path):
    write_song("song.mid", 60)
    (tmp_path / "song.wav").write_text("precious")
    assert synthesize("song.mid", "--overwrite").status == 0
    assert soundfile.info("song.wav").samplerate == 16000


def test_resume_keeps_what_is_whole_and_makes_the_rest(synthesize, tmp_path):
    for name in ("a.mid", "b.mid"):
        write_song(name, 60)
    options = ("a.mid", "b.mid", "-o", ".", "--save-mel", ".", "--sidecar", "--resume")
    assert synthesize(*options).status == 0
    whole = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    # As if it had been killed behind the second sound, whose sidecar is written last.
    (tmp_path / "b.wav.sidecar.npz").unlink()
    (tmp_path / "b.npy").write_bytes(b"older")
    before = (tmp_path / "a.wav").stat().st_mtime_ns
    outcome = synthesize(*options)
    assert outcome.status == 0 and outcome.err[0] == "1 of 2 are there, and kept"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == whole
    assert (tmp_path / "a.wav").stat().st_mtime_ns == before
    assert synthesize(*options).err == ["2 of 2 are there, and kept"]


def test_standard_input_is_rendered(synthesize, monkeypatch):
    content = write_song("song.mid", 60).read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert synthesize("-").status == 0
    assert soundfile.info("stdin.wav").duration == pytest.approx(0.5 + 2.5, abs=0.02)


def test_karaoke_riff_and_gzipped_files_are_rendered_alone_and_in_a_folder(synthesize, tmp_path):
    (tmp_path / "scores").mkdir()
    content = write_song("song.mid", 60).read_bytes()
    riff = struct.pack("<4sI4s4sI", b"RIFF", len(content) + 12, b"RMID", b"data", len(content))
    kinds = {
        "a.kar": content,
        "b.mid.gz": gzip.compress(content),
        "c.rmi": riff + content,
        "d.RMI.GZ": gzip.compress(riff + content),
    }
    for name, data in kinds.items():
        (tmp_path / "scores" / name).write_bytes(data)
    assert synthesize("scores").status == 0
    assert synthesize("song.mid", "-o", "plain.wav").status == 0
    assert synthesize("scores/c.rmi", "-o", "alone.wav").status == 0
    plain = read_audio("plain.wav", 16000)
    for name in ("a", "b", "c", "d", "alone"):
        np.testing.assert_array_equal(read_audio(f"{name}.wav", 16000), plain)


def test_notes_outside_the_keys_are_folded_into_them(synthesize):
    write_song("low.mid", 3, 125)
    assert synthesize("low.mid").err[0].endswith("; --fold moves them by octaves")
    outcome = synthesize("low.mid", "--fold")
    assert outcome.status == 0
    assert outcome.err[0] == "low.mid: pitches outside 21..108: 2 notes moved by octaves"
    assert read_metadata("low.wav")["fold"] == "octaves"
    write_song("song.mid", 27, 101)  # the same keys, two octaves inwards
    synthesize("song.mid", "--fold")
    assert "fold" not in read_metadata("song.wav")
    np.testing.assert_array_equal(read_audio("low.wav", 16000), read_audio("song.wav", 16000))


def test_stereo_and_a_scale(synthesize, tmp_path):
    write_song("song.mid", 60, 64)
    (tmp_path / "third.scl").write_text("thirds of tones\n1\n! no octave\n66.7\n")
    outcome = synthesize("song.mid", "--stereo", "--tuning", "third.scl")
    assert outcome.status == 0 and soundfile.info("song.wav").channels == 2
    assert read_metadata("song.wav")["tuning"] == "third.scl"
    told = (
        "bends, tunings and modulation: applied to the sound of 1 of 2 groups of notes, which are"
    )
    assert f"song.mid: {told} rendered one by one" in outcome.err
    (tmp_path / "low.kbm").write_text("0\n0\n127\n60\n69\n415.0\n0\n")
    outcome = synthesize("song.mid", "-o", "low.wav", "--keyboard-map", "low.kbm")
    assert outcome.status == 0 and read_metadata("low.wav")["keyboard map"] == "low.kbm"
    (tmp_path / "none.scl").write_text("none\n")
    outcome = synthesize("song.mid", "-o", "x.wav", "--tuning", "none.scl")
    assert outcome.status == 2 and "none.scl: no Scala file" in outcome.err[-1]
