"""Holds what a model makes of a score: sound and mel frames, to write, to hear and to look at."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mt3synth.atomic import write_bytes
from mt3synth.audio.files import write_audio
from mt3synth.audio.mel import MelSpec
from mt3synth.earlier import write_sidecar
from mt3synth.errors import UserError, explain_os_errors
from mt3synth.symbolic.notes import Notes
from mt3synth.types import FloatND


@dataclass(frozen=True, eq=False, repr=False)
class Song:
    """Holds a rendered song.

        song = mt3synth.load().render("song.mid")
        song.write("song.flac")
        song  # at the end of a notebook's cell: a player, and a picture of the mel frames

    Attributes:
      audio: float32 ``[S]`` in [-1, 1], or ``[S, 2]`` in stereo.
      mel: its log-mel frames ``[T, M]``, natural log, as the model made them; of the sound if it is
        a mix.
      mel_spec: what the frames are.
      gain: by which all of the vocoder's sound was multiplied so that it fits a file, or is as loud
        as was asked; 1 if it was not. The metadata have it in dB, as ``gain_db``.
      reports: one line for each kind of thing in the score that was not rendered as written.
      metadata: everything that the sound depends on, by name: seed, settings, version, bundle.
      stems: sound of each part by its name, which add up to ``audio``; empty if the song was
        rendered whole.
      level_reports: one line for each thing that was done to the level of the sound.
      notes: that were rendered, time 0 being the beginning of the sound; None if not all of them
        together, so that the song cannot be rendered again in part.
    """

    audio: FloatND
    mel: FloatND
    mel_spec: MelSpec
    gain: float
    reports: tuple[str, ...]
    metadata: Mapping[str, str]
    stems: Mapping[str, FloatND] = field(default_factory=dict)
    level_reports: tuple[str, ...] = ()
    notes: Notes | None = None

    @property
    def sample_rate(self) -> int:
        """Returns the samples of ``audio`` per second."""
        return self.mel_spec.sample_rate

    @property
    def seconds(self) -> float:
        """Returns how long it plays."""
        return len(self.audio) / self.sample_rate

    @property
    def title(self) -> str:
        """Says what was rendered, and in which performance."""
        score, performance = self.metadata.get("score", "notes"), self.metadata["performance"]
        return f"{score}, performance {performance}"

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes a file with ``metadata``, which replaces an older one.

        Its suffix says what it is: WAV or FLAC of 16 bits, MP3, OGG (Vorbis), Opus or M4A.

        The file appears whole or not at all; `mt3synth.audio.files.read_metadata` reads the
        metadata back.

        Raises:
          AudioError: another suffix, or a file that cannot be written.
        """
        write_audio(path, self.audio, self.sample_rate, self.metadata)

    def write_stems(self, path: str | os.PathLike[str]) -> None:
        """Writes the sound of each part beside the mix, which goes to ``path`` by `write`.

        In 16-bit files the stems add up to the mix to the last bit.

        Raises:
          AudioError: as `write`.
        """
        for name, target in stem_paths(path, self.stems).items():
            metadata = {**self.metadata, "part": name}
            write_audio(target, self.stems[name], self.sample_rate, metadata)

    def write_sidecar(self, path: str | os.PathLike[str]) -> None:
        """Writes what `Model.render` needs to take the song up again, beside the file at ``path``.

            song.write("v1.wav")
            song.write_sidecar("v1.wav")  # v1.wav.sidecar.npz
            song = model.render("v2.mid", since="v1.wav")

        Raises:
          UserError: `write` has not written the song there, as WAV or FLAC; or it is of parts.
        """
        if self.notes is None:
            raise UserError(f"{path}: a song of parts has no sidecar; it is rendered as a whole")
        write_sidecar(path, self.notes, self.mel, self.metadata)

    def write_mel(self, path: str | os.PathLike[str]) -> None:
        """Writes the mel frames as a .npy file, which appears whole or not at all.

        Raises:
          UserError: it cannot be written.
        """
        encoded = io.BytesIO()
        np.save(encoded, self.mel)
        with explain_os_errors(path, "cannot be written"):
            write_bytes(Path(path), encoded.getbuffer())

    def __repr__(self) -> str:
        reports = f", {len(self.reports)} reports" if self.reports else ""
        return f"Song({self.title}, {self.seconds:.1f} s at {self.sample_rate} Hz{reports})"

    def _repr_html_(self) -> str:
        """Returns what a notebook shows: a player, a picture of the mel frames, and the reports."""
        # A page's tools, which a rendering does not need.
        from mt3synth.reporting import clips, html

        parts = [html.player(self.title, clips.mp3(self.audio, self.sample_rate))]
        try:
            from mt3synth.reporting.mel_pictures import mels_png

            picture = mels_png({"log-mel frames": self.mel}, self.mel_spec, self.title)
            parts.append(html.picture(self.title, picture))
        except ModuleNotFoundError:  # matplotlib comes with an extra: it can be heard all the same
            pass
        parts.append(html.paragraphs(self.reports))
        return "".join(f"<div>{part}</div>" for part in parts if part)


def stem_paths(path: str | os.PathLike[str], parts: Iterable[str]) -> dict[str, Path]:
    """Names the file of each part beside that of the mix: song.wav has song.violin.wav."""
    mix = Path(path)
    return {part: mix.with_name(f"{mix.stem}.{part}{mix.suffix}") for part in parts}
