"""Recordings become pairs that can be prepared; what cannot be heard is listed with a reason."""

import csv
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data_pipelines.prepare.manifest import read_manifest
from data_pipelines.prepare.transcribe import TranscriptionJob, find_jobs, transcribe
from mt3synth.errors import UserError
from mt3synth.evaluation.metrics.note_counts import count_notes
from mt3synth.symbolic.midi import read_midi, write_midi
from mt3synth.symbolic.notes import Notes

RATE = 8000
SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")


def one_note(audio, sample_rate):
    """Hears a note as long as the audio, its pitch from the number of crossings of zero."""
    crossings = np.sum(np.diff(np.signbit(audio)))
    pitch = round(69 + 12 * np.log2(crossings * sample_rate / len(audio) / 2 / 440))
    seconds = len(audio) / sample_rate
    return Notes(*(np.array([value]) for value in (0.0, seconds, pitch, 80, 7, False)))


def tone(path, hertz=440.0, seconds=0.5):
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(int(seconds * 44100)) / 44100
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * hertz * time + 0.1), 44100)
    return path


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def run(inputs, out, performance=None, transcriber=one_note, **options):
    out.mkdir(exist_ok=True)
    jobs = find_jobs(inputs, out, performance)
    return transcribe(jobs, transcriber, out, sample_rate=RATE, say=lambda line: None, **options)


def test_a_folder_becomes_a_manifest_for_pairs(tmp_path):
    tone(tmp_path / "music/my piano/take 1.wav")
    tone(tmp_path / "music/Ünïcødé 音楽/b.flac", 880.0)
    assert run([tmp_path / "music"], tmp_path / "out") == []
    listing = read_manifest(tmp_path / "out/manifest.csv")
    assert not listing.rejections
    found = {r.performance: r for r in listing.recordings}
    assert set(found) == {"my piano", "Ünïcødé 音楽"}
    assert found["my piano"].audio.seconds() == 0.5
    notes, _ = found["Ünïcødé 音楽"].notes.read()
    assert notes.pitch.tolist() == [81]
    assert notes.end_time == pytest.approx(0.5)


def test_unreadable_silent_and_unheard_are_left_out(tmp_path):
    tone(tmp_path / "in/good.wav")
    soundfile.write(tmp_path / "in/silent.wav", np.full(4000, 1e-4), 8000, subtype="FLOAT")
    (tmp_path / "in/broken.wav").write_bytes(b"RIFF")
    (tmp_path / "in/empty.mp3").write_bytes(b"")
    (tmp_path / "in/notes.txt").write_text("no recording")
    rejections = run([tmp_path / "in"], tmp_path / "out")
    table = rows(tmp_path / "out/rejected.csv")
    assert table[0] == ["audio", "midi", "reason"]
    reasons = {Path(audio).name: reason for audio, _, reason in table[1:]}
    assert set(reasons) == {"silent.wav", "broken.wav", "empty.mp3"}
    assert "silent (peak -80 dB)" in reasons["silent.wav"]
    assert "empty (0 bytes)" in reasons["empty.mp3"]
    assert len(rejections) == 3
    assert len(rows(tmp_path / "out/manifest.csv")) == 2
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        *("good.mid", "manifest.csv", "rejected.csv")
    ]


def test_nothing_heard_or_a_failure_of_the_transcriber(tmp_path):
    tone(tmp_path / "in/a.wav")

    def fails(audio, sample_rate):
        raise KeyError("weights")

    def deaf(audio, sample_rate):
        return Notes.empty()

    for transcriber, reason in ((fails, "the transcriber failed: KeyError"), (deaf, "no notes")):
        (rejection,) = run([tmp_path / "in"], tmp_path / "out", transcriber=transcriber)
        assert reason in rejection.reason


def test_strict_stops(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"")
    with pytest.raises(UserError, match=r"a\.wav: is empty"):
        run([tmp_path / "a.wav"], tmp_path / "out", strict=True)


