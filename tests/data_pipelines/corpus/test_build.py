"""A whole small corpus: the same bytes however it is built, and what is refused."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from corpus_cases import SMALL_SOUNDFONT, needs_fluidsynth, scores_cache, small_performances

from data_pipelines.corpus import listing
from data_pipelines.corpus.build import CorpusSettings, build_corpus
from data_pipelines.corpus.performances import DEFAULT_FILE
from data_pipelines.shards.formats import FORMATS
from mt3synth.errors import UserError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def settings(tmp_path: Path) -> CorpusSettings:
    """Asks for more than a minute of training songs, a shard each."""
    return CorpusSettings(
        hours=0.02,
        seed=5,
        validation_hours=0.001,
        test_hours=0.001,
        format="numpy",
        shard_minutes=0.5,
        workers=1,
        cache=scores_cache(tmp_path / "scores"),
        performances=small_performances(tmp_path / "performances.toml"),
        soundfonts=(SMALL_SOUNDFONT,),
        sample_rate=16_000,
    )


def digests(folder: Path) -> dict[str, str]:
    """Hashes all that is to be seen in a folder, by relative path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".build" not in path.parts
    }


@needs_fluidsynth
def test_interrupted_and_continued_is_the_same_as_in_one_go(
    tmp_path: Path, settings: CorpusSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered = []

    def render_but_two(*args):
        rendered.append(args)
        if len(rendered) == 3:
            raise KeyboardInterrupt
        return whole(*args)

    whole = listing.render
    monkeypatch.setattr(listing, "render", render_but_two)
    with pytest.raises(KeyboardInterrupt):
        build_corpus(tmp_path / "twice", settings)
    assert not (tmp_path / "twice" / "corpus.json").exists()
    build_corpus(tmp_path / "twice", settings)
    songs_twice = len(rendered) - 1
    rendered.clear()
    monkeypatch.setattr(listing, "render", whole)
    report = build_corpus(tmp_path / "once", settings)
    songs = sum(split["songs"] for split in report["splits"].values())
    assert songs_twice <= songs + 1  # only the shard under way was begun again
    assert digests(tmp_path / "twice") == digests(tmp_path / "once")


@needs_fluidsynth
def test_more_hours_keep_what_is_there(tmp_path: Path, settings: CorpusSettings) -> None:
    out = tmp_path / "out"
    build_corpus(out, replace(settings, hours=0.008))
    first = (out / "train-00000-of-00001.arrays" / "audio.npy").stat()
    build_corpus(out, settings)
    again = (out / "train-00000-of-00002.arrays" / "audio.npy").stat()
    assert (again.st_ino, again.st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
    build_corpus(tmp_path / "once", settings)
    assert digests(out) == digests(tmp_path / "once")

    with pytest.raises(UserError, match=r"songs more than that .* at least as many hours"):
        build_corpus(out, replace(settings, hours=0.008))
    with pytest.raises(UserError, match=r"built with seed 5 \(now 6\); name a new folder"):
        build_corpus(out, replace(settings, seed=6))
    with pytest.raises(UserError, match="built with performances"):
        build_corpus(out, replace(settings, performances=DEFAULT_FILE))
    assert digests(out) == digests(tmp_path / "once")


@needs_fluidsynth
def test_both_formats_hold_the_songs_that_the_tables_say(
    tmp_path: Path, settings: CorpusSettings
) -> None:
    settings = replace(settings, hours=0.012)
    report = build_corpus(tmp_path / "numpy", settings)
    build_corpus(tmp_path / "tfrecord", replace(settings, format="tfrecord"))
    held = {
        name: [
            song
            for path in sorted((tmp_path / name).glob(f"train-*{kind.suffix}"))
            for song in kind.read(path)
        ]
        for name, kind in FORMATS.items()
    }
    for one, other in zip(held["numpy"], held["tfrecord"], strict=True):
        assert (one.id, one.performance) == (other.id, other.performance)
        assert (one.audio == other.audio).all()
        assert one.audio.std() > 50
        assert one.notes.start == pytest.approx(other.notes.start, abs=1e-3)
    listed = json.loads((tmp_path / "numpy" / "performances.json").read_text())
    assert [p["name"] for p in listed] == ["chamber", "studio"]  # as in the file
    train = report["splits"]["train"]
    assert train["songs"] == len(held["numpy"])
    assert train["hours"] >= 0.012
    assert sum(s.seconds for s in held["numpy"][:-1]) < 3600 * 0.012
    assert report["soundfonts"]["TimGM6mb.sf2"]["licence"].startswith("GPL-2")
    assert json.loads((tmp_path / "numpy" / "corpus.json").read_text()) == report


_BUILD = """
import sys
sys.modules["tensorflow"] = None  # whoever imports it fails
from pathlib import Path
from data_pipelines.corpus.build import CorpusSettings, build_corpus
if __name__ == "__main__":
    build_corpus(Path(sys.argv[1]), CorpusSettings(
        0.02, 5, 0.001, 0.001, "numpy", 0.5, int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]),
        (Path(sys.argv[5]),), sample_rate=16_000,
    ))
"""


@pytest.mark.slow
@needs_fluidsynth
def test_killed_and_with_two_workers_and_no_tensorflow(
    tmp_path: Path, settings: CorpusSettings
) -> None:
    script = tmp_path / "make.py"
    script.write_text(_BUILD)
    more = [str(settings.cache), str(settings.performances), str(SMALL_SOUNDFONT)]
    killed, whole = tmp_path / "killed", tmp_path / "whole"

    def command(out: Path, workers: int) -> list[str]:
        return [sys.executable, str(script), str(out), str(workers), *more]

    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command(killed, 1), env=environment, start_new_session=True)
    while not list(killed.glob(".build/*.json")):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (killed / "corpus.json").exists()
    for out in (killed, whole):
        subprocess.run(command(out, 2), env=environment, check=True)
    build_corpus(tmp_path / "here", settings)
    assert digests(killed) == digests(whole) == digests(tmp_path / "here")


@needs_fluidsynth
def test_a_song_that_cannot_be_rendered_stops_the_build_and_is_not_left_out(
    tmp_path: Path, settings: CorpusSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_):
        raise UserError("fluidsynth failed: no space left")

    with monkeypatch.context() as patched:
        patched.setattr(listing, "render", fail)
        with pytest.raises(UserError, match=r"train song 0: .*no space left; what is made"):
            build_corpus(tmp_path / "out", replace(settings, hours=0.005))
    report = build_corpus(tmp_path / "out", replace(settings, hours=0.005))
    assert report["rejected"] == 0 and report["splits"]["train"]["hours"] >= 0.005


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("hours", 0.0, "--hours 0.0; must be more than 0 h"),
        ("test_hours", -1.0, "--test-hours -1.0; must be more"),
        ("workers", 0, "--workers 0; must be at least 1"),
    ],
)
def test_settings_out_of_range(settings: CorpusSettings, setting: str, value, said: str) -> None:
    with pytest.raises(UserError, match=said):
        replace(settings, **{setting: value})


@needs_fluidsynth
def test_what_another_command_made_is_not_touched(tmp_path: Path, settings: CorpusSettings) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "performances.json").write_text('[{"index": 0, "name": "mine", "description": ""}]')
    before = digests(out)
    with pytest.raises(UserError, match="has other performances; name a new folder"):
        build_corpus(out, settings)
    assert digests(out) == before
    with pytest.raises(UserError, match="is a file"):
        build_corpus(settings.performances, settings)


@needs_fluidsynth
def test_a_missing_soundfont_stops_the_build_before_anything_is_written(
    tmp_path: Path, settings: CorpusSettings
) -> None:
    text = settings.performances.read_text().replace("TimGM6mb.sf2", "no such file.sf2")
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(UserError, match="timgm6mb-soundfont"):
        build_corpus(tmp_path / "out", replace(settings, performances=tmp_path / "p.toml"))
    assert not (tmp_path / "out").exists()
