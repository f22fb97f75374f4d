"""Writes the report of an evaluation as one page that needs nothing beside itself.

Its size is bounded: so many examples, so many seconds of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from mt3synth.evaluation.evaluation_set import LABELS
from mt3synth.evaluation.report.tables import NOT_MEASURED
from mt3synth.reporting import html
from mt3synth.reporting.tables import Table

_STYLE = Path(__file__).with_name("page.css").read_text("utf-8")


@dataclass(frozen=True, eq=False)
class Example:
    """Holds a piece to hear and see.

    Attributes:
      name, performance: of the piece.
      start, end: seconds of it.
      audio: MP3 by kind.
      picture: PNG of the mel frames of every kind.
    """

    name: str
    performance: str
    start: float
    end: float
    audio: Mapping[str, bytes]
    picture: bytes


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Holds what came of an evaluation.

        write(evaluate(items, evaluators, names, ExampleOptions(), progress), names, out)

    Attributes:
      report: what ``report.json`` holds.
      tables: its figures as text.
      pictures: PNG by caption.
      examples: to hear and see.
    """

    report: dict[str, Any]
    tables: list[Table]
    pictures: dict[str, bytes]
    examples: list[Example]


def page_of(evaluation: Evaluation, title: str) -> str:
    """Writes the page of an evaluation as HTML, under a title."""
    reasons = [t for t in evaluation.tables if t.heading == NOT_MEASURED]
    parts = [f"<h1>{escape(title)}</h1>", html.paragraphs(_about(evaluation.report))]
    parts += [html.table(t) for t in evaluation.tables if t not in reasons]
    if evaluation.pictures:
        parts.append('<h2>Pictures</h2>\n<div class="pictures">')
        parts += [html.figure(caption, png) for caption, png in evaluation.pictures.items()]
        parts.append("</div>")
    if evaluation.examples:
        parts.append("<h2>Examples</h2>")
        parts += [_example(example) for example in evaluation.examples]
    # Last, as it is for whoever made the files; the others are for whoever reads the page.
    parts += [html.table(t).replace("<table>", '<table class="reasons">') for t in reasons]
    return html.document(title, "\n".join(parts), _STYLE, html.ONE_PLAYER)


def _about(report: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{report['pieces']} pieces of {len(report['performances'])} performances beside"
        f" {report['recordings']} recordings. Embedding {report['embedding']['name']}"
        f" {report['embedding']['version']} ({report['embedding']['dimension']} dimensions,"
        f" {report['embedding']['rate']:g} per second); vocoder {report['vocoder']};"
        f" transcribers {', '.join(report['transcribers']) or 'none'}; seed {report['seed']}.",
        "Beside what was generated stand the real recordings and what the vocoder leaves of them:"
        " no rendering through this vocoder can be expected to do better. Square brackets hold"
        " 95 % bootstrap intervals over pieces.",
    ]
    if report["embedding"]["name"] == "log-mel":
        lines.append("Log-mel statistics know nothing of music; a trained embedding says more.")
    return lines


def _example(example: Example) -> str:
    where = f"{example.performance}, {example.start:.1f} to {example.end:.1f} s"
    players = "".join(html.player(LABELS[kind], mp3) for kind, mp3 in example.audio.items())
    return (
        f"<article>\n<h3>{escape(example.name)}</h3>\n<small>{escape(where)}</small>\n"
        f'<div class="players">{players}</div>\n'
        f"{html.picture(f'mel frames of {example.name}', example.picture)}\n</article>"
    )
