"""From noise to frames, step by step, by NumPy: for a seed the noise that JAX draws."""

from collections.abc import Callable

import numpy as np

Denoise = Callable[[np.ndarray, float], np.ndarray]


def sample(denoise: Denoise, mean: np.ndarray, steps: list, start: list, seed: int) -> np.ndarray:
    """Draws frames around a prior's mean.

    Args:
      denoise: the data predicted from noisy frames and a time.
      mean: of the prior, `[L, M]`.
      steps: for each step its time; the shares of the noisy frames, of this prediction, of the one
        before and of fresh noise in the next noisy frames; and that by which the prediction made
        there corrects them.
      start: scale of the mean at the first time, and for each bin that of the noise around it.
      seed: of all noise.
    """
    first, later = split(np.array([0, seed], np.uint32), 2)
    scale, spread = start
    x_t = np.float32(scale) * mean + np.array(spread, np.float32) * normal(first, mean.shape)
    before = x0 = np.zeros_like(mean)
    table = np.array(steps, np.float32)
    for row, key, following in zip(table, split(later, len(table)), np.roll(table, -1, 0)):
        time, of_noisy, of_x0, of_before, of_fresh, corrects = row
        before, x0 = x0, denoise(x_t, time)
        x_t = of_noisy * x_t + of_x0 * x0 + of_before * before
        if of_fresh:
            x_t += of_fresh * normal(key, mean.shape)
        if corrects:
            x_t += corrects * (denoise(x_t, following[0]) - x0)
    return x0


def normal(key: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Draws what `jax.random.normal` draws, float32."""
    high, low = threefry(key, int(np.prod(shape)))
    unit = ((high ^ low) >> np.uint32(9) | np.uint32(0x3F800000)).view(np.float32) - 1
    lowest = np.nextafter(np.float32(-1), np.float32(0))
    at = np.maximum(lowest, unit * (1 - lowest) + lowest)
    # The inverse error function as Giles approximates it (GPU Computing Gems 2, 2010, chapter 10).
    w = -np.log1p(-at * at)
    middle, tail = (np.array(each, np.float32) for each in (_MIDDLE, _TAIL))
    inverse = np.where(
        w < 5, np.polyval(middle, w - np.float32(2.5)), np.polyval(tail, np.sqrt(w) - np.float32(3))
    )
    return (np.float32(np.sqrt(2)) * inverse * at).reshape(shape)


def split(key: np.ndarray, count: int) -> np.ndarray:
    """Makes the keys that `jax.random.split` makes, `[count, 2]`."""
    return np.stack(threefry(key, count), axis=1)


def threefry(key: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Encrypts the numbers from 0 on by Threefry-2x32 of 20 rounds (Salmon et al., SC 2011)."""
    keys = (key[0], key[1], key[0] ^ key[1] ^ np.uint32(0x1BD11BDA))
    x, y = np.full(count, keys[0]), np.arange(count, dtype=np.uint32) + keys[1]
    for group in range(5):
        for turn in ((13, 15, 26, 6), (17, 29, 16, 24))[group % 2]:
            x = x + y
            y = (y << np.uint32(turn) | y >> np.uint32(32 - turn)) ^ x
        x = x + keys[(group + 1) % 3]
        y = y + keys[(group + 2) % 3] + np.uint32(group + 1)
    return x, y


# fmt: off
_MIDDLE = (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
           -0.00125372503, -0.00417768164, 0.246640727, 1.50140941)
_TAIL = (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
         -0.0076224613, 0.00943887047, 1.00167406, 2.83297682)
