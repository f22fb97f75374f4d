"""Experiments that anyone can run again: arms, a budget for each, and one table of all."""
