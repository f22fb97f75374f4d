"""Tempo and transposition of a song, and variations of its rendering."""

import numpy as np
import pytest
from cli_cases import save_model, tiny_spec
from midi_cases import control, event, midi, tone

import mt3synth
from mt3synth.errors import UserError
from mt3synth.score import Score, Span, read_score
from mt3synth.symbolic.notes import Notes
from mt3synth.vocoder.griffin_lim import GriffinLim


def band() -> Notes:
    """Three notes of a violin, and a drum."""
    start = np.array([0.0, 1.0, 2.0, 0.5])
    pitch, program = np.array([60, 64, 100, 38]), np.array([40, 40, 40, 0])
    return Notes(start, start + 0.5, pitch, np.full(4, 80), program, program == 0)


def read(source: Notes | bytes, span: Span | None = None, **options) -> Score:
    return read_score(source, span or Span(), tiny_spec(), **options)


def test_a_tempo_is_how_many_times_as_fast_it_is():
    plain, fast = read(band()), read(band(), tempo=2.0)
    np.testing.assert_array_equal(fast.notes.start, plain.notes.start / 2)
    np.testing.assert_array_equal(fast.notes.end, plain.notes.end / 2)
    np.testing.assert_array_equal(fast.notes.pitch, plain.notes.pitch)
    assert fast.end == plain.end / 2


def test_times_are_those_that_are_heard():
    cut = read(band(), Span(0.5, 1.0), tempo=2.0)
    assert cut.notes.pitch.tolist() == [64] and cut.notes.start.tolist() == [0]


def test_controllers_keep_to_their_notes():
    swell = event(0x90, 60, 80) + control(11, 60, after=480) + event(0x80, 60, 0, after=480)
    [plain], [slow] = read(midi(swell)).treatments, read(midi(swell), tempo=0.5).treatments
    np.testing.assert_allclose(slow.gain.times, 2 * plain.gain.times)
    np.testing.assert_array_equal(slow.gain.values, plain.gain.values)


def test_all_but_drums_are_transposed():
    plain, high = read(band()), read(band(), transpose=3)
    moved = np.where(plain.notes.is_drum, 0, 3)
    np.testing.assert_array_equal(high.notes.pitch, plain.notes.pitch + moved)
    assert high.reports == plain.reports


def test_what_has_no_key_is_left_out_and_folding_comes_last():
    high = read(band(), transpose=40)
    assert high.notes.pitch.tolist() == [100, 38, 104]
    assert high.reports == ("transposed beyond keys 0 to 127: 1 note left out",)
    folded = read(band(), transpose=20, fold=True)
    assert folded.notes.pitch.tolist() == [80, 38, 84, 108]
    with pytest.raises(UserError, match=r"no notes .* beyond keys 0 to 127: 1 note left out"):
        read(midi(tone(100)), transpose=60)


def test_a_scale_tunes_the_keys_that_are_heard(tmp_path):
    # Every C a quarter of a semitone high.
    steps = "\n".join(f"{100.0 * n - 25}" for n in range(1, 12))
    (tmp_path / "c.scl").write_text(f"high C\n12\n{steps}\n1200.0\n")
    up = read(midi(tone(60)), tuning=tmp_path / "c.scl", transpose=2)
    written = read(midi(tone(62)), tuning=tmp_path / "c.scl")
    assert up.notes.pitch.tolist() == written.notes.pitch.tolist() == [62]
    assert up.treatments[0].cents.values == written.treatments[0].cents.values == -25


@pytest.mark.parametrize("tempo", [0.0, -1.0, 0.2, 4.1, float("nan"), float("inf")])
def test_a_tempo_that_nobody_plays(tempo):
    with pytest.raises(UserError, match=r"^tempo=.*; must be between 0\.25 and 4\.0 times"):
        read(band(), tempo=tempo)


def test_a_transposition_beyond_all_keys():
    with pytest.raises(UserError, match=r"^transpose=128; must be a whole number of semitones"):
        read(band(), transpose=128)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return mt3synth.load(save_model(tmp_path_factory.mktemp("models") / "tiny"))


def test_variations_have_seeds_of_their_own(model):
    quick = {"steps": 1, "vocoder": GriffinLim(model.spec.mel, iterations=1)}
    first, second = model.variations(band(), 2, seed=7, tempo=2.0, transpose=-2, **quick)
    assert [song.metadata["seed"] for song in (first, second)] == ["7", "8"]
    assert first.metadata["tempo"] == "2.0" and first.metadata["transpose"] == "-2"
    assert np.abs(first.mel - second.mel).max() > 0.1
    with pytest.raises(UserError, match="variations=0; must be at least 1"):
        model.variations(band(), 0)
    with pytest.raises(UserError, match="seed=4294967296; must be at most"):
        model.variations(band(), 2, seed=2**32 - 1)


def test_the_mean_of_all_variations_is_one():
    default = mt3synth.load()
    with pytest.raises(UserError, match="with steps=0 this model renders the mean"):
        default.variations(band(), 2, steps=0)
