"""Make a data set of {title} from its official folder.

Splits are the official ones where there are such. --list-performances says by which rules
recordings can become performances, what a model is conditioned on. What cannot be used is listed
with its reason in DIR/rejected.csv, and the exit status is 3.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any

from mt3synth.commands.prepare.options import add_build_arguments, build_listing

if TYPE_CHECKING:
    from data_pipelines.sources import KnownDataset


def add_parsers(subcommands: Any) -> None:
    """Adds a subcommand for each known data set."""
    from data_pipelines.sources import DATASETS

    for dataset in DATASETS.values():
        sub = subcommands.add_parser(
            dataset.name,
            help=dataset.help,
            description=str(__doc__).format(title=dataset.title),
            allow_abbrev=False,
        )
        add = sub.add_argument
        add("--source", required=True, metavar="DIR", help="its official folder")
        add("--performances", metavar="RULE", help="how recordings become performances")
        listed = {"action": _ListRules, "dataset": dataset}
        add("--list-performances", help="say which rules exist", **listed)
        add_build_arguments(sub)
        sub.set_defaults(main=partial(main, dataset), called=sub.prog)


class _ListRules(argparse.Action):
    """Prints the rules and ends, as --help does, whatever else is missing."""

    def __init__(self, dataset: KnownDataset, **rest: Any) -> None:
        super().__init__(nargs=0, **rest)
        self._dataset = dataset

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        for i, (rule, meaning) in enumerate(self._dataset.rules().items()):
            print(f"{rule}: {meaning}{' (default)' if i == 0 else ''}")
        parser.exit()


def main(dataset: KnownDataset, args: argparse.Namespace) -> int:
    """Builds the data set."""
    from data_pipelines.filesystem import as_path

    listing = dataset.recordings(as_path(args.source), args.performances)
    return build_listing(args, listing, {"what": dataset.title, "licence": dataset.licence})
