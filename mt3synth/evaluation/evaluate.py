"""Evaluates from end to end: measures, sums up, draws, and writes a folder.

``report.json``   every figure
``scores.csv``    the main ones, a line for each score and kind
``pieces.csv``    a line for each piece and kind
``confusion.csv`` which performance each piece was nearest to
``problems.csv``  what could not be measured, and why
``tables.md``     its tables in Markdown, to be quoted
``index.html``    all of it to look at and listen to
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mt3synth import __version__
from mt3synth.atomic import write_texts
from mt3synth.audio.mel import log_mel
from mt3synth.errors import UserError
from mt3synth.evaluation.embeddings.store import EmbeddingStore
from mt3synth.evaluation.evaluation_set import KINDS, LABELS, MATCHED, EvaluationSet, Piece, Problem
from mt3synth.evaluation.measure import Progress, aggregate, hear_all, measure
from mt3synth.evaluation.metrics import fad
from mt3synth.evaluation.metrics.metric import Evaluators, Measurements
from mt3synth.evaluation.metrics.registry import METRICS
from mt3synth.evaluation.report import csv_files
from mt3synth.evaluation.report.page import Evaluation, Example, page_of
from mt3synth.evaluation.report.plots import draw_confusion, draw_tracks
from mt3synth.evaluation.report.tables import tables_of
from mt3synth.evaluation.report.tsne import thinned, tracks, tsne
from mt3synth.reporting.clips import cut, mp3
from mt3synth.reporting.mel_pictures import mels_png
from mt3synth.reporting.tables import as_markdown

PAGE, REPORT, TABLES = "index.html", "report.json", "tables.md"

_TRACKS = 40  # of each performance and kind; more would only cover each other in the picture


@dataclass(frozen=True)
class Names:
    """Says what a report calls things.

    Attributes:
      title: of the page.
      command: the command line, so that others may run it.
      vocoder: of the vocoded real audio.
      transcribers: none where notes were left out.
    """

    title: str
    command: str
    vocoder: str
    transcribers: tuple[str, ...]


@dataclass(frozen=True)
class ExampleOptions:
    """Says how much of the pieces a page lets hear and see.

    Attributes:
      examples: how many pieces.
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


def evaluate(
    items: EvaluationSet,
    evaluators: Evaluators,
    names: Names,
    options: ExampleOptions,
    progress: Progress,
) -> Evaluation:
    """Measures everything that can be measured; what cannot is in the report's problems."""
    with EmbeddingStore(evaluators.embedding.dimension) as store:
        found = measure(items, evaluators, METRICS, store, progress)
        figures, rows = aggregate(found, METRICS, evaluators)
        report: dict[str, Any] = {
            "software": f"mt3synth {__version__}",
            "command": names.command,
            "embedding": {
                key: getattr(evaluators.embedding, key)
                for key in ("name", "version", "dimension", "rate", "sample_rate")
            },
            "shrinkage": evaluators.shrinkage,
            "vocoder": names.vocoder,
            "transcribers": list(names.transcribers),
            "seed": evaluators.seed,
            "pieces": len(found.pieces),
            "performances": sorted({p.performance for p in found.pieces}),
            "recordings": sum(bool(r.values) for r in found.recordings),
            **figures,
            "items": [dict(zip(csv_files.PIECE_COLUMNS, row)) for row in rows],
        }
        pictures = _pictures(report, found, evaluators.seed)
    # Examples are read anew: to keep the audio of all pieces would take any amount of memory.
    examples = _examples(items, evaluators, options, found, progress)
    report["problems"] = [{"item": p.item, "reason": p.reason} for p in found.problems]
    return Evaluation(report, tables_of(report), pictures, examples)


def write(evaluation: Evaluation, names: Names, out: Path) -> None:
    """Writes the folder; every file appears whole or not at all.

    Raises:
      UserError: it cannot be written to.
    """
    files = {
        REPORT: json.dumps(for_json(evaluation.report), indent=1) + "\n",
        PAGE: page_of(evaluation, names.title),
        TABLES: as_markdown(evaluation.tables),
        **csv_files.files(evaluation.report),
    }
    write_texts(out, files, "--out")


def for_json(value: Any) -> Any:
    """Copies a report with null where a figure is not finite, which JSON cannot say."""
    if isinstance(value, dict):
        return {name: for_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [for_json(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _pictures(report: dict[str, Any], found: Measurements, seed: int) -> dict[str, bytes]:
    """Draws who is taken for whom, and where tracks lie."""
    pictures: dict[str, bytes] = {}
    if not found.performances:
        return pictures
    embedding = report["embedding"]["name"]
    levels = report.get(fad.NAME, {})
    # Single pieces say more than whole performances, where they are long enough.
    what = "piece" if "by_piece" in levels else "performance"
    figures = levels.get(f"by_{what}", {})
    for kind in (kind for kind in KINDS if kind in figures):
        title = f"Nearest performance of each {what} by {embedding}: {LABELS[kind]}"
        confusion = figures[kind]["confusion"]
        pictures[title] = draw_confusion(confusion, figures["groups"], LABELS[kind])
    try:
        title = f"Tracks by t-SNE of their mean {embedding} embedding, coloured by performance"
        kinds, performances, means = tracks(found)
        labels = [f"{kind} {name}" for kind, name in zip(kinds, performances)]
        # These lie on others, and would only hide them.
        hidden = ("vocoded", MATCHED)
        drawn = [i for i in thinned(labels, _TRACKS, seed).tolist() if kinds[i] not in hidden]
        pictures[title] = draw_tracks(
            tsne(means[drawn], seed), [kinds[i] for i in drawn], [performances[i] for i in drawn]
        )
    except UserError as error:
        found.problems.append(Problem("t-SNE", str(error)))
    return pictures


def _examples(
    items: EvaluationSet,
    evaluators: Evaluators,
    options: ExampleOptions,
    found: Measurements,
    progress: Progress,
) -> list[Example]:
    """Chooses one piece of each performance first, then more."""
    measured = {p.name for p in found.pieces}
    pieces = [p for p in items.pieces if p.name in measured]
    seen: Counter[str] = Counter()

    def turn(piece: Piece) -> int:
        seen[piece.performance] += 1
        return seen[piece.performance]

    chosen = sorted(pieces, key=turn)[: options.examples]
    return [_example(piece, evaluators, options) for piece in progress(chosen, "examples")]


def _example(piece: Piece, evaluators: Evaluators, options: ExampleOptions) -> Example:
    """Cuts out the first stretch in which something sounds, from 0.2 s before its onset on."""
    spec = evaluators.mel
    audio = hear_all(piece, evaluators)
    first = next(iter(audio.values()))
    # 40 dB below the peak: under it a recording's own noise would count as its beginning.
    loud = int((abs(first) > 0.01 * abs(first).max()).argmax())
    start = max(0.0, loud / spec.sample_rate - 0.2)
    clips = {
        kind: cut(audio[kind], spec.sample_rate, start, options.seconds)
        for kind in KINDS
        if kind in audio and len(audio[kind]) > start * spec.sample_rate
    }
    picture = mels_png(
        {LABELS[kind]: log_mel(clip, spec) for kind, clip in reversed(clips.items())},
        spec,
        f"{piece.name}, {piece.performance}",
    )
    longest = max(len(clip) for clip in clips.values()) / spec.sample_rate
    encoded = {kind: mp3(clip, spec.sample_rate) for kind, clip in clips.items()}
    return Example(piece.name, piece.performance, start, start + longest, encoded, picture)
