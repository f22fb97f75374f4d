"""Makes the arrays of a segment that a network is trained on: plain NumPy, no TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data_pipelines.reading.segments import NOTE_MARGIN_S, Segment, segment_lead, segment_samples
from data_pipelines.shards.note_tables import notes_from_table
from mt3synth.audio.mel import MelSpec, to_network
from mt3synth.audio.pitch_shift import shifted_log_mel
from mt3synth.errors import UserError, check_least
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.note_list import SongNoteList, pad_rows
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.roll import RollSpec, SongRoll
from mt3synth.symbolic.tokenizer import SegmentTokens, encode_segment, pad_segment
from mt3synth.types import Batch, Bool, Float

FEATURES = ("mel", "roll", "tokens", "notes", "context")


@dataclass(frozen=True)
class SegmentFeatures:
    """Says which arrays to make of a segment, and how. What is not named costs nothing.

    For example, for a network that reads piano rolls::

      features = SegmentFeatures(MELGAN, ("mel", "roll"), roll=RollSpec())
      batch = features.batch(segments)  # mel [B, 256, 128], roll [B, 256, R], performance [B]

    Attributes:
      mel: the front end.
      names: some of ``FEATURES``; ``performance`` is always there.
      frames: length of a segment, T.
      roll: channels of the piano roll, needed for ``roll``.
      codec: the event vocabulary, needed for ``tokens``.
      token_length: tokens to which a segment is padded, N.
      note_rows: notes to which the list of a segment is padded, for ``notes``; None where batches
        may differ in length, which then is that of their longest list.
      context_frames: frames before a segment that travel with it, C; ``context`` needs some.
      curves: whether ``notes`` tell how pitch and level go on, a row for each knot.

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
    note_rows: int | None = 1024
    context_frames: int = 0
    curves: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        unknown = [name for name in self.names if name not in FEATURES]
        if unknown or not self.names:
            raise ValueError(f"features {list(self.names)}; must be some of {list(FEATURES)}")
        check_least(self, frames=1, token_length=1, note_rows=1)
        if self.context_frames < ("context" in self.names):
            raise ValueError(
                f"context_frames={self.context_frames}; must be at least 0, and at least 1 for "
                "feature 'context'"
            )
        if "roll" in self.names and self.roll is None:
            raise ValueError("feature 'roll' needs a RollSpec: roll=None")
        if "notes" in self.names and self.roll is None:
            raise ValueError("feature 'notes' needs the groups of a RollSpec: roll=None")
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
        """Makes the arrays of B segments, each with audio and notes shifted in pitch as it says.

        Of these those that are named: ``mel`` float32 ``[B, T, M]`` in the network's range,
        ``roll`` float32 ``[B, T, R]``, ``tokens`` int32 ``[B, N]`` padded with 0 and
        ``token_times`` float32 ``[B, N]`` in frames, ``notes`` float32 ``[B, N, 5]``, rows of
        `mt3synth.symbolic.note_list`, or ``[B, N, 10]`` with curves, ``context`` float32
        ``[B, C, M]``, the frames before the segment, and ``context_mask`` bool ``[B, C]``, true
        where there are any; and ``performance`` int32 ``[B]``.

        Raises:
          UserError: audio of another sample rate, or a segment of more tokens or notes than fit.
          ValueError: segments cut for another length or context.
        """
        for segment in segments:
            self._check(segment)
        batch = {"performance": np.array([s.performance for s in segments], np.int32)}
        if "mel" in self.names:
            batch["mel"] = np.stack([self.mel_of(segment) for segment in segments])
        if "context" in self.names:
            context, mask = zip(*(self.context_of(segment) for segment in segments))
            batch["context"], batch["context_mask"] = np.stack(context), np.stack(mask)
        if "roll" in self.names:
            batch["roll"] = self._rolls(segments)
        if "tokens" in self.names:
            tokens, times = zip(*(self.tokens_of(segment) for segment in segments))
            batch["tokens"], batch["token_times"] = np.stack(tokens), np.stack(times)
        if "notes" in self.names:
            batch["notes"] = pad_rows([self.notes_of(s) for s in segments], self.note_rows or 0)
        return batch

    def mel_of(self, segment: Segment) -> Float[np.ndarray, "T M"]:
        """Returns the segment's frames in the network's range, past the song's end -1."""
        if segment.frames is not None:
            return segment.frames[self.context_frames :].astype(np.float32)
        return self._frames(segment, 0, self.frames)

    def context_of(
        self, segment: Segment
    ) -> tuple[Float[np.ndarray, "C M"], Bool[np.ndarray, " C"]]:
        """Returns the frames that lead up to the segment, and which of them are in the song."""
        if segment.frames is not None:  # only where all of its context is in the song
            context = segment.frames[: self.context_frames].astype(np.float32)
            return context, np.ones(self.context_frames, bool)
        frames = self._frames(segment, -self.context_frames, self.context_frames)
        in_song = np.arange(-self.context_frames, 0) + segment.start_frame >= 0
        return frames, in_song

    def tokens_of(self, segment: Segment) -> SegmentTokens:
        """Returns the segment's event tokens and when each happens, in frames."""
        assert self.codec is not None  # held by the constructor
        encoded = encode_segment(
            _heard(segment), self.codec, segment.start_frame, self.frames, self.mel.frame_rate
        )
        needed = len(encoded.tokens)
        if needed > self.token_length:
            raise UserError(
                f"song {segment.id!r} takes {needed} tokens from frame {segment.start_frame}; "
                f"token_length={self.token_length}: raise it to at least {needed}"
            )
        return pad_segment(encoded, self.token_length)

    def notes_of(self, segment: Segment) -> Float[np.ndarray, "n D"]:
        """Returns the rows of the segment's list of notes."""
        assert self.roll is not None  # held by the constructor
        listed = SongNoteList(
            _heard(segment),
            self.roll.groups,
            self.mel.frame_rate,
            self.roll.drum_seconds,
            self.curves,
        )
        rows = listed.segment(segment.start_frame, self.frames)
        if self.note_rows is not None and len(rows) > self.note_rows:
            raise UserError(
                f"song {segment.id!r} has {len(rows)} notes from frame {segment.start_frame}; "
                f"note_rows={self.note_rows}: raise it to at least {len(rows)}"
            )
        return rows

    def _rolls(self, segments: Sequence[Segment]) -> Float[np.ndarray, "B T R"]:
        assert self.roll is not None  # held by the constructor
        # Drawn in place: a roll is megabytes of zeros, which cost nothing until they are touched.
        rolls = np.zeros((len(segments), self.frames, self.roll.channels), np.float32)
        for roll, segment in zip(rolls, segments):
            SongRoll(_heard(segment), self.roll).draw(roll, segment.start_frame)
        return rolls

    def _frames(self, segment: Segment, first: int, count: int) -> Float[np.ndarray, "T M"]:
        audio = segment.audio.astype(np.float32) / 32768
        begin = segment_lead(self.context_frames, self.mel) + first * self.mel.hop
        frames = shifted_log_mel(audio, self.mel, segment.shift, begin, count)
        return to_network(frames, self.mel)

    def _check(self, segment: Segment) -> None:
        if segment.sample_rate != self.mel.sample_rate:
            raise UserError(
                f"song {segment.id!r} has {segment.sample_rate} samples per second, the mel spec "
                f"{self.mel.sample_rate}; register the task with the same mel spec"
            )
        samples = segment_samples(self.frames, self.context_frames, self.mel)
        if segment.frames is not None:
            samples = len(segment.audio)
        if (len(segment.audio), segment.context_frames) != (samples, self.context_frames):
            raise ValueError(
                f"segments of {len(segment.audio)} samples, {segment.context_frames} frames of "
                f"context among them; {self.frames} frames with {self.context_frames} of context "
                f"take {samples}: register the task with the same mel spec, segment_frames and "
                "context_frames"
            )


def feature_lengths(features: SegmentFeatures) -> dict[str, int]:
    """Returns a segment's samples, as ``seqio.get_dataset`` takes them (task_feature_lengths)."""
    return {"audio": segment_samples(features.frames, features.context_frames, features.mel)}


def _heard(segment: Segment) -> Notes:
    """Returns the segment's notes at the pitch at which it is to be heard."""
    notes = notes_from_table(segment.notes)
    return notes.transposed(segment.shift) if segment.shift else notes
