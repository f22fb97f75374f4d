"""Reads and writes a trained model as a folder: what to build, whose sound it knows, its weights.

``config.json``        the model's specification, the format's version, the default performance
``performances.json``  index, name and description of each performance, and what was heard of it
``weights.safetensors`` parameters by their path, as float16 or float32
``README.md``          the model card
``hashes.json``        SHA-256 of configuration and weights, by which loading finds damage

where performances have weights of their own, ``additions.safetensors``, and, where it has a trained
vocoder, the two files of `mt3synth.vocoder.files`. How it was trained may lie beside, in
``provenance.json`` and the folder ``origin`` (`mt3synth.training.provenance`).
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from mt3synth import __version__
from mt3synth.atomic import write_folder
from mt3synth.errors import UserError, unknown
from mt3synth.file_hashes import begin_check, write_hashes
from mt3synth.foreign_files import read_json
from mt3synth.model_spec import ModelSpec
from mt3synth.models.additions import check_additions
from mt3synth.models.axes import shapes_alone
from mt3synth.models.conditions import Conditions, frame_times
from mt3synth.param_check import (
    count_params,
    explain_shapes,
    read_params,
    read_stored,
    write_params,
)
from mt3synth.types import PyTree
from mt3synth.vocoder import files as vocoder_files
from mt3synth.vocoder.files import VocoderWeights
from mt3synth.vocoder.neural import NeuralVocoder
from mt3synth.vocoder.protocol import VocoderError, check_spec

FORMAT, FORMAT_WITH_ADDITIONS = 1, 2
"""Versions of before would render a performance without its additions, so they are to refuse it."""
DEFAULT = Path(__file__).resolve().parent / "bundles" / "default"
CONFIG, PERFORMANCES = "config.json", "performances.json"
WEIGHTS, CARD = "weights.safetensors", "README.md"
ADDITIONS = "additions.safetensors"
HASHED = (CONFIG, WEIGHTS, ADDITIONS, *vocoder_files.FILES)
"""Files of which a bundle of today has hashes, as far as it has the files. Into performances.json
and the card people may write."""

_MOST_LETTERS = 2000  # of a performance's name or description

_READS = {
    "tokens": "note events",
    "roll": "a piano roll",
    "notes": "a list of notes",
    "context": "the frames before a segment",
}
"""In words, what a network may read beside the noisy frames."""


class BundleError(UserError):
    """A folder that is no bundle, or not one that this version can read."""


@dataclass(frozen=True)
class Performance:
    """Players, room and recording chain that a model can sound like.

    Attributes:
      index: its row in the model's embedding.
      name: what a user calls it.
      description: what it sounds like and how it was made.
      heard: for how many seconds each instrument group sounded in what the model was trained on,
        by name; None if that was not recorded.
      expression: how far its players go beyond a score in notation where nobody asks for more or
        less, from 0, to the letter, to 1.
    """

    index: int
    name: str
    description: str
    heard: Mapping[str, float] | None = field(default=None, hash=False)
    expression: float = 0.0

    def unheard(self, groups: Iterable[str]) -> list[str]:
        """Names those of some instrument groups that the model never heard in this performance."""
        return [name for name in groups if self.heard is not None and not self.heard.get(name)]

    def to_dict(self) -> dict[str, Any]:
        """Returns the performance as JSON values."""
        values: dict[str, Any] = {
            "index": self.index,
            "name": self.name,
            "description": self.description,
        }
        if self.heard is not None:
            values["heard"] = dict(self.heard)
        if self.expression:
            values["expression"] = self.expression
        return values

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Performance:
        """Makes a performance of what ``to_dict`` returned.

        Raises:
          KeyError, TypeError, ValueError, AttributeError: the values are no performance.
        """
        heard = values.get("heard")
        if heard is not None:
            heard = {str(name): float(seconds) for name, seconds in heard.items()}
        names = str(values["name"]), str(values["description"])
        expression = float(values.get("expression", 0))
        if not 0 <= expression <= 1:
            raise ValueError(f"expression={expression}; must be within 0..1")
        return Performance(int(values["index"]), *names, heard, expression)


@dataclass(frozen=True, eq=False)
class Bundle:
    """A model ready to be used.

        model = load("bundles/mine")
        model.performance("tape").index, model.spec.mel.sample_rate, model.hash

    Attributes:
      spec: the model.
      performances: in the order of their indices.
      default: name of the performance that is taken when none is asked for.
      params: weights as float32, nested as the network names them.
      folder: where it lies.
      vocoder: a trained vocoder for its frames, if it has one.
      additions: by index of a performance, what it adds to the weights, if anything
        (`mt3synth.models.additions`).
    """

    spec: ModelSpec
    performances: tuple[Performance, ...]
    default: str
    params: PyTree
    folder: Path
    vocoder: VocoderWeights | None = None
    additions: Mapping[int, PyTree] = field(default_factory=dict)

    def performance(self, name: str | None) -> Performance:
        """Finds the performance called ``name``, or the default one.

        Raises:
          BundleError: there is none of that name; says which there are and the nearest spelling.
        """
        name = self.default if name is None else name
        known = {p.name: p for p in self.performances}
        if name in known:
            return known[name]
        raise BundleError(f"no performance {unknown(name, known)}")

    @property
    def added_to(self) -> list[str]:
        """Lists the performances that have weights of their own beside those that all share."""
        return [p.name for p in self.performances if p.index in self.additions]

    @cached_property
    def hash(self) -> str:
        """Returns 12 digits of the SHA-256 over configuration, performances and weights.

        Additions and its vocoder are included, if it has any.
        """
        digest = hashlib.sha256()
        own = (ADDITIONS,) * bool(self.additions) + vocoder_files.FILES * bool(self.vocoder)
        for name in (CONFIG, PERFORMANCES, WEIGHTS, *own):
            digest.update((self.folder / name).read_bytes())
        return digest.hexdigest()[:12]


def load(folder: str | Path = DEFAULT) -> Bundle:
    """Reads a bundle.

    Raises:
      BundleError: the folder is missing, is no bundle, is of another format, or its weights are
        not those of the network that it describes; its vocoder inverts other frames, or a file is
        another than that of which it has the hash.
      VocoderFileError: it has a vocoder that cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BundleError(f"{folder}: no such folder; give a bundle made by `mt3synth export`")
    for name in (CONFIG, PERFORMANCES, WEIGHTS):
        if not (folder / name).is_file():
            raise BundleError(f"{folder} is no bundle: it has no {name}")
    check_hashes = begin_check(folder, HASHED, BundleError)
    try:
        config = read_json(folder / CONFIG)
        found = config["format"]
        if found not in (FORMAT, FORMAT_WITH_ADDITIONS):
            raise BundleError(
                f"{folder} is a bundle of format {found}; this version of mt3synth reads format "
                f"{FORMAT_WITH_ADDITIONS}; export it again, or install the version that wrote it "
                f"({config.get('mt3synth', 'unknown')})"
            )
        spec = ModelSpec.from_dict(config["model"])
        entries = read_json(folder / PERFORMANCES)
        performances = tuple(Performance.from_dict(entry) for entry in entries)
        default = str(config["default_performance"])
        _check_performances(performances, default, spec)
    except BundleError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
        raise BundleError(
            f"{folder} is no bundle that this version understands: {type(error).__name__}: {error}"
        ) from error
    with explain_shapes(folder / CONFIG, BundleError):
        shapes = abstract_params(spec)
    params = read_params(folder / WEIGHTS, shapes, BundleError)
    additions = _read_additions(folder, params) if found == FORMAT_WITH_ADDITIONS else {}
    vocoder = vocoder_files.read(folder) if vocoder_files.has_vocoder(folder) else None
    _check_vocoder(vocoder, spec, folder)
    # At last, for whatever is wrong otherwise says more.
    check_hashes()
    return Bundle(spec, performances, default, params, folder, vocoder, additions)


