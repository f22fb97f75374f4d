"""Render a corpus: public-domain scores, arranged and played by soundfonts in synthetic rooms.

The performances are described in one file (see --performances); which song is what follows from
the seed. Needs music21, FluidSynth and Debian's soundfonts, but no TensorFlow. Run it again after
an interruption, or with more hours: what is there stays, and the bytes are the same as if it had
been built in one go, by any number of workers.
"""

from __future__ import annotations

import argparse
import dataclasses
from functools import partial
from pathlib import Path

from mt3synth.commands.prepare.options import print_splits

HELP = "render a corpus of public-domain scores on soundfonts"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds options that say where to, how much, and of what."""
    add = parser.add_argument
    add_hours = partial(add, type=float, metavar="H")
    add("--out", required=True, metavar="DIR", help="folder of the corpus")
    add_hours("--hours", required=True, help="of training audio")
    add("--seed", type=int, required=True, metavar="N", help="of all choices")
    add_hours("--validation-hours", help="of Haydn, held out (0.4)")
    add_hours("--test-hours", help="of Mozart and Beethoven, held out (0.8)")
    add(
        "--kinds",
        metavar="KIND=SHARE,...",
        help="kinds of songs: ensemble, edges, soft, piano, solo, parts, held, notes, drums, "
        "written, bent (default: all but bent, whose notes slide and swell; ensemble=1 for scores "
        "in parts alone)",
    )
    add("--format", help="tfrecord (default), or numpy: with mel frames beside")
    kept = "at which audio is kept, for front ends of any rate (44100)"
    add("--sample-rate", type=int, metavar="HZ", help=kept)
    add("--shard-minutes", type=float, metavar="M", help="audio in a shard (10)")
    add("--workers", type=int, metavar="N", help="processes (one a core)")
    add("--performances", type=Path, metavar="TOML", help="performances of your own")
    add_folder = partial(add, type=Path, metavar="DIR")
    add_folder("--soundfonts", action="append", help="look here first; may be repeated")
    add_folder("--scores-cache", dest="cache", help="parsed scores (default: in the user's cache)")


def main(args: argparse.Namespace) -> int:
    """Builds the corpus and says what it came to."""
    from data_pipelines.corpus.arrangement.kinds import read_kinds
    from data_pipelines.corpus.build import CorpusSettings, build_corpus

    names = {field.name for field in dataclasses.fields(CorpusSettings)}
    given = {k: v for k, v in vars(args).items() if k in names and v is not None}
    if "kinds" in given:
        given["kinds"] = read_kinds(given["kinds"])
    if "soundfonts" in given:
        given["soundfonts"] = tuple(given["soundfonts"])
    corpus = build_corpus(Path(args.out), CorpusSettings(**given))
    print_splits(corpus)
    return 0
