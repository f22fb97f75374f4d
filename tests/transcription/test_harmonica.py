"""Harmonica by a module that stands in for it, the real one where it is installed, and neither."""

import sys

import numpy as np
import pytest
from transcription_cases import RATE, line, tones

from mt3synth.evaluation.metrics.note_counts import count_notes
from mt3synth.symbolic.notes import Notes
from mt3synth.transcription import basic_pitch, harmonica
from mt3synth.transcription.loading import (
    JUDGES,
    find_installed,
    identify_transcriber,
    list_transcribers,
    load_transcriber,
)
from mt3synth.transcription.transcriber import NotInstalled

FAKE = """
import numpy as np

class Found:
    onsets, offsets = np.array([0.5, 1.0]), np.array([0.9, 1.2])
    pitches, velocities = np.array([60, 64]), np.array([0, 90], np.uint8)

class Harmonica:
    def __init__(self, size, device):
        self.size, self.device = size, device

    def transcribe(self, audio, sample_rate):
        assert audio.dtype == np.float32 and sample_rate == 16000
        Found.heard = (self.size, self.device, len(audio))
        return Found
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Installs a package of the same name that hears two notes in everything."""
    (tmp_path / "harmonica.py").write_text(FAKE)
    for name in ("torch", "nnAudio", "symusic", "omegaconf", "loguru", "typer"):
        (tmp_path / f"{name}.py").touch()
    (tmp_path / "harmonica_amt-9.9.dist-info").mkdir()
    (tmp_path / "harmonica_amt-9.9.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: harmonica-amt\nVersion: 9.9\n"
    )
    monkeypatch.delitem(sys.modules, "harmonica", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("harmonica", None)


def test_hears_what_the_package_hears_at_its_rate(stand_in) -> None:
    transcribe = load_transcriber("harmonica-x-large")
    notes = transcribe(np.ones(44100), 44100)
    import harmonica as package

    assert package.Found.heard == ("x-large", "cpu", 16000)
    assert (notes.start.tolist(), notes.end.tolist()) == ([0.5, 1.0], [0.9, 1.2])
    assert (notes.pitch.tolist(), notes.velocity.tolist()) == ([60, 64], [1, 90])
    assert not notes.program.any() and not notes.is_drum.any()
    assert len(transcribe(np.zeros(RATE, np.float32), RATE)) == 0  # silence is not asked about


def test_is_found_if_it_is_installed(stand_in) -> None:
    assert set(JUDGES[1:]) <= set(find_installed())
    assert identify_transcriber("harmonica-small") == "harmonica-small 9.9"
    assert list_transcribers()[-1] == "harmonica: ready (harmonica-amt states no licence)"


def test_says_how_to_install_it(monkeypatch) -> None:
    monkeypatch.setattr(harmonica, "find_version", lambda: None)
    monkeypatch.setattr(harmonica, "find_spec", lambda name: name != "torch" or None)
    with pytest.raises(NotInstalled, match=r"harmonica-amt and torch is not installed; pip inst"):
        harmonica.Harmonica()
    assert set(find_installed()) <= {"basic-pitch"}
    said = list_transcribers()[-1]
    assert said.startswith("harmonica: harmonica-amt, torch missing: pip install --no-deps")
    assert said.endswith("(harmonica-amt states no licence)")


def test_another_package_of_that_name_does_not_count(tmp_path, monkeypatch) -> None:
    (tmp_path / "harmonica.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(
        harmonica.importlib.metadata, "version", _not_found(harmonica.importlib.metadata)
    )
    assert "harmonica-amt" in harmonica.find_missing()


def _not_found(metadata):
    def version(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    return version


def test_basic_pitch_is_asked_by_its_short_name(monkeypatch) -> None:
    monkeypatch.setattr(basic_pitch, "find_spec", lambda name: None)
    with pytest.raises(NotInstalled, match="basic_pitch and onnxruntime is not installed"):
        load_transcriber("basic-pitch")


@pytest.mark.slow
@pytest.mark.skipif(bool(harmonica.find_missing()), reason=f"not installed: {harmonica.INSTALL}")
@pytest.mark.parametrize("size", ["small", "x-large"])
def test_the_real_one_finds_notes_on_time(size: str) -> None:
    score: Notes = line()
    heard = harmonica.Harmonica(size)(tones(score, 9.0), RATE)
    assert count_notes(score, heard).f1 > 0.9
