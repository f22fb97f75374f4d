"""A prepared folder as training data, whichever format its shards are in."""

from __future__ import annotations

from collections.abc import Sequence

from data_pipelines.shards.formats import format_of
from mt3synth.batch_protocols import TrainingData
from mt3synth.errors import UserError


def open_data(
    folder: str | Sequence[str],
    token_length: int = 1536,
    pitch_shift: int = 0,
    temperature: float = 1.0,
    cache_dir: str | None = None,
) -> TrainingData:
    """Opens the data set in ``folder``, or several as a mixture.

    Args:
      folder: of TFRecords, which SeqIO reads (`corpus_data`), or of NumPy shards, which need no
        TensorFlow (`array_data`).
      token_length: tokens to which a segment is padded, for networks that read tokens.
      pitch_shift: most semitones by which a training segment is shifted, up or down.
      temperature: of the mixture of several folders: one of n segments is read at the rate
        n ** (1 / temperature).
      cache_dir: where SeqIO's offline cache of TFRecords lies (`caching`); None reads the folders.

    Raises:
      UserError: a folder is missing or holds no data set, formats are mixed, or NumPy shards are
        to be cached.
    """
    folders = [folder] if isinstance(folder, str) else list(folder)
    formats = {format_of(each) for each in folders}
    if len(formats) > 1:
        raise UserError(
            f"{', '.join(folders)}: are of different formats; prepare them all with one --format"
        )
    if formats == {"numpy"}:
        if cache_dir is not None:
            raise UserError(f"cache_dir {cache_dir}: NumPy shards need no cache; leave it out")
        from data_pipelines.reading.training_batches import ArrayData

        return ArrayData(folders, token_length, pitch_shift, temperature)
    from data_pipelines.seqio_pipeline.training_batches import CorpusData

    return CorpusData(
        folders,
        token_length=token_length,
        pitch_shift=pitch_shift,
        temperature=temperature,
        cache_dir=cache_dir,
    )
