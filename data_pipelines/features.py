"""From segments to the arrays a network is trained on: plain NumPy, no TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data_pipelines.segments import NOTE_MARGIN_S, Segment, notes_from_table
from mt3synth.audio.mel import MelSpec, log_mel, to_network
from mt3synth.errors import UserError
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.roll import RollSpec, piano_roll
from mt3synth.symbolic.tokenizer import SegmentTokens, encode_segment, pad_segment
from mt3synth.types import Batch, Float

FEATURES = ("mel", "roll", "tokens")


@dataclass(frozen=True)
class SegmentFeatures:
    """Which arrays to make of a segment, and how. What is not named costs nothing.

    Attributes:
      mel: the front end.
      names: some of ``FEATURES``; ``performance`` is always there.
      frames: length of a segment, T.
      roll: channels of the piano roll, needed for ``roll``.
      codec: the event vocabulary, needed for ``tokens``.
      token_length: tokens to which a segment is padded, N.

    Raises:
      ValueError: an unknown or missing choice, a length below 1, or rolls and mels that disagree
        on the frame rate.
    """

    mel: MelSpec
    names: tuple[str, ...] = ("mel", "roll")
    frames: int = 256
    roll: RollSpec | None = None
    codec: EventCodec | None = None
    token_length: int = 1536

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        unknown = [name for name in self.names if name not in FEATURES]
        if unknown or not self.names:
            raise ValueError(f"features {list(self.names)}; must be some of {list(FEATURES)}")
        for name in ("frames", "token_length"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}; must be at least 1")
        if "roll" in self.names and self.roll is None:
            raise ValueError("feature 'roll' needs a RollSpec: roll=None")
        if "tokens" in self.names and self.codec is None:
            raise ValueError("feature 'tokens' needs an EventCodec: codec=None")
        if self.roll is not None and self.roll.frame_rate != self.mel.frame_rate:
            raise ValueError(
                f"roll has {self.roll.frame_rate} frames per second, mel {self.mel.frame_rate}; "
                "they must be equal"
            )
        if self.roll is not None and self.roll.drum_seconds > NOTE_MARGIN_S:
            raise ValueError(
                f"drum_seconds={self.roll.drum_seconds} s; must be at most {NOTE_MARGIN_S} s, "
                "how far around a segment its notes are kept"
            )

    def batch(self, segments: Sequence[Segment]) -> Batch:
        """Arrays of B segments.

        Of these those that are named: ``mel`` float32 ``[B, T, M]`` in the network's range,
        ``roll`` float32 ``[B, T, R]``, ``tokens`` int32 ``[B, N]`` padded with 0 and
        ``token_times`` float32 ``[B, N]`` in frames; and ``performance`` int32 ``[B]``.

        Raises:
          UserError: audio of another sample rate, or a segment of more tokens than fit.
        """
        batch = {"performance": np.array([s.performance for s in segments], np.int32)}
        if "mel" in self.names:
            batch["mel"] = np.stack([self.mel_of(segment) for segment in segments])
        if "roll" in self.names:
            batch["roll"] = np.stack([self.roll_of(segment) for segment in segments])
        if "tokens" in self.names:
            tokens, times = zip(*(self.tokens_of(segment) for segment in segments))
            batch["tokens"], batch["token_times"] = np.stack(tokens), np.stack(times)
        return batch

    def mel_of(self, segment: Segment) -> Float[np.ndarray, "T M"]:
        """The segment's frames in the network's range; beyond the song's end, silence (-1)."""
        if segment.sample_rate != self.mel.sample_rate:
            raise UserError(
                f"song {segment.id!r} has {segment.sample_rate} samples per second, the mel spec "
                f"{self.mel.sample_rate}; build the corpus at that rate"
            )
        audio = segment.audio.astype(np.float32) / 32768
        # The last window reaches past the last hop, which makes log_mel see a frame more.
        return to_network(log_mel(audio, self.mel)[: self.frames], self.mel)

    def roll_of(self, segment: Segment) -> Float[np.ndarray, "T R"]:
        """The segment's piano roll."""
        assert self.roll is not None  # held by the constructor
        notes = notes_from_table(segment.notes)
        return piano_roll(notes, self.roll, segment.start_frame, self.frames)

    def tokens_of(self, segment: Segment) -> SegmentTokens:
        """The segment's event tokens and when each happens, in frames."""
        assert self.codec is not None  # held by the constructor
        notes = notes_from_table(segment.notes)
        encoded = encode_segment(
            notes, self.codec, segment.start_frame, self.frames, self.mel.frame_rate
        )
        needed = len(encoded.tokens)
        if needed > self.token_length:
            raise UserError(
                f"song {segment.id!r} takes {needed} tokens from frame {segment.start_frame}; "
                f"token_length={self.token_length}: raise it to at least {needed}"
            )
        return pad_segment(encoded, self.token_length)
