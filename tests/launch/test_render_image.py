"""The image that renders: made of the wheel alone, for a user without rights."""

import re

from launch_cases import LAUNCH

TEXT = (LAUNCH / "render.Dockerfile").read_text()
LINES = [line for line in TEXT.splitlines() if line and not line.startswith("#")]


def test_it_is_made_of_the_wheel_alone():
    copied = [line.split()[1:] for line in LINES if line.startswith("COPY")]
    assert copied == [["dist/*.whl", "/wheels/"]]
    assert "RUN pip install /wheels/*.whl && rm -r /wheels" in LINES
    assert "python -m build --wheel" in TEXT


def test_it_runs_without_root_and_writes_to_tmp_alone():
    users = [line.split()[1] for line in LINES if line.startswith("USER")]
    assert users == ["1000"]
    # Nothing is installed after the user is changed, or it would have to be theirs.
    assert LINES.index("USER 1000") > max(
        n for n, line in enumerate(LINES) if line.startswith("RUN")
    )
    assert re.search(r"XDG_CACHE_HOME=/tmp\S* HOME=/tmp$", TEXT, re.M)
    assert "--read-only --tmpfs=/tmp" in TEXT


def test_its_python_is_one_that_the_package_is_for():
    version = re.search(r"FROM python:(3\.\d+)-slim", TEXT)[1]
    setup = (LAUNCH.parent / "setup.py").read_text()
    assert f"Programming Language :: Python :: {version}" in setup
