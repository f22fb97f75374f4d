"""Gin files, as packages so that gin finds them wherever they are installed."""
