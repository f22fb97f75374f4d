"""The report on a data set, in both formats of shards."""

import csv
import weakref
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from inspection_cases import NAMES, data_set, song
from PIL import Image

from data_pipelines.inspection.examples import write_example
from data_pipelines.inspection.inspect import ExampleOptions, inspect
from data_pipelines.inspection.pictures import draw_hours
from data_pipelines.inspection.survey import Survey
from mt3synth.errors import UserError


class Links(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.tags, self.text = [], set(), ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.found += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("kind", ["tfrecord", "numpy"])
def test_one_example_of_each_performance(tmp_path, kind):
    found = inspect(data_set(tmp_path / "set", kind), tmp_path / "report", ExampleOptions())
    assert [(e.song, e.number, e.performance) for e in found.examples] == [
        *(("first/take 1.wav", 0, 0), ("二番", 1, 1))
    ]
    page = Links(found.page.read_text(encoding="utf-8"))
    assert "script" not in page.tags
    assert NAMES[0] in page.text and "二番" in page.text
    links = set(page.found) - {"data:,"}  # an icon, or browsers ask for one
    linked = {(found.page.parent / unquote(link)).resolve() for link in links}
    files = {p.resolve() for p in (tmp_path / "report").rglob("*") if p.is_file()}
    assert linked == files - {found.page.resolve()}


def test_wanted_songs_by_id_and_number(tmp_path):
    folder = data_set(tmp_path / "set", "numpy")
    found = inspect(folder, tmp_path / "r", ExampleOptions(("third", "0"), start=1.0, end=2.0))
    assert [e.song for e in found.examples] == ["first/take 1.wav", "third"]
    assert all((e.start, e.end) == (1.0, 2.0) for e in found.examples)
    with pytest.raises(UserError, match=r"no song 9, nothing \(of 4 songs\)"):
        inspect(folder, tmp_path / "r", ExampleOptions(("third", "9", "nothing")))


def test_one_split_and_at_most_some_examples(tmp_path):
    folder = data_set(tmp_path / "set", "tfrecord")
    found = inspect(folder, tmp_path / "r", ExampleOptions(most=1), "train")
    assert found.survey.tally().songs == 3
    assert found.remarks == [
        "Only split train was looked at.",
        "Examples of 1 of 2 performances (--most N for more).",
    ]
    with pytest.raises(UserError, match=r"no split 'test' \(there: train, validation\)"):
        inspect(folder, tmp_path / "r", ExampleOptions(), "test")


def test_rejections_are_mentioned_and_names_are_not_needed(tmp_path):
    folder = data_set(tmp_path / "set", "numpy")
    (folder / "performances.json").unlink()
    with open(folder / "rejected.csv", "w", newline="") as file:
        csv.writer(file).writerows([("audio", "midi", "reason"), ("a", "b", "two\nlines")])
    found = inspect(folder, tmp_path / "r", ExampleOptions(most=0))
    assert found.remarks[0] == "Recordings left out: 1; rejected.csv says why."
    assert found.tables[1].rows[0][0] == "0  performance 0"


def test_songs_are_not_kept(tmp_path):
    alive = weakref.WeakSet()
    most = 0

    def watch(songs):
        nonlocal most
        for split, each in songs:
            alive.add(each)
            most = max(most, len(alive))
            yield split, each
            del each

    inspect(
        data_set(tmp_path / "set", "tfrecord"), tmp_path / "r", ExampleOptions(most=0), None, watch
    )
    assert most <= 2


def test_what_is_no_data_set(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UserError, match=str(folder)):
            inspect(folder, tmp_path / "r", ExampleOptions())
    assert not (tmp_path / "r").exists()


def test_says_that_matplotlib_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("data_pipelines.inspection.inspect.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"matplotlib: pip install 'mt3synth\[data\]'"):
        inspect(tmp_path, tmp_path / "r", ExampleOptions())


def test_names_that_matplotlib_would_take_for_formulas(tmp_path):
    survey = Survey()
    names = {0: r"$\frac$", 1: "x" * 200}
    for index in names:
        survey.add("train", song("a", index))
    draw_hours(survey, names, tmp_path / "a.png")
    assert Image.open(tmp_path / "a.png").size[0] == 900
    write_example(song(r"a $\nothing{ b$", 0), "train", 0, tmp_path)
