"""What `backbones.py` compares: a table of arms, each a network and how it is trained."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FRAMES = 256  # of a segment, in every arm


@dataclass(frozen=True)
class Arm:
    """A network and how it is trained.

    Attributes:
      says: what it is, in a few words, for the table.
      model: a file of ``gin_configs/models``.
      diffusion: a file of ``gin_configs/diffusion``.
      bindings: of gin, beside what all arms have in common.
      prior_share: share of the time in which the prior learns alone.
      option: whether it is `BASE` with one thing changed, which `together` may take over.
      transcriber: whether it learns by the transcriber of mel frames as well.
    """

    says: str
    model: str
    diffusion: str = "v_l2"
    bindings: tuple[str, ...] = ()
    prior_share: float = 0.0
    option: bool = False
    transcriber: bool = False

    @property
    def has_prior(self) -> bool:
        """Whether there is a sketch to begin with."""
        return "notes" in self.model

    @property
    def update(self) -> tuple[object, ...]:
        """What decides how long an update of the whole takes."""
        return self.model, self.diffusion, self.bindings, self.transcriber


BASE, FORMER, TOGETHER = "notes", "roll", "together"
"""The prior from the notes alone, the U-Net of before, and all that helped."""


def _option(says: str, *bindings: str, **changes: Any) -> Arm:
    return Arm(says, "unet_notes", bindings=bindings, option=True, **changes)


ARMS = {
    FORMER: Arm("U-Net, roll", "unet_small"),
    BASE: Arm("U-Net, prior from the notes", "unet_notes"),
    "prior-first": _option("+ the prior alone for a fifth of the time", prior_share=0.2),
    "x0": _option("+ x0 predicted, v measured", diffusion="x0_v"),
    "muon": _option("+ Muon", 'OptimizerConfig.direction="muon"'),
    "min-snr": _option("+ min-SNR, 5", "LossConfig.min_snr=5.0"),
    "attacks": _option("+ attacks count fourfold", "LossConfig.attacks=3.0"),
    "hears": _option("+ heard by a transcriber of mel frames", transcriber=True),
    "bfloat16": _option("+ activations in bfloat16", 'UNetConfig.dtype="bfloat16"'),
    "depthwise": Arm("prior, no downsampling, depthwise convolutions", "conv_notes"),
    "wide": Arm("prior, wider", "unet_notes", bindings=("UNetConfig.widths=(256, 320, 384)",)),
    "deep": Arm("prior, deeper", "unet_notes", bindings=("UNetConfig.blocks=3",)),
    "narrow": Arm("prior, narrower", "unet_notes", bindings=("UNetConfig.widths=(128, 160, 224)",)),
    "t5-tokens": Arm("T5, tokens", "t5_tiny"),
    "t5-notes": Arm("T5, tokens, prior from the notes", "t5_notes_tiny"),
    "t5-event-time": Arm("T5, tokens at their time", "t5_event_time_tiny"),
    "t5-roll": Arm("T5, roll", "t5_roll_tiny"),
    "t5-hybrid": Arm("T5, tokens and roll", "t5_hybrid_tiny"),
    "unet-hybrid": Arm("U-Net, tokens and roll", "unet_hybrid_small"),
}

LADDER = (
    FORMER,
    BASE,
    "prior-first",
    "x0",
    "muon",
    "min-snr",
    "attacks",
    "hears",
    "bfloat16",
    "depthwise",
    "wide",
    "narrow",
    "deep",
    TOGETHER,
    "t5-tokens",
    "t5-notes",
)
"""What is run if no arms are named; `TOGETHER` behind those that it is made of."""


def together(heard: Mapping[str, float]) -> tuple[Arm, list[str]]:
    """Makes the arm of all options that helped, and names them.

    Args:
      heard: how well the notes of arms are heard (`backbones.heard_f1`), `BASE` among them; options
        that are not there were not tried.
    """
    helped = [
        name for name, arm in ARMS.items() if arm.option and heard.get(name, 0.0) > heard[BASE]
    ]
    arm = dataclasses.replace(ARMS[BASE], says=f"prior + {', '.join(helped) or 'nothing'}")
    for name in helped:
        one = ARMS[name]
        arm = dataclasses.replace(
            arm,
            # At most one of them has another than the rest.
            diffusion=one.diffusion if one.diffusion != "v_l2" else arm.diffusion,
            bindings=arm.bindings + one.bindings,
            prior_share=max(arm.prior_share, one.prior_share),
            transcriber=arm.transcriber or one.transcriber,
        )
    return arm, helped
