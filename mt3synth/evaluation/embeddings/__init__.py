"""Takes audio to points between which Frechet distances are measured, behind one protocol."""

from mt3synth.evaluation.embeddings.base import Embedding, EmbeddingError
from mt3synth.evaluation.embeddings.loading import NAMES, embedding

__all__ = ["NAMES", "Embedding", "EmbeddingError", "embedding"]
