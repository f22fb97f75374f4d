"""Loads an embedding by its name."""

from __future__ import annotations

from mt3synth.evaluation.embeddings.base import Embedding, EmbeddingError
from mt3synth.evaluation.embeddings.log_mel import LogMelStatistics

NAMES = ("log-mel", "performance", "musicnn", "trill", "vggish")


def embedding(name: str, source: str | None = None) -> Embedding:
    """Loads an embedding; nothing is fetched but by TensorFlow Hub, for ``trill`` and ``vggish``.

    Args:
      name: one of `NAMES`.
      source: where its weights are. For ``performance`` the run of a `mt3synth train-embedder`,
        without it the weights that came with this package; for ``musicnn`` the folder given to
        `musicnn_setup.setup`, without it the user's cache; for ``trill`` and ``vggish`` a
        SavedModel's folder or address, without it the published address; ``log-mel`` has none.

    Raises:
      EmbeddingError: no such name; or it is not installed, saying how to get it.
    """
    if name == "log-mel":
        if source is not None:
            raise EmbeddingError(f"log-mel has no weights to take from {source}")
        return LogMelStatistics()
    if name == "performance":
        from mt3synth.evaluation.embeddings.performance import PerformanceEmbedding

        return PerformanceEmbedding.load(source)
    if name == "musicnn":
        from mt3synth.evaluation.embeddings.musicnn import Musicnn

        return Musicnn.load(source)
    if name in ("trill", "vggish"):
        from mt3synth.evaluation.embeddings.tf_hub import load_saved_model

        return load_saved_model(name, source)
    raise EmbeddingError(f"embedding {name!r}; must be one of {', '.join(NAMES)}")
