"""Checks what a user is told of a name that gin does not know: one line, with the nearest one."""

import os
import subprocess
import sys

import pytest

from mt3synth.configuration import parse
from mt3synth.errors import UserError

HEAD = """from __gin__ import dynamic_registration
from mt3synth.diffusion import ddim
from mt3synth.training.optim import learning_rate
"""
FINE = "ddim.DDIM.eta = 1.0\nLOUDNESS = 1.0\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ddimm.DDIM.eta = 1.0", "line 4: no module ddimm is imported; did you mean ddim?"),
        (
            "ddim.DIM.eta = 1.0",
            "line 4: No configurable matching 'ddim.DIM'; did you mean ddim.DDIM?",
        ),
        ("ddim.DDIM.etta = 1.0", "line 4: ddim.DDIM has no parameter etta; did you mean eta?"),
        (
            "ddim.DDIM.eta = @ddim.DIM()",
            "line 4: No configurable matching 'ddim.DIM'; did you mean ddim.DDIM?",
        ),
        (
            "ddim.DDIM.eta = %LOUDNES\nLOUDNESS = 1.0",
            "ddim.DDIM.eta wants %LOUDNES, but no file defines LOUDNES; did you mean LOUDNESS?",
        ),
        (
            "from mt3synth.training.optim import time_budgett",
            "line 4: there is no module mt3synth.training.optim.time_budgett; "
            "did you mean time_budget?",
        ),
        (
            "include 'gin_configs/models/unet_smal.gin'",
            "no such gin file; did you mean gin_configs/models/unet_small.gin?",
        ),
        ("import nothing_of_the_kind", "line 4: nothing_of_the_kind is not installed"),
    ],
)
def test_in_a_file(tmp_path, caplog, line, said):
    path = tmp_path / "mine.gin"
    path.write_text(HEAD + line + "\n")
    with pytest.raises(UserError) as raised:
        parse.parse([str(path)], [])
    message = str(raised.value)
    assert message.endswith(said) and "\n" not in message
    assert ("line 4" not in said) or str(path) in message
    assert not caplog.records


@pytest.mark.parametrize(
    ("binding", "said"),
    [
        ("LOUDNES=2.0", "LOUDNES=2.0: no file defines LOUDNES; did you mean LOUDNESS?"),
        ("ddim.DDIM.etta=1.0", "ddim.DDIM has no parameter etta; did you mean eta?"),
        ("ddim.DIM.eta=1.0", "No configurable matching 'ddim.DIM'; did you mean ddim.DDIM?"),
        ("LOUDNESS=@ddim.DIM()", "No configurable matching 'ddim.DIM'; did you mean ddim.DDIM?"),
        ("LOUDNESS=%QUIET", "LOUDNESS wants %QUIET, but no file defines QUIET"),
        ("LOUDNESS=quiet", "the value quiet is not understood; text needs quotes"),
        (
            "learning_rate.Plan.steps=3",
            "learning_rate.Plan is bound in no gin file that was read; bind it in a file",
        ),
    ],
)
def test_on_the_command_line(tmp_path, binding, said):
    path = tmp_path / "mine.gin"
    path.write_text(HEAD + FINE)
    with pytest.raises(UserError) as raised:
        parse.parse([str(path)], [binding])
    assert str(raised.value) == f"gin configuration: {said}"


def test_a_file_that_is_not_there():
    with pytest.raises(UserError, match=r"did you mean gin_configs/runs/train.gin"):
        parse.parse(["gin_configs/runs/trian.gin"], [])


def test_nothing_near_gives_no_hint(tmp_path):
    path = tmp_path / "mine.gin"
    path.write_text(HEAD + FINE)
    with pytest.raises(UserError, match=r"no file defines XYZ$"):
        parse.parse([str(path)], ["XYZ=1"])


NOT_IMPORTED = """
import sys
from mt3synth.configuration import parse
from mt3synth.errors import UserError
for binding in sys.argv[2:]:
    try:
        parse.parse([sys.argv[1]], [binding])
        print("understood")
    except UserError as error:
        print(error)
"""


def parse_in_a_process_of_its_own(file, *bindings):
    """Parses bindings one by one where nothing was imported before, which gin would remember."""
    command = [sys.executable, "-c", NOT_IMPORTED, str(file), *bindings]
    environment = {**os.environ, "PYTHONPATH": str(parse.ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_name_that_is_known_but_not_imported_is_answered_with_what_does_it(tmp_path):
    path = tmp_path / "mine.gin"
    path.write_text(HEAD + FINE)
    guidance, full, mel, many = parse_in_a_process_of_its_own(
        path, "Guidance.notes=2.0", "guidance.Guidance.notes=2.0", "MelSpec.hop=3", "measure.x=3"
    )
    assert (
        guidance
        == full
        == (
            "gin configuration: no gin file that was read imports guidance.Guidance: give "
            "--guidance-notes, --guidance-performance or --guidance-kind (to mt3synth.infer "
            "--gin.GUIDANCE_NOTES, --gin.GUIDANCE_PERFORMANCE), or write `from mt3synth.diffusion "
            "import guidance` into one, and bind guidance.Guidance and "
            "synthesis.SamplingConfig.guidance = @guidance.Guidance() there"
        )
    )
    assert "write `from mt3synth.audio import mel` into one, and bind mel.MelSpec there" in mel
    # Several modules have a function of this name.
    assert many.endswith("No configurable matching 'measure'")
    # What it says to write is understood.
    path.write_text(
        HEAD
        + "from mt3synth import synthesis\nfrom mt3synth.diffusion import guidance\n"
        + "synthesis.SamplingConfig.guidance = @guidance.Guidance()\n"
    )
    assert parse_in_a_process_of_its_own(path, "Guidance.notes=2.0") == ["understood"]
