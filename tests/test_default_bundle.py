"""The model that the repository ships: what it is, and that it plays what it is told."""

import numpy as np
import pytest

from mt3synth import bundle
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis import SamplingConfig, Synthesizer


@pytest.fixture(scope="module")
def model():
    return bundle.load()


def scale(velocity: int) -> Notes:
    """Plays a C major scale on the violin over four seconds."""
    start = np.arange(8) * 0.5
    keys = 72 + np.array([0, 2, 4, 5, 7, 9, 11, 12])
    same = np.ones(8, int)
    return Notes(start, start + 0.5, keys, velocity * same, 40 * same, same == 0)


def power(log_mel: np.ndarray) -> float:
    """Decibels of the mean power of frames."""
    return float(10 * np.log10(np.mean(np.exp(2 * log_mel.astype(np.float64)))))


def test_it_is_small_and_says_what_it_is():
    files = [path for path in bundle.DEFAULT.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 26e6
    card = (bundle.DEFAULT / "README.md").read_text()
    for word in ("soundfont", "licence", "Mozart", "music21"):
        assert word.lower() in card.lower()


def test_it_knows_at_least_six_performances_and_begins_with_the_clean_one(model):
    assert len(model.performances) >= 6
    assert model.performance(None).name == "studio"
    assert "real" not in {p.name for p in model.performances}
    assert all(p.description for p in model.performances)


@pytest.mark.usefixtures("well_compiled")
def test_loud_notes_are_louder_and_silence_is_silent(model):
    synthesizer = Synthesizer(model.spec, model.params)
    config = SamplingConfig(chunk=1, tail=0.5)
    soft, loud = (synthesizer.mel(scale(velocity), 0, config) for velocity in (30, 110))
    assert power(loud) - power(soft) > 6
