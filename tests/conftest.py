"""Fixtures that every package's tests may use."""

from collections.abc import Iterator

import jaxtyping
import pytest


@pytest.fixture
def as_released() -> Iterator[None]:
    """Turns off the shape and type checks that only tests run, so that our own messages are met."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)
