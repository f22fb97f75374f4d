"""Songs on disk, split into shards; nothing here imports TensorFlow."""
