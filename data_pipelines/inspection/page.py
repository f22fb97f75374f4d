"""Formats a report as one static page: no scripts, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from data_pipelines.inspection.examples import Example
from data_pipelines.inspection.tables import name_performance
from mt3synth.reporting import html
from mt3synth.reporting.tables import Table


def format_page(
    title: str,
    tables: Sequence[Table],
    pictures: Mapping[str, Path],
    examples: Sequence[Example],
    names: Mapping[int, str],
    remarks: Sequence[str],
    folder: Path,
) -> str:
    """Formats the page as HTML.

    Args:
      title: above it all.
      tables: the figures.
      pictures: of the figures, by caption.
      examples: songs to hear and see.
      names: of performances by index.
      remarks: lines below the title.
      folder: where the page will lie; all files are linked as seen from there.
    """
    parts = [f"<h1>{escape(title)}</h1>"]
    parts += [f"<p>{escape(remark)}</p>" for remark in remarks]
    parts += [html.table(table) for table in tables]
    for caption, picture in pictures.items():
        parts.append(f"<h2>{escape(caption)}</h2>")
        parts.append(f'<img src="{_make_link(picture, folder)}" alt="{escape(caption)}">')
    if examples:
        parts.append(
            "<h2>Examples</h2><p>Of the second player the left channel is the recording, the right"
            " one its notes as plain tones: best heard with headphones. If the tones come late or"
            " early, or play something else, notes and sound do not match.</p>"
        )
        parts += [_format_example(example, names, folder) for example in examples]
    return html.document(title, "\n".join(parts))


def _format_example(example: Example, names: Mapping[int, str], folder: Path) -> str:
    midi, picture = _make_link(example.midi, folder), _make_link(example.picture, folder)
    where = (
        f"{name_performance(names, example.performance)}, {example.split}, song {example.number},"
        f" {example.start:.1f} to {example.end:.1f} s, {example.notes} notes"
    )
    return (
        f"<article>\n<h3>{escape(example.song)}</h3>\n<small>{escape(where)}</small>\n"
        f'<div class="players">{_format_player("recording", example.audio, folder)}'
        f"{_format_player('left recording, right notes', example.check, folder)}</div>\n"
        f'<a href="{picture}"><img src="{picture}" loading="lazy" alt="mel frames and notes"></a>\n'
        f'<p><a href="{midi}">{escape(example.midi.name)}</a></p>\n</article>'
    )


def _format_player(what: str, audio: Path, folder: Path) -> str:
    source = _make_link(audio, folder)
    return f'<label>{escape(what)}<audio controls preload="none" src="{source}"></audio></label>'


def _make_link(path: Path, folder: Path) -> str:
    return quote(path.relative_to(folder).as_posix())
