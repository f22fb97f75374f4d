"""Devices and hosts: mesh, sharding, accumulation."""
