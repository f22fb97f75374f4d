"""Times calls on a machine that others use too: the best of several counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

import jax

Call = Callable[[], Any]
Clock = Literal["wall", "cpu"]

CLOCKS: dict[Clock, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}
"""By what time is told: a clock on the wall, or the CPU time of all threads of this process, which
other processes disturb less."""


def best_seconds(call: Call, repeats: int = 3, clock: Clock = "wall") -> float:
    """Finds the shortest time of a call that has been made once before."""
    jax.block_until_ready(call())
    # On an accelerator the launch of a call overlaps with the work of the one before, as it does
    # inside a compiled function.
    queued = 1 if jax.default_backend() == "cpu" else 20
    now, best = CLOCKS[clock], float("inf")
    for _ in range(repeats):
        began = now()
        results = [call() for _ in range(queued)]
        jax.block_until_ready(results)
        best = min(best, (now() - began) / queued)
    return best


def in_turn(calls: Mapping[str, Call], rounds: int, clock: Clock = "wall") -> dict[str, float]:
    """Finds the shortest time of each call; they take turns, so that load falls on all alike."""
    for call in calls.values():
        jax.block_until_ready(call())
    now, best = CLOCKS[clock], dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, call in calls.items():
            began = now()
            jax.block_until_ready(call())
            best[name] = min(best[name], now() - began)
    return best
