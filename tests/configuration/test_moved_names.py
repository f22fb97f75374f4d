"""An old gin name that moved is answered with the new one, in one line and with status 2."""

import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec

import pytest

from mt3synth import cli
from mt3synth.configuration import parse
from mt3synth.configuration.moved_names import MODULES, PARAMETERS, SELECTORS
from mt3synth.errors import UserError

RUN = "gin_configs/runs/train_unet_small.gin"
HEAD = "from __gin__ import dynamic_registration\n"


@pytest.mark.parametrize("old", MODULES)
def test_modules_are_gone_from_where_they_were_and_are_where_they_went(old):
    assert find_spec(old) is None
    assert find_spec(MODULES[old]) is not None


@pytest.mark.parametrize("old", SELECTORS)
def test_names_are_gone_from_where_they_were_and_are_where_they_went(old):
    module, _, name = old.rpartition(".")
    assert find_spec(module) is None or not hasattr(import_module(module), name)
    module, _, name = SELECTORS[old].rpartition(".")
    assert hasattr(import_module(module), name)


@pytest.mark.parametrize("old", PARAMETERS)
def test_parameters_are_renamed_for_others(old):
    assert PARAMETERS[old].count(".") == old.count(".") == 2
    assert PARAMETERS[old] != old


@pytest.mark.parametrize(
    ("binding", "said"),
    [
        (
            "loop.TrainConfig.steps=3",
            "loop.TrainConfig has moved: write config.TrainConfig, of "
            "`from mt3synth.training.diffusion import config`",
        ),
        (
            "run.run.config=@loop.TrainConfig()",
            "loop.TrainConfig has moved: write config.TrainConfig, of ",
        ),
        (
            "training_data.open_data.folder='x'",
            "training_data.open_data has moved: write open_data.open_data, of "
            "`from data_pipelines import open_data`",
        ),
        (
            "mt3synth.training.mesh.MeshConfig.data=2",
            "write mesh.MeshConfig, of `from mt3synth.training.parallel import mesh`",
        ),
    ],
)
def test_on_the_command_line(binding, said, capsys):
    assert cli.main(["train", "--gin_file", RUN, f"--gin.{binding}"]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("parameter", "now"),
    [("showcase", "run.run.samples"), ("network", "model_spec.make_spec.network")],
)
def test_parameters_on_the_command_line(parameter, now):
    """In a process of its own: in one that trained a vocoder as well gin knows two of `run.run`."""
    command = [sys.executable, "-m", "mt3synth", "train", "--gin_file", RUN]
    done = subprocess.run(
        [*command, f"--gin.run.run.{parameter}=None"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"run.run.{parameter} is now {now}" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            "from mt3synth.training import showcase",
            "line 2: mt3synth.training.showcase has moved: write "
            "`from mt3synth.training.diffusion import samples`",
        ),
        (
            "import mt3synth.training.mesh",
            "line 2: mt3synth.training.mesh has moved: write "
            "`from mt3synth.training.parallel import mesh`",
        ),
        (
            "from mt3synth.training import loop\nloop.TrainConfig.steps = 3",
            "line 3: loop.TrainConfig has moved: write config.TrainConfig, of "
            "`from mt3synth.training.diffusion import config`",
        ),
        ("budget.BudgetConfig.minutes = 3", "line 2: budget has moved: write "),
    ],
)
def test_in_a_file(lines, said, tmp_path):
    path = tmp_path / "mine.gin"
    path.write_text(f"{HEAD}{lines}\n")
    with pytest.raises(UserError) as raised:
        parse.parse([str(path)], [])
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_a_name_that_never_was_is_no_moved_one(tmp_path):
    with pytest.raises(UserError, match=r"No configurable matching 'loop\.TrainConfg'"):
        parse.parse([RUN], ["loop.TrainConfg.steps=3"])
    path = tmp_path / "mine.gin"
    path.write_text(f"{HEAD}mesh.MeshConfig.data = 2\n")
    with pytest.raises(UserError, match="no module mesh is imported"):
        parse.parse([str(path)], [])
