"""Measures how exactly scores are aligned, and what is refused.

    python tests/benchmarks/alignment.py

Scores are rendered along a known tempo curve of +-20 %, each in one of the corpus' soundfonts,
rooms and recording chains, with up to 2 s of silence before; then the score is aligned to that
recording, and the times of all onsets are compared. Further: the same with pauses, scores of other
music with each recording, and what `mt3synth prepare check` measures. Needs fluidsynth, the corpus'
soundfonts and music21. With ``--picture PNG`` the path of one pair is drawn.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1] / "data_pipelines"))
from alignment_cases import example, played, recorded, tempo_curve

from data_pipelines.alignment.align import THRESHOLD, align
from data_pipelines.alignment.features import SAMPLE_RATE
from data_pipelines.alignment.offsets import find_problem, measure_offsets
from data_pipelines.alignment.picture import draw_alignment
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
    """A score, its recording and where its notes truly are in it."""

    name: str
    performance: Performance
    score: Notes
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


def pairs(pauses: int) -> Iterator[Pair]:
    """Pairs every score with the next performance."""
    performances = read_performances()
    for index, (name, score) in enumerate(scores()):
        performance = performances[(4 * index + 1) % len(performances)]
        lead = float(np.random.default_rng(index).uniform(0, 2))
        truth = played(score, tempo_curve(score.end_time, index, lead, pauses))
        yield Pair(name, performance, score, truth, recorded(truth, performance))


def onset_errors(pair: Pair, found: Notes) -> np.ndarray:
    """Milliseconds between found and true onsets ``[n]``; positive if found late."""
    return 1000 * (found.start - pair.truth.start)


def accuracy(rendered: Sequence[Pair], caption: str, picture: Path | None = None) -> None:
    """Aligns every score to its own recording."""
    print(f"\n{caption}\nmedian     95%    bias  confidence  score in performance")
    errors, confidences = [], []
    began = time.perf_counter()
    for pair in rendered:
        alignment = align(pair.score, pair.audio)
        errors.append(onset_errors(pair, alignment.notes))
        confidences.append(alignment.confidence)
        error = errors[-1]
        print(
            f"{np.median(np.abs(error)):6.1f} {np.percentile(np.abs(error), 95):7.1f}"
            f" {np.median(error):+7.1f}  {confidences[-1]:10.2f}  {pair.name} in"
            f" {pair.performance.name}"
        )
        if picture is not None and pair.name == DRAWN:
            draw_alignment(alignment, picture, f"{DRAWN}.mid", THRESHOLD)
    seconds = time.perf_counter() - began
    sizes = np.abs(np.concatenate(errors))
    good = sum(np.median(np.abs(e)) <= 20 and np.percentile(np.abs(e), 95) <= 80 for e in errors)
    hours = sum(len(p.audio) for p in rendered) / SAMPLE_RATE / 3600
    print(
        f"{len(sizes)} onsets: median error {np.median(sizes):.1f} ms,"
        f" 95th percentile {np.percentile(sizes, 95):.1f} ms; {good} of {len(errors)} pairs within"
        f" 20 and 80 ms; {sum(c < THRESHOLD for c in confidences)} refused, confidence"
        f" {min(confidences):.2f}..{max(confidences):.2f}; {hours * 3600 / seconds:.0f}x real time"
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


def main() -> None:
    """Prints the figures of docs/alignment.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picture", type=Path, metavar="PNG", help="draw the path of one pair")
    rendered = list(pairs(pauses=0))
    accuracy(rendered, "Tempo curve of +-20 % (ms)", parser.parse_args().picture)
    accuracy(list(pairs(pauses=3)), "The same with three pauses of 0.8 s (ms)")
    refusals(rendered)
    checks(rendered)


if __name__ == "__main__":
    main()
