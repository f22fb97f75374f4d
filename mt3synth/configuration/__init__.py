"""Gin: parses configurations, explains their errors and builds what they configure."""
