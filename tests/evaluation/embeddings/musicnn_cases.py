"""Inputs whose outputs the published network has been run for, and weights for it."""

import numpy as np

SHAPES = {
    "conv2d": (7, 38, 1, 204),
    "conv2d_1": (7, 67, 1, 204),
    "conv2d_2": (128, 1, 1, 51),
    "conv2d_3": (64, 1, 1, 51),
    "conv2d_4": (32, 1, 1, 51),
    "conv2d_5": (7, 561, 1, 64),
    "conv2d_6": (7, 64, 1, 64),
    "conv2d_7": (7, 64, 1, 64),
    "dense": (1506, 200),
    "dense_1": (200, 50),
}
NORMALISED = (1, 204, 204, 51, 51, 51, 64, 64, 64, 1506, 200)


def random_weights() -> dict[str, np.ndarray]:
    """Variables of the checkpoint's names and shapes; gains of either sign."""
    rng = np.random.default_rng(0)
    weights = {}
    for name, shape in SHAPES.items():
        scale = np.sqrt(2 / np.prod(shape[:-1]))
        weights[f"{name}/kernel"] = rng.normal(0, scale, shape)
        weights[f"{name}/bias"] = rng.normal(0, 0.1, shape[-1])
    for number, size in enumerate(NORMALISED):
        name = f"batch_normalization_{number}" if number else "batch_normalization"
        weights[f"{name}/gamma"] = rng.normal(0, 1, size)
        weights[f"{name}/beta"] = rng.normal(0, 0.3, size)
        weights[f"{name}/moving_mean"] = rng.normal(0.5, 0.3, size)
        weights[f"{name}/moving_variance"] = rng.uniform(0.5, 2, size)
    return {name: value.astype(np.float32) for name, value in weights.items()}


def patches() -> np.ndarray:
    """Makes two windows of the front end's range, float32 ``[2, 187, 96]``."""
    return np.random.default_rng(1).uniform(0, 4, (2, 187, 96)).astype(np.float32)


def music(seconds: float) -> np.ndarray:
    """Plucked chords and a little noise, so quiet that float16 mels do not overflow; 16 kHz."""
    rng = np.random.default_rng(2)
    audio = rng.normal(0, 1e-4, round(16000 * seconds))
    for start in np.arange(0, seconds, 0.25):
        time = np.arange(round(16000 * min(1.0, seconds - start))) / 16000
        for key in rng.choice(np.arange(45, 80), 3):
            tone = 440 * 2 ** ((key - 69) / 12)
            for partial in range(1, 8):
                wave = np.sin(2 * np.pi * partial * tone * time) * np.exp(-4 * partial * time)
                audio[round(16000 * start) :][: len(time)] += 0.002 / partial * wave
    return audio.astype(np.float32)
