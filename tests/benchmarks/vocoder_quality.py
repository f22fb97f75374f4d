"""Measures what vocoders leave of several kinds of recordings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soxr

from mt3synth.audio.files import fit_peak
from mt3synth.audio.log_mel_distance import log_mel_l1
from mt3synth.audio.mel import MelSpec, log_mel
from mt3synth.audio.resampling import resample_pcm
from mt3synth.evaluation.embeddings import Embedding
from mt3synth.evaluation.embeddings.gaussian import Gaussian
from mt3synth.evaluation.metrics.audio_distance import multi_resolution_stft
from mt3synth.evaluation.metrics.ensembles import ENSEMBLES, name_ensemble
from mt3synth.evaluation.metrics.frechet import frechet_distance
from mt3synth.evaluation.metrics.note_counts import NoteCounts, count_notes, pooled
from mt3synth.symbolic.notes import Notes
from mt3synth.transcription.transcriber import Transcriber
from mt3synth.types import FloatND
from mt3synth.vocoder.protocol import Vocoder

ORIGINAL = "original"
_CLICK = 30.0  # times the median of a block's second differences
_CLICK_LEAST = 0.01  # of full scale; a smaller step is not heard as a click
_CLICK_BLOCK = 320  # samples


@dataclass(frozen=True, eq=False)
class Recording:
    """An excerpt as it was played, in [-1, 1], and its notes."""

    audio: FloatND
    notes: Notes


@dataclass
class Tally:
    """The measurements of one vocoder, excerpt by excerpt.

    Attributes:
      log_mel_l1, stft: distances from the original.
      notes: found again, counted: of each transcriber the ensemble and counts of each excerpt.
      embedded: embeddings so far.
      clicks: 20 ms blocks with a step far out of line with what is around it.
      clipped: excerpts past full scale, which a file could not hold.
      peak_db: of the loudest excerpt above its original.
      seconds: of audio.
    """

    embedded: Gaussian
    log_mel_l1: list[float] = field(default_factory=list)
    stft: list[float] = field(default_factory=list)
    notes: dict[str, list[tuple[str, NoteCounts]]] = field(default_factory=dict)
    clicks: int = 0
    clipped: int = 0
    peak_db: float = -math.inf
    seconds: float = 0.0


def corpus_recordings(
    corpus: Path, split: str, rate: int, count: int, seconds: float
) -> Iterator[Recording]:
    """Openings of the recordings of a corpus's split, spread evenly over it."""
    from data_pipelines.shards.formats import read_split

    songs = [song for song in read_split(corpus, split) if song.seconds >= seconds]
    for i in range(min(count, len(songs))):
        song = songs[i * len(songs) // min(count, len(songs))]
        pcm = resample_pcm(song.audio, song.sample_rate, rate)
        audio = pcm[: round(seconds * rate)].astype(np.float32) / 32768
        yield Recording(audio, song.notes.cropped(0.0, seconds))


def ensemble_recordings(corpus: Path, rate: int, count: int, seconds: float) -> Iterator[Recording]:
    """Renders quartets of a corpus's test split by piano, strings, winds and a band, in turn."""
    from frames_excerpts import RATE, excerpts

    for excerpt in excerpts(corpus, count, seconds):
        yield Recording(_at(excerpt.audio, RATE, rate), excerpt.notes)


def soundfont_recordings(
    recordings: Sequence[Recording], soundfont: Path, rate: int, seconds: float
) -> Iterator[Recording]:
    """Renders the same notes with another soundfont, dry."""
    from data_pipelines.corpus.sound.render import synthesize
    from data_pipelines.corpus.sound.soundfonts import find_playable

    for recording in recordings:
        audio, _ = fit_peak(synthesize(recording.notes, find_playable(soundfont), rate))
        samples = round(seconds * rate)
        padded = np.pad(audio[:samples], (0, max(samples - len(audio), 0)))
        if np.any(padded):
            yield Recording(padded, recording.notes)


def measure(
    recordings: Sequence[Recording],
    vocoders: Mapping[str, Vocoder],
    spec: MelSpec,
    embed: Embedding,
    transcribers: Mapping[str, Transcriber],
    say: Callable[[str], None],
) -> dict[str, Tally]:
    """Tallies the recordings as they are, and what each vocoder makes of them."""
    tallies = {name: Tally(Gaussian(embed.dimension)) for name in (ORIGINAL, *vocoders)}
    for number, recording in enumerate(recordings, 1):
        real = recording.audio
        frames = log_mel(real, spec)
        for name, tally in tallies.items():
            audio = real if name == ORIGINAL else vocoders[name](frames)[: len(real)]
            tally.log_mel_l1.append(log_mel_l1(log_mel(audio, spec), frames))
            tally.stft.append(multi_resolution_stft(audio, real))
            tally.clicks += clicks(audio)
            peak = float(np.max(np.abs(audio)))
            tally.clipped += peak > 1
            tally.peak_db = max(tally.peak_db, 20 * math.log10(peak / np.max(np.abs(real))))
            tally.seconds += len(audio) / spec.sample_rate
            heard, _ = fit_peak(audio)
            tally.embedded.add(embed(_at(heard, spec.sample_rate, embed.sample_rate)))
            for judge, transcriber in transcribers.items():
                counts = count_notes(recording.notes, transcriber(heard, spec.sample_rate))
                tally.notes.setdefault(judge, []).append((name_ensemble(recording.notes), counts))
        say(f"{number} of {len(recordings)}")
    return tallies


def _at(audio: FloatND, rate: int, to: int) -> FloatND:
    return audio if rate == to else soxr.resample(audio, rate, to).astype(np.float32)


def merge(parts: Sequence[Mapping[str, Tally]]) -> dict[str, Tally]:
    """Puts the tallies of all recordings together."""
    total: dict[str, Tally] = {}
    for part in parts:
        for name, tally in part.items():
            into = total.setdefault(name, Tally(Gaussian(tally.embedded.dimension)))
            into.embedded.merge(tally.embedded)
            into.log_mel_l1 += tally.log_mel_l1
            into.stft += tally.stft
            for judge, counted in tally.notes.items():
                into.notes.setdefault(judge, []).extend(counted)
            into.clicks += tally.clicks
            into.clipped += tally.clipped
            into.seconds += tally.seconds
            into.peak_db = max(into.peak_db, tally.peak_db)
    return total


def clicks(audio: FloatND) -> int:
    """Blocks of 20 ms whose largest second difference is far above their median one.

    A note's attack sets the whole of what follows in motion, a click nothing: so plucked and struck
    notes count now and then, and the original's number is what others are to be compared with.
    """
    bends = np.abs(np.diff(audio.astype(np.float64), n=2))
    blocks = bends[: len(bends) // _CLICK_BLOCK * _CLICK_BLOCK].reshape(-1, _CLICK_BLOCK)
    if not len(blocks):
        return 0
    most, usual = blocks.max(axis=1), np.median(blocks, axis=1)
    return int(np.sum((most > _CLICK_LEAST) & (most > _CLICK * usual)))


def table(title: str, tallies: Mapping[str, Tally]) -> str:
    """Writes the tallies in Markdown."""
    original = tallies[ORIGINAL]
    lines = [
        f"### {title}",
        "",
        "| | log-mel L1 | multi-resolution STFT | FAD | clicks per minute | past full scale "
        "| peak |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, tally in tallies.items():
        own = name == ORIGINAL
        distance = 0.0 if own else frechet_distance(tally.embedded, original.embedded).value
        lines.append(
            f"| {name} | {_number(0 if own else np.mean(tally.log_mel_l1))} "
            f"| {_number(0 if own else np.mean(tally.stft))} | {_number(distance)} "
            f"| {60 * tally.clicks / tally.seconds:.1f} | {tally.clipped} of {len(tally.stft)} "
            f"| {tally.peak_db:+.1f} dB |"
        )
    return "\n".join(lines) + "\n\n" + _judged(tallies)


def _judged(tallies: Mapping[str, Tally]) -> str:
    """Writes note F1 with a column for each transcriber and a row for each ensemble."""
    original = tallies[ORIGINAL]
    judges = list(original.notes)
    if not judges:
        return ""
    head = ["", *(text for j in judges for text in (j, "of the original's", "precision, recall"))]
    lines = [head, ["---"] * len(head)]
    there = {name for counted in original.notes.values() for name, _ in counted}
    groups = [None, *(e for e in ENSEMBLES if e in there)] if len(there) > 1 else [None]
    for group in groups:
        for name, tally in tallies.items():
            cells = [f"{group or 'all'}, {name}"]
            for judge in judges:
                ours, real = (
                    pooled(c for e, c in t.notes[judge] if group in (None, e))
                    for t in (tally, original)
                )
                share = ours.f1 / real.f1 if real.f1 else math.nan
                cells += [_number(ours.f1), _number(share)]
                cells.append(f"{_number(ours.precision)}, {_number(ours.recall)}")
            lines.append(cells)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def aims(tallies: Mapping[str, Tally], name: str, reference: str) -> str:
    """Compares a vocoder with what it is to reach, in Markdown."""
    ours, theirs, real = tallies[name], tallies[reference], tallies[ORIGINAL]
    l1, base = float(np.mean(ours.log_mel_l1)), float(np.mean(theirs.log_mel_l1))
    stft, base_stft = float(np.mean(ours.stft)), float(np.mean(theirs.stft))
    fad, base_fad = (frechet_distance(t.embedded, real.embedded).value for t in (ours, theirs))
    rows = [
        (f"log-mel L1 of {name}", l1, "at most", 0.08),
        (f"log-mel L1, {name} / {reference}", l1 / base, "at most", 0.5),
        (f"multi-resolution STFT, {name} / {reference}", stft / base_stft, "at most", 0.667),
        (f"FAD, {name} / {reference}", fad / base_fad, "at most", 0.5),
    ]
    for judge in real.notes:
        f1, best = (pooled(c for _, c in t.notes[judge]).f1 for t in (ours, real))
        aim = 0.92 if judge == "harmonica-x-large" else 0.95
        rows.append((f"note F1 by {judge}, {name} / {ORIGINAL}", f1 / best, "at least", aim))
    lines = ["| what | measured | aim | |", "|---|---|---|---|"]
    for what, value, sense, bound in rows:
        met = value <= bound if sense == "at most" else value >= bound
        lines.append(f"| {what} | {value:.3f} | {sense} {bound} | {'met' if met else 'missed'} |")
    return "\n".join(lines) + "\n"


def _number(value: float | np.floating) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"
