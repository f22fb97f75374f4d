"""Opens a page in a real browser, and tells what it is like there."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

_PROBE = """<script>
window.problems = [];
addEventListener('error', e => problems.push(e.message || 'cannot load ' + e.target.tagName), true);
addEventListener('unhandledrejection', e => problems.push(String(e.reason)));
for (const level of ['error', 'warn']) console[level] = (...said) => problems.push(said.join(' '));
</script>"""

_ANSWER = """<script>
addEventListener('load', async () => {
  let answer;
  try { answer = await (async () => { QUESTION })(); } catch (error) { answer = String(error); }
  const said = document.createElement('pre');
  said.id = 'probe';
  said.textContent = JSON.stringify({answer, problems});
  document.body.append(said);
});
</script>"""


def find_chromium() -> str:
    """Finds the browser; skips the test, or the module that asks, where there is none."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium to open the page with", allow_module_level=True)
    return program


def ask(page: Path, question: str, scratch: Path) -> tuple[Any, list[str]]:
    """Runs JavaScript on the loaded page; returns what it returns, and all errors on the way.

    Skips the test where there is no Chromium.
    """
    program = find_chromium()
    text = page.read_text(encoding="utf-8")
    probed = scratch / "probed.html"
    text = text.replace("<head>", f"<head>{_PROBE}", 1)
    end = text.rindex("</body>")
    probed.write_text(text[:end] + _ANSWER.replace("QUESTION", question) + text[end:], "utf-8")
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"]
    flags += [f"--user-data-dir={scratch / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND"]
    done = subprocess.run(
        [program, *flags, "--dump-dom", probed.as_uri()],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    found = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, f"the browser said nothing: {done.stderr[-2000:]}"
    said = json.loads(html.unescape(found[1]))
    return said["answer"], said["problems"]
