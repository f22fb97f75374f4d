"""Files that only ffmpeg reads come out like those of libsndfile, and broken ones are named."""

import subprocess
import time

import numpy as np
import pytest
import soundfile

from mt3synth.audio import ffmpeg
from mt3synth.audio.ffmpeg import FFmpegSound
from mt3synth.audio.files import AudioError, audio_seconds, read_audio
from mt3synth.audio.libsndfile import LibsndfileSound
from mt3synth.audio.sound import DecodingError

RATE = 16000
needs_ffmpeg = pytest.mark.skipif(not ffmpeg.available(), reason="ffmpeg is not installed")


@pytest.fixture
def stereo(tmp_path):
    """Writes a WAV file of 4 s at 44.1 kHz with two different channels."""
    time_s = np.arange(4 * 44100) / 44100
    channels = [0.4 * np.sin(2 * np.pi * 440 * time_s), 0.2 * np.sin(2 * np.pi * 700 * time_s)]
    soundfile.write(tmp_path / "a.wav", np.stack(channels, 1), 44100, subtype="FLOAT")
    return tmp_path / "a.wav"


def convert(source, target, *options):
    command = ["ffmpeg", "-v", "error", "-y", "-i", f"file:{source}", *options, f"file:{target}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "Unknown encoder" in done.stderr:
        pytest.skip(f"this ffmpeg cannot write it: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return target


@needs_ffmpeg
def test_lossless_is_the_same_through_both(stereo, tmp_path):
    """Channels are averaged and resampled alike, whichever program decodes."""
    film = convert(stereo, tmp_path / "a.mkv", "-c:a", "pcm_f32le")
    np.testing.assert_array_equal(read_audio(film, RATE), read_audio(stereo, RATE))
    assert audio_seconds(film) == pytest.approx(4.0, abs=0.01)


@needs_ffmpeg
@pytest.mark.parametrize("suffix", ["m4a", "wma", "webm", "mov", "aac"])
def test_lossy_formats(stereo, tmp_path, suffix):
    path = convert(stereo, tmp_path / f"a.{suffix}", "-vn")
    audio, expected = read_audio(path, RATE), read_audio(stereo, RATE)
    assert len(audio) == pytest.approx(4 * RATE, abs=0.1 * RATE)
    assert audio_seconds(path) == pytest.approx(4.0, abs=0.1)
    power = np.sum(np.abs(np.fft.rfft([audio[RATE : 3 * RATE], expected[RATE : 3 * RATE]])), axis=0)
    assert {880, 1400} == set(np.argsort(power)[-2:])  # 440 and 700 Hz, in bins of 0.5 Hz
    assert np.std(audio) == pytest.approx(np.std(expected), rel=0.05)


@needs_ffmpeg
def test_film_whose_picture_lasts_longer(stereo, tmp_path):
    film = tmp_path / "film.mkv"
    picture = ["-f", "lavfi", "-i", "testsrc=size=32x32:rate=5:duration=9", "-c:v", "ffv1"]
    command = ["ffmpeg", "-v", "error", "-i", stereo, *picture, "-c:a", "flac", film]
    subprocess.run(command, check=True)
    assert len(read_audio(film, RATE)) == 4 * RATE
    assert audio_seconds(film) == 4.0


@needs_ffmpeg
@pytest.mark.parametrize("name", ["-i.m4a", "two words.m4a", "Ünïcødé 音楽.m4a", "http:a%20'.m4a"])
def test_any_name(stereo, tmp_path, monkeypatch, name):
    convert(stereo, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert audio_seconds(name) == pytest.approx(4.0, abs=0.1)
    assert len(read_audio(name, RATE)) == pytest.approx(4 * RATE, abs=0.1 * RATE)


@needs_ffmpeg
def test_mp3_of_varying_bit_rate_without_a_header(tmp_path):
    """libsndfile guesses its length from the first frame, and would stop early without a word."""
    half = np.random.default_rng(0).uniform(-0.5, 0.5, 20 * 44100)
    half[: 10 * 44100] = 0
    soundfile.write(tmp_path / "b.wav", half, 44100)
    path = convert(tmp_path / "b.wav", tmp_path / "b.mp3", "-q:a", "4", "-write_xing", "0")
    assert abs(soundfile.info(path).duration - 20) > 1
    assert audio_seconds(path) == pytest.approx(20, abs=0.1)
    assert len(read_audio(path, RATE)) == pytest.approx(20 * RATE, abs=0.1 * RATE)


@needs_ffmpeg
def test_flac_from_a_pipe(stereo, tmp_path):
    """Reads a file whose header states no length, at whose end libsndfile fails."""
    piped = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", stereo, "-f", "flac", "-"], capture_output=True, check=True
    )
    (tmp_path / "a.flac").write_bytes(piped.stdout)
    assert audio_seconds(tmp_path / "a.flac") == 4.0
    assert len(read_audio(tmp_path / "a.flac", RATE)) == 4 * RATE


@needs_ffmpeg
@pytest.mark.parametrize(
    "suffix, options",
    [("m4a", ["-movflags", "faststart"]), ("m4a", []), ("mkv", ["-c:a", "flac"]), ("wma", [])],
)
def test_half_a_file_is_not_taken_for_the_whole(stereo, tmp_path, suffix, options):
    path = convert(stereo, tmp_path / f"a.{suffix}", *options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    messages = set()
    for _ in range(2):
        with pytest.raises(AudioError, match=r"(broken audio|cut off|not audio that)") as caught:
            read_audio(path, RATE)
        messages.add(str(caught.value))
    assert len(messages) == 1  # for rejected.csv: the same file, the same line
    assert "\n" not in messages.pop()


@needs_ffmpeg
@pytest.mark.parametrize("lacking", [0.3, 0.7])
def test_both_readers_take_files_that_lack_as_little(stereo, tmp_path, lacking):
    """A frame of an MP3 is 1152 samples, and encoders count what they pad: half a second may go."""
    soundfile.write(tmp_path / "a.mp3", soundfile.read(stereo)[0], 44100)
    whole = (tmp_path / "a.mp3").read_bytes()
    (tmp_path / "a.mp3").write_bytes(whole[: round(len(whole) * (1 - lacking / 4))])
    stated = FFmpegSound(stereo)
    stated.seconds = 4.0 + lacking
    for sound in (LibsndfileSound(tmp_path / "a.mp3"), stated):
        if lacking < 0.5:
            assert sum(len(block) for block in sound.blocks()) > 3.5 * 44100
        else:
            with pytest.raises(DecodingError, match="cut off: its header states"):
                list(sound.blocks())


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.txt", "a.m4a", "a.mp3", "a.png", "a.m3u8"])
@pytest.mark.parametrize("content", [b"hello", bytes(range(256)) * 40, b"#EXTM3U\nhttp://a/b.ts\n"])
def test_no_audio_in_it(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    for read in (audio_seconds, lambda path: read_audio(path, RATE)):
        with pytest.raises(AudioError, match=name):
            read(tmp_path / name)


@needs_ffmpeg
def test_a_reader_that_gives_up_is_not_waited_for(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(1), 44100)
    long = tmp_path / "a.mkv"
    convert(tmp_path / "a.wav", long, "-af", "apad=whole_dur=600", "-c:a", "flac")
    begin = time.monotonic()
    blocks = FFmpegSound(long).blocks()
    assert next(blocks).shape[1] == 1
    blocks.close()
    assert time.monotonic() - begin < 5


def test_says_that_ffmpeg_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x20ftypM4A ")
    for read in (audio_seconds, lambda path: read_audio(path, RATE)):
        with pytest.raises(AudioError, match=r"a\.m4a: not audio .* libsndfile .* install ffmpeg"):
            read(tmp_path / "a.m4a")
