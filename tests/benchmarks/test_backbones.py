"""The ladder's table of arms, what it decides from what it found, and how it shows that."""

import argparse
import json

import backbones
import backbones_report
import house
import numpy as np
import pytest
from backbones_arms import ARMS, BASE, FORMER, LADDER, TOGETHER, Arm, together
from tensorboardX import SummaryWriter


def test_arms_are_of_files_that_are_there():
    for arm in ARMS.values():
        for kind, name in (("models", arm.model), ("diffusion", arm.diffusion)):
            assert (house.ROOT / "gin_configs" / kind / f"{name}.gin").is_file()
    assert set(LADDER) <= {*ARMS, TOGETHER}
    # Behind all that it may be made of.
    options = [name for name in LADDER if name in ARMS and ARMS[name].option]
    assert LADDER.index(TOGETHER) > max(map(LADDER.index, options))


def test_what_helped_is_put_together():
    heard = {BASE: 0.2, "x0": 0.21, "muon": 0.22, "attacks": 0.19, FORMER: 0.3}
    arm, helped = together(heard)
    assert helped == ["x0", "muon"]
    assert (arm.model, arm.diffusion) == (ARMS[BASE].model, "x0_v")
    assert arm.bindings == ARMS["muon"].bindings


def test_time_is_shared_between_the_prior_and_the_whole():
    rates = {"whole": 2.0, "prior": 6.0}
    assert backbones.count_updates(Arm("", "unet_notes"), rates, 1.0) == (0, 120)
    prior_first = Arm("", "unet_notes", prior_share=0.25)
    assert backbones.count_updates(prior_first, rates, 1.0) == (90, 90)


@pytest.fixture
def study(tmp_path):
    """Writes what a study of three arms would have found."""
    judges = {"strict": [[8, 10, 9]]}
    reference = [{"what": "real", "notes": judges}, {"what": "vocoded", "notes": judges, "fad": 1}]
    (tmp_path / "reference.jsonl").write_text("".join(json.dumps(row) + "\n" for row in reference))
    rates = {}
    for name, worst, matched in ((FORMER, 0.9, 1), (BASE, 0.6, 4), ("muon", 0.4, 5)):
        folder = tmp_path / "8min" / name
        rates[name] = {"whole": 2.0, "parameters": 1_000_000}
        with SummaryWriter(str(folder / "run" / "tensorboard")) as writer:
            for step in (10, 20):
                for time in (0.1, 0.95):
                    writer.add_scalar(f"validation/loss_at_{time}", worst * time / step, step)
        steps = [1, 8] if name == FORMER else [0, 1, 8]
        rows = [
            {
                "steps": s,
                "log_mel_l1": [worst, worst / (s + 1)],
                "notes": {"strict": [[matched, 10, 6]]} if s == 8 else {},
                "fad": 2.0,
                "seconds": 1.0,
            }
            for s in steps
        ]
        (folder / "measured.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        mels = {f"steps_{s}": np.zeros((50, 128), np.float32) for s in steps}
        np.savez(folder / "excerpt.npz", real=np.ones((50, 128), np.float32), **mels)
    (tmp_path / "rates.json").write_text(json.dumps(rates))
    return tmp_path


def test_the_best_are_those_whose_notes_are_heard_best(study):
    options = argparse.Namespace(out=study, minutes=8.0, best=2, only=[FORMER, BASE, "muon"])
    assert backbones.find_best(options) == ["muon", BASE]


def test_all_that_helped_is_decided_once(study):
    options = argparse.Namespace(out=study, minutes=8.0)
    arm = backbones.find_arm(TOGETHER, options)
    assert arm.bindings == ARMS["muon"].bindings and "muon" in arm.says
    (study / "8min" / "muon" / "measured.jsonl").unlink()
    assert backbones.find_arm(TOGETHER, options) == arm


def test_a_study_is_shown(study, capsys):
    assert backbones_report.main([str(study), "--pictures", str(study / "drawn")]) == 0
    shown = capsys.readouterr().out
    assert "**8 minutes**" in shown
    learning = next(line for line in shown.splitlines() if line.startswith("| `muon` | + Muon"))
    assert learning.split(" | ")[4:] == ["20", "0.5 h", "0.002", "0.019 |"]
    # L1 of the sketch and in 1 and 8 steps; F1 and recall of 5 of 10 notes among 6 heard.
    assert "| `muon` | 0.400 | 0.300 | 0.222 | 2.000 | 2.000 | 2.000 |" in shown
    assert "| `muon` | 0.625 (0.50) |" in shown
    assert "| real sound |" in shown
    svg = (study / "drawn" / backbones_report.CURVES).read_text()
    assert svg.lstrip().startswith("<?xml") and "time 0.95" in svg and "muon" in svg
    assert (study / "drawn" / backbones_report.EXCERPT).read_bytes().startswith(b"\x89PNG")
