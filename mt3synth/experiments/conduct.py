"""Runs an experiment: trains, exports and evaluates arm after arm, and sums them up.

Every arm has a folder in OUT: ``arm.json`` says what it is, ``run`` and ``bundle`` are there if it
is trained or changed, ``report`` is its evaluation. What is there is not done again, so that an
experiment that was stopped goes on. ``table.md``, ``figures.json`` and ``figures.png`` are of all
arms that are done, written anew after each.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from mt3synth import bundle as bundles
from mt3synth.atomic import write_bytes, write_text
from mt3synth.errors import UserError
from mt3synth.exclusive import hold_folder
from mt3synth.experiments.arms import Arm, Experiment
from mt3synth.experiments.figures import draw, figures_of, table_of
from mt3synth.experiments.film import scale
from mt3synth.foreign_files import read_json
from mt3synth.reporting.tables import Table, as_markdown
from mt3synth.signals import SignalHandler

_PARTS = ("--only", "excerpts", "crossed")
"""Of an evaluation, unless it is given others: what a corpus has a real rendering of."""

_PARTLY = 3
"""Exit status of an evaluation that could not measure something."""

Call = Callable[[Sequence[str]], int]
"""Runs the command line with arguments, and returns its exit status."""


@dataclass(frozen=True)
class Setting:
    """Says on what an experiment is run.

    Attributes:
      corpus: a prepared data set, to train on and to evaluate by.
      out: folder of everything that is made.
      bundle: of arms that are not trained; its vocoder serves all arms.
      minutes: for each arm that is trained.
      evaluate: what every evaluation is given, beside what the experiment says.
    """

    corpus: Path
    out: Path
    bundle: Path
    minutes: float
    evaluate: tuple[str, ...] = ()


class _Termination(SignalHandler):
    """Ends this process as SIGTERM would, but not before whoever waits has cleared up."""

    def handle(self, number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)


def call_program(arguments: Sequence[str]) -> int:
    """Runs ``mt3synth`` in a process of its own, so that gin and JAX begin anew for each arm."""
    command = [sys.executable, "-m", "mt3synth", *arguments]
    with _Termination(signal.SIGTERM), subprocess.Popen(command) as process:
        try:
            return process.wait()
        except BaseException:
            # Whoever stops this stops the arm, too; a training saves before it ends.
            process.terminate()
            process.wait()
            raise


def conduct(experiment: Experiment, setting: Setting, call: Call = call_program) -> Table:
    """Does what is not done yet, and returns the table of all arms.

    Raises:
      UserError: an arm cannot be trained or evaluated, or OUT holds an arm of other settings.
    """
    with hold_folder(setting.out):
        reports = {}
        common = {
            "corpus": str(setting.corpus.resolve()),
            "bundle": bundles.load(setting.bundle).hash,
        }
        for arm in experiment.arms:
            folder = setting.out / arm.name
            given = (*experiment.evaluate, *setting.evaluate, *arm.evaluate)
            minutes = setting.minutes if arm.train else None
            own = {**arm.to_dict(), **common, "minutes": minutes, "evaluate": list(given)}
            _keep_settings(folder, own)
            report = folder / "report/report.json"
            if not report.exists():
                made = _make(arm, folder, setting, call)
                words = ["evaluate", "bundle", "--bundle", made, "--corpus", setting.corpus]
                words += [*_PARTS, *given, "--out", folder / "report"]
                status = call([*map(str, words)])
                if status not in (0, _PARTLY) or not report.exists():
                    raise UserError(
                        f"arm {arm.name} was not evaluated (status {status}, see above)"
                    )
            reports[arm.name] = read_json(report)
            table = table_of(experiment, reports)
            write_text(setting.out / "table.md", as_markdown([table]))
            figures = {name: figures_of(each, "generated") for name, each in reports.items()}
            write_text(setting.out / "figures.json", json.dumps(figures, indent=1) + "\n")
            write_bytes(setting.out / "figures.png", draw(experiment, figures))
        return table


def _keep_settings(folder: Path, own: Mapping[str, Any]) -> None:
    """Writes down what an arm is, or sees that what is there is of the same."""
    kept = folder / "arm.json"
    before = read_json(kept) if kept.exists() else own
    # What was made does not depend on how it is to be judged, as long as it was not.
    judged = (folder / "report").exists()
    changed = [n for n in own if before.get(n) != own[n] and (judged or n != "evaluate")]
    if changed:
        raise UserError(
            f"{folder}: was made with other {', '.join(changed)}; name another --out, or remove it"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_text(kept, json.dumps(own, indent=1) + "\n")


def _make(arm: Arm, folder: Path, setting: Setting, call: Call) -> Path:
    """Returns the folder of the arm's bundle, made if need be."""
    made = setting.bundle
    if arm.train:
        made = folder / "bundle"
        if not made.exists():
            run, corpus = str(folder / "run"), str(setting.corpus)
            budget = ("--budget-minutes", f"{setting.minutes:g}")
            _demand(call, arm, "train", *arm.train, "--data", corpus, "--run", run, *budget)
            vocoder = ("--vocoder", str(setting.bundle))
            _demand(
                call, arm, "export", "--run", run, "--corpus", corpus, *vocoder, "-o", str(made)
            )
    if arm.film != 1.0:
        changed = folder / "film"
        if not changed.exists():
            _save_film(arm, bundles.load(made), changed)
        made = changed
    return made


def _save_film(arm: Arm, bundle: bundles.Bundle, folder: Path) -> None:
    params = scale(bundle.params, arm.film, arm.film_in)
    card = f"# {bundle.folder.name}, the performance's FiLM times {arm.film:g} ({arm.film_in})\n"
    bundles.save(
        folder,
        bundle.spec,
        bundle.performances,
        bundle.default,
        params,
        card,
        precision="float32",
        vocoder=bundle.vocoder,
    )


def _demand(call: Call, arm: Arm, *arguments: str) -> None:
    status = call(arguments)
    if status:
        raise UserError(f"arm {arm.name}: `{arguments[0]}` ended with {status}, see above")
