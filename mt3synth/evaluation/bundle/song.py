"""Adds a whole song in some performances to a bundle's evaluation: pictures, times, and audio."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mt3synth.audio.files import fit_peak, write_audio
from mt3synth.audio.mel import log_mel
from mt3synth.evaluation.bundle.renderers import Renderers, song_seconds
from mt3synth.evaluation.evaluate import Evaluation
from mt3synth.evaluation.metrics.metric import Figures
from mt3synth.reporting.mel_pictures import draw_mels
from mt3synth.reporting.tables import Table
from mt3synth.symbolic.midi import read_midi
from mt3synth.vocoder.protocol import vocode_song

SONG = Path(__file__).with_name("mozart_quartet.mid")
"""The song of docs/examples once more: what lies outside of a package is not installed with it."""

_TAIL_S = 1.5


@dataclass(frozen=True)
class SongOptions:
    """Which song to render, in which performances, and where its files go.

    Attributes:
      path: MIDI file.
      performances: indices.
      pictures: folder for a picture of each rendering.
      audio: folder for the audio, or None for none.
    """

    path: Path
    performances: Sequence[int]
    pictures: Path
    audio: Path | None = None


def add_song(
    evaluation: Evaluation, options: SongOptions, renderers: Renderers, say: Callable[[str], object]
) -> None:
    """Renders a song, and adds figures, pictures and a table of it to an evaluation.

    Raises:
      UserError: the song cannot be read or rendered, or a file cannot be written.
    """
    figures, pictures = render_song(options, renderers, say)
    evaluation.report["song"] = figures
    evaluation.pictures.update(pictures)
    evaluation.tables.append(song_table(figures))


def render_song(
    options: SongOptions, renderers: Renderers, say: Callable[[str], object]
) -> tuple[Figures, dict[str, bytes]]:
    """Renders a song; returns its figures, and the pictures by caption.

    Raises:
      UserError: the song cannot be read or rendered, or a file cannot be written.
    """
    notes, _ = read_midi(options.path)
    title, spec = options.path.name, renderers.mel
    seconds = song_seconds(notes, _TAIL_S)
    figures: Figures = {"title": title, "seconds": seconds, "renderings": []}
    pictures = {}
    for performance in options.performances:
        name = renderers.names[performance]
        made = renderers.model(notes, performance, seconds)
        real = renderers.real(notes, performance, seconds)
        started = time.perf_counter()
        ours = vocode_song(renderers.vocoder, made.log_mel)
        vocoder_seconds = time.perf_counter() - started
        stem = f"{options.path.stem}_{name.replace('-', '_')}"
        caption = f"{title}, performance {name}"
        real_mel = log_mel(real, spec)
        panels = {"real rendering": real_mel, "ours": made.log_mel}
        pictures[caption] = draw_mels(panels, spec, options.pictures / f"{stem}.png", caption)
        if options.audio is not None:
            options.audio.mkdir(parents=True, exist_ok=True)
            # The real one vocoded, too: the network's faults can be told from the vocoder's.
            sounds = {"ours": ours, "vocoded": renderers.vocoder(real_mel), "real": real}
            for kind, sound in sounds.items():
                fitted, _ = fit_peak(sound)
                write_audio(options.audio / f"{stem}_{kind}.flac", fitted, spec.sample_rate, {})
        figures["renderings"].append(
            {
                "performance": name,
                "picture": f"{stem}.png",
                "model_seconds": made.seconds,
                "vocoder_seconds": vocoder_seconds,
                "seconds_per_second": (made.seconds + vocoder_seconds) / seconds,
            }
        )
        say(f"{title} in {name}: {made.seconds:.0f} s of wall time for {seconds:.0f} s of music")
    return figures, pictures


def song_table(figures: Figures) -> Table:
    """Shows how long each rendering of the song took."""
    rows = tuple(
        (
            row["performance"],
            row["picture"],
            f"{row['model_seconds']:.1f} s",
            f"{row['vocoder_seconds']:.1f} s",
            f"{row['seconds_per_second']:.2f}",
        )
        for row in figures["renderings"]
    )
    columns = ("performance", "picture", "frames", "vocoder", "s per s of music")
    return Table(f"{figures['title']}, {figures['seconds']:g} s", columns, rows)
