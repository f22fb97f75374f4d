"""A report as one static page: no scripts, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from data_pipelines.inspection.examples import Example
from data_pipelines.inspection.tables import Table, performance_name

_STYLE = """
:root { color-scheme: light dark; --ink: #22303c; --faint: #c9d3da; --paper: #fbfaf7; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8eb; --faint: #45525c; --paper: #171b1f; }
}
body { margin: 2rem auto; max-width: 68rem; padding: 0 1rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
h3 { font-size: 1rem; margin: 0 0 .3rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .9rem .2rem 0; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--faint); }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; height: auto; background: white; border-radius: 4px; }
article { margin: 0 0 2rem; padding: 1rem; border: 1px solid var(--faint); border-radius: 8px; }
.players { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: .6rem 0; }
.players label { display: grid; gap: .2rem; font-size: .85rem; }
audio { width: 22rem; max-width: 100%; }
small { color: color-mix(in srgb, var(--ink) 70%, var(--paper)); }
"""


def page_of(
    title: str,
    tables: Sequence[Table],
    pictures: Mapping[str, Path],
    examples: Sequence[Example],
    names: Mapping[int, str],
    remarks: Sequence[str],
    folder: Path,
) -> str:
    """The page as HTML.

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
    parts += [_table(table) for table in tables]
    for caption, picture in pictures.items():
        parts.append(f"<h2>{escape(caption)}</h2>")
        parts.append(f'<img src="{_link(picture, folder)}" alt="{escape(caption)}">')
    if examples:
        parts.append(
            "<h2>Examples</h2><p>Of the second player the left channel is the recording, the right"
            " one its notes as plain tones: best heard with headphones. If the tones come late or"
            " early, or play something else, notes and sound do not match.</p>"
        )
        parts += [_example(example, names, folder) for example in examples]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    return (
        f'<h2>{escape(table.heading)}</h2>\n<div class="wide"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>"
    )


def _example(example: Example, names: Mapping[int, str], folder: Path) -> str:
    midi, picture = _link(example.midi, folder), _link(example.picture, folder)
    where = (
        f"{performance_name(names, example.performance)}, {example.split}, song {example.number},"
        f" {example.start:.1f} to {example.end:.1f} s, {example.notes} notes"
    )
    return (
        f"<article>\n<h3>{escape(example.song)}</h3>\n<small>{escape(where)}</small>\n"
        f'<div class="players">{_player("recording", example.audio, folder)}'
        f"{_player('left recording, right notes', example.check, folder)}</div>\n"
        f'<a href="{picture}"><img src="{picture}" loading="lazy" alt="mel frames and notes"></a>\n'
        f'<p><a href="{midi}">{escape(example.midi.name)}</a></p>\n</article>'
    )


def _player(what: str, audio: Path, folder: Path) -> str:
    source = _link(audio, folder)
    return f'<label>{escape(what)}<audio controls preload="none" src="{source}"></audio></label>'


def _link(path: Path, folder: Path) -> str:
    return quote(path.relative_to(folder).as_posix())
