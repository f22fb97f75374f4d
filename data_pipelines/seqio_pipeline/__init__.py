"""Offers prepared data as SeqIO tasks, mixtures and converters; the only room with TensorFlow."""
