"""Writes static pages: their style, and the parts that several of them have."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from mt3synth.reporting.tables import Table

STYLE = Path(__file__).with_name("page.css").read_text("utf-8")
ONE_PLAYER = Path(__file__).with_name("one_player.js").read_text("utf-8")
"""A script for pages of many players: when one begins to play, the others stop."""


def document(title: str, body: str, style: str = "", script: str = "") -> str:
    """Writes a whole page that loads nothing; ``body`` is HTML, everything else is text."""
    scripts = f"<script>\n{script}\n</script>\n" if script else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'  # or browsers ask for favicon.ico
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}{style}</style>\n</head>\n"
        f"<body>\n{body}\n{scripts}</body>\n</html>\n"
    )


def table(content: Table) -> str:
    """Writes a table under its heading."""
    head = "".join(f"<th>{escape(column)}</th>" for column in content.columns)
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>"
        for row in content.rows
    )
    note = f"\n<p><small>{escape(content.note)}</small></p>" if content.note else ""
    return (
        f'<h2>{escape(content.heading)}</h2>\n<div class="wide"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>{note}"
    )


def _cell(text: str) -> str:
    """Writes a cell whose interval, if any, is not torn apart on a narrow screen."""
    figure, bracket, interval = text.partition(" [")
    if not bracket or not text.endswith("]"):
        return escape(text)
    return f'{escape(figure)} <span class="interval">[{escape(interval)}</span>'


def picture(caption: str, png: bytes) -> str:
    """Writes a picture into the page."""
    return f'<img src="{data_uri(png, "image/png")}" alt="{escape(caption)}">'


def figure(caption: str, png: bytes) -> str:
    """Writes a picture above its caption."""
    drawn = picture(caption, png)
    return f"<figure>{drawn}<figcaption>{escape(caption)}</figcaption></figure>"


def player(what: str, mp3: bytes) -> str:
    """Writes a player, with its audio, into the page."""
    audio = f'<audio controls preload="metadata" src="{data_uri(mp3, "audio/mpeg")}"></audio>'
    return f"<label>{escape(what)}{audio}</label>"


def paragraphs(lines: Sequence[str]) -> str:
    """Writes each line as a paragraph."""
    return "\n".join(f"<p>{escape(line)}</p>" for line in lines)


def data_uri(content: bytes, media_type: str) -> str:
    """Encodes bytes as an address that holds them."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
