"""Everything that must be known to use a set of weights, as one value that becomes JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

import flax.linen as nn

from mt3synth.audio.mel import MELGAN, MelSpec
from mt3synth.diffusion.guidance import Guidance
from mt3synth.diffusion.schedule import CosineSchedule
from mt3synth.diffusion.spec import DiffusionSpec, SamplingSpec
from mt3synth.errors import UserError
from mt3synth.foreign_files import check_sizes
from mt3synth.models.note_encoder import MEL_AXIS, NotePriorConfig
from mt3synth.models.t5 import T5, T5Config
from mt3synth.models.unet import UNet, UNetConfig
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.roll import RollSpec


@runtime_checkable
class NetworkConfig(Protocol):
    """The configuration of a network: a frozen dataclass whose fields become JSON.

    A network that reads tokens has a field ``vocabulary_size``; one that is built for so many
    channels of the piano roll has ``roll_channels``. Both are then set from the data.

    Attributes:
      mel_bins: M, bins of the frames that it denoises.
      performances: P, how many performances it knows; 0 for a network that is told of none.
      inputs: what else it reads of a batch, of ("tokens", "roll", "notes", "context") in this
        order.
      context_frames: how many frames before a segment it reads; 0 for none.
      dropout: rate while training; above 0, the network is given the random stream "dropout".
      dtype: of its activations, "float32" or "bfloat16"; by it a device's rated speed is chosen.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def mel_bins(self) -> int: ...
    @property
    def performances(self) -> int: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...
    @property
    def context_frames(self) -> int: ...
    @property
    def dropout(self) -> float: ...
    @property
    def dtype(self) -> str: ...


NETWORKS: dict[str, tuple[type[Any], type[nn.Module]]] = {
    "unet": (UNetConfig, UNet),
    "t5": (T5Config, T5),
}
"""Configuration and module of each network, by the name that a bundle's ``config.json`` has for it.

A network of your own is added here by the module that defines it, before it is trained or loaded.
"""


_LATER = ("block", "expansion")
"""Settings of networks that came late, and say nothing new where they are as by default."""


@dataclass(frozen=True)
class ModelSpec:
    """The network and the meaning of what goes in and comes out.

    Attributes:
      network: shape of the backbone; its class says which one.
      mel: the frames that it denoises.
      roll: the piano roll, for networks that read one.
      codec: the event tokens, for networks that read them.
      diffusion: what its output means.
      segment_frames: frames that the network denoises at once, in training and in rendering.
      guidance: with which the model is best sampled; chosen on validation data.
      sampling: with how many steps of which sampler, likewise.

    Raises:
      ValueError: a segment that the network cannot take, or a network of other sizes than what it
        is to read.
    """

    network: NetworkConfig
    mel: MelSpec
    roll: RollSpec
    codec: EventCodec
    diffusion: DiffusionSpec = field(default_factory=DiffusionSpec)
    segment_frames: int = 256
    guidance: Guidance = field(default_factory=Guidance)
    sampling: SamplingSpec = field(default_factory=SamplingSpec)

    def __post_init__(self) -> None:
        self._check_segment()
        late = self.sampling.start_time < 1 or not self.sampling.steps
        if late and not self.has_prior:
            raise ValueError(
                f"{self.sampling} for a network without a prior; must begin at 1 with at least "
                "one step"
            )
        prior = self.prior
        fitted = prior and prior.fitted(self.mel, len(self.roll.groups))
        if prior != fitted:
            raise ValueError(
                f"prior={prior} of the network; must be {fitted}, as frames and instrument groups "
                "are"
            )
        network, reads = self.network, self.network.inputs
        if network.mel_bins != self.mel.bins:
            raise ValueError(
                f"mel_bins={network.mel_bins} of the network; must be {self.mel.bins}, as the "
                "frames have"
            )
        # Only a network that is built for a number of channels names it.
        channels = getattr(network, "roll_channels", None)
        if "roll" in reads and channels not in (None, self.roll.channels):
            raise ValueError(
                f"roll_channels={channels} of the network; must be {self.roll.channels}, as the "
                f"roll of {len(self.roll.groups)} groups has"
            )
        vocabulary = getattr(network, "vocabulary_size", 0)
        if "tokens" in reads and vocabulary < self.codec.num_embeddings:
            raise ValueError(
                f"vocabulary_size={vocabulary} of the network; must be at least "
                f"{self.codec.num_embeddings}, for velocity_bins={self.codec.velocity_bins}"
            )

    @property
    def prior(self) -> NotePriorConfig | None:
        """Shape of what the network knows of frames before it looks at noisy ones, if it does."""
        return getattr(self.network, "prior", None)

    @property
    def has_prior(self) -> bool:
        """Whether the network has a prior."""
        return self.prior is not None

    @property
    def has_curves(self) -> bool:
        """Whether the network hears how pitch and level of notes go on."""
        return self.prior is not None and self.prior.curves

    def _check_segment(self) -> None:
        if self.segment_frames < 1:
            raise ValueError(f"segment_frames={self.segment_frames}; must be at least 1")
        stride = getattr(self.network, "stride", 1)
        if self.segment_frames < stride:
            raise ValueError(
                f"segment_frames={self.segment_frames}; must be at least {stride}, of which the "
                "U-Net's coarsest level makes one"
            )
        most = getattr(self.network, "max_frames", 0)
        if most and self.segment_frames > most:
            raise ValueError(
                f"segment_frames={self.segment_frames}; must be at most {most}, the network's "
                "max_frames"
            )

    def build(self, **options: Any) -> nn.Module:
        """The network as a flax module; options are those of the module."""
        for config_type, module in NETWORKS.values():
            if isinstance(self.network, config_type):
                return module(self.network, **options)
        raise TypeError(f"no network is built from {type(self.network).__name__}")

    @property
    def features(self) -> tuple[str, ...]:
        """Which inputs of a batch the network reads: ``mel``, and some of ``tokens``, ``roll`` and
        ``context``.
        """
        return ("mel", *self.network.inputs)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        kind = next(k for k, (t, _) in NETWORKS.items() if isinstance(self.network, t))
        network = {f.name: getattr(self.network, f.name) for f in dataclasses.fields(self.network)}
        for name in _LATER:
            shape: Any = type(self.network)
            if name in network and network[name] == getattr(shape, name):
                network.pop(name)  # so that older versions can read it
        if network.get("prior") is None:
            network.pop("prior", None)  # so that older versions can read it
        else:
            network["prior"] = _without_defaults(network["prior"], "exponent", "curves", *MEL_AXIS)
        return {
            "network": {"type": kind, **network},
            "mel": self.mel.to_dict(),
            "roll": self.roll.to_dict(),
            "codec": {"velocity_bins": self.codec.velocity_bins},
            "diffusion": dataclasses.asdict(self.diffusion),
            "window": self.segment_frames,  # the name of old, which every bundle has
            "guidance": _without_defaults(self.guidance, "interval", "rescale"),
            # Left out where older versions can do without it.
            **(
                {"sampling": _without_defaults(self.sampling, "sampler", "spacing")}
                if self.has_prior or self.sampling != SamplingSpec()
                else {}
            ),
        }

    @staticmethod
    def from_dict(values: dict[str, Any]) -> ModelSpec:
        """Inverse of ``to_dict``.

        Raises:
          KeyError, TypeError, ValueError: an entry is missing, unknown or out of bounds.
        """
        check_sizes({"window": values["window"], **values["codec"]})
        diffusion = dict(values["diffusion"])
        diffusion["schedule"] = CosineSchedule(**diffusion["schedule"])
        return ModelSpec(
            network=_network_from_dict(values["network"]),
            mel=MelSpec.from_dict(values["mel"]),
            roll=RollSpec.from_dict(values["roll"]),
            codec=EventCodec(**values["codec"]),
            diffusion=DiffusionSpec(**diffusion),
            segment_frames=int(values["window"]),
            guidance=Guidance(**_with_tuples(values["guidance"])),
            sampling=SamplingSpec(**values.get("sampling", {})),
        )