def save(
    folder: str | Path,
    spec: ModelSpec,
    performances: tuple[Performance, ...],
    default: str,
    params: PyTree,
    card: str,
    precision: Literal["float16", "float32"] = "float16",
    vocoder: VocoderWeights | None = None,
    add_papers: Callable[[Path], object] | None = None,
) -> None:
    """Writes a bundle; the folder appears whole or not at all.

    Args:
      folder: must not exist yet.
      spec, performances, default, params: as in `Bundle`.
      card: the model card, Markdown.
      precision: of the weights as stored.
      vocoder: a trained one for the model's frames; always stored as float16.
      add_papers: writes what else belongs into the folder, before that has its name.

    Raises:
      BundleError: the folder exists, the default is not among the performances, their number is
        not that of the network, or the vocoder inverts other frames.
    """
    folder = Path(folder)
    if default not in {p.name for p in performances}:
        raise BundleError(f"default performance {default!r} is not among the performances")
    # A network that knows no performances has one sound all the same, and that has a name.
    if len(performances) != max(1, spec.network.performances):
        raise BundleError(
            f"{len(performances)} performances for a network of {spec.network.performances}"
        )
    _check_vocoder(vocoder, spec, folder)
    config: dict[str, Any] = {
        "format": FORMAT,
        "mt3synth": __version__,
        "default_performance": default,
        "model": spec.to_dict(),
    }
    flat = {k: np.asarray(v, precision) for k, v in flatten_dict(params, sep="/").items()}
    with write_folder(folder, BundleError) as unfinished:
        (unfinished / CONFIG).write_text(json.dumps(config, indent=1) + "\n")
        listed = [p.to_dict() for p in performances]
        (unfinished / PERFORMANCES).write_text(json.dumps(listed, indent=1) + "\n")
        write_params(unfinished / WEIGHTS, flat)
        (unfinished / CARD).write_text(card)
        if vocoder is not None:
            vocoder_files.write_files(unfinished, vocoder)
        if add_papers is not None:
            add_papers(unfinished)
        write_hashes(unfinished, HASHED)


