"""The comparison of two trees, on results that are made up."""

import sys

import numpy as np
import pytest
import sameness
import soundfile
from tensorboardX import SummaryWriter


@pytest.fixture
def results(tmp_path):
    """Fills two folders with equal results."""
    for name in ("old", "new"):
        folder = tmp_path / name
        folder.mkdir()
        sound = np.sin(np.arange(1600) / 20).astype(np.float32)
        soundfile.write(folder / sameness.RENDERED, sound, 16000, "FLOAT")
        for corpus, run in sameness.FORMATS.values():
            (folder / corpus / "shard").mkdir(parents=True)
            (folder / corpus / "shard" / "audio.npy").write_bytes(b"audio")
            log(folder / run, 0.5)
    return tmp_path / "old", tmp_path / "new"


def log(run, loss: float) -> None:
    with SummaryWriter(str(run / "tensorboard")) as writer:
        writer.add_scalar("train/loss", loss, 20)
        writer.add_scalar("speed/steps_per_second", np.random.default_rng().random(), 20)


def differences(old, new) -> list[str]:
    return [row.difference for row in sameness.compare(old, new)]


def test_equal_results_do_not_differ(results, monkeypatch, capsys):
    assert differences(*results) == [""] * 5
    monkeypatch.setattr(sys, "argv", ["sameness.py", *map(str, results)])
    assert sameness.main() == 0
    assert "| samples | 1,600 at 16000 Hz | none |" in capsys.readouterr().out


def test_each_difference_is_found(results, monkeypatch):
    old, new = results
    sound, rate = soundfile.read(new / sameness.RENDERED)
    sound[7] += 1e-3
    soundfile.write(new / sameness.RENDERED, sound, rate, "FLOAT")
    (new / "corpus" / "shard" / "audio.npy").write_bytes(b"Audio")
    (new / "corpus_np" / "more").touch()
    log(new / "run", 0.25)
    found = differences(old, new)
    assert found == ["up to 0.001", "shard/audio.npy", "train/loss: 0.5, 0.25", "more", ""]
    monkeypatch.setattr(sys, "argv", ["sameness.py", str(old), str(new)])
    assert sameness.main() == 1


def test_what_a_tree_has_given_is_not_made_again(results):
    old, _ = results
    for name in (sameness.RENDERED, "corpus", "run", "corpus_np", "run_np"):
        (old / f"{name}.done").touch()
    sameness.capture(sameness.ROOT, old, hours=0.1, steps=1)
