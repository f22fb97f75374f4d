"""The Dockerfiles of launch/: known instructions, files that are there, the README's install."""

import re
import shlex

import pytest
from launch_cases import LAUNCH, ROOT

FILES = ("Dockerfile", "beam.Dockerfile")
# docs.docker.com/reference/dockerfile
INSTRUCTIONS = frozenset(
    {"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"}
    | {"ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
)


def instructions(name: str) -> list[tuple[str, str]]:
    """Lists the instructions of a file with their arguments, ARG's defaults put in."""
    text = (LAUNCH / name).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    result, values = [], {}
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "ARG":
            key, _, values[key] = rest.partition("=")
        result.append((word, re.sub(r"\$\{(\w+)\}", lambda m: values[m[1]], rest.strip())))
    return result


@pytest.mark.parametrize("name", FILES)
def test_instructions(name):
    words = [word for word, _ in instructions(name)]
    assert set(words) <= INSTRUCTIONS
    assert next(word for word in words if word != "ARG") == "FROM"
    for word, rest in instructions(name):
        if word == "COPY":
            *sources, _ = rest.split()
            assert all((ROOT / source).exists() for source in sources)


@pytest.mark.parametrize("name", FILES)
def test_the_image_has_all_that_the_package_is_made_of(name):
    copied = " ".join(rest for word, rest in instructions(name) if word == "COPY").split()
    setup = (ROOT / "setup.py").read_text()
    tops = re.search(r"for top in \((.+)\)", setup)[1]
    assert {"setup.py", "README.md", *re.findall(r'"(\w+)"', tops)} <= set(copied)


def test_training_is_installed_by_the_readmes_line():
    [installed] = [rest for word, rest in instructions("Dockerfile") if word == "RUN"]
    lines = (ROOT / "README.md").read_text().splitlines()
    assert shlex.split(installed) in [
        shlex.split(line) for line in lines if line.startswith("pip install")
    ]


@pytest.mark.parametrize("name", FILES)
def test_extras_are_those_of_setup(name):
    setup = (ROOT / "setup.py").read_text()
    known = set(re.findall(r'^        "(\w+)": ', setup, re.M))
    text = (LAUNCH / name).read_text()
    used = re.findall(r"EXTRAS=([\w,]+)", text) + re.findall(r"\.\[(\w+)\]", text)
    assert used
    assert {extra for extras in used for extra in extras.split(",")} <= known


def test_the_entry_points():
    training, workers = (dict(instructions(name)) for name in FILES)
    assert training["ENTRYPOINT"] == '["mt3synth"]'
    assert "ENTRYPOINT" not in workers  # a worker is started by that of the base image
    assert workers["FROM"].startswith("apache/beam_python3.11_sdk:")
