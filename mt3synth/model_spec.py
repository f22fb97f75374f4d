"""Everything that must be known to use a set of weights, as one value that becomes JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import flax.linen as nn

from mt3synth.audio.mel import MelSpec
from mt3synth.diffusion.guidance import Guidance
from mt3synth.diffusion.schedule import CosineSchedule
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.models.t5 import T5, T5Config
from mt3synth.models.unet import UNet, UNetConfig
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.roll import RollSpec

NetworkConfig = UNetConfig | T5Config

_NETWORKS: dict[str, tuple[type[Any], type[nn.Module]]] = {
    "unet": (UNetConfig, UNet),
    "t5": (T5Config, T5),
}


@dataclass(frozen=True)
class ModelSpec:
    """The network and the meaning of what goes in and comes out.

    Attributes:
      network: shape of the backbone; its class says which one.
      mel: the frames that it denoises.
      roll: the piano roll, for networks that read one.
      codec: the event tokens, for networks that read them.
      diffusion: what its output means.
      window: frames of a training segment and of a rendering window.
      guidance: with which the model is best sampled; chosen on validation data.
    """

    network: NetworkConfig
    mel: MelSpec
    roll: RollSpec
    codec: EventCodec
    diffusion: DiffusionSpec = field(default_factory=DiffusionSpec)
    window: int = 256
    guidance: Guidance = field(default_factory=Guidance)

    def build(self) -> nn.Module:
        """The network as a flax module."""
        for config_type, module in _NETWORKS.values():
            if isinstance(self.network, config_type):
                return module(self.network)
        raise TypeError(f"no network is built from {type(self.network).__name__}")

    @property
    def features(self) -> tuple[str, ...]:
        """Which inputs of a batch the network reads: ``mel`` and ``roll`` or ``tokens``."""
        tokens = isinstance(self.network, T5Config) and self.network.score_encoder == "tokens"
        return ("mel", "tokens") if tokens else ("mel", "roll")

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        kind = next(k for k, (t, _) in _NETWORKS.items() if isinstance(self.network, t))
        network = {f.name: getattr(self.network, f.name) for f in dataclasses.fields(self.network)}
        return {
            "network": {"type": kind, **network},
            "mel": self.mel.to_dict(),
            "roll": self.roll.to_dict(),
            "codec": {"velocity_bins": self.codec.velocity_bins},
            "diffusion": dataclasses.asdict(self.diffusion),
            "window": self.window,
            "guidance": dataclasses.asdict(self.guidance),
        }

    @staticmethod
    def from_dict(values: dict[str, Any]) -> ModelSpec:
        """Inverse of ``to_dict``.

        Raises:
          KeyError, TypeError, ValueError: an entry is missing, unknown or out of bounds.
        """
        network = dict(values["network"])
        config_type, _ = _NETWORKS[network.pop("type")]
        network = {k: tuple(v) if isinstance(v, list) else v for k, v in network.items()}
        diffusion = dict(values["diffusion"])
        diffusion["schedule"] = CosineSchedule(**diffusion["schedule"])
        return ModelSpec(
            network=config_type(**network),
            mel=MelSpec.from_dict(values["mel"]),
            roll=RollSpec.from_dict(values["roll"]),
            codec=EventCodec(**values["codec"]),
            diffusion=DiffusionSpec(**diffusion),
            window=int(values["window"]),
            guidance=Guidance(**values["guidance"]),
        )


def make_spec(
    network: Callable[..., NetworkConfig],
    *,
    mel: MelSpec,
    roll: RollSpec,
    codec: EventCodec,
    performances: int,
    diffusion: DiffusionSpec,
    window: int,
) -> ModelSpec:
    """A spec whose network has the sizes that follow from its data.

    Args:
      network: a network's config class, its own shape already bound (by gin, say).
      mel, roll, codec, diffusion, window: as in `ModelSpec`.
      performances: how many performances the data hold.
    """
    sizes = {
        "mel_bins": mel.bins,
        "roll_channels": roll.channels,
        "vocabulary_size": codec.num_embeddings,
        "performances": performances,
    }
    config: Any = getattr(network, "func", network)  # a partial shows its class as func
    known = {f.name for f in dataclasses.fields(config)}
    return ModelSpec(
        network=network(**{k: v for k, v in sizes.items() if k in known}),
        mel=mel,
        roll=roll,
        codec=codec,
        diffusion=diffusion,
        window=window,
    )
