"""Options that every way of evaluating has, and what they build."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mt3synth.cache_folder import cache_folder
from mt3synth.commands.shared import vocoder_options
from mt3synth.errors import UserError

if TYPE_CHECKING:
    from mt3synth.audio.mel import MelSpec
    from mt3synth.evaluation.caching import KeptVocoder
    from mt3synth.evaluation.evaluation_set import Material
    from mt3synth.evaluation.measure import Tools
    from mt3synth.evaluation.metrics.frechet import Shrinkage
    from mt3synth.vocoder.protocol import Vocoder

# As mt3synth.evaluation.embeddings has them, whose import would slow every command's --help.
EMBEDDINGS = ("log-mel", "musicnn", "trill", "vggish")
NO_TRANSCRIBER = "none"
_VOCODERS = {"GriffinLim": "Griffin-Lim", "NeuralVocoder": "neural vocoder"}
MAX_SEED = 2**32 - 1  # of scikit-learn


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How to measure, and what the report holds."""
    add = parser.add_argument
    add("--out", type=Path, metavar="DIR", help="folder for the report; made if need be")
    add(
        "--embedding",
        choices=EMBEDDINGS,
        default=EMBEDDINGS[0],
        help="what audio is turned into before distances are taken (default: %(default)s, which"
        " needs nothing to be installed)",
    )
    add(
        "--embedding-source",
        metavar="PLACE",
        help="folder of musicnn's weights; for trill and vggish, folder or address of a SavedModel",
    )
    add(
        "--shrinkage",
        metavar="S",
        help="allow distances of few embeddings by shrinking covariances: ledoit-wolf, or a share"
        " in 0..1",
    )
    add(
        "--transcriber",
        metavar="NAME",
        help="what hears the notes for note F1: module:attribute or file.py:attribute, or none"
        " (default: basic-pitch)",
    )
    add("--seed", type=int, default=0, metavar="N", help="of all random choices (default: 0)")
    add(
        "--examples",
        type=int,
        default=6,
        metavar="N",
        help="pieces to hear on the page (default: 6)",
    )
    add(
        "--example-seconds",
        type=float,
        default=10.0,
        metavar="S",
        help="length of each (default: 10)",
    )
    add(
        "--listening-test",
        type=Path,
        metavar="DIR",
        help="folder for a blind listening test, if one is wanted",
    )
    add(
        "--cache",
        type=Path,
        metavar="DIR",
        help="folder for embeddings, transcriptions and vocoded audio (default: the user's cache)",
    )
    vocoder_options.add_arguments(parser)


def check(args: argparse.Namespace) -> None:
    """Refuses what can be refused before anything is loaded.

    Raises:
      UserError: a value out of its bounds.
    """
    from mt3synth.evaluation.evaluate import Wanted

    if not 0 <= args.seed <= MAX_SEED:
        raise UserError(f"--seed {args.seed}; must be in 0..{MAX_SEED}")
    Wanted(args.examples, args.example_seconds)
    shrinkage(args)
    for option in ("out", "listening_test", "cache"):
        _check_folder(getattr(args, option), f"--{option.replace('_', '-')}")


def kept_in(args: argparse.Namespace) -> Path:
    """Where what takes long is kept."""
    return args.cache or cache_folder("evaluation")


def shrinkage(args: argparse.Namespace) -> Shrinkage:
    """What ``--shrinkage`` asks for.

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


def tools(args: argparse.Namespace, mel: MelSpec, vocoder: Vocoder) -> Tools:
    """Loads what measures.

    Raises:
      UserError: the embedding or the transcriber is not installed, or cannot be loaded.
    """
    from mt3synth.evaluation.caching import KeptTranscriber
    from mt3synth.evaluation.embeddings import embedding
    from mt3synth.evaluation.embeddings.cache import EmbeddingCache
    from mt3synth.evaluation.measure import Tools
    from mt3synth.transcription.loading import load_transcriber

    folder = kept_in(args)
    name = transcriber_name(args)
    transcriber = None
    if name is not None:
        identity = transcriber_identity(name)
        transcriber = KeptTranscriber(load_transcriber(name), identity, folder / "notes")
    return Tools(
        mel=mel,
        embedding=embedding(args.embedding, args.embedding_source),
        cache=EmbeddingCache(folder / "embeddings"),
        vocoder=kept_vocoder(args, vocoder),
        transcriber=transcriber,
        seed=args.seed,
    )


def kept_vocoder(args: argparse.Namespace, vocoder: Vocoder) -> KeptVocoder:
    """The vocoder, with what it made before."""
    from mt3synth.evaluation.caching import KeptVocoder
    from mt3synth.vocoder.registry import describe

    said = describe(vocoder)
    # A Griffin-Lim is all in its fields, a trained one in its hash; of a SavedModel the place must
    # do.
    fields = "" if "vocoder_weights" in said else repr(sorted(_plain(vocoder).items()))
    identity = f"{said} {fields} {args.vocoder_source or ''}"
    return KeptVocoder(vocoder, identity, kept_in(args) / "vocoded")


def vocoder_name(vocoder: Vocoder) -> str:
    """What a report calls it."""
    from mt3synth.vocoder.registry import describe

    said = describe(vocoder)
    name = _VOCODERS.get(said["vocoder"], said["vocoder"])
    return f"{name} {said['vocoder_weights']}" if "vocoder_weights" in said else name


def transcriber_name(args: argparse.Namespace) -> str | None:
    """The transcriber's full name, or None for none."""
    from mt3synth.transcription.loading import BASIC_PITCH

    return None if args.transcriber == NO_TRANSCRIBER else args.transcriber or BASIC_PITCH


def transcriber_identity(name: str) -> str:
    """Its name, and the content of its file if that is one."""
    import hashlib

    place = Path(name.rpartition(":")[0])
    if place.suffix == ".py" and place.is_file():
        return f"{name} {hashlib.sha256(place.read_bytes()).hexdigest()}"
    return name


def progress(items: Iterable[Any], what: str) -> Iterable[Any]:
    """A bar on a terminal, and nothing elsewhere."""
    from tqdm import tqdm

    return tqdm(items, desc=what, unit="", disable=not sys.stderr.isatty(), leave=False)


def write_listening_test(folder: Path, material: Material, tools: Tools) -> list[dict[str, str]]:
    """Writes a test of the usual length; returns what was in the way, as the measurements stand."""
    from mt3synth.evaluation.listening import trials

    try:
        test = trials.listening_test(material, tools, trials.Sizes())
    except UserError as error:
        return [{"item": "--listening-test", "reason": str(error)}]
    print(f"Listening test: {trials.write(test, folder)}")
    return []


def report_problems(problems: list[dict[str, str]]) -> int:
    """Says on stderr what was left out; returns the exit status, 3 if anything was."""
    for problem in problems:
        print(f"mt3synth evaluate: {problem['item']}: {problem['reason']}", file=sys.stderr)
    return 3 if problems else 0


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
    """Its settings, as far as they are numbers, words or a spec."""
    from mt3synth.audio.mel import MelSpec

    return {
        name: value
        for name, value in vars(vocoder).items()
        if isinstance(value, (int, float, str, MelSpec))
    }
