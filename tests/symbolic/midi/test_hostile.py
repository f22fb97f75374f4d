"""Speed and memory: long files, and files that are made to cost much."""

import subprocess
import sys

import pytest
from midi_cases import END, chunk, control, event, header, midi, number, tempo, tone

from mt3synth.symbolic.midi import read_song
from mt3synth.symbolic.midi.source import MAX_BYTES

# A process of its own: here every call is checked against its annotations, which takes longer than
# the reading that is measured.
READER = """
import sys, time
from mt3synth.symbolic.midi import MidiError, read_song
for path in sys.stdin:
    start = time.process_time()
    try:
        read_song(path.strip())
    except MidiError:
        pass
    print(time.process_time() - start, flush=True)
"""


@pytest.fixture(scope="module")
def seconds(tmp_path_factory):
    """Says how long a file takes, whether it can be read or not."""
    path = tmp_path_factory.mktemp("hostile") / "x.mid"
    with subprocess.Popen(
        [sys.executable, "-c", READER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def seconds(data: bytes) -> float:
            path.write_bytes(data)
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            return float(process.stdout.readline())

        yield seconds
        process.stdin.close()


def test_ten_minutes_of_dense_music_take_well_under_a_second(seconds):
    # Twenty notes a second with volume changes and bends, on eight channels with pedals.
    tracks = []
    for channel in range(8):
        swell = control(7, 1, channel=channel) + control(7, 2, channel=channel)
        each = tone(60, 384, channel) + swell + event(0xE0 | channel, 0, 1)
        down, up = (control(64, value, channel=channel) for value in (127, 0))
        tracks.append((down + each * 8 + up + each * 8) * 94)
    data = midi(*tracks)
    assert 550 < read_song(midi(tracks[0])).notes.end_time < 650
    assert seconds(data) < 1


STRIKES = b"\0\x90\x3c\x50" + b"\0\x3c\x50" * 99_999


@pytest.mark.parametrize(
    "content",
    {
        "one key struck again and again": STRIKES,
        "and let go as often": STRIKES + event(0x80, 60, 0) + b"\0\x3c\0" * 99_999,
        "under the pedal": control(64, 127) + STRIKES + event(0x80, 60, 0) + b"\0\x3c\0" * 99_999,
        "pedal pumped": STRIKES
        + control(64, 127)
        + event(0x80, 60, 0, after=9)
        + (b"\0\xb0\x40\0\0\x40\x7f" + b"\0\x42\x7f\0\x40\0\0\x40\x7f\0\x42\0") * 5_000,
        "controllers": tone() + (b"\0\xb0\7\1\1\7\2" * 50_000),
        "data that belongs to nothing": tone() + END + b"\1" * 300_000,
        "numbers without an end": tone() + b"\xff\x7f" + b"\xff" * 300_000,
        "packets without an end": tone() + b"\0\xf0\1\1" + b"\0\xf7\1\1" * 100_000,
        "meta events": tone() + b"\0\xff\1\0" * 100_000,
        "tempo changes": tone() + tempo(1, after=1) * 50_000 + tone(),
        "resets of all controllers": tone() + b"\0\xb0\x79\0" + b"\0\x79\0" * 100_000,
        "resets of the instrument": tone() + b"\0\xf0\5\x7e\x7f\x09\1\xf7" * 20_000,
    }.values(),
)
def test_no_kind_of_file_takes_more_than_linear_time(content, seconds):
    assert seconds(midi(content)) < 4


def test_many_tracks_on_one_key_take_linear_time(seconds):
    strikes = [event(0x90, 60, 80) + event(0x80, 60, 0, after=480 + k) for k in range(10_000)]
    pedal = number(240) + control(64, 127)[1:]
    assert seconds(midi(pedal, *strikes)) < 4
    assert seconds(midi(*reversed(strikes), pedal)) < 4


def test_many_false_chunks_take_linear_time(seconds):
    assert seconds(header() + b"MTrk" * 200_000) < 4
    assert seconds(header() + chunk(tone() + END, size=2**31) * 20_000) < 4
    assert seconds(header() + chunk(b"", b"XFIH", size=2**31) * 20_000 + chunk(tone() + END)) < 4


@pytest.mark.slow
def test_a_file_of_the_greatest_size_takes_bounded_memory(tmp_path):
    each = b"\0\7\1\1\7\2"
    content = tone() + b"\0\xb0\7\1" + each * ((MAX_BYTES - 100) // len(each))
    (tmp_path / "x.mid").write_bytes(midi(content))
    code = (
        "import resource, sys; from mt3synth.symbolic.midi import read_song;"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "before = peak(); read_song(sys.argv[1]); print((peak() - before) // 1024)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "x.mid")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 300  # MiB


@pytest.mark.parametrize("division", [1, 480, 32767, -25 << 8 | 40])
@pytest.mark.parametrize("microseconds", [1, 2**24 - 1])
def test_extreme_times_cost_nothing(division, microseconds, seconds):
    late = number(2**28 - 1) + event(0x90, 60, 80)[1:]
    data = midi(tempo(microseconds) + tone() + late * 3, division=division)
    assert seconds(data) < 0.5
    # What is late but silent does not count.
    quiet = midi(tempo(microseconds) + tone(ticks=1) + event(0xB0, 7, 1, after=2**28 - 1))
    assert read_song(quiet).notes.end_time < 1
