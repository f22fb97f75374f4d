"""Gin: configurations parsed, explained and built."""
