"""An evaluation from end to end: measures, sums up, draws, and writes a folder.

``report.json``   every figure
``scores.csv``    the main ones, a line for each score and kind
``pieces.csv``    a line for each piece and kind
``confusion.csv`` which performance each piece was nearest to
``problems.csv``  what could not be measured, and why
``index.html``    all of it to look at and listen to
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mt3synth import __version__
from mt3synth.atomic import write_texts
from mt3synth.audio.mel import log_mel
from mt3synth.errors import UserError
from mt3synth.evaluation.aggregate import summary
from mt3synth.evaluation.embeddings.store import Shelves
from mt3synth.evaluation.evaluation_set import KINDS, Material, Piece, Problem
from mt3synth.evaluation.fad_figures import closeness, names_of, tracks
from mt3synth.evaluation.measure import RECORDING, Findings, Progress, Tools, hear_all, measure
from mt3synth.evaluation.metrics.frechet import Shrinkage
from mt3synth.evaluation.report import csv_files
from mt3synth.evaluation.report.page import Example, page_of
from mt3synth.evaluation.report.plots import draw_confusion, draw_tracks
from mt3synth.evaluation.report.tables import LABELS
from mt3synth.evaluation.report.tsne import thinned, tsne
from mt3synth.reporting.clips import cut, mp3
from mt3synth.reporting.mel_pictures import mels_png
from mt3synth.reporting.tables import Table

PAGE, REPORT = "index.html", "report.json"

_TRACKS = 40  # of each performance and kind in the picture of tracks


@dataclass(frozen=True)
class Names:
    """What the report calls things.

    Attributes:
      title: of the page.
      command: the command line, that others may run it.
      vocoder: of the vocoded real audio.
      transcriber: or None where there was none.
    """

    title: str
    command: str
    vocoder: str
    transcriber: str | None


@dataclass(frozen=True)
class Wanted:
    """What the report holds beside its figures.

    Attributes:
      examples: pieces to hear and see.
      seconds: of each.

    Raises:
      UserError: a negative number, or no time.
    """

    examples: int = 6
    seconds: float = 10.0

    def __post_init__(self) -> None:
        if self.examples < 0:
            raise UserError(f"--examples {self.examples}; must be at least 0")
        if not 0 < self.seconds <= 60:
            raise UserError(f"--example-seconds {self.seconds:g}; must be above 0 and at most 60")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What came out.

    Attributes:
      report: what ``report.json`` holds.
      pictures: PNG by caption.
      examples: to hear and see.
    """

    report: dict[str, Any]
    pictures: dict[str, bytes]
    examples: list[Example]


def evaluate(
    material: Material,
    tools: Tools,
    names: Names,
    shrinkage: Shrinkage,
    wanted: Wanted,
    progress: Progress,
) -> Evaluation:
    """Measures everything that can be measured; what cannot is in the report's problems."""
    with Shelves(tools.embedding.dimension) as shelves:
        found = measure(material, tools, shelves, progress)
        report: dict[str, Any] = {
            "software": f"mt3synth {__version__}",
            "command": names.command,
            "embedding": {
                key: getattr(tools.embedding, key)
                for key in ("name", "version", "dimension", "rate", "sample_rate")
            },
            "shrinkage": shrinkage,
            "vocoder": names.vocoder,
            "transcriber": names.transcriber,
            "seed": tools.seed,
            "pieces": len(found.pieces),
            "performances": sorted({p.performance for p in found.pieces}),
            "recordings": len(names_of(found, RECORDING)),
            "closeness": closeness(found, shrinkage, tools.seed),
            **summary(found, tools.seed),
        }
        report["items"] = csv_files.piece_rows(found, report["closeness"])
        pictures = _pictures(report, found, tools.seed)
        examples = _examples(material, tools, wanted, found, progress)
        report["problems"] = [{"item": p.item, "reason": p.reason} for p in found.problems]
    return Evaluation(report, pictures, examples)


def write(evaluation: Evaluation, names: Names, out: Path, more: Sequence[Table] = ()) -> None:
    """Writes the folder; every file appears whole or not at all.

    Raises:
      UserError: it cannot be written to.
    """
    report = for_json(evaluation.report)
    page = page_of(evaluation.report, names.title, evaluation.pictures, evaluation.examples, more)
    files = {
        REPORT: json.dumps(report, indent=1) + "\n",
        PAGE: page,
        **csv_files.files(evaluation.report),
    }
    write_texts(out, files, "--out")


def for_json(value: Any) -> Any:
    """The same with null where a figure is not finite, which JSON cannot say."""
    if isinstance(value, dict):
        return {name: for_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [for_json(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _pictures(report: dict[str, Any], found: Findings, seed: int) -> dict[str, bytes]:
    pictures = {}
    embedding = report["embedding"]["name"]
    for level, what in (("by_piece", "piece"), ("by_performance", "performance")):
        figures = report["closeness"].get(level)
        if figures is None:
            continue
        for kind in KINDS:
            if kind in figures:
                title = f"Nearest performance of each {what} by {embedding}: {LABELS[kind]}"
                pictures[title] = draw_confusion(
                    figures[kind]["confusion"], figures["groups"], LABELS[kind]
                )
        break  # single pieces say more, where they are long enough
    try:
        title = f"Tracks by t-SNE of their mean {embedding} embedding, coloured by performance"
        kinds, performances, means = tracks(found)
        labels = [f"{kind} {name}" for kind, name in zip(kinds, performances)]
        kept = [i for i in thinned(labels, _TRACKS, seed).tolist() if kinds[i] != "vocoded"]
        points = tsne(means[kept], seed)
        pictures[title] = draw_tracks(
            points, [kinds[i] for i in kept], [performances[i] for i in kept]
        )
    except UserError as error:
        found.problems.append(Problem("t-SNE", str(error)))
    return pictures


def _examples(
    material: Material, tools: Tools, wanted: Wanted, found: Findings, progress: Progress
) -> list[Example]:
    """One piece of each performance first, then more."""
    measured = {p.name for p in found.pieces}
    pieces = [p for p in material.pieces if p.name in measured]
    seen: dict[str, int] = {}
    turns = []
    for place, piece in enumerate(pieces):
        turns.append((seen.setdefault(piece.performance, 0), place))
        seen[piece.performance] += 1
    chosen = [pieces[place] for _, place in sorted(turns)[: wanted.examples]]
    return [_example(piece, tools, wanted) for piece in progress(chosen, "examples")]


def _example(piece: Piece, tools: Tools, wanted: Wanted) -> Example:
    """The first stretch in which something sounds."""
    spec = tools.mel
    audio = hear_all(piece, tools)
    first = next(iter(audio.values()))
    loud = int((abs(first) > 0.01 * abs(first).max()).argmax())
    start = max(0.0, loud / spec.sample_rate - 0.2)
    clips = {
        kind: cut(audio[kind], spec.sample_rate, start, wanted.seconds)
        for kind in KINDS
        if kind in audio and len(audio[kind]) > start * spec.sample_rate
    }
    picture = mels_png(
        {LABELS[kind]: log_mel(clip, spec) for kind, clip in reversed(clips.items())},
        spec,
        f"{piece.name}, {piece.performance}",
    )
    longest = max(len(clip) for clip in clips.values()) / spec.sample_rate
    return Example(
        name=piece.name,
        performance=piece.performance,
        start=start,
        end=start + longest,
        audio={kind: mp3(clip, spec.sample_rate) for kind, clip in clips.items()},
        picture=picture,
    )
