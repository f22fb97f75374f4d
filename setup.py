"""How mt3synth is packaged; settings of the tools are in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "mt3synth/__init__.py").read_text())[1]
README = HERE / "README.md"

RENDERING = [
    "flax>=0.12,<0.13",
    "gin-config>=0.5",
    "jax>=0.10,<0.12",
    "jaxtyping>=0.3",
    "mido>=1.3",
    "note-seq>=0.0.5",
    "numpy>=2.0",
    "pretty-midi>=0.2.11",
    "safetensors>=0.5",
    "scipy>=1.14",
    "soundfile>=0.13",
    "soxr>=0.5",
    "tqdm>=4.66",
]
# Training, and building the corpus; the latter also needs Debian's fluidsynth and soundfonts.
TRAIN = [
    "music21>=9.9",
    "optax>=0.2.8",
    "orbax-checkpoint>=0.12",
    "seqio>=0.0.20",
    "tensorboardX>=2.6",
    "tensorflow>=2.21",
]
# basic-pitch pins an old TensorFlow: `pip install --no-deps basic-pitch` beside this extra, which
# has what it imports.
EVAL = [
    "librosa>=0.11",
    "matplotlib>=3.9",
    "mir_eval>=0.8",
    "onnxruntime>=1.20",
    "resampy>=0.4.3",
    "scikit-learn>=1.5",
]
DEV = [
    "beartype>=0.20",
    "hypothesis>=6.100",
    "mypy>=1.15",
    "pytest>=8",
    "pytest-xdist>=3.6",
    "ruff>=0.9",
]

setup(
    name="mt3synth",
    version=VERSION,
    description="MIDI in, music out: diffusion synthesis in the sound of a performance you name",
    long_description=README.read_text() if README.exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(
        include=[
            f"{top}{sub}"
            for top in ("mt3synth", "data_pipelines", "gin_configs")
            for sub in ("", ".*")
        ]
    ),
    package_data={
        "mt3synth": ["bundles/**/*"],
        "gin_configs": ["**/*.gin"],
        "data_pipelines": ["**/*.toml"],
    },
    install_requires=RENDERING,
    extras_require={"train": TRAIN, "eval": EVAL, "dev": [*TRAIN, *EVAL, *DEV]},
    entry_points={"console_scripts": ["mt3synth = mt3synth.cli:main"]},
    classifiers=[
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Multimedia :: Sound/Audio :: Sound Synthesis",
    ],
)
