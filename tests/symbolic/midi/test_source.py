"""Where MIDI comes from: paths, pipes, memory, compressed or not."""

import gzip
import io
import os
import subprocess
import sys
import threading

import pytest
from midi_cases import midi, tone

from mt3synth.symbolic.midi import MidiError, read_midi

DATA = midi(tone())


PACKED = gzip.compress(DATA, mtime=0)


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.kar", DATA), ("a.mid.gz", PACKED), ("a.mid", PACKED)],
    ids=["karaoke", "gzipped", "gzipped without saying so"],
)
def test_files(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    assert len(read_midi(tmp_path / name)[0]) == len(read_midi(str(tmp_path / name))[0]) == 1


def test_memory_and_streams():
    packed = io.BytesIO(gzip.compress(DATA))
    for source in (DATA, io.BytesIO(DATA), gzip.compress(DATA), gzip.GzipFile(fileobj=packed)):
        assert len(read_midi(source)[0]) == 1


@pytest.mark.parametrize(
    ("name", "data"), [("-", DATA), ("/dev/stdin", PACKED)], ids=["dash", "device"]
)
def test_standard_input(name, data):
    code = f"from mt3synth.symbolic.midi import read_midi; print(len(read_midi({name!r})[0]))"
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
    assert done.stdout.strip() == b"1"


def test_a_named_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(DATA,))
    writer.start()
    assert len(read_midi(tmp_path / "pipe")[0]) == 1
    writer.join()


def test_a_cut_gzip_file_is_read_as_far_as_it_goes(tmp_path):
    tones = b"".join(tone(20 + key) for key in range(100))
    packed = gzip.compress(midi(tones))
    (tmp_path / "a.mid.gz").write_bytes(packed[: len(packed) * 2 // 3])
    notes, reports = read_midi(tmp_path / "a.mid.gz")
    assert 10 < len(notes) < 100 and any("cut off" in line for line in reports)


def test_what_cannot_be_read_is_named(tmp_path, monkeypatch):
    for source, message in {
        tmp_path / "missing.mid": "missing.mid: cannot be read",
        tmp_path: "cannot be read",
        b"\x1f\x8bnothing": "MIDI data: gzipped, but damaged",
        b"": "MIDI data: not a MIDI file",
    }.items():
        with pytest.raises(MidiError, match=message):
            read_midi(source)


def test_neither_a_pipe_without_an_end_nor_a_gzip_bomb_is_read_whole(tmp_path):
    with pytest.raises(MidiError, match="/dev/zero: over 8388608 bytes"):
        read_midi("/dev/zero")
    bomb = gzip.compress(DATA + bytes(50_000_000))
    with pytest.raises(MidiError, match="over 8388608 bytes"):
        read_midi(bomb)
