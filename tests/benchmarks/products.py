"""The matrix products and convolutions of a function, each timed by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend import core
from stopwatch import Clock, best_seconds

NAMES = ("dot_general", "conv_general_dilated")


@dataclass(frozen=True)
class Product:
    """A matrix product or convolution, alike wherever shapes, types and dimensions agree.

    Attributes:
      primitive: of JAX.
      operands: shape and type of both.
      result: shape of what comes out.
      parameters: of the primitive, as text, to tell products apart.
    """

    primitive: str
    operands: tuple[tuple[tuple[int, ...], str], ...]
    result: tuple[int, ...]
    parameters: str

    def __str__(self) -> str:
        left, right = ("x".join(map(str, shape)) for shape, _ in self.operands)
        return (
            f"{self.primitive.split('_')[0]} {left} , {right} -> {'x'.join(map(str, self.result))}"
        )


class Products:
    """Lists all products of one call of ``function``, with how often each occurs.

    Loops count with their turns; of the branches of a condition the first counts.

    Args:
      function: traceable, or jitted.
      *args: its arguments, or their shapes.
    """

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self.counts: Counter[Product] = Counter()
        self._equations: dict[Product, Any] = {}
        for equation, turns in _equations(jax.make_jaxpr(function)(*args).jaxpr, 1):
            product = Product(
                equation.primitive.name,
                tuple((v.aval.shape, str(v.aval.dtype)) for v in equation.invars),
                equation.outvars[0].aval.shape,
                str(sorted(equation.params.items(), key=lambda item: item[0])),
            )
            self.counts[product] += turns
            self._equations[product] = equation
        self._compiled = {p: jax.jit(_call(e)) for p, e in self._equations.items()}

    def seconds(self, clock: Clock = "wall") -> dict[Product, float]:
        """Takes the best time of one call of each, with random operands."""
        found = {}
        for product, call in self._compiled.items():
            operands = [
                jax.random.normal(jax.random.key(i), shape, jnp.float32).astype(dtype)
                for i, (shape, dtype) in enumerate(product.operands)
            ]
            found[product] = best_seconds(partial(call, *operands), clock=clock)
        return found

    def total(self, seconds: dict[Product, float]) -> float:
        """Adds up the seconds of all of them, each as often as it occurs."""
        return sum(count * seconds[product] for product, count in self.counts.items())


def _call(equation: Any) -> Callable[..., Any]:
    return lambda *operands: equation.primitive.bind(*operands, **equation.params)


def _equations(jaxpr: core.Jaxpr, turns: int) -> Iterator[tuple[Any, int]]:
    for equation in jaxpr.eqns:
        name, params = equation.primitive.name, equation.params
        if name in NAMES:
            yield equation, turns
            continue
        inner = params["branches"][:1] if name == "cond" else list(_inner(params))
        for each in inner:
            repeats = params["length"] if name == "scan" else 1
            yield from _equations(getattr(each, "jaxpr", each), turns * repeats)


def _inner(params: dict[str, Any]) -> Iterator[Any]:
    for value in params.values():
        for item in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(item, (core.Jaxpr, core.ClosedJaxpr)):
                yield item
