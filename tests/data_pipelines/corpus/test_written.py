"""Scores played as they are written: from music21's corpus to the notes of a song."""

from pathlib import Path

import numpy as np
import pytest
from corpus_cases import STUDIO, chorale, play_plainly, scores_cache

from data_pipelines.corpus import played_scores
from data_pipelines.corpus.arrangement.instruments import INSTRUMENTS, find_range
from data_pipelines.corpus.arrangement.kinds import WRITTEN
from data_pipelines.corpus.played_scores import (
    EXPRESSIONS,
    fill_played,
    find_folder,
    hash_played,
    read_played,
    save_played,
)
from data_pipelines.corpus.recipe import SongBook
from data_pipelines.corpus.songs import play_training
from data_pipelines.corpus.written import play_written
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.scores import play_score

COLUMNS = ("start", "end", "pitch", "velocity", "program", "is_drum")


@pytest.fixture
def played(tmp_path):
    return read_played(scores_cache(tmp_path / "scores"), ["bach/made.mxl"])


def test_a_score_is_kept_as_the_rules_play_it_with_each_expression(tmp_path, monkeypatch):
    pytest.importorskip("music21")
    source = "bach/bwv66.6.mxl"
    monkeypatch.setattr(
        played_scores, "read_cache", lambda _: ([chorale(1, source), chorale(1, "a.abc#3")], {})
    )
    # In this process: what a worker does is one call.
    played_scores._play_to(_made(find_folder(tmp_path)), source)
    fill_played(tmp_path, workers=1)
    kept = read_played(tmp_path, [source, "a.abc#3"])
    assert kept.sources == (source,)
    data = (played_scores.find_corpus_folder() / source).read_bytes()
    for expression in EXPRESSIONS:
        expected = play_score(data, source, expression, curves=False)
        found = kept.read(0, expression)
        for name in COLUMNS:
            ours, theirs = getattr(found.notes, name), getattr(expected.notes, name)
            np.testing.assert_allclose(ours, theirs, atol=1e-4)
        assert np.array_equal(found.part, expected.channel)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def test_what_cannot_be_played_is_left_out_and_nothing_played_is_an_error(tmp_path):
    folder = _made(find_folder(tmp_path))
    played_scores._play_to(folder, "no/such.mxl")
    (folder / "index.json").write_text('["no/such.mxl"]')
    with pytest.raises(UserError, match="none of 1 scores could be played"):
        read_played(tmp_path, ["no/such.mxl"])
    with pytest.raises(UserError, match="not all played"):
        hash_played(tmp_path / "other")


def test_the_recipe_names_what_was_played(tmp_path):
    cache = scores_cache(tmp_path / "scores")
    before = hash_played(cache)
    louder = play_plainly(chorale())
    notes = louder.notes.replace(velocity=louder.notes.velocity + 1)
    save_played(
        find_folder(cache),
        "bach/made.mxl",
        [played_scores.Playing(louder.source, notes, louder.part)] * 3,
    )
    assert hash_played(cache) != before
    fields = dict(
        seed=0, scores="s", performances="p", soundfonts=(), fluidsynth="2.3.1",
        cache=cache, performances_file=tmp_path, folders=(), kinds=((WRITTEN, 1.0),),
    )  # fmt: skip
    assert f"played='{before}'" in repr(SongBook(**fields, played=before))


def test_songs_are_excerpts_with_what_is_written_in_them(played):
    whole = play_plainly(chorale()).notes
    for seed in range(20):
        notes, source = play_written(played, STUDIO.player, np.random.default_rng(seed))
        assert source.startswith("written, expression ") and source.endswith("bach/made.mxl")
        assert len(notes) > 60 and 15 < notes.end_time < 60
        # The crescendo, a step a bar, whatever the level of the song.
        rise = np.polyfit(notes.start, notes.velocity, 1)[0]
        assert 0.3 < rise < 0.7
        for program in np.unique(notes.program).tolist():
            low, high = find_range(program)
            pitch = notes.pitch[notes.program == program]
            assert program in INSTRUMENTS and pitch.min() >= low and pitch.max() <= high
    assert whole.end_time == 48


def test_half_of_them_are_for_strings_and_the_others_for_whom_they_are_written(played, tmp_path):
    found = []
    for seed in range(40):
        notes, _ = play_written(played, STUDIO.player, np.random.default_rng(seed))
        found.append(tuple(np.unique(notes.program).tolist()))
    assert set(found) == {(40,), (40, 41, 42)}  # violins, and a quartet


def test_a_song_follows_from_its_number_alone(played):
    kinds = ((WRITTEN, 1.0),)
    one, same, other = (
        play_training(5, index, [], [STUDIO], kinds, played).notes for index in (3, 3, 4)
    )
    assert all(np.array_equal(getattr(one, name), getattr(same, name)) for name in COLUMNS)
    assert len(one) != len(other) or not np.array_equal(one.start, other.start)
    with pytest.raises(ValueError, match="need the scores as they are played"):
        play_training(5, 3, [], [STUDIO], kinds)


def test_drums_keep_their_keys(tmp_path):
    rows = np.arange(60.0)
    drums = Notes(rows / 2, rows / 2 + 0.1, np.full(60, 38), np.full(60, 90), rows * 0, rows >= 0)
    folder = _made(find_folder(tmp_path))
    save_played(
        folder, "a.mxl", [played_scores.Playing("a.mxl", drums, np.zeros(60, np.int64))] * 3
    )
    (folder / "index.json").write_text('["a.mxl"]')
    notes, _ = play_written(
        read_played(tmp_path, ["a.mxl"]), STUDIO.player, np.random.default_rng(0)
    )
    assert set(notes.pitch.tolist()) == {38} and notes.is_drum.all()
