"""An experiment from arms to table, its commands taken down instead of run."""

import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from cli_cases import save_model

from mt3synth import bundle as bundles
from mt3synth.errors import UserError
from mt3synth.experiments.arms import Arm, Experiment
from mt3synth.experiments.conduct import Setting, call_program, conduct

ARMS = (
    Arm("plain", series="bundle", at=1.0),
    Arm("strong", film=2.0, series="bundle", at=2.0, evaluate=("--steps", "4")),
    Arm("own", train=("--gin_file", "mine.gin"), series="trained", at=1.0),
)
EXPERIMENT = Experiment("How strong?", ARMS, axis="strength", evaluate=("--seconds", "5"))


class Program:
    """Takes the command line's place: writes what a command would write, and little of it."""

    def __init__(self) -> None:
        self.called: list[list[str]] = []

    def __call__(self, arguments) -> int:
        self.called.append(list(arguments))
        if arguments[0] == "export":
            save_model(Path(self._after("-o")))
        if arguments[0] == "evaluate":
            report = Path(self._after("--out")) / "report.json"
            report.parent.mkdir()
            level = float(len(self.called))
            report.write_text(json.dumps(report_of(level)))
            return 3
        return 0

    def _after(self, option: str) -> str:
        return self.called[-1][self.called[-1].index(option) + 1]


def report_of(level: float) -> dict:
    """Makes what is read of a report."""
    heard = {kind: {"f1": level / 10} for kind in ("generated", "real")}
    return {
        "fad": {"all_fad": {"generated": {"value": level}, "real": {"value": 0.5}}},
        "notes": {"judge": {"scores": {"note": heard}}},
        "audio_distance": {"generated": {"log_mel_l1": {"value": None}}},
    }


@pytest.fixture
def setting(tmp_path) -> Setting:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "out").mkdir()
    bundle = save_model(tmp_path / "bundle")
    return Setting(tmp_path / "corpus", tmp_path / "out", bundle, 7.0, ("--crossed", "1"))


def test_arms_are_made_judged_and_summed_up(setting):
    program = Program()
    table = conduct(EXPERIMENT, setting, program)
    assert [words[0] for words in program.called] == ["evaluate"] * 2 + [
        *("train", "export", "evaluate")
    ]
    plain, strong, train, *_, own = program.called
    assert plain[3] == str(setting.bundle) and strong[3] == str(setting.out / "strong/film")
    common = ["--only", "excerpts", "crossed", "--seconds", "5", "--crossed", "1"]
    assert strong[6:] == [*common, "--steps", "4", "--out", str(setting.out / "strong/report")]
    assert train[:3] == ["train", "--gin_file", "mine.gin"] and train[-2:] == [
        *("--budget-minutes", "7")
    ]
    assert own[3] == str(setting.out / "own/bundle")
    assert table.columns == ("", "All-FAD", "F1, judge")
    assert table.rows[0] == ("plain", "1.000", "0.100") and table.rows[-1][0] == "real"
    assert (setting.out / "table.md").read_text().startswith("## How strong?")
    assert json.loads((setting.out / "figures.json").read_text())["own"]["All-FAD"] == 5.0
    assert (setting.out / "figures.png").read_bytes().startswith(b"\x89PNG")
    film = bundles.load(setting.out / "strong/film")
    assert film.hash != bundles.load(setting.bundle).hash


def test_what_is_done_is_not_done_again(setting):
    table = conduct(EXPERIMENT, setting, Program())
    again = Program()
    assert conduct(EXPERIMENT, setting, again).rows == table.rows
    assert again.called == []


def test_an_arm_of_other_settings_is_not_taken_for_this_one(setting):
    conduct(EXPERIMENT, setting, Program())
    other = Experiment("How?", ARMS, evaluate=("--seconds", "6"))
    with pytest.raises(UserError, match="plain: was made with other evaluate; name another --out"):
        conduct(other, setting, Program())
    for arm in ARMS:  # What was not judged yet may be judged in another way.
        shutil.rmtree(setting.out / arm.name / "report")
    conduct(other, setting, program := Program())
    assert [words[0] for words in program.called] == ["evaluate"] * 3


def test_an_arm_that_fails_ends_it(setting):
    with pytest.raises(UserError, match=r"arm plain was not evaluated \(status 2, see above\)"):
        conduct(EXPERIMENT, setting, lambda arguments: 2)
    training = Experiment("Which?", (ARMS[2], ARMS[0]))
    with pytest.raises(UserError, match="arm own: `train` ended with 143, see above"):
        conduct(training, setting, lambda arguments: 143)


def test_whoever_is_stopped_stops_the_arm(tmp_path, monkeypatch):
    program = tmp_path / "program"
    program.write_text(
        f"#!/bin/sh\ntrap 'echo $1 > {tmp_path}/ended; exit 143' TERM\n"
        f"touch {tmp_path}/begun\nwhile :; do sleep 0.05; done\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))

    def stop():
        while not (tmp_path / "begun").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(SystemExit) as end:
        call_program(["train"])
    thread.join()
    assert end.value.code == 143
    assert (tmp_path / "ended").read_text() == "-m\n"