def _without_defaults(values: Any, *later: str) -> dict[str, Any]:
    """A dataclass as JSON values, without those of the fields ``later`` that say nothing new.

    Versions from before those fields can then read it.
    """
    given = dataclasses.asdict(values)
    unset = [f.name for f in dataclasses.fields(values) if given[f.name] == f.default]
    return {name: value for name, value in given.items() if name not in later or name not in unset}


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    """JSON values whose lists are tuples, as the fields of frozen dataclasses are."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}


def _network_from_dict(values: dict[str, Any]) -> NetworkConfig:
    settings = _with_tuples(values)
    kind = settings.pop("type")
    if kind not in NETWORKS:
        raise ValueError(f"network of type {kind!r}; must be one of {tuple(NETWORKS)}")
    config_type, _ = NETWORKS[kind]
    known = {f.name for f in dataclasses.fields(config_type)}
    strange = sorted(settings.keys() - known)
    if strange:
        raise ValueError(f"a network of type {kind!r} has no {', '.join(strange)}")
    check_sizes({k: v for k, v in settings.items() if k != "prior"}, config_type)
    if settings.get("prior") is not None:
        check_sizes(settings["prior"], NotePriorConfig)
        settings["prior"] = NotePriorConfig(**settings["prior"])
    config: NetworkConfig = config_type(**settings)
    return config


def make_spec(
    network: Callable[..., NetworkConfig],
    *,
    performances: int,
    diffusion: DiffusionSpec,
    mel: MelSpec = MELGAN,
    roll: RollSpec = RollSpec(),  # noqa: B008 (frozen)
    codec: EventCodec = EventCodec(),  # noqa: B008 (frozen)
    segment_frames: int = ModelSpec.segment_frames,
    context_frames: int | None = None,
) -> ModelSpec:
    """A spec whose network has the sizes that follow from its data.

    Args:
      network: a network's config class, its own shape already bound (by gin, say).
      mel, codec, diffusion, segment_frames: as in `ModelSpec`.
      roll: as in `ModelSpec`; its frame rate follows that of the frames.
      performances: how many performances the data hold.
      context_frames: how many frames before a segment the data carry; None if they carry as many
        as the network reads.

    Raises:
      UserError: the network's class or `ModelSpec` refuses a value, or the context has another
        length than the data carry.
    """
    roll = dataclasses.replace(roll, frame_rate=mel.frame_rate)
    sizes = {
        "mel_bins": mel.bins,
        "roll_channels": roll.channels,
        "vocabulary_size": codec.num_embeddings,
        "performances": performances,
    }
    config: Any = getattr(network, "func", network)  # a partial shows its class as func
    known = {f.name for f in dataclasses.fields(config)}
    try:
        made = network(**{k: v for k, v in sizes.items() if k in known})
        prior: NotePriorConfig | None = getattr(made, "prior", None)
        if prior is not None:
            shape: Any = made
            made = dataclasses.replace(shape, prior=prior.fitted(mel, len(roll.groups)))
        if made.context_frames and context_frames not in (None, made.context_frames):
            raise ValueError(
                f"context_frames={made.context_frames} of the network; must be {context_frames}, "
                "the frames that the data carry before a segment"
            )
        return ModelSpec(
            network=made,
            mel=mel,
            roll=roll,
            codec=codec,
            diffusion=diffusion,
            segment_frames=segment_frames,
        )
    except ValueError as error:
        raise UserError(str(error)) from error
