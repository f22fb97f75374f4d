"""Measures how exactly scores are aligned, and what is refused.

    python tests/benchmarks/alignment.py curve pauses voices refusals checks
    python tests/benchmarks/alignment.py pianists --vienna FOLDER --of 1 8 15
    python tests/benchmarks/alignment.py pianists --takes A.match B.match

Scores are rendered along a known tempo curve of +-20 %, each in one of the corpus' soundfonts,
rooms and recording chains, with up to 2 s of silence before; then the score is aligned to that
recording, and the times of all onsets are compared, beside what synctoolbox alone makes of them.
Further: the same with pauses, the same with one instrument up to 120 ms before or after the others,
four pieces as pianists played them (a copy of https://github.com/CPJKU/vienna4x22, and partitura,
which reads it) or any other match files, such as those of https://github.com/CPJKU/asap-dataset,
scores of other music with each recording, and what `mt3synth prepare check` measures. Needs
fluidsynth, the corpus' soundfonts and music21. With ``--picture PNG`` a path is drawn.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1] / "data_pipelines"))
from alignment_cases import example, played, recorded, tempo_curve
from vienna import PIECES, read_match

from data_pipelines.alignment.align import THRESHOLD, align
from data_pipelines.alignment.features import FEATURE_RATE, Features, analyse_score
from data_pipelines.alignment.offsets import find_problem, measure_offsets
from data_pipelines.alignment.picture import draw_alignment
from data_pipelines.alignment.warping import find_path
from data_pipelines.corpus.arrangement.arrange import arrange, cut_plain_excerpts
from data_pipelines.corpus.arrangement.scores import list_source_files, parse_file
from data_pipelines.corpus.expression import Player, play
from data_pipelines.corpus.performances import Performance, read_performances
from mt3synth.symbolic.notes import Notes

FILES = 17  # of music21's corpus, evenly spaced in the list that the rendered corpus uses
EXACT = Player(onset_ms=0.0, rubato=0.0, contrast=1.0, legato=0.97)
DRAWN = "mozart_quartet"


@dataclass(frozen=True, eq=False)
class Pair:
    """A score, its recording and where its notes truly are in it.

    ``times`` are the true onsets of the score's notes, NaN where one is not played, and ``truth``
    is all that is played.
    """

    name: str
    performance: Performance
    score: Notes
    times: np.ndarray
    truth: Notes
    audio: np.ndarray


def scores() -> Iterator[tuple[str, Notes]]:
    """Lists three examples, excerpts of the chosen files, and two of one Mozart movement."""
    for name in ("mozart_quartet", "bach_chorale", "trio"):
        yield name, example(name, 45.0)
    files = list_source_files()
    rng = np.random.default_rng(0)
    for file in (files[i] for i in np.linspace(0, len(files) - 1, FILES).astype(int)):
        for score in parse_file(file)[:1]:
            notes = play(arrange(score, rng), EXACT, rng)
            if notes.end_time > 15:
                yield file, notes
    for score in parse_file("mozart/k155/movement3.mxl"):
        for part, excerpt in enumerate(cut_plain_excerpts(score)[:2], 1):
            yield f"mozart/k155/movement3 ({part})", play(excerpt, EXACT, rng, plain=True)


def pairs(pauses: int = 0, apart: float = 0.0) -> Iterator[Pair]:
    """Pairs every score with the next performance.

    Args:
      pauses: how many there are.
      apart: seconds by which the instrument with most notes is before or after the others at the
        most; it sways in 20 s.
    """
    performances = read_performances()
    for index, (name, score) in enumerate(scores()):
        performance = performances[(4 * index + 1) % len(performances)]
        lead = float(np.random.default_rng(index).uniform(0, 2)) + apart
        truth = played(score, tempo_curve(score.end_time, index, lead, pauses))
        if apart:
            programs = np.unique(score.program)
            if len(programs) < 2:
                continue
            first = score.program == max(programs, key=lambda p: (score.program == p).sum())
            sway = apart * np.sin(2 * np.pi * truth.start / 20) * (first & ~score.is_drum)
            truth = truth.replace(start=truth.start + sway, end=truth.end + sway)
        yield Pair(name, performance, score, truth.start, truth, recorded(truth, performance))


def list_vienna(folder: Path, of: Sequence[int]) -> list[tuple[int, Path]]:
    """Lists the match files of some pianists in the Vienna 4x22 corpus, and which room each has."""
    files = [
        (which + pianist, file)
        for which, piece in enumerate(PIECES)
        for pianist in of
        for file in sorted(folder.rglob(f"{piece}_p{pianist:02d}.match"))
    ]
    if not files:
        raise SystemExit(f"{folder} has no match files of these pianists")
    return files


def pianists(files: Iterable[tuple[int, Path]]) -> Iterator[Pair]:
    """Pairs scores with what pianists played; each number chooses one of the performances."""
    performances = read_performances()
    for index, file in files:
        match = read_match(file)
        performance = performances[4 * index % len(performances)]
        audio = recorded(match.played.sorted(), performance)
        yield Pair(file.stem, performance, match.score, match.truth, match.played, audio)


def align_by_synctoolbox(pair: Pair, recording: Features) -> np.ndarray:
    """Gives the onsets ``[n]`` that synctoolbox alone finds, as its notebooks use it."""
    from synctoolbox.dtw.utils import make_path_strictly_monotonic

    score = analyse_score(pair.score, pair.score.end_time)
    path = make_path_strictly_monotonic(find_path(score, recording)) / FEATURE_RATE
    return np.interp(pair.score.start, *path)


def describe(times: np.ndarray, pair: Pair) -> tuple[np.ndarray, str]:
    """Gives absolute errors ``[m]`` in ms, and their median, 95th percentile and largest."""
    error = 1000 * np.abs(times - pair.times)
    error = error[~np.isnan(error)]
    figures = np.median(error), np.percentile(error, 95), error.max()
    return error, " ".join(f"{figure:7.1f}" for figure in figures)


def accuracy(rendered: Iterable[Pair], caption: str, picture: Path | None = None) -> None:
    """Aligns every score to its own recording."""
    print(f"\n{caption}: median, 95th percentile and largest error of the notes' onsets, ms")
    print("mt3synth                 one map                  synctoolbox alone        confidence")
    errors: dict[str, list[np.ndarray]] = {"mt3synth": [], "one map": [], "synctoolbox": []}
    confidences, worse, speeds = [], [], []
    for pair in rendered:
        began = time.perf_counter()
        alignment = align(pair.score, pair.audio)
        speeds.append(alignment.seconds / (time.perf_counter() - began))
        found = {
            "mt3synth": alignment.notes.start,
            "one map": alignment.time_map(pair.score.start),
            "synctoolbox": align_by_synctoolbox(pair, alignment.recording),
        }
        columns = []
        for name, times in found.items():
            error, column = describe(times, pair)
            errors[name].append(error)
            columns.append(column)
        confidences.append(alignment.confidence)
        ours, theirs = (
            np.percentile(errors[name][-1], [50, 95]) for name in ("mt3synth", "synctoolbox")
        )
        if np.any(ours > theirs):
            worse.append(pair.name)
        note = alignment.find_problem() or ""
        print(*columns, f"{alignment.confidence:.2f} {pair.name} in {pair.performance.name} {note}")
        sys.stdout.flush()
        if picture is not None and pair.name == DRAWN:
            draw_alignment(alignment, picture, f"{DRAWN}.mid", THRESHOLD)
    for name, each in errors.items():
        sizes = np.concatenate(each)
        good = sum(np.median(e) <= 20 and np.percentile(e, 95) <= 80 for e in each)
        print(
            f"{name}: {len(sizes)} onsets, median {np.median(sizes):.1f}, 95th percentile"
            f" {np.percentile(sizes, 95):.1f} ms; {good} of {len(each)} within 20 and 80"
        )
    print(
        f"worse than synctoolbox alone by median or 95th percentile: {len(worse)}"
        f" ({', '.join(worse) or 'none'}); {sum(c < THRESHOLD for c in confidences)} refused,"
        f" confidence {min(confidences):.2f} to {max(confidences):.2f}; aligned at"
        f" {np.median(speeds):.0f} times real time ({min(speeds):.0f} to {max(speeds):.0f})"
    )


def refusals(rendered: Sequence[Pair]) -> None:
    """Aligns scores of other music to every recording."""
    print(f"\nOther music (threshold {THRESHOLD:g})")
    kinds: dict[str, list[float]] = {"another piece": [], "the same a semitone higher": []}
    kinds |= {"the same a fifth higher": [], "another part of the movement": []}
    for index, pair in enumerate(rendered):
        for step in (1, 5, 8):
            other = rendered[(index + step) % len(rendered)]
            same = other.name.split(" ")[0] == pair.name.split(" ")[0]
            kind = "another part of the movement" if same else "another piece"
            kinds[kind].append(align(other.score, pair.audio).confidence)
        for kind, shift in (("a semitone", 1), ("a fifth", 7)):
            confidence = align(pair.score.transposed(shift), pair.audio).confidence
            kinds[f"the same {kind} higher"].append(confidence)
    for kind, values in kinds.items():
        refused = sum(v < THRESHOLD for v in values)
        print(
            f"{kind}: {refused} of {len(values)} refused, confidence"
            f" {np.median(values):.2f}, at most {max(values):.2f}"
        )


def checks(rendered: Sequence[Pair]) -> None:
    """Shows what `mt3synth prepare check` says of good and of bad pairs."""
    print("\nChecking pairs said to be aligned")
    late = [(p.truth.select(p.truth.start >= 0.12).shifted(-0.12), p) for p in rendered]
    slow = [
        (p.truth.replace(start=1.01 * p.truth.start, end=1.01 * p.truth.end), p) for p in rendered
    ]
    other = [(rendered[(i + 5) % len(rendered)].truth, p) for i, p in enumerate(rendered)]
    for kind, cases in {
        "true": [(p.truth, p) for p in rendered],
        "sound 120 ms late": late,
        "notes 1 % slower": slow,
        "a semitone higher": [(p.truth.transposed(1), p) for p in rendered],
        "another piece": other,
    }.items():
        found = [measure_offsets(notes, pair.audio) for notes, pair in cases]
        shifts = 1000 * np.array([o.shift for o in found])
        print(
            f"{kind}: {sum(find_problem(o) is None for o in found)} of {len(found)} pass; shift"
            f" {np.median(shifts):+.0f} ms ({shifts.min():+.0f} to {shifts.max():+.0f}), onsets"
            f" found {np.median([o.found for o in found]):.0%} (at least"
            f" {min(o.found for o in found):.0%}), agreement"
            f" {min(o.agreement for o in found):.2f} to {max(o.agreement for o in found):.2f}"
        )


SECTIONS = ("curve", "pauses", "voices", "pianists", "refusals", "checks")


def main() -> None:
    """Prints the figures of docs/alignment.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="+", choices=SECTIONS)
    parser.add_argument(
        "--vienna", type=Path, metavar="FOLDER", help="with the corpus' match files"
    )
    parser.add_argument("--takes", type=Path, nargs="+", metavar="FILE", help="match files")
    parser.add_argument("--of", type=int, nargs="+", default=[1, 8, 15], help="which pianists")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="draw the path of one pair")
    args = parser.parse_args()
    if "curve" in args.sections:
        accuracy(pairs(), "Tempo curve of +-20 %", args.picture)
    if "pauses" in args.sections:
        accuracy(pairs(pauses=3), "The same with three pauses of 0.8 s")
    if "voices" in args.sections:
        accuracy(pairs(apart=0.12), "The same with an instrument up to 120 ms from the others")
    if "pianists" in args.sections:
        if args.vienna is None and args.takes is None:
            parser.error("pianists need --vienna FOLDER, a copy of github.com/CPJKU/vienna4x22")
        files = [] if args.vienna is None else list_vienna(args.vienna, args.of)
        files += enumerate(args.takes or [])
        accuracy(pianists(files), "Pianists")
    if set(args.sections) & {"refusals", "checks"}:
        rendered = list(pairs())
        if "refusals" in args.sections:
            refusals(rendered)
        if "checks" in args.sections:
            checks(rendered)


if __name__ == "__main__":
    main()
