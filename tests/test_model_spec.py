"""A model's specification: as JSON, from its data, and refused where its parts do not fit."""

import dataclasses
import json
from contextlib import nullcontext
from functools import partial
from typing import Any

import jax
import pytest
from backbone_cases import FORMS, ROLL, spec_of

from mt3synth import bundle as bundles
from mt3synth.audio.mel import MELGAN
from mt3synth.configuration import parse
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.errors import UserError
from mt3synth.model_spec import NETWORKS, ModelSpec, make_spec
from mt3synth.models.axes import partitioned, shapes_alone
from mt3synth.models.t5 import T5Config
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.groups import InstrumentGroup
from mt3synth.symbolic.roll import RollSpec

LATER = {
    "mel_kernel",
    "frame_roll",
    "context_frames",
    "context_attention",
    "position_table",
    "null_score",
    "middle",
    "token_layers",
}
"""Settings that bundles of the first version do not have."""


@pytest.mark.parametrize("form", ["t5", "unet"])
def test_what_was_written_before_there_were_other_forms_is_read(form):
    values = json.loads(json.dumps(spec_of(form).to_dict()))
    assert values["network"].keys() & LATER
    old = {name: value for name, value in values["network"].items() if name not in LATER}
    assert ModelSpec.from_dict({**values, "network": old}) == spec_of(form)


@pytest.mark.parametrize("form", ["unet_notes", "t5_notes"])
def test_a_version_from_before_there_were_priors_says_what_it_does_not_know(form, monkeypatch):
    values = json.loads(json.dumps(spec_of(form).to_dict()))
    kind = values["network"]["type"]
    config, module = NETWORKS[kind]
    known = [(f.name, Any, None) for f in dataclasses.fields(config) if f.name != "prior"]
    # Whatever has none it reads as before.
    assert "prior" not in spec_of(form.removesuffix("_notes")).to_dict()["network"]
    monkeypatch.setitem(NETWORKS, kind, (dataclasses.make_dataclass("Older", known), module))
    with pytest.raises(ValueError, match=f"a network of type '{kind}' has no prior"):
        ModelSpec.from_dict(values)


@pytest.mark.parametrize(
    ("form", "strange", "said"),
    [
        ("unet", {"mlp_width": 64, "encoder_layers": 3}, "'unet' has no encoder_layers, mlp_width"),
        ("t5", {"widths": [16]}, "type 't5' has no widths"),
        ("t5", {"type": "wavenet"}, "type 'wavenet'; must be one of ('unet', 't5')"),
    ],
)
def test_settings_of_another_backbone_are_named(form, strange, said, tmp_path):
    values = spec_of(form).to_dict()
    values["network"].update(strange)
    with pytest.raises(ValueError) as caught:
        ModelSpec.from_dict(values)
    assert said in str(caught.value)
    # Where a user meets them: in a bundle.
    config = {"format": bundles.FORMAT, "default_performance": "near", "model": values}
    (tmp_path / bundles.CONFIG).write_text(json.dumps(config))
    for name in (bundles.PERFORMANCES, bundles.WEIGHTS):
        (tmp_path / name).write_text("[]")
    with pytest.raises(bundles.BundleError) as caught:
        bundles.load(tmp_path)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_gin_names_a_setting_of_the_other_backbone():
    with pytest.raises(UserError, match="encoder_layers") as caught:
        parse.parse(["gin_configs/models/unet_tiny.gin"], ["unet.UNetConfig.encoder_layers=3"])
    assert "UNetConfig" in str(caught.value) and "\n" not in str(caught.value)


GROUPS = [InstrumentGroup(name, i, tuple(range(i, i + 64))) for name, i in (("a", 0), ("b", 64))]
FEW = RollSpec(tuple(GROUPS))


@pytest.mark.parametrize(
    ("form", "changes", "said"),
    [
        ("unet", {"segment_frames": 0}, "segment_frames=0; must be at least 1"),
        (
            "unet",
            {"segment_frames": 1},
            "segment_frames=1; must be at least 2, of which the",
        ),
        ("unet", {"roll": FEW}, f"roll_channels={ROLL.channels} of the network; must be"),
        ("unet_hybrid", {"roll": FEW}, "as the roll of 2 groups has"),
        ("t5", {"codec": EventCodec(127)}, "vocabulary_size=1536 of the network; must be at least"),
        ("t5", {"mel": dataclasses.replace(MELGAN, bins=80)}, "mel_bins=128 of the network"),
    ],
)
def test_a_network_that_does_not_fit_what_it_is_to_read(form, changes, said):
    with pytest.raises(ValueError) as caught:
        dataclasses.replace(spec_of(form), **changes)
    assert str(caught.value).startswith(said) or said in str(caught.value)


def test_what_is_not_read_need_not_fit():
    assert dataclasses.replace(spec_of("t5"), roll=FEW).features == ("mel", "tokens")
    assert dataclasses.replace(spec_of("unet"), codec=EventCodec(127)).segment_frames == 32


def test_stored_positions_bound_the_segment():
    network: Any = partial(FORMS["t5"], position_table="stored", max_frames=16)
    given: dict[str, Any] = dict(
        mel=MELGAN,
        roll=ROLL,
        codec=EventCodec(1),
        performances=1,
        diffusion=DiffusionSpec(),
    )
    assert make_spec(network, **given, segment_frames=16).segment_frames == 16
    with pytest.raises(UserError, match="segment_frames=17; must be at most 16"):
        make_spec(network, **given, segment_frames=17)


def test_the_data_must_carry_the_context_that_is_read():
    given: dict[str, Any] = dict(
        mel=MELGAN,
        roll=ROLL,
        codec=EventCodec(1),
        performances=1,
        diffusion=DiffusionSpec(),
        segment_frames=32,
    )
    assert make_spec(FORMS["t5_context"], **given, context_frames=20).features[-1] == "context"
    assert make_spec(FORMS["t5"], **given, context_frames=20).network.context_frames == 0
    with pytest.raises(UserError, match="context_frames=20 of the network; must be 10, the fram"):
        make_spec(FORMS["t5_context"], **given, context_frames=10)
    assert isinstance(make_spec(FORMS["t5_context"], **given).network, T5Config)


@pytest.mark.parametrize("form", FORMS)
def test_shapes_without_values_are_those_of_initialized_parameters(form, monkeypatch):
    shapes = bundles.abstract_params(spec_of(form))
    monkeypatch.setattr(bundles, "shapes_alone", nullcontext)
    assert bundles.abstract_params(spec_of(form)) == shapes


def test_initializers_have_their_values_again_when_shapes_were_all_that_was_asked_for():
    ones = partitioned(jax.nn.initializers.ones, "embed")
    with shapes_alone():
        assert ones(jax.random.key(0), (3,)).value.tolist() == [0, 0, 0]
    assert ones(jax.random.key(0), (3,)).value.tolist() == [1, 1, 1]
