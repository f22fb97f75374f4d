"""Render MIDI files as gin says, the way `python -m t5x.infer` is called.

    python -m mt3synth.infer --gin.MIDI="'song.mid'" --gin.PERFORMANCE="'studio'" --gin.STEPS=20

gin_configs/infer/infer.gin lists the macros; every --gin_file is read after it. The same models,
options and files as of `mt3synth synthesize`.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from mt3synth import cli
from mt3synth.commands.shared import outputs
from mt3synth.configuration import build, parse

PROGRAM = "python -m mt3synth.infer"
DEFAULT_GIN = "gin_configs/infer/infer.gin"
_SAMPLING = ("steps", "start_time", "seed", "guidance_notes", "guidance_performance")


@dataclass(frozen=True)
class InferConfig:
    """Says what is rendered, and how.

        InferConfig(midi="song.mid", performance="studio", steps=20)

    Attributes:
      midi: path of a MIDI file or of a folder of them, or several paths.
      output: file for the sound, or a folder; see `mt3synth.commands.shared.outputs.plan_jobs`.
      bundle: folder of a model; None takes the one that comes with the package.
      performance: whose sound it gets; None takes the bundle's default.
      vocoder: name of one; None takes the bundle's own.
      vocoder_source: where the weights of a "neural" or "soundstream" one are.
      start, end: seconds between which a song is rendered; no end takes all.
      overwrite: whether files that exist may be replaced.
      steps, start_time, seed, guidance_notes, guidance_performance: see
        `mt3synth.synthesis.options.SamplingOptions`; what is None is left to gin and the model.

    Raises:
      ValueError: no path.
    """

    midi: str | Sequence[str]
    output: str | None = None
    bundle: str | None = None
    performance: str | None = None
    vocoder: str | None = None
    vocoder_source: str | None = None
    start: float = 0.0
    end: float | None = None
    overwrite: bool = False
    steps: int | None = None
    start_time: float | None = None
    seed: int | None = None
    guidance_notes: float | None = None
    guidance_performance: float | None = None

    def __post_init__(self) -> None:
        given = isinstance(self.midi, (str, list, tuple)) and len(self.midi)
        if not given or not all(isinstance(path, str) for path in self.inputs):
            raise ValueError(f"MIDI={self.midi!r}; must be a path in quotes, or a tuple of them")

    @property
    def inputs(self) -> Sequence[str]:
        """Lists the paths, of which there may be one."""
        return [self.midi] if isinstance(self.midi, str) else self.midi


def main(argv: Sequence[str] | None = None) -> int:
    """Renders what the arguments say; returns the exit status, 2 for what the user has to mend."""
    return cli.conduct(_parser, PROGRAM, argv)


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(
        prog=PROGRAM,
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    cli.add_gin_arguments(parser)
    parser.set_defaults(main=_main, called=PROGRAM)
    return parser


def _main(args: argparse.Namespace) -> int:
    parse.parse([DEFAULT_GIN, *(args.gin_file or [])], args.gin_bindings)
    config = build.build(InferConfig)
    jobs = outputs.plan_jobs(config.inputs, config.output, None)
    return outputs.run_jobs(jobs, "infer", config.overwrite, lambda: _prepare(config))


def _prepare(config: InferConfig) -> Callable[[outputs.Job], None]:
    """Loads the model; returns what renders one song with it."""
    import mt3synth
    from mt3synth.commands.shared import compilation_cache, vocoder_options
    from mt3synth.commands.synthesize.render_job import render
    from mt3synth.score import Span, read_score
    from mt3synth.synthesis import SamplingConfig
    from mt3synth.synthesis.options import SamplingOptions, sampling_config

    # Before the model is loaded: a span that holds nothing need not wait for it.
    span = Span(config.start, math.inf if config.end is None else config.end)
    compilation_cache.keep()
    model = mt3synth.load(config.bundle)
    options = SamplingOptions(**{name: getattr(config, name) for name in _SAMPLING})  # type: ignore
    renderer = model.renderer(
        config.performance,
        vocoder=vocoder_options.make(config.vocoder, config.vocoder_source, model.bundle),
        config=sampling_config(model.spec, options, build.build(SamplingConfig), build.build),
    )
    read = partial(read_score, span=span, spec=model.spec, carried=renderer.expression)
    return lambda job: render(job, read, renderer)


if __name__ == "__main__":
    # gin binds what is in `mt3synth.infer`, which a module that is run is not.
    from mt3synth import infer

    sys.exit(infer.main())
