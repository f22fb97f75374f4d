"""Opens prepared folders as training data, whichever format their shards are in."""

from __future__ import annotations

from collections.abc import Sequence

from data_pipelines.filesystem import as_path, is_local
from data_pipelines.reading.training_batches import SegmentData
from mt3synth.errors import UserError


def open_data(
    folder: str | Sequence[str],
    token_length: int = 1536,
    pitch_shift: int = 0,
    temperature: float = 1.0,
    cache_dir: str | None = None,
    edges: float = 0.0,
) -> SegmentData:
    """Opens the data set in ``folder``, or several as a mixture; needs no TensorFlow.

    The same songs give the same batches for the same seed, as TFRecords and as NumPy shards::

      data = open_data("data/corpus", pitch_shift=2)
      batch = next(data.training(spec, batch=16, seed=0, start=0))

    Args:
      folder: that `mt3synth prepare` has made, or several such folders.
      token_length: tokens to which a segment is padded, for networks that read tokens.
      pitch_shift: most semitones by which a training segment is shifted, up or down.
      temperature: of the mixture of several folders: one of n segments is read at the rate
        n ** (1 / temperature), as in Raffel et al. 2020 (arXiv 1910.10683, section 3.5.2).
      cache_dir: must be None. SeqIO's offline cache serves SeqIO's own pipelines alone.
      edges: how often training draws a segment at a song's very beginning, and one over its end:
        the probability in each pass over a song (see `segments.training_starts`).

    Raises:
      UserError: a folder is missing, holds no data set or is not on this machine, or a cache is
        named.
      ValueError: no folder at all, or a number out of its range.
    """
    if cache_dir is not None:
        raise UserError(
            f"cache_dir {cache_dir}: the trainer reads data sets without SeqIO and needs no cache; "
            "leave CACHE_FOLDER out"
        )
    folders = [as_path(each) for each in ([folder] if isinstance(folder, str) else folder)]
    for each in folders:
        if not is_local(each):
            raise UserError(f"{each}: training reads files of this machine; copy it here")
    return SegmentData(folders, token_length, pitch_shift, temperature, edges)
