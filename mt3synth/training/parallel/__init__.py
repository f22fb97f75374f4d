"""Spreads training over devices and hosts: mesh, sharding, accumulation."""
