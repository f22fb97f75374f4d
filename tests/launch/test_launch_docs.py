"""Commands that launch/ and docs/training.md tell the reader to type are understood."""

import pytest
from launch_cases import LAUNCH, ROOT, check, commands, fenced, header, header_commands

# A notebook says these things in its first cell; test_notebook.py runs it.
FILES = sorted(p for p in LAUNCH.iterdir() if p.is_file() and p.suffix != ".ipynb")


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_a_file_opens_with_its_command_hardware_and_time(path):
    opening = header(path)
    assert "Hardware: " in opening
    assert "Expected time: " in opening or "Time: " in opening
    typed = header_commands(path)
    assert typed
    assert any(f"launch/{path.name}" in word for command in typed for word in command)
    for command in typed:
        check(command)


def test_commands_of_the_training_guide():
    typed = list(commands(fenced(ROOT / "docs/training.md")))
    assert len([c for c in typed if c[:2] == ["mt3synth", "train"]]) > 3
    for command in typed:
        check(command)


def test_the_training_guide_names_all_files():
    text = (ROOT / "docs/training.md").read_text()
    for path in FILES:
        assert f"launch/{path.name}" in text, path.name
