"""Builds data sets and reads them: recordings, shards, training batches, SeqIO tasks."""
