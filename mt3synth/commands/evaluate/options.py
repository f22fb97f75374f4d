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
    from mt3synth.evaluation.evaluation_set import Problem
    from mt3synth.evaluation.metrics.metric import Evaluators
    from mt3synth.vocoder.protocol import Vocoder

# As mt3synth.evaluation.embeddings has them, whose import would slow every command's --help.
EMBEDDINGS = ("log-mel", "performance", "musicnn", "trill", "vggish")
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
    place = (
        "for performance a run of `mt3synth train-embedder`, for musicnn the folder of its weights,"
        " for trill and vggish folder or address of a SavedModel"
    )
    add("--embedding-source", metavar="PLACE", help=place)
    shrink = "shrink covariances, for few embeddings: ledoit-wolf, or a share in 0..1"
    add("--shrinkage", metavar="S", help=shrink)
    hears = (
        "who hears the notes for note F1, several or none: basic-pitch, harmonica-small,"
        " harmonica-x-large, module:attribute, file.py:attribute (default: those of the first three"
        " that are installed)"
    )
    add("--transcriber", nargs="+", metavar="NAME", help=hears)
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
) -> tuple[Evaluators, list[Problem]]:
    """Loads what measures, and says at once on stderr which transcriber is not installed.

    Returns:
      What measures, and a problem for each transcriber that is missing: the rest is measured.

    Raises:
      UserError: the embedding is not installed, or there is no such transcriber.
    """
    from mt3synth.evaluation.caching import CachedTranscriber
    from mt3synth.evaluation.embeddings import embedding
    from mt3synth.evaluation.embeddings.cache import EmbeddingCache
    from mt3synth.evaluation.evaluation_set import Problem
    from mt3synth.evaluation.metrics.metric import Evaluators
    from mt3synth.transcription.loading import identify_transcriber, load_transcriber
    from mt3synth.transcription.transcriber import NotInstalled

    folder = args.cache or cache_folder("evaluation")
    transcribers, lacking = {}, []
    for name in name_transcribers(args):
        try:
            found = load_transcriber(name)
        except NotInstalled as error:
            lacking.append(Problem(f"--transcriber {name}", str(error)))
            continue
        transcribers[name] = CachedTranscriber(found, identify_transcriber(name), folder / "notes")
    evaluators = Evaluators(
        mel=mel,
        embedding=embedding(args.embedding, args.embedding_source),
        cache=EmbeddingCache(folder / "embeddings"),
        vocoder=wrap_vocoder(vocoder, args.vocoder_source, folder / "vocoded"),
        transcribers=transcribers,
        seed=seed,
        shrinkage=read_shrinkage(args),
    )
    for problem in lacking:
        # Now, and not after an hour of measuring without it.
        print(f"mt3synth evaluate: {problem.item}: {problem.reason}", file=sys.stderr, flush=True)
    return evaluators, lacking


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
        transcribers=name_transcribers(args),
    )


def name_vocoder(vocoder: Vocoder) -> str:
    """Names a vocoder for a report."""
    from mt3synth.vocoder.registry import describe

    about = describe(vocoder)
    name = _VOCODERS.get(about["vocoder"], about["vocoder"])
    return f"{name} {about['vocoder_weights']}" if "vocoder_weights" in about else name


def name_transcribers(args: argparse.Namespace) -> tuple[str, ...]:
    """Names the transcribers to ask, each once."""
    from mt3synth.transcription.loading import BASIC_PITCH, find_installed

    if args.transcriber is None:
        # Where there is none at all, basic-pitch, that the report says how to install it.
        return find_installed() or (BASIC_PITCH,)
    return tuple(dict.fromkeys(name for name in args.transcriber if name != NO_TRANSCRIBER))


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
