"""Scores: who is held out, and what music21 hands over."""

import pytest
from corpus_cases import chorale

from data_pipelines.corpus import scores as score_files
from data_pipelines.corpus.scores import by_split, source_files, split_of


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
    assert split_of(chorale(1, source, composer)) == split


def test_every_source_file_of_a_held_out_folder_is_held_out() -> None:
    pytest.importorskip("music21")
    files = source_files()
    groups = by_split(chorale(1, f, "") for f in files)
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
    read = score_files._part(part)
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
    monkeypatch.setattr(score_files, "source_files", lambda: ["bach/a.mxl", "bad.mxl"])
    for relative in score_files.source_files():
        score_files._parse_into(relative, tmp_path)
    scores, problems = score_files.read_cache(tmp_path)
    assert scores == [chorale(2, "bach/a.mxl")]
    assert problems == {"bad.mxl": "RuntimeError: no such note"}


def test_empty_cache_says_what_to_run(tmp_path) -> None:
    with pytest.raises(score_files.UserError, match=r"data_pipelines\.corpus\.scores"):
        score_files.read_cache(tmp_path)
