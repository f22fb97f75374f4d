"""Trains an embedding of mel frames, by which performances are told apart."""
