"""How mt3synth is packaged; settings of the tools are in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "mt3synth/__init__.py").read_text())[1]
README = HERE / "README.md"

RENDERING = [
    "flax>=0.12,<0.13",
    "flax>=0.12.3; python_version >= '3.14'",  # those before look for annotations where they were
    "gin-config>=0.5",
    "jax>=0.10,<0.12",
    "jaxtyping>=0.3",
    "note-seq>=0.0.5",
    "numpy>=2.0",
    "pretty-midi>=0.2.11",
    "pyloudnorm>=0.2",
    "safetensors>=0.5",
    "scipy>=1.14",
    "soundfile>=0.13",
    "soxr>=0.5",
    "tqdm>=4.66",
]
SCORES = ["music21>=9.9"]  # MusicXML, kern and ABC
# Making data sets; the rendered corpus also needs Debian's fluidsynth and soundfonts.
DATA = [
    "google-crc32c>=1.6",
    "matplotlib>=3.9",
    "mir_eval>=0.8",
    *SCORES,
    "protobuf>=5",
    "pyyaml>=6",
    "universal-pathlib>=0.3",
]
TRAIN = [
    *DATA,
    "optax>=0.2.8",
    "orbax-checkpoint>=0.12",
    "seqio>=0.0.20",
    "tensorboardX>=2.6",
    "tensorflow>=2.21",
]
# basic-pitch pins an old TensorFlow: `pip install --no-deps basic-pitch` beside this extra, which
# has what it imports.
EVAL = [
    *DATA,
    "librosa>=0.11",
    "onnxruntime>=1.20",
    "resampy>=0.4.3",
    "scikit-learn>=1.5",
]
HUB = ["tensorflow>=2.21", "tensorflow-hub>=0.16"]  # TRILL and VGGish
DEMO = [*SCORES, "gradio>=6.31,<7", "pillow>=11"]  # ffmpeg, to hear songs while they are made
# In an environment of its own: it wants an older orbax than training does.
ONNX = ["jax2onnx>=0.17", "onnxruntime>=1.20"]
ALIGN = [*DATA, "librosa>=0.11", "synctoolbox>=1.4"]
# Beam wants protobuf 6, and what SeqIO reads vocabularies with is made for 7 from 0.2.3 on.
BEAM = [*DATA, "apache-beam>=2.70", "sentencepiece<0.2.3"]
# What t5x needs from the index; it comes from its repository itself (docs/t5x.md).
T5X = [
    *TRAIN,
    "cached_property>=2.0",
    "fiddle>=0.3",
    "grain>=0.2.18",
    "tensorboard>=2.20",
]
CUDA = ["jax[cuda13]>=0.10,<0.12"]  # driver 580 or later; cuda12 for older ones
CUDA12 = ["jax[cuda12]>=0.10,<0.12"]
TPU = ["jax[tpu]>=0.10,<0.12"]
DEV = [
    "beartype>=0.20",
    "equinox>=0.13",  # of jax2onnx, which .ci/run installs without what it requires
    "hypothesis>=6.100",
    "ipykernel>=6",
    "mido>=1.3",
    "mirdata>=1.0",
    "mypy>=1.15",
    "nbclient>=0.10",
    "onnx>=1.20",
    "onnx-ir>=0.2",
    "partitura>=1.9",
    "playwright>=1.50",  # with the chromium of the system
    "pytest>=8",
    "pytest-xdist>=3.6",
    "ruff>=0.9",
    "sympy>=1.13",
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
        "mt3synth": [
            "bundles/**/*",
            "commands/export/*.md",
            "demo/*.js",
            "portable/*.js",
            "portable/*.md",
            "demo/examples/*.mid",
            "evaluation/bundle/*.mid",
            "evaluation/embeddings/weights/*",
            "importers/*.md",
            "**/page.*",
            "reporting/*.js",
        ],
        "gin_configs": ["**/*.gin"],
        "data_pipelines": ["**/*.toml"],
    },
    install_requires=RENDERING,
    extras_require={
        "scores": SCORES,
        "data": DATA,
        "train": TRAIN,
        "eval": EVAL,
        "hub": HUB,
        "demo": DEMO,
        "onnx": ONNX,
        "align": ALIGN,
        "beam": BEAM,
        "t5x": T5X,
        "cuda": CUDA,
        "cuda12": CUDA12,
        "tpu": TPU,
        "dev": sorted({*TRAIN, *EVAL, *DEMO, *ALIGN, *BEAM, *DEV}),
    },
    entry_points={"console_scripts": ["mt3synth = mt3synth.cli:main"]},
    classifiers=[
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Topic :: Multimedia :: Sound/Audio :: Sound Synthesis",
    ],
)
