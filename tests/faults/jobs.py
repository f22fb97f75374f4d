"""The commands that are killed: what each is given, and how it is started, first and again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import inputs

_TINY = (
    "UNetConfig.widths=(16,16)",
    "UNetConfig.blocks=1",
    "UNetConfig.attention_levels=(1,)",
    "UNetConfig.roll_width=8",
    "UNetConfig.condition_width=4",
    "NotePriorConfig.width=8",
    "NotePriorConfig.key_width=4",
    "NotePriorConfig.features=4",
    "NotePriorConfig.exponent=1.0",
)
_VOCODER = (
    "VocosConfig.width=16",
    "VocosConfig.layers=1",
    "VocosConfig.mlp_width=16",
    "VocosConfig.projections=1",
    "DiscriminatorConfig.periods=(3,)",
    "DiscriminatorConfig.windows=(256,)",
    "DiscriminatorConfig.period_channels=(4,)",
    "DiscriminatorConfig.resolution_channels=(2,)",
    "VocoderTrainConfig.frames=8",
    "VocoderTrainConfig.eval_segments=1",
    "VocoderTrainConfig.eval_frames=20",
    "ADVERSARIAL_FROM=6",
)
_GRIFFIN_LIM = ("--vocoder", "griffin-lim", "--gin.griffin_lim.GriffinLim.iterations=1")


@dataclass(frozen=True)
class Job:
    """A command that writes something which takes time.

    Attributes:
      inputs: by their names in the folder where it runs, who writes them.
      arguments: of the command line.
      status: with which it ends; 3 is that all was done but for what was rejected.
      result: what is not there before all is done, if a command that finds it refuses to go on.
      again: arguments more when it is started again.
      timed: whether it writes down how long something took, which is then made the same always.
    """

    inputs: dict[str, Callable[[Path], None]]
    arguments: tuple[str, ...]
    status: int = 0
    result: str | None = None
    again: tuple[str, ...] = ()
    timed: bool = False


def _gin(*bindings: str) -> tuple[str, ...]:
    return tuple(f"--gin.{binding}" for binding in bindings)


def _steps(config: str, steps: int = 12) -> tuple[str, ...]:
    return _gin(
        f"TRAIN_STEPS={steps}",
        "BATCH_SIZE=2",
        *(f"{config}.{name}" for name in ("log_every=2", "save_every=3", "validations=3")),
    )


_EVALUATE = (
    *("evaluate", "--generated", "case/generated", "--reference", "case/reference"),
    *("--performances", "case/map.csv", "--real", "case/real", "--bundle", "bundle"),
    *("--transcriber", "case/hears.py:hear", "--examples", "1", "--cache", "cache"),
    *("--out", "out", "--listening-test", "listen", *_GRIFFIN_LIM),
)
_SYNTHESIZE = (
    *("synthesize", "songs", "-o", "out", "--bundle", "bundle", "--steps", "2", *_GRIFFIN_LIM),
    *("--save-mel", "out", "--sidecar"),
)
_ADAPT = (
    *("adapt", "--bundle", "bundle", "--audio", "takes/0.wav", "--midi", "takes/0.mid"),
    *("--name", "my room", "-o", "mine", "--steps", "6"),
)
_CORPUS = (
    *("prepare", "corpus", "--out", "out", "--hours", "0.02", "--seed", "5"),
    *("--validation-hours", "0.001", "--test-hours", "0.001", "--format", "numpy"),
    *("--shard-minutes", "0.5", "--performances", "given/performances.toml"),
    *("--cache", "given/scores", "--sample-rate", "16000"),
)
_PAIRS = (
    *("prepare", "pairs", "--manifest", "pairs/pairs.csv", "--out", "out"),
    *("--shard-minutes", "0.05"),
)


def _make_folder(folder: Path) -> None:
    folder.mkdir()


JOBS = {
    "train": Job(
        {"bundle": inputs.write_origin, "data": inputs.write_shards},
        (
            *("train", "--data", "data", "--run", "run", "--init-from", "bundle"),
            *_gin(*_TINY, "TrainConfig.eval_batches=1"),
            *_steps("TrainConfig"),
        ),
    ),
    "train-vocoder": Job(
        {"data": inputs.write_shards},
        (
            *("train-vocoder", "--data", "data", "--run", "run"),
            *_gin(*_VOCODER),
            *_steps("VocoderTrainConfig"),
        ),
    ),
    "train-transcriber": Job(
        {"data": inputs.write_shards},
        (
            *("train-transcriber", "--data", "data", "--run", "run"),
            *_gin("MelTranscriberConfig.width=8", "MelTranscriberConfig.layers=1"),
            *_steps("TranscriberTrainConfig"),
        ),
    ),
    "pairs": Job({"pairs": inputs.write_pairs}, (*_PAIRS, "--workers", "1"), 3),
    "pairs, two workers": Job({"pairs": inputs.write_pairs}, (*_PAIRS, "--workers", "2"), 3),
    "corpus": Job({"given": inputs.write_scores}, (*_CORPUS, "--workers", "1")),
    "transcribe": Job(
        {"given": inputs.write_recordings},
        (
            *("prepare", "transcribe", "given/music", "--out", "out"),
            *("--transcriber", "given/hears.py:hear"),
        ),
        3,
    ),
    "align": Job(
        {"takes": inputs.write_takes},
        ("prepare", "align", "--manifest", "takes/takes.csv", "--out", "out"),
        3,
    ),
    "evaluate": Job(
        {"bundle": inputs.write_bundle, "case": inputs.write_evaluated}, _EVALUATE, timed=True
    ),
    "adapt": Job(
        {"bundle": inputs.write_bundle, "takes": inputs.write_takes}, _ADAPT, result="mine"
    ),
    "adapt, kept": Job(
        {"bundle": inputs.write_bundle, "takes": inputs.write_takes},
        (*_ADAPT, "--added-steps", "6", "--run", "run"),
        result="mine",
    ),
    "export": Job(
        {"run": inputs.write_run}, ("export", "--run", "run", "-o", "mine"), result="mine"
    ),
    "export, onnx": Job(
        {"bundle": inputs.write_bundle},
        ("export", "--bundle", "bundle", "--onnx", "mine"),
        result="mine",
    ),
    "synthesize": Job(
        {"bundle": inputs.write_origin, "songs": inputs.write_songs, "out": _make_folder},
        _SYNTHESIZE,
        again=("--resume",),
    ),
}

_BEGIN = JOBS["train"].arguments.index("--init-from")
TRAIN_ANEW = JOBS["train"].arguments[:_BEGIN] + JOBS["train"].arguments[_BEGIN + 2 :]
"""The same training from no weights, which needs no bundle."""
