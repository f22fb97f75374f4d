"""Sets TensorFlow up as this package uses it: to read and shuffle, on a little of the CPU."""

from __future__ import annotations

import os
from functools import cache
from types import ModuleType
from typing import Any


@cache
def tensorflow() -> ModuleType:
    """Imports TensorFlow (5 s), quietly and with accelerators hidden: those belong to JAX.

    Raises:
      RuntimeError: someone has already put TensorFlow to work on an accelerator.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    for kind in ("GPU", "TPU"):
        tf.config.set_visible_devices([], kind)
    return tf


def reading_options(threads: int) -> Any:
    """Makes ``tf.data.Options`` that keep a pipeline's order, on ``threads`` threads."""
    tf = tensorflow()
    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = False
    options.threading.private_threadpool_size = threads
    options.threading.max_intra_op_parallelism = 1
    return options
