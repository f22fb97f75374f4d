"""Measures a bundle against the real rendering of the same notes, part by part.

Renders scores of a corpus' split and compares: note-onset F1, recognised performance, level by
velocity, a whole song with pictures, and all that `mt3synth.evaluation.evaluate` measures. Writes
``report.json`` and ``report.md`` after every part. Frames once rendered are kept under
``OUT/mels``, so that an interrupted report goes on where it was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mt3synth.atomic import write_texts
from mt3synth.bundle import Bundle
from mt3synth.errors import UserError
from mt3synth.evaluation.bundle import parts as parts
from mt3synth.evaluation.bundle.excerpts import Excerpt, Recordings, read_excerpts, read_recordings
from mt3synth.evaluation.bundle.render_set import render_set, write_recordings
from mt3synth.evaluation.bundle.renderers import Workbench
from mt3synth.evaluation.bundle.text import markdown
from mt3synth.evaluation.evaluate import Evaluation, Names, Wanted, evaluate, for_json
from mt3synth.evaluation.input_files import read_material
from mt3synth.evaluation.measure import Progress, Tools
from mt3synth.evaluation.metrics.frechet import Shrinkage
from mt3synth.evaluation.metrics.seams import Joins
from mt3synth.symbolic.midi import read_midi
from mt3synth.synthesis import SamplingConfig

PARTS = ("transcription", "recognition", "levels", "song", "measures")
SONG = Path(__file__).resolve().parents[3] / "docs" / "examples" / "mozart_quartet.mid"


@dataclass(frozen=True)
class Request:
    """What to measure, and on how much.

    Attributes:
      corpus: folder of the corpus the bundle was trained on.
      out: folder of the report.
      only: of `PARTS`.
      split: whose scores are rendered, and whose recordings are recognised.
      excerpts: songs for the F1.
      crossed: of them, those rendered in every performance.
      levels: of them, those for the levels.
      recordings: to learn each performance from.
      seconds: length of an excerpt.
      performance: index, for F1 and levels.
      song, song_performances: MIDI file and indices for the whole song.
      pictures: folder for the song's pictures.
      audio: folder for the song's audio, or None for none.

    Raises:
      UserError: a value out of its bounds.
    """

    corpus: Path
    out: Path
    only: tuple[str, ...]
    split: str
    excerpts: int
    crossed: int
    levels: int
    recordings: int
    seconds: float
    performance: int
    song: Path
    song_performances: tuple[int, ...]
    pictures: Path
    audio: Path | None

    def __post_init__(self) -> None:
        check_sizes(self.excerpts, self.crossed, self.levels, self.recordings, self.seconds)


@dataclass(frozen=True, eq=False)
class Instruments:
    """What renders and what measures.

    Attributes:
      bundle: the model under test.
      config: how it is sampled.
      bench: renders with it, and for real.
      tools: measure.
      names: for the page.
      shrinkage: of covariances.
      wanted: what the page holds beside figures.
      progress: shows how far a loop is.
      say: is told what has been done.
    """

    bundle: Bundle
    config: SamplingConfig
    bench: Workbench
    tools: Tools
    names: Names
    shrinkage: Shrinkage
    wanted: Wanted
    progress: Progress
    say: Callable[[str], Any]


def check_sizes(excerpts: int, crossed: int, levels: int, recordings: int, seconds: float) -> None:
    """Refuses numbers that make no report, naming the options.

    Raises:
      UserError: one is out of its bounds.
    """
    counts = {"excerpts": excerpts, "crossed": crossed, "levels": levels, "recordings": recordings}
    for name, count in counts.items():
        if count < 1:
            raise UserError(f"--{name} {count}; must be at least 1")
    for name in ("crossed", "levels"):
        if counts[name] > excerpts:
            raise UserError(f"--{name} {counts[name]}; must be at most --excerpts {excerpts}")
    if not 1 <= seconds <= 60:
        raise UserError(f"--seconds {seconds}; must be within 1..60 s")


def report(request: Request, using: Instruments) -> tuple[dict[str, Any], Evaluation | None]:
    """Measures the chosen parts, writing what there is after each.

    Returns:
      The figures, and the evaluation where ``measures`` was among the parts.

    Raises:
      UserError: corpus, song, soundfonts or something to install is missing.
    """
    bench, bundle, say = using.bench, using.bundle, using.say
    excerpts: list[Excerpt] = []
    if set(request.only) != {"song"}:
        excerpts = read_excerpts(request.corpus, request.split, request.excerpts, request.seconds)
    evaluation: Evaluation | None = None

    def transcription() -> parts.Figures:
        if using.tools.transcriber is None:
            raise UserError("--transcriber none: leave transcription out by --only")
        return parts.transcription(
            bench, using.tools.transcriber, excerpts, request.performance, say
        )

    def recognition() -> parts.Figures:
        def recordings(split: str, most: int) -> Recordings:
            spec, count = bundle.spec.mel, len(bench.names)
            return read_recordings(request.corpus, split, spec, request.seconds, count, most)

        training = recordings("train", request.recordings)
        testing = recordings(request.split, request.recordings)
        crossed = _spread(excerpts, request.crossed)
        return parts.recognition(bench, training, testing, crossed, say)

    def levels() -> parts.Figures:
        return parts.levels(bench, _spread(excerpts, request.levels), request.performance, say)

    def song() -> parts.Figures:
        notes, _ = read_midi(request.song)
        of_song = request.song_performances
        return parts.song(
            bench, notes, request.song.name, of_song, request.pictures, request.audio, say
        )

    def measures() -> parts.Figures:
        nonlocal evaluation
        evaluation = _measures(request, using, _spread(excerpts, request.crossed))
        return evaluation.report

    measure: dict[str, Callable[[], parts.Figures]] = {
        "transcription": transcription,
        "recognition": recognition,
        "levels": levels,
        "song": song,
        "measures": measures,
    }
    figures: dict[str, Any] = {
        "command": using.names.command,
        "bundle": bundle.hash,
        "vocoder": using.names.vocoder,
        "steps": using.config.steps,
        "seed": using.config.seed,
        "seconds": request.seconds,
        "wall_seconds": {},
    }
    for name in PARTS:
        if name not in request.only:
            continue
        say(f"-- {name}")
        started = time.perf_counter()
        figures[name] = measure[name]()
        figures["wall_seconds"][name] = time.perf_counter() - started
        if name == "transcription":
            figures["speed"] = parts.speed(bench, excerpts, request.performance)
        text = json.dumps(for_json(figures), indent=1) + "\n"
        write_texts(request.out, {"report.json": text, "report.md": markdown(figures)}, "--out")
    return figures, evaluation


def _measures(request: Request, using: Instruments, excerpts: Sequence[Excerpt]) -> Evaluation:
    bench, folder = using.bench, request.out / "audio"
    identity = {
        "bundle": using.bundle.hash,
        "sampling": str(using.config),
        "vocoder": using.tools.vocoder.identity,
    }
    joins = Joins(*using.config.window_seconds(using.bundle.spec))
    places = render_set(bench, excerpts, joins, identity, folder, using.say)
    write_recordings(
        request.corpus, "train", bench.names, request.seconds, request.recordings,
        places.reference,
    )  # fmt: skip
    return evaluate(
        read_material(places), using.tools, using.names, using.shrinkage, using.wanted,
        using.progress,
    )  # fmt: skip


def _spread(excerpts: Sequence[Excerpt], count: int) -> list[Excerpt]:
    """``count`` of the excerpts, evenly over all of them."""
    return [excerpts[i * len(excerpts) // count] for i in range(count)]
