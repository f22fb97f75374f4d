"""The two renderings that a report compares: a model's, and the real one of the same notes."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mt3synth.atomic import write_atomically
from mt3synth.audio.mel import MelSpec, log_mel
from mt3synth.bundle import Bundle
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis import SamplingConfig, Synthesizer
from mt3synth.synthesis.canvas import Windows
from mt3synth.types import FloatND
from mt3synth.vocoder.protocol import Vocoder


@dataclass(frozen=True, eq=False)
class Rendered:
    """What a model made of notes.

    Attributes:
      log_mel: ``[T, M]``, natural log.
      seconds: wall time that it took.
    """

    log_mel: FloatND
    seconds: float


class ModelRenderer:
    """Renders notes with a bundle; what is in ``cache`` already is not rendered again.

    Args:
      bundle: the model.
      config: how to sample; its ``tail`` is replaced, as every call says how long the result is.
      cache: folder for the frames, created if missing.
    """

    def __init__(self, bundle: Bundle, config: SamplingConfig, cache: Path) -> None:
        self._synthesizer = Synthesizer(bundle.spec, bundle.params)
        self._spec, self._config, self._cache = bundle.spec, config, cache
        self._settings = f"{bundle.hash} {replace(config, tail=0.0, chunk=1)}"
        cache.mkdir(parents=True, exist_ok=True)

    def __call__(self, notes: Notes, performance: int, seconds: float) -> Rendered:
        """The first ``seconds`` of ``notes``, none of which may last longer."""
        frames = round(seconds * self._spec.mel.frame_rate)
        path = self._cache / f"{self._key(notes, performance, frames)}.npz"
        if path.exists():
            with np.load(path) as kept:
                return Rendered(kept["log_mel"], float(kept["seconds"]))
        windows = Windows(frames, self._spec.segment_frames, self._config.overlap)
        tail = frames / self._spec.mel.frame_rate - notes.end_time
        # No row of a chunk is wasted on a short excerpt; the result does not depend on it.
        chunk = min(self._config.chunk, windows.count)
        started = time.perf_counter()
        frames_made = self._synthesizer.mel(
            notes, performance, replace(self._config, tail=max(tail, 0.0), chunk=chunk)
        )
        made = Rendered(_fitted(frames_made, frames), time.perf_counter() - started)
        with write_atomically(path) as unfinished, open(unfinished, "xb") as file:
            np.savez(file, log_mel=made.log_mel, seconds=made.seconds)
        return made

    def _key(self, notes: Notes, performance: int, frames: int) -> str:
        digest = hashlib.sha256(f"{self._settings} {performance} {frames}".encode())
        for column in (notes.start, notes.end, notes.pitch, notes.velocity, notes.program):
            digest.update(column.tobytes())
        digest.update(notes.is_drum.tobytes())
        return digest.hexdigest()[:20]


class RealRenderer:
    """Renders notes as the corpus was rendered: soundfont, room and recording chain.

    Args:
      names: of the performances, in the order of the model's indices.
      spec: says the sample rate and the frames.
      folders: looked through first for soundfonts.

    Raises:
      UserError: the corpus renderer knows no performance of such a name.
    """

    def __init__(self, names: Sequence[str], spec: MelSpec, folders: Sequence[Path]) -> None:
        from data_pipelines.corpus.performances import read_performances

        known = {p.name: p for p in read_performances()}
        strangers = [name for name in names if name not in known]
        if strangers:
            raise UserError(
                f"performances {', '.join(strangers)} of the bundle are none that the corpus "
                "renderer can play, so there is nothing to compare them with"
            )
        self._performances = [known[name] for name in names]
        self._spec, self._folders = spec, tuple(folders)

    def __call__(self, notes: Notes, performance: int, seconds: float) -> Float[np.ndarray, " S"]:
        """The first ``seconds``; the hiss is the same in every call."""
        from data_pipelines.corpus.sound.render import render

        rate = self._spec.sample_rate
        rng = np.random.default_rng(0)
        audio = render(notes, self._performances[performance], rate, rng, self._folders)
        samples = round(seconds * rate)
        return np.pad(audio[:samples], (0, max(samples - len(audio), 0)))


@dataclass(frozen=True, eq=False)
class Workbench:
    """Everything that the parts of a report render with.

    Attributes:
      names: of the performances, by index.
      mel: what the frames are.
      model: the model under test: notes, index of the performance, seconds.
      real: renders the same for comparison, to audio ``[S]``.
      vocoder: turns both kinds of frames into audio.
      seconds: length of an excerpt.
      seed: of every random choice that is not the model's.
    """

    names: Sequence[str]
    mel: MelSpec
    model: Callable[[Notes, int, float], Rendered]
    real: Callable[[Notes, int, float], FloatND]
    vocoder: Vocoder
    seconds: float
    seed: int

    def model_mel(self, notes: Notes, performance: int) -> FloatND:
        """An excerpt as the model renders it, ``[T, M]``."""
        return self.model(notes, performance, self.seconds).log_mel

    def real_audio(self, notes: Notes, performance: int) -> FloatND:
        """An excerpt as it really sounds, ``[S]``."""
        return self.real(notes, performance, self.seconds)

    def mel_of(self, audio: FloatND) -> FloatND:
        """Frames ``[T, M]`` of audio."""
        return log_mel(audio, self.mel)


def song_seconds(notes: Notes, tail: float) -> float:
    """Whole seconds that hold a song and ``tail`` seconds for its ring."""
    return float(math.ceil(notes.end_time + tail))


def _fitted(log_mel: FloatND, frames: int) -> FloatND:
    """Rounding the song's end to frames may give one more than asked for."""
    if not frames <= len(log_mel) <= frames + 1:
        raise ValueError(f"{len(log_mel)} frames rendered where {frames} were asked for")
    return log_mel[:frames]
