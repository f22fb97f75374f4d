"""Thin music of a bundle: what is played, and that it is rendered, compared, drawn and said."""

from pathlib import Path

import numpy as np
import pytest
from evaluation_cases import RATE, all_at_once, quick_evaluators, sound
from PIL import Image

import mt3synth
from mt3synth.audio.files import read_audio
from mt3synth.audio.mel import MELGAN, log_mel
from mt3synth.errors import UserError
from mt3synth.evaluation.bundle.renderers import RealRenderer, Rendered, Renderers
from mt3synth.evaluation.bundle.thin import ThinOptions, draw_tune, plan_thin, render_thin
from mt3synth.evaluation.bundle.thin_pieces import (
    GROUPS,
    RING_S,
    STARTS,
    VELOCITIES,
    thin_piece,
    tune,
)
from mt3synth.evaluation.evaluate import ExampleOptions, Names, evaluate
from mt3synth.evaluation.evaluation_set import Seams
from mt3synth.evaluation.metrics.thin import group_of
from mt3synth.symbolic.midi import read_midi
from mt3synth.symbolic.notes import Notes
from mt3synth.vocoder.griffin_lim import GriffinLim

NAMES = ("studio", "concert-hall")


def real(notes: Notes, performance: int, seconds: float) -> np.ndarray:
    return sound(notes, "bright", seconds=seconds)


def half_as_loud(notes: Notes, performance: int, seconds: float) -> Rendered:
    return Rendered(log_mel(sound(notes, "bright", seconds=seconds) / 2, MELGAN), 0.5)


def renderers(real=real) -> Renderers:
    return Renderers(NAMES, MELGAN, half_as_loud, real, GriffinLim(MELGAN, iterations=8))


def report_on(options: ThinOptions, using: Renderers, folder: Path) -> dict:
    items = render_thin(options, using, Seams(1.0), {"bundle": "a"}, folder, str)
    names = Names("thin", "mt3synth evaluate bundle", "Griffin-Lim", ())
    return evaluate(items, quick_evaluators(folder / "cache"), names, ExampleOptions(0),
                    all_at_once).report  # fmt: skip


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_is_played_alone_and_within_its_range(group: str) -> None:
    from data_pipelines.corpus.arrangement.instruments import INSTRUMENTS

    for start in STARTS:
        notes = thin_piece(group, 30, start)
        assert group_of(notes) == group
        assert set(notes.velocity.tolist()) == {30}
        assert notes.start.min() == start
        # Two windows of a model of 5 s, or three: rendering every group must stay cheap.
        assert notes.end_time + RING_S <= 14.08
        if group == "drums":
            assert len(notes) == 5 and np.diff(notes.start).min() >= 1
        else:
            player = INSTRUMENTS[int(notes.program[0])]
            assert player.low <= notes.pitch.min() and notes.pitch.max() <= player.high
    fading = {"piano", "mallets", "guitar", "bass", "harp", "drums"}
    longest = np.ptp([thin_piece(group, 30, 0.0).start, thin_piece(group, 30, 0.0).end], 0).max()
    assert (longest > 3) == (group not in fading)


def test_the_tune_is_the_one_of_the_examples() -> None:
    path = Path(mt3synth.__file__).parents[1] / "docs/examples/tune.mid"
    notes, _ = read_midi(path)
    ours = tune()
    assert (notes.start[0], len(notes)) == (0, 8)
    for name in ("pitch", "velocity", "program", "is_drum"):
        np.testing.assert_array_equal(getattr(notes, name), getattr(ours, name))
    np.testing.assert_allclose(notes.start, ours.start, atol=1e-3)
    np.testing.assert_allclose(notes.end, ours.end, atol=1e-3)


def test_pieces_of_all_groups() -> None:
    pieces = plan_thin(ThinOptions((0, 1)))
    assert len(pieces) == 2 * len(GROUPS) * len(VELOCITIES) * len(STARTS)
    assert len({(p.performance, p.stem) for p in pieces}) == len(pieces)
    assert {p.metrics for p in pieces} == {"thin"}
    with pytest.raises(UserError, match="--thin-groups banjo; must be of piano, mallets"):
        ThinOptions((0,), ("piano", "banjo"))


def test_what_is_half_as_loud_is_6_db_below(tmp_path: Path) -> None:
    options = ThinOptions((0,), ("organ", "drums"), (60,))
    report = report_on(options, renderers(), tmp_path)
    assert report["problems"] == []
    assert list(report["thin"]) == ["studio"]
    for group in options.groups:
        ours = report["thin"]["studio"][group]["generated"]
        assert ours["level_db"]["60"] == pytest.approx(-6.0, abs=1.5), group
    assert set(report["thin"]["studio"]["drums"]["generated"]["hits_db"]) == {
        "kick", "snare", "closed hi-hat", "crash", "ride"
    }  # fmt: skip
    assert "notes" not in report  # these pieces must not count among the excerpts
    path = tmp_path / "real/studio/organ_60_from_0.flac"
    assert len(read_audio(path, RATE)) == round((9.0 + RING_S) * RATE)


def test_without_anything_to_render_with_it_says_so(tmp_path: Path) -> None:
    def missing(*_: object) -> np.ndarray:
        raise UserError("fluidsynth is not installed")

    report = report_on(ThinOptions((0, 1), ("piano",), (60,)), renderers(missing), tmp_path)
    assert [(p["item"], p["reason"]) for p in report["problems"]] == [
        (f"thin music, {name}, real", "fluidsynth is not installed") for name in NAMES
    ]
    assert report["thin"]["studio"]["piano"]["generated"]["pieces"] == 2
    drawn = draw_tune((1,), renderers(missing), tmp_path)
    assert list(drawn) == ["tune, performance concert-hall"]


def test_the_tune_is_drawn_beside_the_real_one(tmp_path: Path) -> None:
    drawn = draw_tune((0, 1), renderers(), tmp_path / "pictures")
    assert len(drawn) == 2
    with Image.open(tmp_path / "pictures/tune_concert_hall.png") as picture:
        assert picture.height > 500  # two panels


@pytest.mark.slow
def test_a_real_rendering_is_as_good_as_can_be(tmp_path: Path) -> None:
    """Compares the corpus' own soundfont with itself; nothing but the vocoder differs."""
    play = RealRenderer(NAMES, MELGAN, [])
    try:
        play(tune(), 0, 6.0)
    except UserError as reason:
        pytest.skip(str(reason))

    def model(notes: Notes, performance: int, seconds: float) -> Rendered:
        return Rendered(log_mel(play(notes, performance, seconds), MELGAN), 0.5)

    using = Renderers(NAMES, MELGAN, model, play, GriffinLim(MELGAN, iterations=16))
    report = report_on(ThinOptions((1,), ("flute",), (60,)), using, tmp_path)
    ours = report["thin"]["concert-hall"]["flute"]["generated"]
    assert abs(ours["level_db"]["60"]) < 1.5
    assert abs(ours["held_db"]) < 3
    assert ours["bursts"] == 0
