"""Shows what a run does: log lines, metrics, throughput, profiles."""
