"""Writes the README of a bundle from what is known about its model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mt3synth.bundle import Performance, card_facts
from mt3synth.model_spec import ModelSpec
from mt3synth.types import PyTree
from mt3synth.vocoder.files import VocoderWeights

# Ends with what a caller adds, so that the file's own line end is one too many.
_TEMPLATE = Path(__file__).with_suffix(".md").read_text("utf-8").removesuffix("\n")

_UNKNOWN = "Nothing is recorded about the data that this model was trained on.\n"


_VOCODER = """\
## Vocoder

A trained {network} of {millions:.1f} M parameters (stored as float16; {hash}) turns the frames into
audio, unless `--vocoder` asks for another.
"""


def write_card(
    name: str,
    spec: ModelSpec,
    performances: Sequence[Performance],
    params: PyTree,
    step: int,
    corpus: dict[str, Any] | None,
    extra: str,
    vocoder: VocoderWeights | None = None,
) -> str:
    """Writes the card as Markdown.

    Args:
      name: of the bundle.
      spec, performances, params: its content.
      step: of the training run.
      corpus: what the corpus's ``corpus.json`` holds, if there is one.
      extra: Markdown for the end.
      vocoder: the bundle's own, if it has one.
    """
    text = _TEMPLATE.format(
        name=name,
        network=type(spec.network).__name__.removesuffix("Config"),
        step=step,
        performances="\n".join(f"- `{p.name}`: {p.description}" for p in performances),
        data=_data(corpus) if corpus else "" if extra else _UNKNOWN,
        card=f"\n{extra.strip()}\n" if extra.strip() else "",
        **card_facts(spec, params),
    )
    return text if vocoder is None else add_vocoder(text, vocoder)


def add_vocoder(card: str, vocoder: VocoderWeights, extra: str = "") -> str:
    """Gives a card a last section about the vocoder, instead of the one that it may have.

    Args:
      card: Markdown.
      vocoder: what it is to be about.
      extra: Markdown for the section's end.
    """
    before = card.split("\n## Vocoder\n")[0].rstrip()
    network = type(vocoder.config).__name__.removesuffix("Config")
    section = _VOCODER.format(network=network, millions=vocoder.size / 1e6, hash=vocoder.hash)
    return f"{before}\n\n{section}" + (f"\n{extra.strip()}\n" if extra.strip() else "")


def _data(corpus: dict[str, Any]) -> str:
    """Lists what ``corpus.json`` says; entries that another builder did not write are left out."""
    lines = []
    train = corpus.get("splits", {}).get("train", {})
    if {"hours", "songs"} <= train.keys():
        lines.append(f"- {train['hours']} hours of rendered audio, {train['songs']} songs")
    scores = corpus.get("scores", {})
    if {"what", "licence"} <= scores.keys():
        lines.append(f"- Scores: {scores['what']}. {scores['licence']}.")
    for file, source in corpus.get("soundfonts", {}).items():
        lines.append(
            f"- Soundfont {file}, Debian package {source.get('package')}: {source.get('licence')}."
        )
    lines.append("- All that is recorded: `corpus.json` in this folder.")
    return "\n".join(lines) + "\n"
