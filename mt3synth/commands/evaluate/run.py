"""Runs an evaluation whose set is ready: measures, writes and prints."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from mt3synth.errors import UserError
from mt3synth.evaluation.evaluate import PAGE, Evaluation, ExampleOptions, Names, evaluate, write
from mt3synth.evaluation.evaluation_set import EvaluationSet, Problem
from mt3synth.evaluation.listening import trials
from mt3synth.evaluation.metrics.metric import Evaluators
from mt3synth.evaluation.report.tables import NOT_MEASURED
from mt3synth.exclusive import hold_folder
from mt3synth.reporting.tables import as_text


def run(
    args: argparse.Namespace,
    items: EvaluationSet,
    evaluators: Evaluators,
    names: Names,
    lacking: Sequence[Problem] = (),
    complete: Callable[[Evaluation], None] = lambda evaluation: None,
) -> int:
    """Evaluates, writes the report and what else the options ask for, and prints the tables.

    Args:
      args: parsed options.
      items: what to measure.
      evaluators: what measures.
      names: for the report.
      lacking: transcribers that are not installed, which stderr has said already.
      complete: adds to the evaluation before it is written.

    Returns:
      The exit status: 2 if a transcriber was not installed, else 3 if something could not be
      measured, else 0.

    Raises:
      UserError: a folder cannot be written to, or another process does.
    """
    with hold_folder(args.out):
        return _run(args, items, evaluators, names, lacking, complete)


def _run(
    args: argparse.Namespace,
    items: EvaluationSet,
    evaluators: Evaluators,
    names: Names,
    lacking: Sequence[Problem],
    complete: Callable[[Evaluation], None],
) -> int:
    examples = ExampleOptions(args.examples, args.example_seconds)
    items.problems += lacking
    done = evaluate(items, evaluators, names, examples, _progress)
    complete(done)
    write(done, names, args.out)
    shown = [table for table in done.tables if table.heading != NOT_MEASURED]
    print(as_text(shown, headings=True))
    print(f"\nReport: {args.out / PAGE}")
    problems = done.report["problems"]
    if args.listening_test is not None:
        problems += _write_listening_test(args.listening_test, items, evaluators)
    said = {problem.item for problem in lacking}
    for problem in problems:
        if problem["item"] not in said:
            print(f"mt3synth evaluate: {problem['item']}: {problem['reason']}", file=sys.stderr)
    if lacking:
        return 2
    return 3 if problems else 0


def _progress(loop: Iterable[Any], what: str) -> Iterable[Any]:
    """Shows a bar on a terminal, and nothing elsewhere."""
    from tqdm import tqdm

    return tqdm(loop, desc=what, unit="", disable=not sys.stderr.isatty(), leave=False)


def _write_listening_test(
    folder: Path, items: EvaluationSet, evaluators: Evaluators
) -> list[dict[str, str]]:
    """Writes a test of the usual length; returns what was in the way, as a report lists it."""
    try:
        test = trials.listening_test(items, evaluators, trials.Sizes())
    except UserError as error:
        # The measurements stand, whether there is something to listen to or not.
        return [{"item": "--listening-test", "reason": str(error)}]
    print(f"Listening test: {trials.write(test, folder)}")
    return []
