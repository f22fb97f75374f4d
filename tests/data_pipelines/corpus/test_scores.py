"""Scores: who is held out, and what music21 hands over."""

import sys

import pytest
from corpus_cases import chorale, scores_cache

from data_pipelines.corpus.arrangement import scores as score_files
from data_pipelines.corpus.arrangement.scores import find_split, group_by_split, list_source_files


@pytest.mark.parametrize(
    ("source", "composer", "split"),
    [
        ("haydn/opus1no1/movement1.mxl", "", "validation"),
        ("demos/some.mxl", "Franz Joseph Haydn", "validation"),
        ("mozart/k80/movement1.mxl", "", "test"),
        ("essenFolksong/x.abc", "W. A. MOZART", "test"),
        ("beethoven/opus18no1/movement1.mxl", "L. v. Beethoven", "test"),
        ("miscFolk/ode.abc#3", "after Ludwig van Beethoven", "test"),
        ("bach/bwv1.6.mxl", "J.S. Bach", "train"),
        ("airdsAirs/book1.abc#2", "", "train"),
    ],
)
def test_split_follows_composer_in_path_or_metadata(source: str, composer: str, split: str) -> None:
    assert find_split(chorale(1, source, composer)) == split


def test_every_source_file_of_a_held_out_folder_is_held_out() -> None:
    pytest.importorskip("music21")
    files = list_source_files()
    groups = group_by_split(chorale(1, f, "") for f in files)
    in_train = {s.source.split("/")[0] for s in groups["train"]}
    assert not in_train & {"haydn", "mozart", "beethoven"}
    assert {s.source.split("/")[0] for s in groups["validation"]} == {"haydn"}
    assert {s.source.split("/")[0] for s in groups["test"]} == {"mozart", "beethoven"}
    assert len(files) == len(set(files)) > 500


def test_ties_become_one_note_and_chords_several() -> None:
    music21 = pytest.importorskip("music21")
    part = music21.stream.Part()
    for name, quarters, tie in (("C4", 1.0, "start"), ("C4", 0.5, "stop"), ("E4", 2.0, None)):
        note = music21.note.Note(name, quarterLength=quarters)
        note.tie = music21.tie.Tie(tie) if tie else None
        part.append(note)
    part.append(music21.chord.Chord(["C4", "E4", "G4"], quarterLength=2.0))
    read = score_files._convert_part(part)
    assert read.pitch == (60, 64, 60, 64, 67)
    assert read.start == (0.0, 1.5, 3.5, 3.5, 3.5)
    assert read.duration == (1.5, 2.0, 2.0, 2.0, 2.0)


def test_cache_keeps_a_score_and_names_a_bad_file(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(relative: str) -> list[score_files.Score]:
        if relative == "bad.mxl":
            raise RuntimeError("no such note")
        return [chorale(2, relative)]

    monkeypatch.setattr(score_files, "parse_file", parse)
    monkeypatch.setattr(
        score_files, "list_source_files", lambda: ["bach/b.mxl", "bad.mxl", "bach/a.mxl"]
    )
    for relative in score_files.list_source_files():
        score_files._parse_to_cache(relative, tmp_path)
    with pytest.raises(score_files.UserError, match="no whole cache"):
        score_files.read_cache(tmp_path)
    score_files.fill_cache(tmp_path, workers=1)
    scores, problems = score_files.read_cache(tmp_path)
    assert scores == [chorale(2, "bach/b.mxl"), chorale(2, "bach/a.mxl")]
    assert problems == {"bad.mxl": "RuntimeError: no such note"}


def test_a_whole_cache_is_read_without_music21_and_told_by_its_content(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, same = scores_cache(tmp_path / "one"), scores_cache(tmp_path / "same")
    monkeypatch.setitem(sys.modules, "music21", None)
    monkeypatch.setattr(score_files, "find_corpus_folder", None)
    score_files.fill_cache(one, workers=1)
    assert len(score_files.read_cache(one)[0]) == 4
    assert score_files.hash_cache(one) == score_files.hash_cache(same)
    path = same / "bach__made.mxl.json"
    path.write_text(path.read_text().replace("96.0", "97.0"))
    assert score_files.hash_cache(one) != score_files.hash_cache(same)
