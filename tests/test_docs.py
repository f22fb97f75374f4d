"""What the pages for users name is there: files, links, names in Python, commands, options."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import house
import pytest

from mt3synth.cli import COMMANDS

ROOT = house.ROOT
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
FOLDERS = tuple(
    f"{name}/" for name in ("data_pipelines", "docs", "gin_configs", "launch", "mt3synth", "tests")
)
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def code_of(page: Path) -> Iterator[str]:
    """Yields what a page has in code: spans, and lines of blocks, those that go on put together."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield from block.replace("\\\n", " ").splitlines()
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from (span.replace("\n", " ") for span in re.findall(r"`([^`]+)`", text))
    # Lines that are set in by four spaces are code, too.
    yield from re.findall(r"^    (\S.*)$", text, re.MULTILINE)


def words_of(page: Path) -> Iterator[str]:
    for code in code_of(page):
        yield from (word.strip("\"'(),;:") for word in re.split(r"[\s=]+", code))


@cache
def modules() -> dict[str, Path]:
    return house.find_modules(ROOT)


@cache
def names_in(path: Path) -> dict[str, set[str]]:
    """Lists what a file defines or imports at its top, and what is in its classes."""
    found: dict[str, set[str]] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        for name in _names(node):
            inner = node.body if isinstance(node, ast.ClassDef) else []
            found[name] = {name for child in inner for name in _names(child)}
            # What a class is made with is a setting, too.
            made = [c for c in inner if isinstance(c, ast.FunctionDef) and c.name == "__init__"]
            found[name] |= {arg.arg for c in made for arg in [*c.args.args, *c.args.kwonlyargs]}
    return found


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.split(".")[0] for alias in node.names]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def is_there(name: str) -> bool:
    """Says whether a dotted name is a module, something in one, or something in a class there."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        path = modules().get(".".join(parts[:length]))
        if path is not None:
            rest = parts[length:]
            known = names_in(path)
            # What a package hands on when it is asked for is in its `__getattr__`.
            lazy = "__getattr__" in known and rest and rest[0] in path.read_text()
            return not rest or lazy or (rest[0] in known and set(rest[1:]) <= known[rest[0]])
    return False


@every_page
def test_files_are_there(page: Path):
    for word in words_of(page):
        if word.startswith(FOLDERS):
            name = word.partition("::")[0].rstrip(".")
            # Braces are alternatives, capitals stand for what the reader puts in.
            for one in _alternatives(name):
                assert list(ROOT.glob(one)) or re.search(r"\b[A-Z]{3,}\b", one), word


def _alternatives(name: str) -> list[str]:
    braces = re.fullmatch(r"(.*)\{(.+)\}(.*)", name)
    if not braces:
        return [name]
    return [f"{braces[1]}{part}{braces[3]}" for part in braces[2].split(",")]


def test_every_room_is_in_the_table_of_the_architecture():
    page = (ROOT / "docs/architecture.md").read_text()
    rows = re.findall(r"^\| (`.+?) \| ", page[page.index("## The rooms") :], re.MULTILINE)
    folders = {path.parent.relative_to(ROOT) for path in modules().values()}
    for folder in folders - {Path("mt3synth")}:
        # A folder for a subcommand is described by its command's help.
        told = any(
            f"`{folder}`" in row or (f"`{folder.name}`" in row and f"`{folder.parent}/" in row)
            for row in rows
        )
        assert told or (folder.parent.name == "commands" and folder.name in COMMANDS), folder
    for name in (path.name for path in (ROOT / "mt3synth").glob("[!_]*.py")):
        assert any(f"`{name}`" in row or f"/{name}`" in row for row in rows), name


@every_page
def test_links_lead_somewhere(page: Path):
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text()):
        if target.startswith(("http:", "https:")):
            continue
        linked = page.parent / target if target else page
        assert linked.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
            assert anchor in map(_anchor, heads), f"{target}#{anchor}"


def _anchor(head: str) -> str:
    """Makes of a heading what a link to it ends with."""
    return re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-")


@every_page
def test_names_are_there(page: Path):
    for word in words_of(page):
        if re.fullmatch(r"(mt3synth|data_pipelines)(\.\w+)+", word):
            assert is_there(word) or word.endswith((".gin", ".py")), word


@every_page
def test_gin_names_are_there(page: Path):
    """Gin has ``module.Class.setting``, with the last name of a module alone."""
    for word in words_of(page):
        word = word.removeprefix("--gin.").lstrip("@")
        if re.fullmatch(r"[a-z]\w+\.[A-Za-z]\w+\.[a-z]\w+", word) and not is_there(word):
            first = word.partition(".")[0]
            found = [name for name in modules() if name.endswith(f".{first}")]
            # A function's settings are its parameters, which only their names can be held to.
            whole, function = word.rpartition(".")[0], word.split(".")[1][0].islower()
            there = any(is_there(f"{name}.{(whole if function else word)[len(first) + 1:]}")
                        for name in found)  # fmt: skip
            assert there or first in NO_MODULES, word


NO_MODULES = {"glibc", "jax", "mlp", "self", "song", "spec"}
"""What else pages have names of three parts from."""


@cache
def options() -> set[str]:
    """Lists every option that the sources of the command line, benchmarks and launchers name."""
    sources = [*modules().values(), *ROOT.glob("tests/benchmarks/*.py"), *ROOT.glob("launch/*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    return set(re.findall(r"[\"'`](--[a-z][\w-]*)", text)) | {"--help"}


@every_page
def test_commands_and_options_are_there(page: Path):
    for code in code_of(page):
        ours = re.search(
            r"(?:^|\s)(mt3synth|python (?:tests/benchmarks|launch)/\w+\.py)\s(.*)", code
        )
        if not ours:
            continue
        # What comes behind a pipe or a second command is another program's.
        words = re.split(r"\s(?:\||&&)\s", ours[2])[0].split()
        if ours[1] == "mt3synth" and words and re.fullmatch(r"[a-z][a-z-]+", words[0]):
            assert words[0] in COMMANDS, code
        for option in re.findall(r"(?<!\S)--[a-z][\w-]*", " ".join(words)):
            assert option in options() or option == "--gin", f"{option} in {code}"
