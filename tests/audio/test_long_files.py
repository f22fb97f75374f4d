"""Files from blocks are those that the same sound gives as a whole."""

from pathlib import Path

import numpy as np
import pytest

from mt3synth.audio.files import AudioError, fit_peak, write_audio
from mt3synth.audio.long_files import write_blocks


def metadata(gain: float) -> dict[str, str]:
    return {"gain": f"{gain:.6f}"}


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
@pytest.mark.parametrize("level", [0.3, 1.7])
def test_the_bytes_are_those_of_the_whole(tmp_path, suffix, level):
    audio = (level * np.sin(np.arange(400_000) / 9)).astype(np.float32)
    fitted, gain = fit_peak(audio)
    write_audio(tmp_path / f"whole{suffix}", fitted, 16000, metadata(gain))
    path = tmp_path / f"blocks{suffix}"
    written = write_blocks(path, np.split(audio, [3, 70_000]), 16000, metadata)
    assert written == (25.0, pytest.approx(gain))
    assert path.read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()


@pytest.mark.parametrize(
    ("name", "blocks", "said"),
    [
        ("x.aiff", [np.zeros(3, np.float32)], "suffix '.aiff'"),
        ("x.wav", [], "no audio to write"),
        ("x.wav", [np.array([np.nan], np.float32)], "not finite"),
    ],
)
def test_what_cannot_be_written_leaves_nothing_behind(tmp_path, name, blocks, said):
    with pytest.raises(AudioError, match=said):
        write_blocks(tmp_path / name, blocks, 16000, metadata)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_rendering_leaves_the_older_file(tmp_path: Path):
    (tmp_path / "x.wav").write_text("precious")

    def blocks():
        yield np.zeros(3, np.float32)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_blocks(tmp_path / "x.wav", blocks(), 16000, metadata)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("x.wav", "precious")]
