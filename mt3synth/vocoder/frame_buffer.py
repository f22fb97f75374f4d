"""Holds those frames of a song that a vocoder still needs, while the song is being made."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mt3synth.audio.mel import MelSpec
from mt3synth.types import Bool, Float, FloatND
from mt3synth.vocoder.protocol import check_log_mel


class FrameBuffer:
    """Reads frames as they come, and gives them out in pieces of another length.

        buffer = FrameBuffer(pieces, spec)
        while buffer.reach(start + 512) > start:
            frames, present = buffer.cut(start - 16, 528)
            ...

    Args:
      pieces: log-mel frames ``[T, M]`` of a song, one after the other; each may have its own T.
      spec: of the frames.
    """

    def __init__(self, pieces: Iterable[FloatND], spec: MelSpec) -> None:
        self._pieces, self._spec = iter(pieces), spec
        self._frames = np.zeros((0, spec.bins), np.float32)
        self._first = 0
        self.ended = False

    def reach(self, frames: int) -> int:
        """Reads on until there have been so many frames, or all; returns how many there have been.

        Raises:
          VocoderError: as `check_log_mel`.
        """
        # Put together once at the end: pieces may be as short as a frame.
        read, count = [self._frames], self._first + len(self._frames)
        while count < frames and not self.ended:
            piece = next(self._pieces, None)
            if piece is None:
                self.ended = True
            else:
                check_log_mel(piece, self._spec)
                read.append(piece.astype(np.float32, copy=False))
                count += len(piece)
        if len(read) > 1:
            self._frames = np.concatenate(read)
        return count

    def cut(
        self, first: int, length: int
    ) -> tuple[Float[np.ndarray, "T M"], Bool[np.ndarray, " T"]]:
        """Cuts out frames by their number in the song, and says which lie in it.

        Silence stands for those that do not; what lies before ``first`` is not kept.
        """
        # Never before what was kept, nor beyond what was read: both ends of a song are cut through
        # here.
        low = min(max(first, self._first), self._first + len(self._frames))
        # Forgotten, so that memory holds a block and not a song.
        self._frames, self._first = self._frames[low - self._first :], low
        inside = self._frames[: first + length - low]
        frames = np.full((length, self._spec.bins), np.log(self._spec.floor), np.float32)
        present = np.zeros(length, bool)
        at = slice(low - first, low - first + len(inside))
        frames[at], present[at] = inside, True
        return frames, present