def copy(bundle: Bundle, folder: str | Path, vocoder: VocoderWeights, card: str) -> None:
    """Makes the same bundle with another vocoder and card; it appears whole or not at all.

    Args:
      bundle: is left as it is.
      folder: must not exist yet.
      vocoder: a trained one for the model's frames.
      card: the model card, Markdown.

    Raises:
      BundleError: the folder exists or cannot be written, or the vocoder inverts other frames.
    """
    folder = Path(folder)
    # Before anything is copied, which for a large model takes long.
    _check_vocoder(vocoder, bundle.spec, folder)
    with write_folder(folder, BundleError) as unfinished:
        shutil.copytree(bundle.folder, unfinished, dirs_exist_ok=True)
        (unfinished / CARD).write_text(card)
        vocoder_files.write_files(unfinished, vocoder)
        write_hashes(unfinished, HASHED)


def card_facts(spec: ModelSpec, params: PyTree) -> dict[str, Any]:
    """Returns what every model card says of its model, by the names of the blanks in its text."""
    return {
        "version": __version__,
        "millions": count_params(params) / 1e6,
        "reads": " and ".join(_READS[name] for name in spec.network.inputs),
        "spec": spec,
        "mel": spec.mel,
        "seconds": spec.segment_frames / spec.mel.frame_rate,
    }


def _read_additions(folder: Path, params: PyTree) -> dict[int, PyTree]:
    """Reads what performances add to the weights, by their indices.

    Raises:
      BundleError: they cannot be read, or do not fit the network.
    """
    flat = read_stored(folder / ADDITIONS, BundleError)
    nested = unflatten_dict({k: np.float32(v) for k, v in flat.items()}, sep="/")
    try:
        found = {int(index): tree for index, tree in nested.items()}
        for tree in found.values():
            check_additions(params, tree)
    except ValueError as error:
        raise BundleError(f"{folder / ADDITIONS}: {error}") from error
    return found


def _check_performances(
    performances: tuple[Performance, ...], default: str, spec: ModelSpec
) -> None:
    """Checks that a network has these performances, and that their names can be shown.

    Raises:
      ValueError: it is not so.
    """
    indices = [each.index for each in performances]
    # A network that knows no performances has one sound all the same, and that has a name.
    if indices != list(range(max(1, spec.network.performances))):
        raise ValueError(
            f"performances {indices[:9]} of a network that knows {spec.network.performances}"
        )
    names = [each.name for each in performances]
    for text in (*names, *(each.description for each in performances)):
        if not text.isprintable() or len(text) > _MOST_LETTERS:
            raise ValueError(f"a performance is called or described {text[:40]!r}")
    if default not in names or len(set(names)) < len(names):
        raise ValueError(f"default performance {default!r} of {', '.join(names[:9])}")


def _check_vocoder(vocoder: VocoderWeights | None, spec: ModelSpec, folder: Path) -> None:
    try:
        if vocoder is not None:
            check_spec(NeuralVocoder.of(vocoder), spec.mel)
    except VocoderError as error:
        raise BundleError(f"{folder}: {error}") from error


def abstract_params(spec: ModelSpec) -> PyTree:
    """Returns the shapes of the network's parameters, without computing any."""
    # Dictionaries of its own for whoever asks, who may put other things into them.
    return jax.tree.map(lambda leaf: leaf, _trace_params(spec))


# Traced once for all bundles of a network that a process opens: it is most of what loading takes.
@lru_cache(maxsize=8)
def _trace_params(spec: ModelSpec) -> PyTree:
    context = spec.network.context_frames

    # All of it is traced: an array made outside would be a program to be compiled, whenever a
    # bundle is loaded.
    def initialize() -> PyTree:
        conditions = Conditions(
            performance=jnp.zeros(1, jnp.int32),
            keep_score=jnp.ones(1, bool),
            keep_performance=jnp.ones(1, bool),
            tokens=jnp.zeros((1, 8), jnp.int32),
            token_times=jnp.zeros((1, 8)),
            roll=jnp.zeros((1, spec.segment_frames, spec.roll.channels)),
            notes=jnp.zeros((1, 1, spec.prior.columns if spec.prior else 0)),
            frames=frame_times(1, spec.segment_frames),
            context=jnp.zeros((1, context, spec.mel.bins)) if context else None,
            context_mask=jnp.ones((1, context), bool) if context else None,
        )
        frames = jnp.zeros((1, spec.segment_frames, spec.mel.bins))
        return spec.build().init(jax.random.key(0), frames, jnp.zeros(1), conditions)

    with shapes_alone():
        return nn.meta.unbox(jax.eval_shape(initialize))["params"]
