"""Formats tables of text, for the terminal and for pages; writes and reads them as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mt3synth.errors import UserError, explain_os_errors


@dataclass(frozen=True)
class Table:
    """Holds a heading, column names and rows of text; all columns but the first align right.

    Attributes:
      note: what the figures mean, below the table; empty for none.
    """

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def as_text(tables: Sequence[Table], headings: bool = False) -> str:
    """Formats tables for a terminal, columns padded; ``headings`` says whether they stand above."""
    above = [f"{table.heading}\n" if headings else "" for table in tables]
    return "\n\n".join(head + _text(table) for head, table in zip(above, tables))


def as_markdown(tables: Sequence[Table]) -> str:
    """Writes tables as Markdown, each under its heading, for a README or a model card."""
    return "\n".join(_markdown(table) for table in tables)


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Writes rows as CSV below a head of their columns, with Unix line ends on every system."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    return text.getvalue()


def read_csv(
    path: Any, check: Callable[[list[str]], object] = list, named: object = None
) -> list[tuple[int, dict[Any, Any]]]:
    """Reads the rows of a CSV file by column, and the line on which each of them ends.

    Args:
      path: `pathlib.Path` of the file, or one like it that lies elsewhere (universal-pathlib); in
        UTF-8 with or without a byte-order mark.
      check: gets the names of the columns, and may refuse them.
      named: what messages call the file; by default its path.

    Returns:
      The rows as `csv.DictReader` gives them: missing cells are None, those too many lie under
      None.

    Raises:
      UserError: it cannot be read, or is no CSV file in UTF-8; or what ``check`` raises.
    """
    named = named or path
    try:
        with explain_os_errors(named), path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            # People and spreadsheets write a space after a comma.
            reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
            check(reader.fieldnames)
            return [(reader.line_num, row) for row in reader]
    except UnicodeDecodeError as error:
        where = f"byte {error.start}"
        raise UserError(f"{named}: is not in UTF-8 ({where}); save it as UTF-8") from error
    except csv.Error as error:
        raise UserError(f"{named}: is no CSV file ({error})") from error


def number(value: float | None, digits: int = 3) -> str:
    """Formats a figure, or a dash where there is none."""
    return "–" if value is None or value != value else f"{value:.{digits}f}"


def with_interval(value: float | None, interval: Sequence[float] | None, digits: int = 3) -> str:
    """Formats a figure with its interval in square brackets, if there is one."""
    text = number(value, digits)
    if text == "–" or interval is None or any(end is None or end != end for end in interval):
        return text
    return f"{text} [{number(interval[0], digits)}, {number(interval[1], digits)}]"


def _markdown(table: Table) -> str:
    aligned = ("---", *["---:"] * (len(table.columns) - 1))
    cells = [
        [cell.replace("|", "\\|") for cell in row] for row in (table.columns, aligned, *table.rows)
    ]
    lines = [f"## {table.heading}", "", *(f"| {' | '.join(row)} |" for row in cells)]
    return "\n".join([*lines, *(["", table.note] if table.note else []), ""])


def _text(table: Table) -> str:
    lines = [table.columns, *table.rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.columns))]
    padded = [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in lines
    ]
    return "\n".join(padded)
