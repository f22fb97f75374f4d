"""What a run shows: log lines, metrics, throughput, profiles."""
