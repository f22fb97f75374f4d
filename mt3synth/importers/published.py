"""Says what is known of the ancestor's published models: sizes, origin, licence, sampling."""

from __future__ import annotations

from pathlib import Path

from mt3synth.bundle import card_facts
from mt3synth.diffusion.guidance import Guidance
from mt3synth.importers.checkpoint import Checkpoint, CheckpointError, Description
from mt3synth.model_spec import ModelSpec
from mt3synth.types import PyTree

PUBLISHED = {
    "small_with_context": Description(8, 8, width=512, heads=6, head_width=64, mlp_width=1024),
    "base_with_context": Description(12, 12, width=768, heads=12, head_width=64, mlp_width=2048),
}
"""Models that Hawthorne et al. 2022 published (gin files of their repository)."""

GUIDANCE = Guidance(notes=2.0, performance=1.0)
"""Twice the prediction with conditions less that without, as diffusers' converter sets it."""

ORIGINS = {
    "t5x": "a t5x checkpoint of magenta/music-spectrogram-diffusion (Hawthorne et al. 2022, "
    "arXiv 2206.05408)",
    "diffusers": "a diffusers folder of google/music-spectrogram-diffusion, converted from the "
    "t5x checkpoint of Hawthorne et al. 2022 (arXiv 2206.05408)",
}
_CARD = Path(__file__).with_suffix(".md").read_text("utf-8")

LICENCE = "Apache License 2.0"
"""Of the ancestor's repository; the converted weights are published under it by name."""


def described(checkpoint: Checkpoint, config: str) -> Description:
    """Finds the description of a checkpoint's network.

    Args:
      checkpoint: the weights.
      config: a name from ``PUBLISHED``, or "auto" for what the checkpoint's own configuration
        says, and if it has none, for the published model of the same width.

    Raises:
      CheckpointError: a name that disagrees with the checkpoint's own configuration, or neither
        that nor a published model of its width.
    """
    own = checkpoint.description
    if config != "auto":
        wanted = PUBLISHED[config]
        differing = [
            f"{name} is {getattr(own, name)}, not {value}"
            for name, value in vars(wanted).items()
            if own is not None and getattr(own, name) != value
        ]
        if differing:
            raise CheckpointError(
                f"{checkpoint.source} is not {config}: {'; '.join(differing[:3])}"
            )
        return wanted
    if own is not None:
        return own
    norm = checkpoint.shape("decoder/decoder_norm/scale")
    for description in PUBLISHED.values():
        if norm == (description.width,):
            return description
    raise CheckpointError(
        f"{checkpoint.source}: its network cannot be told, for there is no config.gin; put that of "
        f"the download beside it, or give --config {' or '.join(PUBLISHED)}"
    )


def card(
    name: str,
    spec: ModelSpec,
    description: Description,
    params: PyTree,
    origin: str,
    precision: str,
) -> str:
    """Writes the model card of a bundle made of imported weights, as Markdown.

    Args:
      name: of the bundle.
      spec: of the model.
      description: of its network.
      params: its weights.
      origin: one of ``ORIGINS``.
      precision: type in which the numbers are stored.
    """
    return _CARD.format(
        name=name,
        origin=origin,
        precision=precision,
        encoder=description.encoder_layers,
        decoder=description.decoder_layers,
        width=description.width,
        licence=LICENCE,
        **card_facts(spec, params),
    )