def test_goes_on_where_it_was_stopped(tmp_path):
    tone(tmp_path / "in/a.wav")
    tone(tmp_path / "in/b.wav", 880.0)
    heard = []

    def interrupted(audio, sample_rate):
        heard.append(len(audio))
        if len(heard) == 2:
            raise KeyboardInterrupt
        return one_note(audio, sample_rate)

    with pytest.raises(KeyboardInterrupt):
        run([tmp_path / "in"], tmp_path / "out", transcriber=interrupted)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a.mid"]
    before = (tmp_path / "out/a.mid").stat().st_mtime_ns
    run([tmp_path / "in"], tmp_path / "out", transcriber=interrupted)
    assert len(heard) == 3
    assert (tmp_path / "out/a.mid").stat().st_mtime_ns == before
    assert len(rows(tmp_path / "out/manifest.csv")) == 3
    first = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}
    run([tmp_path / "in"], tmp_path / "out", transcriber=interrupted, overwrite=True)
    assert len(heard) == 5
    assert first == {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}


def test_later_recordings_join_the_tables(tmp_path):
    out = tmp_path / "out"
    (tmp_path / "bad.wav").write_bytes(b"")
    run([tone(tmp_path / "a.wav"), tmp_path / "bad.wav"], out, "studio")
    run([tone(tmp_path / "b.wav")], out, "hall")
    assert [row[2] for row in rows(out / "manifest.csv")[1:]] == ["studio", "hall"]
    assert len(rows(out / "rejected.csv")) == 2
    tone(tmp_path / "bad.wav")  # mended
    run([tmp_path / "a.wav", tmp_path / "bad.wav"], out, "church")
    assert [row[2] for row in rows(out / "manifest.csv")[1:]] == ["church", "hall", "church"]
    assert len(rows(out / "rejected.csv")) == 1


def test_program_for_all_but_drums(tmp_path):
    def with_drum(audio, sample_rate):
        note = one_note(audio, sample_rate)
        return Notes.concatenate(
            [note, note.replace(is_drum=np.array([True]), pitch=np.array([38]))]
        )

    run([tone(tmp_path / "a.wav")], tmp_path / "out", transcriber=with_drum, program=40)
    notes, _ = read_midi(tmp_path / "out/a.mid")
    assert notes.program[~notes.is_drum].tolist() == [40]
    assert notes.pitch[notes.is_drum].tolist() == [38]


def test_two_recordings_of_one_name(tmp_path):
    inputs = [tone(tmp_path / "a.wav"), tone(tmp_path / "a.flac")]
    (rejection,) = run(inputs, tmp_path / "out")
    assert "a.flac" in rejection.reason and "is that of" in rejection.reason
    assert find_jobs([inputs[0], tmp_path], tmp_path / "out", "x") == [
        TranscriptionJob(inputs[0], tmp_path / "out/a.mid", "x"),
        TranscriptionJob(inputs[1], tmp_path / "out/a.mid", "x"),
    ]


def test_a_folder_without_recordings(tmp_path):
    with pytest.raises(UserError, match="no recordings"):
        find_jobs([tmp_path], tmp_path / "out", None)


@pytest.mark.skipif(
    not (shutil.which("fluidsynth") and SOUNDFONT.exists() and find_spec("basic_pitch")),
    reason="needs fluidsynth, the FluidR3 soundfont and basic-pitch",
)
def test_basic_pitch_finds_the_notes_of_a_rendering(tmp_path):
    """Transcribes two piano notes every half second: with basic-pitch 0.4, F1 is 0.90."""
    from mt3synth.transcription.basic_pitch import BasicPitch

    rng = np.random.default_rng(3)
    start = np.repeat(np.arange(0.2, 11, 0.5), 2)
    pitch = np.stack([rng.integers(45, 60, 22), rng.integers(62, 80, 22)], 1).ravel()
    count = len(start)
    velocity, zeros = rng.integers(60, 100, count), np.zeros(count)
    score = Notes(start, start + 0.45, pitch, velocity, zeros, zeros)
    write_midi(score, tmp_path / "score.mid")
    command = ["fluidsynth", "-niq", "-r", "44100", "-F", tmp_path / "a.wav", SOUNDFONT]
    subprocess.run([*command, tmp_path / "score.mid"], check=True, capture_output=True)
    run([tmp_path / "a.wav"], tmp_path / "out", transcriber=BasicPitch())
    heard, _ = read_midi(tmp_path / "out/a.mid")
    assert count_notes(score, heard).f1 > 0.8
