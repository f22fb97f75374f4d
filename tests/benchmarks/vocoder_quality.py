"""Measures what vocoders leave of several kinds of recordings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mt3synth.audio.files import fit_peak
from mt3synth.audio.log_mel_distance import log_mel_l1
from mt3synth.audio.mel import MelSpec, log_mel
from mt3synth.evaluation.embeddings import Embedding
from mt3synth.evaluation.embeddings.gaussian import Gaussian
from mt3synth.evaluation.metrics.audio_distance import multi_resolution_stft
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
      notes: found again, counted.
      embedded: embeddings so far.
      clicks: 20 ms blocks with a step far out of line with what is around it.
      clipped: excerpts past full scale, which a file could not hold.
      peak_db: of the loudest excerpt above its original.
      seconds: of audio.
    """

    embedded: Gaussian
    log_mel_l1: list[float] = field(default_factory=list)
    stft: list[float] = field(default_factory=list)
    notes: list[NoteCounts] = field(default_factory=list)
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
        if song.sample_rate != rate:
            raise SystemExit(f"{corpus}: {song.sample_rate} samples per second; must be {rate}")
        audio = song.audio[: round(seconds * rate)].astype(np.float32) / 32768
        yield Recording(audio, song.notes.cropped(0.0, seconds))


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
    transcriber: Transcriber | None,
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
            tally.embedded.add(embed(heard))
            if transcriber is not None:
                found = transcriber(heard, spec.sample_rate)
                tally.notes.append(count_notes(recording.notes, found))
        say(f"{number} of {len(recordings)}")
    return tallies


def merge(parts: Sequence[Mapping[str, Tally]]) -> dict[str, Tally]:
    """Puts the tallies of all recordings together."""
    total: dict[str, Tally] = {}
    for part in parts:
        for name, tally in part.items():
            into = total.setdefault(name, Tally(Gaussian(tally.embedded.dimension)))
            into.embedded.merge(tally.embedded)
            into.log_mel_l1 += tally.log_mel_l1
            into.stft += tally.stft
            into.notes += tally.notes
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
        "| | log-mel L1 | multi-resolution STFT | note F1 | of the original's | FAD "
        "| clicks per minute | past full scale | peak |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, tally in tallies.items():
        own = name == ORIGINAL
        f1, real = (pooled(t.notes).f1 if t.notes else math.nan for t in (tally, original))
        distance = 0.0 if own else frechet_distance(tally.embedded, original.embedded).value
        lines.append(
            f"| {name} | {_number(0 if own else np.mean(tally.log_mel_l1))} "
            f"| {_number(0 if own else np.mean(tally.stft))} | {_number(f1)} "
            f"| {_number(f1 / real)} | {_number(distance)} "
            f"| {60 * tally.clicks / tally.seconds:.1f} | {tally.clipped} of {len(tally.stft)} "
            f"| {tally.peak_db:+.1f} dB |"
        )
    return "\n".join(lines) + "\n"


def aims(tallies: Mapping[str, Tally], name: str, reference: str) -> str:
    """Compares a vocoder with what it is to reach, in Markdown."""
    ours, theirs, real = tallies[name], tallies[reference], tallies[ORIGINAL]
    l1, base = float(np.mean(ours.log_mel_l1)), float(np.mean(theirs.log_mel_l1))
    fad, base_fad = (frechet_distance(t.embedded, real.embedded).value for t in (ours, theirs))
    rows = [
        (f"log-mel L1 of {name}", l1, "at most", 0.25),
        (f"log-mel L1, {name} / {reference}", l1 / base, "at most", 0.6),
        (f"FAD, {name} / {reference}", fad / base_fad, "at most", 0.5),
    ]
    if real.notes:
        ratio = pooled(ours.notes).f1 / pooled(real.notes).f1
        rows.append((f"note F1, {name} / {ORIGINAL}", ratio, "at least", 0.9))
    lines = ["| what | measured | aim | |", "|---|---|---|---|"]
    for what, value, sense, bound in rows:
        met = value <= bound if sense == "at most" else value >= bound
        lines.append(f"| {what} | {value:.3f} | {sense} {bound} | {'met' if met else 'missed'} |")
    return "\n".join(lines) + "\n"


def _number(value: float | np.floating) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"
