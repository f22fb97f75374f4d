"""The first thing that many people try, on the bundle that is shipped: a tune of a few notes."""

from pathlib import Path

import numpy as np
import pytest

import mt3synth
from mt3synth.audio.mel import MELGAN
from mt3synth.errors import UserError
from mt3synth.evaluation.bundle.renderers import RealRenderer
from mt3synth.evaluation.metrics.thin import measure_levels, start_db
from mt3synth.symbolic.midi import read_midi

TUNE = Path(__file__).resolve().parents[1] / "docs/examples/tune.mid"
RATE = MELGAN.sample_rate

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def notes():
    return read_midi(TUNE)[0]


@pytest.fixture(scope="module")
def heard():
    """Renders the tune as a user gets it: everything turned down for the loudest sample above 1."""
    song = mt3synth.load().render(TUNE, performance="studio")
    assert song.sample_rate == RATE
    return song.audio


def test_it_does_not_begin_with_a_burst(heard):
    assert start_db(heard, RATE) <= 0


def test_every_note_is_neither_lost_nor_a_roar(heard, notes):
    levels = measure_levels(heard, RATE, notes).notes
    # The real one's are at -38 to -46 dB.
    assert np.all((levels > -54) & (levels < -30)), np.round(levels, 1)


def test_every_note_is_as_loud_as_the_real_one(heard, notes):
    try:
        real = RealRenderer(["studio"], MELGAN, [])(notes, 0, len(heard) / RATE)
    except UserError as reason:
        pytest.skip(str(reason))
    ours, theirs = (measure_levels(audio, RATE, notes).notes for audio in (heard, real))
    assert np.all(np.abs(ours - theirs) <= 3), np.round(ours - theirs, 1)
