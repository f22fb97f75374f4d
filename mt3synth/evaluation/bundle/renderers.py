"""Renders notes in the two ways that a report compares: by a model, and as they really sound."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mt3synth.atomic import write_atomically
from mt3synth.audio.mel import MelSpec
from mt3synth.bundle import Bundle
from mt3synth.errors import UserError, explain_os_errors
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis import SamplingConfig, Synthesizer
from mt3synth.synthesis.canvas import Windows
from mt3synth.types import FloatND
from mt3synth.vocoder.protocol import Vocoder, vocode_song


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
        self._synthesizer = Synthesizer(bundle.spec, bundle.params, bundle.additions)
        self._spec, self._config, self._cache = bundle.spec, config, cache
        self._settings = f"{bundle.hash} {replace(config, tail=0.0, chunk=1)}"
        cache.mkdir(parents=True, exist_ok=True)

    def __call__(self, notes: Notes, performance: int, seconds: float) -> Rendered:
        """Renders the first ``seconds`` of ``notes``, none of which may last longer."""
        frames = round(seconds * self._spec.mel.frame_rate)
        path = self._cache / f"{self._key(notes, performance, frames)}.npz"
        if path.exists():
            with np.load(path) as cached:
                return Rendered(cached["log_mel"], float(cached["seconds"]))
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
      performances: TOML file that describes them; None for the shipped one.

    Raises:
      UserError: the file has no performance of such a name, or cannot be read.
    """

    def __init__(
        self,
        names: Sequence[str],
        spec: MelSpec,
        folders: Sequence[Path],
        performances: Path | None = None,
    ) -> None:
        from data_pipelines.corpus.performances import DEFAULT_FILE, read_performances

        known = {p.name: p for p in read_performances(performances or DEFAULT_FILE)}
        strangers = [name for name in names if name not in known]
        if strangers:
            raise UserError(
                f"performances {', '.join(strangers)} of the bundle are none that the corpus "
                "renderer can play, so there is nothing to compare them with"
            )
        self._performances = [known[name] for name in names]
        self._spec, self._folders = spec, tuple(folders)

    def __call__(self, notes: Notes, performance: int, seconds: float) -> Float[np.ndarray, " S"]:
        """Renders the first ``seconds``; the hiss is the same in every call."""
        from data_pipelines.corpus.sound.render import render

        rate = self._spec.sample_rate
        rng = np.random.default_rng(0)
        audio = render(notes, self._performances[performance], rate, rng, self._folders)
        samples = round(seconds * rate)
        return np.pad(audio[:samples], (0, max(samples - len(audio), 0)))


@dataclass(frozen=True, eq=False)
class Renderers:
    """What renders a bundle's evaluation set.

    Attributes:
      names: of the performances, by index.
      mel: what the frames are.
      model: the model under test: notes, index of the performance, seconds.
      real: renders the same for comparison, to audio ``[S]``.
      vocoder: turns frames into audio.
    """

    names: Sequence[str]
    mel: MelSpec
    model: Callable[[Notes, int, float], Rendered]
    real: Callable[[Notes, int, float], FloatND]
    vocoder: Vocoder

    def audio(self, notes: Notes, performance: int, seconds: float) -> tuple[FloatND, float]:
        """Renders notes with the model and the vocoder; returns audio and wall time in seconds."""
        made = self.model(notes, performance, seconds)
        started = time.perf_counter()
        audio = vocode_song(self.vocoder, made.log_mel)
        return audio, made.seconds + time.perf_counter() - started


def performances_file(corpus: Path, named: Path | None, say: Callable[[str], object]) -> Path:
    """Finds the file of performances with which a corpus was rendered.

    ``corpus.json`` holds a digest of the file, not the file itself, so that one which is not the
    shipped one has to be named again.

    Args:
      corpus: folder of the corpus.
      named: what the user says it was; None for the shipped one.
      say: is told if what the user names is not what the digest says.

    Raises:
      UserError: it was another than the shipped one, and none is named; or it cannot be read.
    """
    from data_pipelines.corpus.performances import DEFAULT_FILE
    from data_pipelines.shards.names import CORPUS_FILE

    path = named or DEFAULT_FILE
    with explain_os_errors(f"--performances {path}"):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    try:
        recipe = json.loads((corpus / CORPUS_FILE).read_text(encoding="utf-8")).get("recipe", {})
    except (OSError, ValueError, AttributeError):
        recipe = {}  # whether there is a corpus at all is found out when it is read
    expected = recipe.get("performances", "")
    if not digest.startswith(expected):
        if named is None:
            raise UserError(
                f"{corpus} was rendered with performances of its own; name their file by"
                " --performances, as in mt3synth prepare corpus"
            )
        # The user may have edited a comment, and knows better than a digest.
        say(f"--performances {path} has changed since {corpus} was rendered")
    return path


def song_seconds(notes: Notes, tail: float) -> float:
    """Rounds up to whole seconds that hold a song and ``tail`` seconds for its ring."""
    return float(math.ceil(notes.end_time + tail))


def _fitted(log_mel: FloatND, frames: int) -> FloatND:
    """Cuts off the one frame more that rounding the song's end may have given."""
    if not frames <= len(log_mel) <= frames + 1:
        raise ValueError(f"{len(log_mel)} frames rendered where {frames} were asked for")
    return log_mel[:frames]
