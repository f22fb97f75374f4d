"""Runs the notebook, keeps how long each cell took, and takes its picture for docs/pictures.

pip install nbconvert
MT3SYNTH_MINUTES=2 python tests/launch/take_notebook_picture.py docs/pictures/notebook.png
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]


def main(executed: Path, picture: Path) -> None:
    """Prints the table of the last cell, and writes the picture."""
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with tempfile.TemporaryDirectory() as folder:
        if not executed.exists():
            book = nbformat.read(ROOT / "launch/demo.ipynb", as_version=4)
            resources = {"metadata": {"path": folder}}
            options = {"timeout": 3600, "kernel_name": "python3", "resources": resources}
            NotebookClient(book, **options).execute()
            nbformat.write(book, executed)
        book = nbformat.read(executed, as_version=4)
        print(book.cells[-1].outputs[0]["text"])
        page = Path(folder) / "page.html"
        page.write_text(HTMLExporter().from_notebook_node(book)[0])
        with sync_playwright() as play:
            browser = play.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            tab = browser.new_page(viewport={"width": 900, "height": 900})
            tab.goto(page.as_uri(), wait_until="domcontentloaded")
            tab.wait_for_timeout(2000)
            shot = tab.screenshot(full_page=True)
            browser.close()
    image = Image.open(io.BytesIO(shot)).convert("RGB")
    # Side by side, for it is many times as high as wide.
    width, height = image.width, -(-image.height // 2)
    halves = Image.new("RGB", (2 * width, height), "white")
    for column in range(2):
        halves.paste(image.crop((0, column * height, width, image.height)), (column * width, 0))
    few = halves.quantize(64, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(picture, optimize=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
