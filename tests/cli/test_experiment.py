"""``mt3synth experiment``: which there are, and what is wrong with a command."""

import pytest

from mt3synth.commands import experiment
from mt3synth.configuration import build, parse


@pytest.mark.parametrize("name", experiment.names())
def test_every_experiment_can_be_read(name):
    from mt3synth.experiments.arms import Experiment

    parse.parse([f"gin_configs/experiments/{name}.gin"], [])
    read = build.build(Experiment)
    assert len(read.arms) >= 2 and read.question


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sound",), "experiment 'sound'; there are film, guidance, overlap, prior, or name a"),
        (("mine.gin",), "mine.gin: no such gin file"),
        (("film", "--minutes", "0"), "--minutes 0; must be above 0"),
        (("film", "--corpus", "nowhere"), "--corpus nowhere: no such folder"),
        (("film", "--evaluate=--only 'x"), "--evaluate --only 'x: No closing quotation"),
        (("film", "--gin.Experiment.minutes=-1.0"), "minutes=-1.0; must be above 0"),
    ],
)
def test_refusals_are_one_line(run, here, words, said):
    (here / "corpus").mkdir()
    done = run("experiment", "--corpus", "corpus", "--out", "out", *words)
    assert done.status == 2
    [line] = done.err
    assert said in line
