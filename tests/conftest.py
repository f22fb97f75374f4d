"""How tests are compiled, and fixtures that every package's tests may use."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from inspect import unwrap
from mmap import ACCESS_READ, mmap
from pathlib import Path

import jaxtyping
import pytest

EMITTERS = "xla_cpu_use_fusion_emitters"
"""The part of XLA that compiles what is fused together by way of MLIR."""


def pytest_configure(config: pytest.Config) -> None:
    """Compiles quickly and everything once, here and in the processes that tests start."""
    # Tests of a file share models and programs: of several processes, one runs all of them.
    if config.getoption("dist", "no") == "load":
        config.option.dist = "loadfile"
    # Of several processes each has a core: threads of BLAS would wait for those of the others. By
    # the environment, which the processes are given before they import NumPy.
    for library in ("OPENBLAS", "OMP", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    # Most of what the suite does is to compile tiny networks that run a few times. The slow tests
    # train for hundreds of steps, and are compiled as a user's programs are.
    if config.getoption("markexpr") == "not slow":
        os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    # Without them XLA needs less than half the time for a program that is not optimised. What a
    # user's programs are compiled with is seen by the README's first line, which is no test.
    flags = os.environ.get("XLA_FLAGS", "")
    if EMITTERS not in flags and _xla_knows(EMITTERS):
        os.environ["XLA_FLAGS"] = f"{flags} --{EMITTERS}=false".strip()
    # By the environment, for JAX must not be imported by tests that do without it.
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(_compiled_folder(config))
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"


def _xla_knows(flag: str) -> bool:
    """Says whether the jaxlib here has a flag; XLA ends a process that names another."""
    found = find_spec("jaxlib")
    for folder in (found and found.submodule_search_locations) or ():
        for library in Path(folder).glob("libjax_common.*"):
            with library.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as read:
                return read.find(flag.encode()) >= 0
    return False


def _compiled_folder(config: pytest.Config) -> Path:
    """Returns where compiled programs are kept: until the next call, if pytest keeps anything."""
    if hasattr(config, "cache"):
        return config.cache.mkdir("compiled")
    folder = tempfile.TemporaryDirectory()
    config.add_cleanup(folder.cleanup)
    return Path(folder.name)


@pytest.fixture(scope="module")
def well_compiled() -> Iterator[None]:
    """Compiles as a user's programs are, for what takes longer to run than to compile."""
    with _compiled(quickly=False):
        yield


@pytest.fixture(scope="module")
def quickly_compiled() -> Iterator[None]:
    """Compiles as most tests do, for slow ones that compile longer than they run."""
    with _compiled(quickly=True):
        yield


@contextmanager
def _compiled(quickly: bool) -> Iterator[None]:
    import jax

    before = jax.config.read("jax_disable_most_optimizations")

    def change(now: bool) -> None:
        if jax.config.read("jax_disable_most_optimizations") != now:
            jax.config.update("jax_disable_most_optimizations", now)
            # JAX would go on with programs of before, whose sounds differ in their last bits.
            jax.clear_caches()

    change(quickly)
    yield
    change(before)


@pytest.fixture(scope="module")
def quick_griffin_lim() -> Iterator[None]:
    """Lets Griffin-Lim take one step where none is asked for, where what it sounds like is all one.

    Compiled as tests are, its sixteen take longer than everything else in a short rendering.
    """
    from mt3synth.vocoder.griffin_lim import GriffinLim

    with pytest.MonkeyPatch.context() as patch:
        usual = unwrap(GriffinLim.__init__)
        patch.setattr(usual, "__defaults__", (1, *usual.__defaults__[1:]))
        yield


@pytest.fixture
def as_released() -> Iterator[None]:
    """Turns off the shape and type checks that only tests run, so that our own messages are met."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)
