"""From records to sound by the command line alone, and on to a new performance."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from data_pipelines.shards.formats import FORMATS
from data_pipelines.shards.names import shard_path
from data_pipelines.songs import Song
from mt3synth import bundle, cli
from mt3synth.symbolic.notes import Notes

ROOT = Path(__file__).resolve().parent.parent
TINY = (
    *("--gin_file", "gin_configs/models/unet_tiny.gin"),
    *("--gin_file", "gin_configs/diffusion/v_l2.gin"),
    *("--gin_file", "gin_configs/runs/train.gin"),
    *("--gin.TRAIN_STEPS=3", "--gin.BATCH_SIZE=2", "--gin.config.TrainConfig.eval_batches=1"),
)


def write_corpus(folder, names) -> None:
    """Writes a song of twelve seconds for each performance, in every split."""
    kind = FORMATS["tfrecord"]
    folder.mkdir()
    start = np.arange(0, 11, 0.5)
    same = np.ones(len(start), int)
    notes = Notes(start, start + 0.4, 60 + np.arange(len(start)), 80 * same, 0 * same, same == 0)
    audio = np.random.default_rng(0).integers(-3000, 3000, 12 * 16000).astype(np.int16)
    for split in ("train", "validation", "test"):
        songs = [Song(f"{split}-{n}", audio, 16000, notes, n) for n in range(len(names))]
        kind.write(shard_path(folder, split, 0, 1, kind.suffix), songs)
    listed = [{"index": i, "name": n, "description": n} for i, n in enumerate(names)]
    (folder / "performances.json").write_text(json.dumps(listed))


def one_note() -> Notes:
    """Half a second of a loud violin."""
    return Notes(*(np.array([value]) for value in (0.0, 0.5, 60, 127, 40, False)))


def run(*argv) -> None:
    assert cli.main([str(a) for a in argv]) == 0


@pytest.mark.slow
@pytest.mark.usefixtures("quickly_compiled")
def test_train_export_synthesize_and_train_on_with_a_new_performance(
    tmp_path, monkeypatch, as_released
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_corpus(tmp_path / "one", ["first"])
    write_corpus(tmp_path / "two", ["second", "first"])

    run("train", *TINY, "--data", "one", "--run", "runs/one")
    run("export", "--run", "runs/one", "-o", "small")
    run("train", *TINY, "--data", "two", "--run", "runs/two", "--init-from", "small")
    run("export", "--run", "runs/two", "-o", "larger", "--default-performance", "first")
    assert [p.name for p in bundle.load("larger").performances] == ["second", "first"]

    from mt3synth.symbolic.midi import write_midi

    write_midi(one_note(), tmp_path / "song.mid")
    run("synthesize", "song.mid", "--bundle", "larger", "--performance", "second", "--steps", 2)
    assert (tmp_path / "song.wav").stat().st_size > 16000


@pytest.mark.slow
@pytest.mark.usefixtures("well_compiled")
def test_the_python_of_the_readme_runs(tmp_path, monkeypatch):
    from mt3synth.symbolic.midi import write_midi

    block = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    write_midi(one_note(), tmp_path / "song.mid")
    exec(compile(block[1], "README.md", "exec"), {})
    assert (tmp_path / "song.wav").stat().st_size > 16000


def test_a_missing_corpus_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", "--data", "nowhere", "--run", "run"]) == 2
    line = capsys.readouterr().err.splitlines()[0]
    assert line.startswith("mt3synth train: nowhere: no such folder")
