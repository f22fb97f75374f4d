"""Names shards: ``<split>-00000-of-00004<suffix>``, as TensorFlow Datasets does."""

from __future__ import annotations

from pathlib import Path

from mt3synth.errors import UserError

CORPUS_FILE = "corpus.json"
"""File in which a folder says what it was made of."""


def shard_path(folder: Path, split: str, index: int, count: int, suffix: str) -> Path:
    """Returns the path of shard ``index`` of ``count`` of a split."""
    return folder / f"{split}-{index:05d}-of-{count:05d}{suffix}"


def find_shards(folder: Path, split: str, suffix: str) -> list[Path]:
    """Finds the shards of one split, in order.

    Raises:
      UserError: the folder or the split is missing, or some of its shards are.
    """
    if not folder.is_dir():
        raise UserError(
            f"{folder}: no such corpus folder; build a corpus there, or correct data_dir"
        )
    shards = sorted(folder.glob(f"{split}-*-of-*{suffix}"))
    if not shards:
        present = ", ".join(splits_in(folder, suffix)) or "none"
        raise UserError(
            f"{folder}: no {split}-*-of-*{suffix} (splits there: {present}); build the corpus "
            "again, or choose another split"
        )
    expected = [shard_path(folder, split, i, len(shards), suffix) for i in range(len(shards))]
    if shards != expected:
        raise UserError(
            f"{folder}: shards of split {split} are missing or of two builds "
            f"({shards[0].name} .. {shards[-1].name}, {len(shards)} shards); build the corpus again"
        )
    return shards


def splits_in(folder: Path, suffix: str) -> list[str]:
    """Lists the splits of which a folder holds any shard."""
    return sorted({path.name.split("-")[0] for path in folder.glob(f"*-*-of-*{suffix}")})
