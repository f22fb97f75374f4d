"""Takes the pictures of the page in docs/pictures: `python tests/demo/take_pictures.py FOLDER`."""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

import mt3synth
from mt3synth.demo.server import serve
from mt3synth.reporting.mel_pictures import encode_few_colours


def take(folder: Path) -> None:
    """Renders a tune, compares two performances, and keeps what the page then looks like."""
    with serve(mt3synth.load()) as address, sync_playwright() as play:
        flags = ["--no-sandbox"]
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        page = browser.new_page(viewport={"width": 1000, "height": 900})
        page.set_default_timeout(600_000)
        page.goto(address)
        page.locator("#roll img").wait_for()
        page.locator("#end input").fill("8")
        page.locator("#performance label", has_text="church").first.click()
        page.locator("#sample audio").wait_for(state="attached")
        page.locator("#render").click()
        page.locator("#status", has_text="Rendered").wait_for()
        page.locator("#compare").click()
        page.locator("#second-mel img").wait_for()
        keep(page, folder / "demo_page.png", 96)
        page.set_viewport_size({"width": 375, "height": 800})
        page.wait_for_timeout(1000)
        keep(page, folder / "demo_phone.png", 64)
        browser.close()


def keep(page: Page, path: Path, colours: int) -> None:
    """Writes a picture of the whole page, small and of few colours."""
    image = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    path.write_bytes(encode_few_colours(image, colours, rare=True))


if __name__ == "__main__":
    take(Path(sys.argv[1]))
