"""Measures a bundle: ``python -m mt3synth.evaluation.bundle_report --corpus DIR --out DIR``.

Renders scores of the corpus' test split and compares with the real rendering of the same notes:
note-onset F1, recognised performance, level by velocity, and a whole song with pictures. Writes
``report.json`` and ``report.md`` after every part. Frames once rendered are kept under
``OUT/mels``, so that an interrupted report goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mt3synth import bundle as bundles
from mt3synth.errors import UserError
from mt3synth.evaluation import report_parts as parts
from mt3synth.evaluation.excerpts import Excerpt, Recordings, read_excerpts, read_recordings
from mt3synth.evaluation.report_text import markdown
from mt3synth.evaluation.workbench import ModelRenderer, RealRenderer, Workbench
from mt3synth.symbolic.midi import read_midi
from mt3synth.synthesis import SamplingConfig
from mt3synth.vocoder.griffin_lim import GriffinLim

PARTS = ("transcription", "recognition", "levels", "song")
_SONG = Path(__file__).resolve().parents[2] / "docs" / "examples" / "mozart_quartet.mid"


def report(options: argparse.Namespace, command: str) -> dict[str, Any]:
    """Measures the chosen parts, writing what there is after each.

    Raises:
      UserError: bundle, corpus, song, soundfonts or something to install is missing, or an option
        is out of its bounds.
    """
    _check(options)
    bundle = bundles.load(options.bundle)
    names = [p.name for p in bundle.performances]
    performance = bundle.performance(options.performance).index
    of_song = [bundle.performance(name).index for name in options.song_performances]
    bench = Workbench(
        names=names,
        mel=bundle.spec.mel,
        model=ModelRenderer(
            bundle, SamplingConfig(steps=options.steps, seed=options.seed), options.out / "mels"
        ),
        real=RealRenderer(names, bundle.spec.mel, options.soundfonts),
        vocoder=GriffinLim(bundle.spec.mel),
        seconds=options.seconds,
        seed=options.seed,
    )
    excerpts: list[Excerpt] = []
    if set(options.only) != {"song"}:
        excerpts = read_excerpts(options.corpus, "test", options.excerpts, options.seconds)

    def transcription() -> parts.Figures:
        from mt3synth.transcription.basic_pitch import BasicPitch

        return parts.transcription(bench, BasicPitch(), excerpts, performance, _say)

    def recognition() -> parts.Figures:
        def recordings(split: str, most: int) -> Recordings:
            spec = bundle.spec.mel
            return read_recordings(options.corpus, split, spec, options.seconds, len(names), most)

        training = recordings("train", options.recordings)
        testing = recordings("test", options.recordings)
        crossed = _spread(excerpts, options.crossed)
        return parts.recognition(bench, training, testing, crossed, _say)

    def levels() -> parts.Figures:
        return parts.levels(bench, _spread(excerpts, options.levels), performance, _say)

    def song() -> parts.Figures:
        notes, _ = read_midi(options.song)
        audio = options.out / "audio" if options.audio else None
        pictures = options.pictures or options.out
        return parts.song(bench, notes, options.song.name, of_song, pictures, audio, _say)

    measure: dict[str, Callable[[], parts.Figures]] = {
        "transcription": transcription,
        "recognition": recognition,
        "levels": levels,
        "song": song,
    }
    figures: dict[str, Any] = {
        "command": command,
        "bundle": bundle.hash,
        "steps": options.steps,
        "seed": options.seed,
        "seconds": options.seconds,
        "wall_seconds": {},
    }
    for name in PARTS:
        if name not in options.only:
            continue
        _say(f"-- {name}")
        started = time.perf_counter()
        figures[name] = measure[name]()
        figures["wall_seconds"][name] = time.perf_counter() - started
        if name == "transcription":
            figures["speed"] = parts.speed(bench, excerpts, performance)
        (options.out / "report.json").write_text(json.dumps(_for_json(figures), indent=1) + "\n")
        (options.out / "report.md").write_text(markdown(figures))
    return figures


def _spread(excerpts: Sequence[Excerpt], count: int) -> list[Excerpt]:
    """``count`` of the excerpts, evenly over all of them."""
    return [excerpts[i * len(excerpts) // count] for i in range(count)]


def _for_json(value: Any) -> Any:
    """The same with null where a figure is not a number, which JSON cannot say."""
    if isinstance(value, dict):
        return {name: _for_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_for_json(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _check(options: argparse.Namespace) -> None:
    for name in ("excerpts", "crossed", "levels", "recordings", "steps"):
        if getattr(options, name) < 1:
            raise UserError(f"--{name} {getattr(options, name)}; must be at least 1")
    for name in ("crossed", "levels"):
        if getattr(options, name) > options.excerpts:
            raise UserError(
                f"--{name} {getattr(options, name)}; must be at most --excerpts {options.excerpts}"
            )
    if not 1 <= options.seconds <= 60:
        raise UserError(f"--seconds {options.seconds}; must be within 1..60 s")
    if options.seed < 0:
        raise UserError(f"--seed {options.seed}; must be at least 0")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mt3synth.evaluation.bundle_report",
        description="Measures a bundle against the real rendering of the same notes.",
    )
    add = parser.add_argument
    add("--bundle", type=Path, default=bundles.DEFAULT, help="folder (default: the one shipped)")
    add("--corpus", type=Path, required=True, help="folder of the corpus it was trained on")
    add("--out", type=Path, required=True, help="folder for report and frames; may exist")
    add("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    add("--excerpts", type=int, default=24, help="songs for the F1 (default: 24)")
    add("--seconds", type=float, default=14.0, help="length of an excerpt (default: 14)")
    add("--steps", type=int, default=50, help="denoising steps (default: 50)")
    add("--seed", type=int, default=0)
    add("--performance", help="for F1 and levels (default: the bundle's)")
    add("--crossed", type=int, default=3, help="excerpts in every performance (default: 3)")
    add("--levels", type=int, default=4, help="excerpts for the levels (default: 4)")
    add("--recordings", type=int, default=60, help="to train on per performance (default: 60)")
    add("--song", type=Path, default=_SONG, help="MIDI file (default: the Mozart quartet)")
    add("--song-performances", nargs="+", default=["studio", "church"], metavar="NAME")
    add("--pictures", type=Path, help="folder for the song's pictures (default: OUT)")
    add("--audio", action="store_true", help="write the song's audio to OUT/audio")
    add("--soundfonts", type=Path, action="append", default=[], metavar="DIR")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status, 2 for what the user has to mend."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = _parser().parse_args(arguments)
    command = f"python -m mt3synth.evaluation.bundle_report {shlex.join(arguments)}"
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        figures = report(options, command)
    except UserError as error:
        print(f"bundle_report: {error}", file=sys.stderr)
        return 2
    print(markdown(figures), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
