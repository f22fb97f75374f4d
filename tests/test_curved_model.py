"""A model that hears curves of notes: made from one that does not, rendered, and exported."""

import dataclasses

import numpy as np
import pytest
from midi_cases import control, midi, tone, wheel
from training_cases import tiny_spec

from mt3synth import bundle as bundles
from mt3synth.bundle import Bundle, Performance
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.models.note_encoder import BENT, MEL_AXIS, NotePriorConfig
from mt3synth.portable.programs import prior_program
from mt3synth.score import Span, read_score
from mt3synth.symbolic.note_curves import NoteCurves
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis import SamplingConfig, Synthesizer
from mt3synth.training.diffusion.warm_start import adapt_parameters

PRIOR = NotePriorConfig(width=16, key_width=8, features=8, exponent=2.0)
PLAIN = tiny_spec(attention_levels=(1,), prior=PRIOR)
CURVED = tiny_spec(attention_levels=(1,), prior=dataclasses.replace(PRIOR, curves=True))
PEOPLE = [{"name": "near"}, {"name": "far"}]
CONFIG = SamplingConfig(steps=0, overlap=8, tail=0.5)


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> Bundle:
    from backbone_cases import random_params

    performances = tuple(Performance(i, each["name"], "") for i, each in enumerate(PEOPLE))
    folder = tmp_path_factory.mktemp("known") / "bundle"
    params = random_params(PLAIN)
    bundles.save(folder, PLAIN, performances, "near", params, "card")
    return bundles.load(folder)


@pytest.fixture(scope="module")
def params(known):
    return adapt_parameters(known, CURVED, PEOPLE)


def song() -> Notes:
    start = np.arange(0, 1.6, 0.2)
    same = np.ones(len(start), int)
    return Notes(start, start + 0.5, 60 + np.arange(len(start)), 80 * same, 40 * same, same == 0)


def bent() -> Notes:
    slide = np.array([0.0, 0.2, 0.4]), np.array([0.0, 0.25, 0.5]), np.array([1.0, 0.5, 0.2])
    flat = np.zeros(1), np.array([-0.3]), np.array([0.6])
    return song().with_curves(NoteCurves.of([slide, flat] * 4))


def test_it_begins_as_the_model_that_it_is_made_of(known, params):
    assert not np.any(params["note_prior"]["note_encoder"][BENT]["kernel"])
    theirs = Synthesizer(PLAIN, known.params).mel(song(), 1, CONFIG)
    ours = Synthesizer(CURVED, params)
    np.testing.assert_allclose(ours.mel(song(), 1, CONFIG), theirs, atol=1e-5)
    assert np.abs(ours.mel(bent(), 1, CONFIG) - theirs).max() > 0.1
    # What it began with pays no heed to curves, and a model cannot lose them again.
    np.testing.assert_array_equal(Synthesizer(PLAIN, known.params).mel(bent(), 1, CONFIG), theirs)
    trained = dataclasses.replace(known, spec=CURVED, params=params)
    with pytest.raises(UserError, match=r"holds another model: network\.prior\.curves"):
        adapt_parameters(trained, PLAIN, PEOPLE)


def test_windows_and_streams_are_the_song(params):
    model = Synthesizer(CURVED, params)
    whole = model.mel(bent(), 0, CONFIG)
    for config in (
        dataclasses.replace(CONFIG, chunk=1),
        dataclasses.replace(CONFIG, continuity="stream"),
    ):
        made = model.mel(bent(), 0, config)
        np.testing.assert_allclose(made, whole, atol=2e-3)
    # A whole curve is heard, and not that of the segment alone: moved in time it is the same.
    later = model.mel(bent().shifted(40 / 50), 0, CONFIG)[40 : 40 + 60]
    np.testing.assert_allclose(later, whole[:60], atol=2e-3)


def test_its_config_says_so_and_that_of_others_does_not():
    assert ModelSpec.from_dict(CURVED.to_dict()) == CURVED
    assert CURVED.to_dict()["network"]["prior"]["curves"] is True
    assert not {"curves", *MEL_AXIS} & PLAIN.to_dict()["network"]["prior"].keys()
    assert CURVED.has_curves and not PLAIN.has_curves and not tiny_spec().has_curves


def test_what_a_file_says_is_in_the_notes_and_nothing_is_done_to_its_sound():
    data = midi(
        control(7, 60) + wheel(2000) + tone() + tone(62),
        control(7, 100, channel=1) + tone(48, channel=1),
    )
    score = read_score(data, Span(), CURVED)
    assert all(each.is_plain(stereo=False) for each in score.treatments)
    assert len(score.groups(np.arange(3), stereo=False)) == 1
    assert score.reports[-1].startswith("volume and expression: played by the model, in 2 of 3")
    plain = read_score(data, Span(), PLAIN)
    assert plain.notes.curves is None and len(plain.groups(np.arange(3), stereo=False)) == 2
    # From the middle of a note its curve goes on from there, at another tempo faster.
    steps = b"".join(wheel(int(w), after=48) for w in np.linspace(0, 8191, 21))
    slide = midi(b"\x00\x90\x3c\x50" + steps + b"\x30\x80\x3c\x00")
    cut = read_score(slide, Span(0.25), CURVED, tempo=2.0).notes
    whole = read_score(slide, Span(), CURVED).notes
    expected = whole.curves.at(0, np.array([0.6, 0.8]))[0]
    np.testing.assert_allclose(cut.curves.at(0, np.array([0.05, 0.15]))[0], expected, atol=0.06)


def test_it_is_not_exported_to_programs_that_read_no_curves(known, params):
    bent_bundle = dataclasses.replace(known, spec=CURVED, params=params)
    with pytest.raises(UserError, match=r"hears curves of level and pitch, .* NotePriorConfig"):
        prior_program(bent_bundle)
