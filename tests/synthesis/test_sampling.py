"""Who decides how a song is sampled: options, then a configuration, then the model."""

import dataclasses
import json

import pytest
from cli_cases import tiny_spec

from mt3synth.configuration import build, parse
from mt3synth.diffusion.ddim import DDIM
from mt3synth.diffusion.dpm_solver import DPMSolver
from mt3synth.diffusion.guidance import Guidance
from mt3synth.diffusion.heun import Heun
from mt3synth.diffusion.spec import SamplingSpec
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.synthesis import SamplingConfig
from mt3synth.synthesis.options import describe, sampling_config

SPEC = tiny_spec()
SOLVED = dataclasses.replace(
    SPEC, sampling=SamplingSpec(steps=12, eta=0.25, sampler="dpm++2m", spacing="karras")
)


def test_a_model_names_its_sampler_and_the_spacing_of_its_steps():
    settled = sampling_config(SOLVED, {}).for_model(SOLVED)
    assert (settled.steps, settled.stepper, settled.spacing) == (12, DPMSolver(), "karras")
    assert settled == SamplingConfig().for_model(SOLVED)
    assert SamplingConfig().for_model(SPEC).stepper == DDIM(1.0)


def test_another_sampler_has_its_own_spacing():
    for sampler, stepper, spacing in (
        ("heun", Heun(), "karras"),
        ("ddim", DDIM(0.25), "uniform"),
        ("dpm++2m", DPMSolver(), "karras"),
    ):
        config = sampling_config(SOLVED, {"sampler": sampler})
        settled = config.for_model(SOLVED)
        assert (settled.stepper, settled.spacing) == (stepper, spacing)
    assert sampling_config(SPEC, {"sampler": "dpm++2m"}).for_model(SPEC).spacing == "log-snr"
    chosen = {"sampler": "ddim", "spacing": "quadratic"}
    assert sampling_config(SOLVED, chosen).for_model(SOLVED).spacing == "quadratic"
    assert describe(sampling_config(SOLVED, chosen), SOLVED)["spacing"] == "quadratic"
    assert "spacing" not in describe(sampling_config(SPEC, {}), SPEC)


def test_what_gin_binds_of_a_stepper_comes_before_the_model():
    eta = dataclasses.replace(SPEC, sampling=SamplingSpec(eta=0.5))
    for binding, expected in (([], 0.5), (["ddim.DDIM.eta=0.0"], 0.0)):
        parse.parse(["gin_configs/infer/default.gin"], binding)
        config = sampling_config(eta, {}, build.build(SamplingConfig), build.build_over)
        assert config.stepper == DDIM(expected)


def test_what_older_versions_can_do_without_is_not_written():
    values = SPEC.to_dict()
    assert "sampling" not in values
    assert set(values["guidance"]) == {"notes", "performance", "kind"}
    guidance = Guidance(2.0, 1.0, interval=(0.1, 0.9), rescale=0.5)
    chosen = dataclasses.replace(SOLVED, guidance=guidance)
    assert ModelSpec.from_dict(json.loads(json.dumps(chosen.to_dict()))) == chosen
    plain = dataclasses.replace(SPEC, sampling=SamplingSpec(steps=9))
    assert set(plain.to_dict()["sampling"]) == {"steps", "start_time", "eta"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"spacing": "even"}, "spacing='even'; must be one of"),
        ({"guidance_interval": (0.8, 0.2)}, "guidance interval is"),
        ({"guidance_rescale": 2}, "guidance rescale is 2"),
        ({"guidance_rescale": "all"}, "guidance_rescale='all'; must be a number"),
        ({"sampler": "heun", "eta": 0.5}, "eta=0.5 goes with the sampler ddim"),
    ],
)
def test_options_that_are_refused(options, said, as_released):
    with pytest.raises(UserError) as refused:
        sampling_config(SPEC, options)
    assert said in str(refused.value)


def test_a_model_cannot_name_what_there_is_not(as_released):
    with pytest.raises(ValueError, match="sampler 'euler' is unknown; choose one of"):
        SamplingSpec(sampler="euler")
    with pytest.raises(ValueError, match="spacing 'even' is unknown; choose one of"):
        SamplingSpec(spacing="even")
