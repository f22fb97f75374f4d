"""The command as a whole: help, usage, gin."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from mt3synth.cli import COMMANDS

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
SLOW = ("jax", "flax", "note_seq", "tensorflow", "numpy", "gin")


def cpu_seconds() -> float:
    """Processor time of finished child processes, which other work on the machine leaves alone."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def python(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)


@pytest.mark.parametrize("argv", [["--help"], ["synthesize", "--help"], ["doctor", "--help"]])
def test_help_is_quick_because_it_imports_nothing_slow(argv):
    check = (
        "import sys; from mt3synth.cli import main\n"
        f"try: main({argv!r})\n"
        "except SystemExit as done: status = done.code\n"
        f"sys.exit(status or sum(name in sys.modules for name in {SLOW!r}))"
    )
    before = cpu_seconds()
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, env=ENVIRONMENT
    )
    assert done.returncode == 0, done
    assert cpu_seconds() - before < 1
    if argv == ["--help"]:
        assert all(command in done.stdout for command in COMMANDS)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "COMMAND"),
        (["sing"], "invalid choice: 'sing'"),
        (["synthesize"], "IN.mid"),
        (["synthesize", "a.mid", "--steps", "many"], "invalid int value: 'many'"),
        (["synthesize", "a.mid", "--sampler", "euler"], "invalid choice: 'euler'"),
        (["synthesize", "a.mid", "--perf", "x"], "unrecognized arguments"),
        (["export", "--run", "r"], "-o"),
        (["train", "--gin.TRAIN_STEPS"], "write --gin.NAME=VALUE"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(run, argv, said):
    outcome = run(*argv)
    assert outcome.status == 2
    assert len(outcome.err) == 1
    assert outcome.err[0].startswith("mt3synth")
    assert said in outcome.err[0]


@pytest.mark.parametrize("command", ["synthesize song.mid", "performances", "doctor", "train"])
@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--gin.NO_SUCH_NAME=3", "no file defines NO_SUCH_NAME"),
        ("--gin.no.such.name=3", "No configurable matching 'no.such'"),
        ("--gin_file=none.gin", "none.gin: no such gin file"),
    ],
)
def test_unknown_gin_names_are_refused_by_every_command(run, command, option, said):
    outcome = run(*command.split(), option)
    assert outcome.status == 2
    assert len(outcome.err) == 1
    assert said in outcome.err[0]


def test_version(run, capsys):
    from mt3synth import __version__

    with pytest.raises(SystemExit) as done:
        run("--version")
    assert done.value.code == 0
    assert capsys.readouterr().out == f"mt3synth {__version__}\n"


def test_the_help_of_sampling_options_names_the_defaults(capsys, run):
    from mt3synth.synthesis import SamplingConfig

    with pytest.raises(SystemExit):
        run("synthesize", "--help")
    said = " ".join(capsys.readouterr().out.split())
    default = SamplingConfig()
    # What a model names is best for it, the stepper as well.
    assert (default.steps, default.start_time, default.stepper) == (None, None, None)
    assert "denoising steps (the model's)" in said
    assert "for a model with a prior (the model's)" in said
    assert "--sampler {ddim,ddpm,dpm++2m,heun} (the model's)" in said
    assert "noise of ddim, 0 to 1 (the model's)" in said
    assert f"of all randomness ({default.seed})" in said
