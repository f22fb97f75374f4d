"""Make a data set of a bundle's own renderings, which keeps its performances as they were.

Fine-tuning teaches a network new recordings and nothing else, so that what it knew drifts. Trained
on beside them, these renderings hold it in place: the scores of your recordings, played by the
bundle in its own performances.

  mt3synth prepare replay --manifest aligned/manifest.csv --bundle default --out data/replay
  mt3synth train --init-from default --run runs/mine
    --gin.DATA_FOLDER='["data/mine", "data/replay"]'

Renderings are kept in OUT/renderings, so that the command goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mt3synth.commands.prepare.options import add_build_arguments, build_listing
from mt3synth.errors import UserError, explain_os_errors, unknown

if TYPE_CHECKING:
    from data_pipelines.recordings import Recording
    from mt3synth.model import Model
    from mt3synth.symbolic.notes import Notes

HELP = "a bundle's own renderings, to train on beside new recordings"
RENDERINGS = "renderings"
_STRETCH_S = 30.0
"""Of a score that is rendered at a time, so that a few minutes hold many scores."""
_SHORTEST_S = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what is rendered, by which bundle, and what all builds take."""
    add = parser.add_argument
    add("--manifest", required=True, metavar="CSV", help="the table of your pairs: its scores")
    add("--bundle", default="default", metavar="DIR", help="the model to keep (default: default)")
    names = "the performances to keep (default: all that the bundle knows)"
    add("--performances", nargs="+", metavar="NAME", help=names)
    minutes = "of each performance (default: %(default)g)"
    add("--minutes", type=float, default=2.0, metavar="M", help=minutes)
    add("--steps", type=int, metavar="N", help="of sampling (default: the bundle's)")
    add_build_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Renders, then builds the data set."""
    if not args.minutes > 0:
        raise UserError(f"--minutes {args.minutes:g}; must be more than 0")
    import mt3synth
    from data_pipelines.filesystem import as_path
    from data_pipelines.prepare.manifest import MANIFEST_FILE, read_manifest
    from data_pipelines.prepare.tables import write_csv

    scores = [r for r in read_manifest(as_path(args.manifest)).recordings if _may_be_heard(r)]
    if not scores:
        raise UserError(f"{args.manifest}: no row is for training; nothing can be replayed")
    model = mt3synth.load(None if args.bundle == "default" else args.bundle)
    known = {performance.name: performance for performance in model.performances}
    for name in args.performances or ():
        if name not in known:
            raise UserError(f"--performances: the bundle knows no {unknown(name, known)}")
    folder = Path(args.out) / RENDERINGS
    with explain_os_errors(f"--out {args.out}", "cannot be made"):
        folder.mkdir(parents=True, exist_ok=True)
    songs = [recording.notes.read()[0] for recording in scores]
    rows = []
    for name in args.performances or known:
        files = _render(model, name, songs, folder, 60 * args.minutes, args.steps)
        rows += [[f.with_suffix(".wav").name, f.name, name, known[name].description] for f in files]
    table = folder / MANIFEST_FILE
    write_csv(table, ("audio", "midi", "performance", "description"), rows)
    source = {"what": f"renderings by {args.bundle}", "licence": "that of the bundle"}
    return build_listing(args, read_manifest(table), source)


def _may_be_heard(recording: Recording) -> bool:
    """Tells whether a recording is for training: what is held out must stay unheard."""
    return recording.split in (None, "train")


def _render(
    model: Model,
    performance: str,
    songs: Sequence[Notes],
    folder: Path,
    seconds: float,
    steps: int | None,
) -> list[Path]:
    """Renders stretches of the songs in turn until there are ``seconds``; lists the MIDI files.

    Those that are there already are kept. Songs are played again from where they were left, and
    when all are at their end it is over, however much there is.
    """
    from mt3synth.symbolic.midi import write_midi

    number = [p.name for p in model.performances].index(performance)
    files: list[Path] = []
    left, begin = seconds, 0.0
    # Each performance begins with another song, so that they do not all play the same.
    order = [*range(number % len(songs), len(songs)), *range(number % len(songs))]
    while left > 0 and any(song.end_time > begin + _SHORTEST_S for song in songs):
        for index in order:
            stretch = songs[index].cropped(begin, begin + _STRETCH_S)
            if left <= 0 or stretch.end_time < _SHORTEST_S:
                continue
            midi = folder / f"{number:02d}-{index:03d}-{round(begin):04d}.mid"
            if not midi.is_file():
                print(f"{performance}: {midi.name}", flush=True)
                model.render(stretch, performance, steps=steps, fold=True).write(
                    midi.with_suffix(".wav")
                )
                # After the sound, so that a file that is there has both.
                write_midi(stretch, midi)
            files.append(midi)
            left -= stretch.end_time
        begin += _STRETCH_S
    return files
