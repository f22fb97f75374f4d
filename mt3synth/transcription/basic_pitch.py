"""Transcribes by Spotify's basic-pitch, without TensorFlow.

Bittner et al., "A Lightweight Instrument-Agnostic Model for Polyphonic Note Transcription and
Multipitch Estimation", ICASSP 2022. The network is the ONNX file inside the package, run by
onnxruntime; its activations become notes by the package's own function, at its own thresholds.
That function takes time by the square of the length, so long recordings go through it in stretches.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes
from mt3synth.transcription.transcriber import NotInstalled, make_notes, take_to_rate
from mt3synth.types import Float

INSTALL = (
    "pip install --no-deps basic-pitch && "
    "pip install onnxruntime librosa mir_eval pretty_midi resampy scikit-learn"
)
_MODEL = Path("saved_models/icassp_2022/nmp.onnx")

# Of the network: what goes in and comes out for a window of 2 s, and how windows overlap.
_RATE = 22050
_HOP = 256
_WINDOW = 43844
_EDGE_FRAMES = 15  # unreliable at both ends of a window, and cut off
_STRIDE = _WINDOW - 2 * _EDGE_FRAMES * _HOP
_LOWEST_KEY = 21
_OUTPUTS = ("StatefulPartitionedCall:1", "StatefulPartitionedCall:2")  # notes, onsets
_BATCH = 4  # 16 are no faster, and take 250 MB more

# Of a stretch, in windows: what it answers for, and what it hears besides before and after.
_CORE = 64  # 105 s
_MARGIN = 8  # 13 s: a note that crosses into the next stretch is cut after so long

# The package's defaults, by which its published figures were measured.
_DECODING: dict[str, Any] = {
    "onset_thresh": 0.5,
    "frame_thresh": 0.3,
    "min_note_len": 11,  # frames
    "infer_onsets": True,
    "min_freq": None,
    "max_freq": None,
}


def find_missing() -> list[str]:
    """Lists what is not installed, by the names that are imported; nothing is imported for it."""
    return [name for name in ("basic_pitch", "onnxruntime") if find_spec(name) is None]


class BasicPitch:
    """Hears notes in audio: a `mt3synth.transcription.transcriber.Transcriber`.

        BasicPitch()(audio, sample_rate=16000)  # Notes

    Raises:
      NotInstalled: basic-pitch or something it needs is missing; says how to install it.
    """

    def __init__(self) -> None:
        self._to_notes, folder = _import_decoder()
        import onnxruntime

        self._session: Any = onnxruntime.InferenceSession(
            str(folder / _MODEL), providers=["CPUExecutionProvider"]
        )

    def __call__(self, audio: Float[np.ndarray, " S"], sample_rate: int) -> Notes:
        """Finds onset, offset, pitch and loudness of the notes; each gets program 0.

        Args:
          audio: mono.
          sample_rate: samples per second.
        """
        if not np.any(audio):
            return Notes.empty()
        audio = take_to_rate(audio, sample_rate, _RATE)
        windows = -(-len(audio) // _STRIDE)
        parts = []
        for first in range(0, windows, _CORE):
            last = first + _CORE
            notes = self._notes(audio, max(0, first - _MARGIN), min(windows, last + _MARGIN))
            begin, end = first * _STRIDE / _RATE, last * _STRIDE / _RATE
            parts.append(notes.select((notes.start >= begin) & (notes.start < end)))
        return Notes.concatenate(parts)

    def _notes(self, audio: np.ndarray, first: int, last: int) -> Notes:
        """Finds notes in the windows ``first`` to ``last - 1``, in seconds of the whole audio."""
        if not np.any(audio[first * _STRIDE : last * _STRIDE]):
            return Notes.empty()  # the decoder divides by the strongest change of the activations
        frames, onsets, times = self._activations(audio, first, last)
        events = self._to_notes(frames, onsets, **_DECODING)
        if not events:
            return Notes.empty()
        begins, ends, pitch, loudness = (np.array(column) for column in zip(*events))
        return make_notes(times[begins], times[ends], pitch, velocity=np.round(127 * loudness))

    def _activations(
        self, audio: np.ndarray, first: int, last: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Computes notes and onsets ``[frames, 88]``, and the time of each frame in seconds."""
        starts = np.arange(first, last) * _STRIDE
        outputs = [
            self._session.run(
                _OUTPUTS,
                {"serving_default_input_2:0": _windows(audio, starts[i : i + _BATCH])[..., None]},
            )
            for i in range(0, len(starts), _BATCH)
        ]
        frames, onsets = (
            np.concatenate(parts)[:, _EDGE_FRAMES:-_EDGE_FRAMES] for parts in zip(*outputs)
        )
        within = np.arange(frames.shape[1]) * _HOP
        times = (starts[:, None] + within).ravel() / _RATE
        inside = times < len(audio) / _RATE
        return (
            frames.reshape(-1, frames.shape[-1])[inside],
            onsets.reshape(-1, onsets.shape[-1])[inside],
            times[inside],
        )


def _windows(audio: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Cuts out what the network hears from an edge before each start on; zeros beyond the audio."""
    edge = _EDGE_FRAMES * _HOP
    windows = np.zeros((len(starts), _WINDOW), np.float32)
    for window, start in zip(windows, starts):
        heard = audio[max(0, start - edge) : start - edge + _WINDOW]
        silent = max(0, edge - start)
        window[silent : silent + len(heard)] = heard
    return windows


def _import_decoder() -> tuple[Callable[..., Any], Path]:
    """Returns basic-pitch's function from activations to notes, and the package's folder."""
    missing = find_missing()
    if missing:
        raise NotInstalled(f"{' and '.join(missing)} is not installed; {INSTALL}")
    try:
        with _without_tensorflow():
            import basic_pitch
            from basic_pitch.note_creation import output_to_notes_polyphonic
    except ImportError as error:
        raise UserError(f"basic-pitch cannot be imported ({error}); {INSTALL}") from error
    return output_to_notes_polyphonic, Path(basic_pitch.__file__).parent


@contextmanager
def _without_tensorflow() -> Iterator[None]:
    """Hides TensorFlow from basic-pitch, which imports it for nothing wherever it is installed.

    Its warnings about the other runtimes that it does not find are held back, too.
    """
    hidden = "tensorflow" not in sys.modules
    if hidden:
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
        if hidden:
            del sys.modules["tensorflow"]
