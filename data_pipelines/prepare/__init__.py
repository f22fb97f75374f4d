"""From a listing of recordings to a data set: the same shards on one machine and in Beam."""
