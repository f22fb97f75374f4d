"""A bundle measured: its evaluation set rendered and handed to `evaluate`."""
