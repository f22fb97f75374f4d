"""What a performance carries: how far its players go beyond a score where nobody says it."""

import json

import pytest
from cli_cases import save_model, write_song
from notation_cases import quarters, score

import mt3synth
from mt3synth.bundle import BundleError, Performance
from mt3synth.score import Span, read_score
from mt3synth.vocoder.griffin_lim import GriffinLim

FOUR = quarters("C4", "D4", "E4", "F4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model whose performance "hall" carries expression."""
    made = save_model(tmp_path_factory.mktemp("models") / "tiny")
    carry(made, 0.5)
    return made


def carry(folder, expression: object) -> None:
    entries = json.loads((folder / "performances.json").read_text())
    entries[1]["expression"] = expression
    (folder / "performances.json").write_text(json.dumps(entries))


def test_it_holds_where_none_is_asked_for_and_in_shares_of_a_blend(folder):
    model = mt3synth.load(folder)
    for name, expected in (
        ("studio", 0.0),
        ("hall", 0.5),
        ("studio*0.6+hall*0.4", 0.2),
        ("hall@0:00,studio@0:01", 0.5),
    ):
        assert model.renderer(name, steps=1).expression == pytest.approx(expected)
    slow = read_score(score(FOUR, FOUR), Span(), model.spec, carried=0.5)
    letter = read_score(score(FOUR, FOUR), Span(), model.spec, None, 0.0, carried=0.5)
    assert (slow.expression, letter.expression) == (0.5, 0.0)
    assert slow.notes.end_time > letter.notes.end_time == 4.0


def test_a_midi_file_is_played_as_it_is_without_a_word(folder, tmp_path):
    model, path = mt3synth.load(folder), write_song(tmp_path / "song.mid", 60)
    assert read_score(path, Span(), model.spec, carried=0.5).reports == ()
    assert read_score(path, Span(), model.spec, None, 0.5).reports != ()


def test_a_song_is_rendered_with_it(folder):
    model = mt3synth.load(folder)
    quick = GriffinLim(model.spec.mel, iterations=1)
    song = model.render(score(FOUR), "hall", steps=1, vocoder=quick)
    assert song.metadata["expression"] == "0.5"
    plain = model.render(score(FOUR), "hall", steps=1, vocoder=quick, expression=0.0)
    assert "expression" not in plain.metadata and plain.seconds < song.seconds


def test_it_is_kept_and_bounded(tmp_path):
    carrying = Performance(0, "hall", "A hall.", expression=0.25)
    assert Performance.from_dict(carrying.to_dict()) == carrying
    assert "expression" not in Performance(0, "hall", "A hall.").to_dict()
    folder = save_model(tmp_path / "tiny")
    carry(folder, 1.5)
    with pytest.raises(BundleError, match=r"expression=1\.5; must be within 0\.\.1"):
        mt3synth.load(folder)
