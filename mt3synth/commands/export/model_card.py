"""Writes the README of a bundle from what is known about its model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mt3synth.bundle import Performance, card_facts
from mt3synth.model_spec import ModelSpec
from mt3synth.types import PyTree
from mt3synth.vocoder.files import VocoderWeights

# Ends with what a caller adds, so that the file's own line end is one too many.
_TEMPLATE = Path(__file__).with_suffix(".md").read_text("utf-8").removesuffix("\n")

_UNKNOWN = "Nothing is recorded about the data that this model was trained on.\n"

_ORIGIN = """
## Origin

Training began with {name}, the outcome of {before}.
It went on with the data above for {now}.
What it was trained on before, whose licences hold for this model too:

{data}
The papers of that model, its card among them, are in the folder `origin`.
"""

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
    history: Mapping[str, Any] | None = None,
    which: str = "",
) -> str:
    """Writes the card as Markdown.

    Args:
      name: of the bundle.
      spec, performances, params: its content.
      step: of the training run.
      corpus: what the corpus's ``corpus.json`` holds, if there is one.
      extra: Markdown for the end.
      vocoder: the bundle's own, if it has one.
      history: how its weights came about, as `mt3synth.training.provenance` reads it.
      which: says why that step, or which weights of it, if they are not the usual ones.
    """
    history = history or {}
    origin = history.get("origin")
    trained_on = _data(corpus) if corpus else _sources(history.get("data", []))
    text = _TEMPLATE.format(
        name=name,
        network=type(spec.network).__name__.removesuffix("Config"),
        step=step,
        which=f", {which}" if which else "",
        performances="\n".join(map(_performance, performances)),
        data=trained_on or ("" if extra else _UNKNOWN),
        origin=_origin(history, origin) if origin else "",
        card=f"\n{extra.strip()}\n" if extra.strip() else "",
        **card_facts(spec, params),
    )
    return text if vocoder is None else add_vocoder(text, vocoder)


def _performance(performance: Performance) -> str:
    """Names a performance with what was heard of it, the longest first."""
    line = f"- `{performance.name}`: {performance.description}"
    if not performance.heard:
        return line
    heard = sorted(performance.heard.items(), key=lambda entry: -entry[1])
    return f"{line} (heard: {', '.join(f'{group} {_time(s)}' for group, s in heard)})"


def _sources(sources: Sequence[Mapping[str, Any]]) -> str:
    """Lists data sets by what their ``corpus.json`` says of them, each with its licence."""
    lines = []
    for source in sources:
        train, about = source.get("splits", {}).get("train", {}), source.get("source", {})
        size = f", {_time(3600 * train['hours'])} in {train['songs']} songs" if train else ""
        name = f"`{source['name']}`: " if "name" in source else ""
        lines.append(
            f"- {name}{about.get('what', 'a data set of unrecorded origin')}{size}. "
            f"Licence: {about.get('licence', 'not recorded')}."
        )
        lines += _licences(source)
    return "".join(f"{line}\n" for line in lines)


def _origin(history: Mapping[str, Any], origin: Mapping[str, Any]) -> str:
    """Tells with which model training began, what that was trained on, and how long each took."""
    name = f"the bundle `{origin['name']}` ({origin['hash']})"
    if origin["hash"] is None:
        name = f"the run `{origin['name']}`"
    former = origin.get("origin")
    begun = f", begun with `{former['name']}`" if former else ""
    return _ORIGIN.format(
        name=name,
        before=_budget(origin) + begun,
        now=_budget(history),
        data=_sources(_all_data(origin)) or "- Nothing is recorded about its data.\n",
    )


def _all_data(history: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """Lists the data sets of a model, of that with which it began, and so on."""
    return [*history.get("data", []), *_all_data(history.get("origin"))] if history else []


def _budget(history: Mapping[str, Any]) -> str:
    """Says how much training something had."""
    steps, size = history.get("steps"), history.get("batch_size")
    if steps is None:
        return "training of unrecorded length"
    said = f"{steps} steps"
    if size is not None:
        seconds = history["segment_seconds"]
        said += f" of {size} segments of {seconds:g} s ({_time(steps * size * seconds)} heard)"
    if history.get("minutes") is not None:
        said += f", in {_time(60 * history['minutes'])} by the clock"
    return said


def _time(seconds: float) -> str:
    """Writes a length with the unit in which it is easily read."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


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
    lines += _licences(corpus)
    lines.append("- All that is recorded: `corpus.json` in this folder.")
    return "\n".join(lines) + "\n"


def _licences(corpus: Mapping[str, Any]) -> list[str]:
    """Lists the licences of what a corpus was rendered from."""
    lines = []
    scores = corpus.get("scores", {})
    if {"what", "licence"} <= scores.keys():
        lines.append(f"- Scores: {scores['what']}. {scores['licence']}.")
    for file, source in corpus.get("soundfonts", {}).items():
        lines.append(
            f"- Soundfont {file}, Debian package {source.get('package')}: {source.get('licence')}."
        )
    return lines
