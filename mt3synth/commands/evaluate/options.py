"""Adds the options that evaluating files and a bundle share, and builds what they say."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mt3synth.cache_folder import cache_folder
from mt3synth.commands.shared import vocoder_options
from mt3synth.errors import UserError

if TYPE_CHECKING:
    from mt3synth.audio.mel import MelSpec
    from mt3synth.evaluation.caching import CachedVocoder
    from mt3synth.evaluation.embeddings.gaussian import Shrinkage
    from mt3synth.evaluation.evaluate import Names
    from mt3synth.evaluation.metrics.metric import Evaluators
    from mt3synth.vocoder.protocol import Vocoder

# As mt3synth.evaluation.embeddings has them, whose import would slow every command's --help.
EMBEDDINGS = ("log-mel", "musicnn", "trill", "vggish")
NO_TRANSCRIBER = "none"
GIN = "gin_configs/infer/default.gin"
_VOCODERS = {"GriffinLim": "Griffin-Lim", "NeuralVocoder": "neural vocoder"}
MAX_SEED = 2**32 - 1  # of scikit-learn


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds options on how to measure, and on what the report holds."""
    add = parser.add_argument
    add_folder = partial(add, type=Path, metavar="DIR")
    add_folder("--out", help="folder for the report; made if need be")
    turned = "what distances are taken of (default: %(default)s, which needs no weights)"
    add("--embedding", choices=EMBEDDINGS, default=EMBEDDINGS[0], help=turned)
    place = "folder of musicnn's weights; for trill and vggish, folder or address of a SavedModel"
    add("--embedding-source", metavar="PLACE", help=place)
    shrink = "shrink covariances, for few embeddings: ledoit-wolf, or a share in 0..1"
    add("--shrinkage", metavar="S", help=shrink)
    hears = "hears the notes for note F1: module:attribute, file.py:attribute, none (basic-pitch)"
    add("--transcriber", metavar="NAME", help=hears)
    add("--examples", type=int, default=6, metavar="N", help="pieces to hear on the page (6)")
    add("--example-seconds", type=float, default=10.0, metavar="S", help="length of each (10)")
    add_folder("--listening-test", help="folder for a blind listening test, if one is wanted")
    kept = "for embeddings, transcriptions and vocoded audio (default: the user's cache)"
    add_folder("--cache", help=kept)
    vocoder_options.add_arguments(parser)


def check(args: argparse.Namespace) -> None:
    """Refuses what can be refused before anything is loaded.

    Raises:
      UserError: a value out of its bounds.
    """
    from mt3synth.evaluation.evaluate import ExampleOptions

    if args.seed is not None and not 0 <= args.seed <= MAX_SEED:
        raise UserError(f"--seed {args.seed}; must be in 0..{MAX_SEED}")
    ExampleOptions(args.examples, args.example_seconds)
    read_shrinkage(args)
    for option in ("out", "listening_test", "cache"):
        _check_folder(getattr(args, option), f"--{option.replace('_', '-')}")


def read_shrinkage(args: argparse.Namespace) -> Shrinkage:
    """Reads ``--shrinkage``.

    Raises:
      UserError: neither a share nor a known name.
    """
    if args.shrinkage in (None, "ledoit-wolf"):
        return args.shrinkage
    try:
        share = float(args.shrinkage)
    except ValueError:
        share = float("nan")
    if not 0 <= share <= 1:
        raise UserError(f"--shrinkage {args.shrinkage}; must be ledoit-wolf or within 0..1")
    return share


def load_evaluators(
    args: argparse.Namespace, mel: MelSpec, vocoder: Vocoder, seed: int
) -> Evaluators:
    """Loads what measures.

    Raises:
      UserError: the embedding or the transcriber is not installed, or cannot be loaded.
    """
    from mt3synth.evaluation.caching import CachedTranscriber
    from mt3synth.evaluation.embeddings import embedding
    from mt3synth.evaluation.embeddings.cache import EmbeddingCache
    from mt3synth.evaluation.metrics.metric import Evaluators
    from mt3synth.transcription.loading import load_transcriber

    folder = args.cache or cache_folder("evaluation")
    name = name_transcriber(args)
    transcriber = None
    if name is not None:
        identity = identify_transcriber(name)
        transcriber = CachedTranscriber(load_transcriber(name), identity, folder / "notes")
    return Evaluators(
        mel=mel,
        embedding=embedding(args.embedding, args.embedding_source),
        cache=EmbeddingCache(folder / "embeddings"),
        vocoder=wrap_vocoder(vocoder, args.vocoder_source, folder / "vocoded"),
        transcriber=transcriber,
        seed=seed,
        shrinkage=read_shrinkage(args),
    )


def wrap_vocoder(vocoder: Vocoder, source: str | None, folder: Path) -> CachedVocoder:
    """Wraps a vocoder so that what it made before is found in ``folder``."""
    from mt3synth.evaluation.caching import CachedVocoder
    from mt3synth.vocoder.registry import describe

    about = describe(vocoder)
    # A Griffin-Lim is all in its fields, a trained one in its hash; of a SavedModel nothing is
    # known but where it came from.
    fields = "" if "vocoder_weights" in about else repr(sorted(_plain(vocoder).items()))
    return CachedVocoder(vocoder, f"{about} {fields} {source or ''}", folder)


def make_names(args: argparse.Namespace, title: str, vocoder: Vocoder) -> Names:
    """Names things for the report."""
    from mt3synth.evaluation.evaluate import Names

    return Names(
        title=title,
        command=f"mt3synth {shlex.join(sys.argv[1:])}",
        vocoder=name_vocoder(vocoder),
        transcriber=name_transcriber(args),
    )


def name_vocoder(vocoder: Vocoder) -> str:
    """Names a vocoder for a report."""
    from mt3synth.vocoder.registry import describe

    about = describe(vocoder)
    name = _VOCODERS.get(about["vocoder"], about["vocoder"])
    return f"{name} {about['vocoder_weights']}" if "vocoder_weights" in about else name


def name_transcriber(args: argparse.Namespace) -> str | None:
    """Gives the transcriber's full name, or None for none."""
    from mt3synth.transcription.loading import BASIC_PITCH

    return None if args.transcriber == NO_TRANSCRIBER else args.transcriber or BASIC_PITCH


def identify_transcriber(name: str) -> str:
    """Identifies a transcriber by its name, and by the content of its file if it is one."""
    import hashlib

    path = Path(name.rpartition(":")[0])
    # A file may change under its name, and what another version heard must not be found again.
    if path.suffix == ".py" and path.is_file():
        return f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return name


def _check_folder(folder: Path | None, option: str) -> None:
    """Refuses a folder that could not be written to at the end of it all."""
    if folder is None:
        return
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise UserError(f"{option} {folder}: {there} is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"{option} {folder}: {there} cannot be written to")


def _plain(vocoder: Vocoder) -> dict[str, Any]:
    """Returns a vocoder's settings, as far as they are numbers, words or a spec."""
    from mt3synth.audio.mel import MelSpec

    return {
        name: value
        for name, value in vars(vocoder).items()
        if isinstance(value, (int, float, str, MelSpec))
    }
