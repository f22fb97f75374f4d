"""What is remarked on recordings that are used: seconds without notes, short files, loud ones."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from recording_cases import list_rows, prepare_pairs, write_manifest, write_pair

from data_pipelines.prepare.plan import PrepareSettings
from data_pipelines.prepare.tables import read_songs
from data_pipelines.shards.formats import read_split
from mt3synth.errors import UserError
from mt3synth.symbolic.midi import write_midi
from mt3synth.symbolic.notes import Notes


def remarks_of(out: Path) -> dict[str, str]:
    return {row["id"]: row["remarks"] for row in read_songs(out)}


def write_sparse_pair(folder: Path, name: str, starts: list[float], seconds: float) -> None:
    """Writes noise of so many seconds, and notes of 0.5 s at ``starts`` alone."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).normal(0, 0.1, round(seconds * 16000)).astype(np.float32)
    soundfile.write(folder / f"{name}.wav", noise, 16000)
    start = np.array(starts)
    same = np.ones(len(start), int)
    write_midi(Notes(start, start + 0.5, 60 * same, 80 * same, 0 * same, same == 0),
               folder / f"{name}.mid")  # fmt: skip


def test_seconds_without_notes_are_said_and_not_trained_on(tmp_path: Path) -> None:
    takes = tmp_path / "takes"
    write_sparse_pair(takes, "a", [15.0, 16.0, 20.0], 60.0)
    write_sparse_pair(takes, "b", [1.0, 2.0, 20.0], 24.0)
    write_sparse_pair(takes, "c", [1.0, 5.0], 6.0)
    out = tmp_path / "out"
    prepare_pairs(write_manifest(takes / "p.csv", list_rows("a", "b", "c")), out)
    assert remarks_of(out) == {
        "a.wav": "left out, for it has no notes: 0.0 to 5.0 s, 30.5 to 60.0 s",
        "b.wav": "no notes, which training takes for rests: 2.5 to 20.0 s",
        "c.wav": "",
    }
    songs = {s.id: s for split in ("train", "validation") for s in read_split(out, split)}
    song = songs["a.wav"]
    np.testing.assert_allclose(song.notes.start, [10.0, 11.0, 15.0], atol=2e-3)
    sound, _ = soundfile.read(takes / "a.wav", dtype="int16")
    np.testing.assert_allclose(song.audio, sound[5 * 16000 : round(30.5 * 16000)], atol=1)
    assert songs["b.wav"].seconds == 24.0


def test_remarks_count_from_the_beginning_of_the_recording(tmp_path: Path) -> None:
    write_sparse_pair(tmp_path, "a", [30.0, 31.0, 50.0], 80.0)
    lines = ["a.wav,a.mid,trio,15,70"]
    out = tmp_path / "out"
    manifest = write_manifest(tmp_path / "p.csv", lines, "audio,midi,performance,start,end")
    prepare_pairs(manifest, out, PrepareSettings(validation_share=0.0))
    assert remarks_of(out)["a.wav [15-70]"] == (
        "left out, for it has no notes: 15.0 to 20.0 s, 60.5 to 70.0 s; "
        "no notes, which training takes for rests: 31.5 to 50.0 s"
    )


def test_a_file_a_little_shorter_than_its_header_says_is_used_with_a_remark(tmp_path: Path) -> None:
    """As encoders leave it that count what they pad: a frame of an MP3 is 1152 samples."""
    write_pair(tmp_path, "a", seconds=8.0)
    sound, rate = soundfile.read(tmp_path / "a.wav")
    soundfile.write(tmp_path / "a.mp3", sound, rate)
    whole = (tmp_path / "a.mp3").read_bytes()
    (tmp_path / "a.mp3").write_bytes(whole[: round(len(whole) * (1 - 0.25 / 8))])
    out = tmp_path / "out"
    report = prepare_pairs(write_manifest(tmp_path / "p.csv", ["a.mp3,a.mid,trio"]), out,
                     PrepareSettings(validation_share=0.0))  # fmt: skip
    assert report.rejections == ()
    assert remarks_of(out)["a.mp3"].startswith("its header states 8.0")
    (tmp_path / "a.mp3").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"(cut off: its header states 8\.\d s|broken audio)"):
        prepare_pairs(tmp_path / "p.csv", tmp_path / "other")


def test_what_is_hardly_turned_down_gets_no_remark(tmp_path: Path) -> None:
    for name, peak in (("a", 1.001), ("b", 2.0)):
        write_pair(tmp_path, name)
        sound, rate = soundfile.read(tmp_path / f"{name}.wav")
        louder = sound / np.abs(sound).max() * peak
        soundfile.write(tmp_path / f"{name}.wav", louder, rate, subtype="FLOAT")
    out = tmp_path / "out"
    prepare_pairs(write_manifest(tmp_path / "p.csv", list_rows("a", "b")), out)
    assert remarks_of(out) == {"a.wav": "", "b.wav": "turned down by 6.0 dB to fit 16 bits"}


def test_a_recording_louder_than_16_bits_is_turned_down_and_said_so(tmp_path: Path) -> None:
    write_pair(tmp_path, "a")
    write_pair(tmp_path, "b")
    audio, _ = soundfile.read(tmp_path / "a.wav")
    loud = audio * 2 / np.max(np.abs(audio))
    soundfile.write(tmp_path / "a.wav", loud, 16000, subtype="FLOAT")
    out = tmp_path / "out"
    prepare_pairs(write_manifest(tmp_path / "pairs.csv", list_rows("a", "b")), out)
    remarks = {row["id"]: row["remarks"] for row in read_songs(out)}
    assert remarks == {"a.wav": "turned down by 6.0 dB to fit 16 bits", "b.wav": ""}
