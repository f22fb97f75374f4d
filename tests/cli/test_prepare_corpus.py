"""`mt3synth prepare corpus`: its options reach the builder, its refusals are one line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from data_pipelines.corpus import build as builder

REPORT = {
    "splits": {
        "train": {"songs": 7, "hours": 0.061, "songs_per_performance": {"studio": 4, "hall": 3}}
    }
}


def test_options_become_settings(run: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def build(out: Path, settings: builder.CorpusSettings) -> dict:
        asked.append((out, settings))
        return REPORT

    monkeypatch.setattr(builder, "build_corpus", build)
    required = ("prepare", "corpus", "--out", "a b", "--hours", "2.5", "--seed", "3")
    outcome = run(*required)
    assert outcome.status == 0
    assert outcome.out == ["train: 7 songs, 0.06 h (4 studio, 3 hall)"]
    run(
        *required,
        *("--validation-hours", "0.1", "--test-hours", "0.2", "--format", "numpy"),
        *("--workers", "5", "--shard-minutes", "2", "--scores-cache", "scores"),
        *("--performances", "mine.toml", "--soundfonts", "one", "--soundfonts", "two"),
        *("--sample-rate", "48000"),
    )
    plain = builder.CorpusSettings(hours=2.5, seed=3)
    every = builder.CorpusSettings(
        hours=2.5,
        seed=3,
        validation_hours=0.1,
        test_hours=0.2,
        format="numpy",
        shard_minutes=2.0,
        workers=5,
        cache=Path("scores"),
        performances=Path("mine.toml"),
        soundfonts=(Path("one"), Path("two")),
        sample_rate=48000,
    )
    assert plain.sample_rate == 44100  # whatever the front end, the whole band is kept
    assert asked == [(Path("a b"), plain), (Path("a b"), every)]


def test_a_corpus_of_another_rate_is_not_continued(run, here):
    (here / "out").mkdir()
    (here / "out/corpus.json").write_text('{"sample_rate": 16000}')
    (here / "scores").mkdir()
    done = run("prepare", "corpus", "--out", "out", "--hours", "1", "--seed", "0",
               "--scores-cache", "scores")  # fmt: skip
    assert done.status == 2
    assert done.err == [
        "mt3synth prepare corpus: out: was built at 16000 samples per second (now 44100); name a"
        " new folder, or --sample-rate 16000"
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--hours", "0"), "--hours 0.0; must be more than 0 h"),
        (("--workers", "0"), "--workers 0; must be at least 1"),
        (("--format", "mp3"), "format 'mp3'; must be one of tfrecord, numpy"),
        (("--shard-minutes", "0"), "shards of 0.0 minutes; must be more than 0"),
        (("--hours", "0", "--scores-cache", "scores"), "--hours 0.0; must be more than 0 h"),
        (("--seed", "-1", "--scores-cache", "scores"), "seed -1; must be at least 0"),
        (
            ("--performances", "nowhere.toml", "--scores-cache", "scores"),
            "nowhere.toml: cannot be read",
        ),
    ],
)
def test_refusals(run: Callable, here: Path, options: tuple[str, ...], said: str) -> None:
    (here / "scores").mkdir()
    (here / "scores" / "index.json").write_text("[]")
    outcome = run("prepare", "corpus", "--out", "out", "--hours", "1", "--seed", "0", *options)
    assert outcome.status == 2
    assert len(outcome.err) == 1 and said in outcome.err[0]
    assert not (here / "out").exists()
