"""Builds a data set from a listing of recordings: the same shards on one machine and in Beam."""
