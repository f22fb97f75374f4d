"""Settings of a build."""

from __future__ import annotations

from dataclasses import dataclass

from data_pipelines.shards.formats import FORMATS
from mt3synth.errors import UserError


@dataclass(frozen=True)
class PrepareSettings:
    """Says how recordings become shards.

    Attributes:
      sample_rate: to which all audio is resampled, samples per second.
      format: of the shards, a key of `shards.formats.FORMATS`.
      shard_minutes: a shard takes recordings until it lasts so long; it is what a worker makes at
        a time, and at most what an interrupted worker loses.
      validation_share: of the recordings, where no split is given for any.
      least_seconds: a performance with less audio is left out; by default a segment's length.

    Raises:
      UserError: a value out of its range.
    """

    sample_rate: int = 16_000
    format: str = "tfrecord"
    shard_minutes: float = 10.0
    validation_share: float = 0.1
    least_seconds: float = 5.12

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise UserError(f"format {self.format!r}; must be one of {', '.join(FORMATS)}")
        if self.sample_rate < 1:
            raise UserError(f"sample rate {self.sample_rate} Hz; must be at least 1 Hz")
        if not self.shard_minutes > 0:
            raise UserError(f"shards of {self.shard_minutes} minutes; must be more than 0")
        if not 0 <= self.validation_share < 1:
            raise UserError(f"validation share {self.validation_share}; must be in [0, 1)")
        if not self.least_seconds >= 0:
            raise UserError(f"least seconds {self.least_seconds} s; must be at least 0 s")
