"""The report as others read it: CSV files, and a page opened in a browser."""

import csv
from pathlib import Path
from typing import Any

from browser import ask
from evaluation_cases import JUDGE


def test_csv_files_hold_the_same_figures(folder: Path, report: dict[str, Any]) -> None:
    with open(folder / "scores.csv", newline="") as file:
        rows = {(row["score"], row["kind"]): row for row in csv.DictReader(file)}
    part = report["fad"]["by_piece"]["generated"]
    assert float(rows["group_fad by_piece", "generated"]["value"]) == part["group_fad"]
    low, high = report["notes"][JUDGE]["scores"]["frame"]["real"]["interval"]
    assert float(rows[f"frame f1, {JUDGE}", "real"]["low"]) == low
    assert float(rows[f"frame f1, {JUDGE}", "real"]["high"]) == high
    with open(folder / "confusion.csv", newline="") as file:
        nearest = [row for row in csv.DictReader(file) if row["level"] == "by_piece"]
    assert len(nearest) == 9
    assert all(row["nearest"] == row["performance"] and row["rank"] == "1" for row in nearest)
    with open(folder / "pieces.csv", newline="") as file:
        pieces = list(csv.DictReader(file))
    wanted = ("generated", f"note: matched, {JUDGE}")
    matched = sum(float(r["value"]) for r in pieces if (r["kind"], r["score"]) == wanted)
    assert matched == report["notes"][JUDGE]["scores"]["note"]["generated"]["matched"]


def test_page_in_a_browser(folder: Path, tmp_path: Path) -> None:
    page = folder / "index.html"
    assert page.stat().st_size < 3e6
    assert "http" not in page.read_text().replace("http-equiv", "")
    question = """
      const audio = [...document.querySelectorAll('audio')];
      await Promise.all(audio.map(a => a.readyState >= 1 || new Promise(
        done => { a.onloadedmetadata = a.onerror = done; })));
      const images = [...document.querySelectorAll('img')];
      return {
        headings: [...document.querySelectorAll('h2')].map(h => h.textContent),
        cells: [...document.querySelectorAll('td')].map(c => c.textContent),
        seconds: audio.map(a => a.duration),
        widths: images.map(i => i.complete ? i.naturalWidth : 0),
        overflow: document.documentElement.scrollWidth - innerWidth,
      };"""
    answer, problems = ask(page, question, tmp_path)
    assert problems == []
    assert answer["headings"] == [
        "All-FAD, log-mel",
        "Group-FAD and version classification of whole performances, log-mel",
        "Group-FAD and version classification of single pieces, log-mel",
        "Recognised performance",
        "Generated pieces by target (row) and recognised performance (column)",
        "Notes found again",
        "Notes found again by ensemble",
        "Every count by half a score",
        "Notes found again by performance, half a score",
        "Beside the real recording of the same notes",
        "Loudness",
        "Level against velocity",
        "Seams",
        "Speed",
        "Pictures",
        "Examples",
    ]
    assert "1.000 [1.000, 1.000]" in answer["cells"]
    assert len(answer["seconds"]) == 2 * 3
    assert all(abs(seconds - 3.0) < 0.2 for seconds in answer["seconds"])
    assert len(answer["widths"]) == 3 + 1 + 2 and min(answer["widths"]) > 200
    assert answer["overflow"] <= 0
