"""Measures how a source tree is built: its folders, files, comments and imports.

    python tests/benchmarks/house.py [--against OLD_TREE] [TREE]

prints a table in Markdown for TREE, this one by default, beside that of OLD_TREE if it is given.
Only the packages count (`mt3synth` and `data_pipelines`), not the tests. A comment line is a line
with a ``#`` comment in it as the tokenizer sees it; docstrings are no comments. A line of code is
neither empty nor comment nor docstring. Imports count wherever they stand, inside functions too.
"""

from __future__ import annotations

import argparse
import ast
import io
import tokenize
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median, quantiles

PACKAGES = ("mt3synth", "data_pipelines")
ROOT = Path(__file__).resolve().parents[2]
Graph = Mapping[str, Iterable[str]]


@dataclass(frozen=True)
class Import:
    """One name that a file imports.

    Attributes:
      name: the full dotted name: ``numpy.linalg``, ``mt3synth.types.Batch``.
      line: where it stands, from 1.
      late: whether it stands inside a function, so that it runs only when that is called.
    """

    name: str
    line: int
    late: bool


def find_modules(root: Path, packages: Iterable[str] = PACKAGES) -> dict[str, Path]:
    """Finds the modules of a tree by their dotted names; a package's name is its ``__init__``."""
    found = {}
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


# Every graph of a tree is drawn from these: a tree is parsed once, however many are drawn.
@cache
def read_imports(path: Path, module: str) -> tuple[Import, ...]:
    """Reads what a file imports, wherever in it; ``module`` resolves relative imports."""
    found: list[Import] = []
    here = module if path.name == "__init__.py" else module.rpartition(".")[0]

    def visit(node: ast.AST, late: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, node.lineno, late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = here.split(".")[: len(here.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found.extend(Import(f"{base}.{a.name}", node.lineno, late) for a in node.names)
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            visit(child, late or inside)

    visit(ast.parse(path.read_text(encoding="utf-8")), False)
    return tuple(found)


def own_imports(modules: Mapping[str, Path]) -> Iterator[tuple[str, str, Import]]:
    """Yields importing module, imported module and import, for those within the tree."""
    for module, path in modules.items():
        for imported in read_imports(path, module):
            target = imported.name
            if target == "mt3synth.__version__":  # A string, ready before anything is imported.
                continue
            while target and target not in modules:  # ``from module import name``
                target = target.rpartition(".")[0]
            if target and target != module:
                yield module, target, imported


def package_of(module: str) -> str:
    """Returns the package at the top of the house: `data_pipelines` or ``mt3synth.NAME``."""
    parts = module.replace("__main__", "cli").split(".")  # Two doors to one room.
    return ".".join(parts[:2]) if parts[0] == "mt3synth" else parts[0]


def rooms_of(modules: Mapping[str, Path]) -> dict[str, str]:
    """Names the room of each module.

    A folder without folders in it is one room. In a folder with folders each file is a room of
    its own, for some of these serve the folders beside them and others are built on them.
    """
    folder = {m: m if p.name == "__init__.py" else m.rpartition(".")[0] for m, p in modules.items()}
    divided = {f.rpartition(".")[0] for f in folder.values()}
    return {m: m if folder[m] in divided else folder[m] for m in modules}


def graph_of(modules: Mapping[str, Path], name: Callable[[str], str]) -> dict[str, set[str]]:
    """Draws who imports whom, modules being put together under ``name(module)``."""
    graph: dict[str, set[str]] = {name(m): set() for m in modules}
    for module, target, _ in own_imports(modules):
        if name(module) != name(target):
            graph[name(module)].add(name(target))
    return graph


def circles(graph: Graph) -> list[list[str]]:
    """Finds the circles: the largest groups whose members all reach one another."""
    reach = {node: _reachable(graph, node) for node in graph}
    groups = {
        tuple(sorted({node, *(other for other in reach[node] if node in reach[other])}))
        for node in graph
        if node in reach[node]
    }
    return [list(group) for group in sorted(groups)]


def _reachable(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        new = set(graph[waiting.pop()]) - seen
        seen |= new
        waiting.extend(new)
    return seen


def floors(graph: Graph) -> dict[str, int]:
    """Numbers the floors from 1: each node one above the highest that it imports.

    The nodes of a circle share one floor.
    """
    group = {node: (node,) for node in graph}
    for circle in circles(graph):
        group |= dict.fromkeys(circle, tuple(circle))
    known: dict[tuple[str, ...], int] = {}

    def floor(members: tuple[str, ...]) -> int:
        if members not in known:
            below = {group[t] for m in members for t in graph[m]} - {members}
            known[members] = 1 + max(map(floor, below), default=0)
        return known[members]

    return {node: floor(group[node]) for node in graph}


def upward(modules: Mapping[str, Path], name: Callable[[str], str] = package_of) -> list[str]:
    """Lists the late imports that run upward: with the others they close a circle.

    The floors are those of the imports at the top of files. A late import within a circle that
    does not lead down from its floor is one that runs up.
    """
    early: dict[str, set[str]] = {name(m): set() for m in modules}
    late = []
    for module, target, imported in own_imports(modules):
        if name(module) != name(target):
            if imported.late:
                late.append((module, target, imported.line))
            else:
                early[name(module)].add(name(target))
    on = floors(early)
    circle = {n: i for i, c in enumerate(circles(graph_of(modules, name))) for n in c}
    return [
        f"{modules[module]}:{line} imports {target}"
        for module, target, line in late
        if circle.get(name(module), -1) == circle.get(name(target), -2)
        and on[name(target)] >= on[name(module)]
    ]


def count_comment_lines(source: str) -> int:
    """Counts the lines with a ``#`` comment; a ``#`` in a string is none."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return len({token.start[0] for token in tokens if token.type == tokenize.COMMENT})


def count_code_lines(source: str) -> int:
    """Counts the lines with code: neither empty, nor comment or docstring alone."""
    lines: set[int] = set()
    ends = {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.ENDMARKER, *ends}
    starts_statement = True
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        # A string that begins a statement is one by itself: a docstring.
        if token.type not in skipped and not (token.type == tokenize.STRING and starts_statement):
            lines.update(range(token.start[0], token.end[0] + 1))
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            starts_statement = token.type in ends
    return len(lines)


def count_files(modules: Mapping[str, Path], root: Path) -> dict[str, int]:
    """Counts the files with code that lie side by side in each folder."""
    counts: dict[str, int] = defaultdict(int)
    for path in modules.values():
        if path.name != "__init__.py":
            counts[path.parent.relative_to(root).as_posix()] += 1
    return dict(counts)


def measure(root: Path) -> dict[str, str]:
    """Measures a tree; what each number means is its key."""
    modules = find_modules(root)
    sources = [path.read_text(encoding="utf-8") for path in modules.values()]
    lengths = sorted(source.count("\n") for source in sources)
    filled = [n for n in lengths if n > 3]  # An empty `__init__.py` is no file to read.
    comments = sum(map(count_comment_lines, sources))
    rooms = rooms_of(modules)
    packages = graph_of(modules, package_of)
    crowded = max(count_files(modules, root).items(), key=lambda item: item[1])
    return {
        "files": str(len(lengths)),
        "lines": f"{sum(lengths):,}",
        "lines of code": f"{sum(map(count_code_lines, sources)):,}",
        "lines of a file: median": f"{median(filled):.0f}",
        "lines of a file: 90th percentile": f"{quantiles(filled, n=10)[-1]:.0f}",
        "lines of a file: longest": str(lengths[-1]),
        "comment lines in 100 lines": f"{100 * comments / sum(lengths):.1f}",
        "folders": str(len({path.parent for path in modules.values()})),
        "most files in one folder": f"{crowded[1]} ({crowded[0]})",
        "floors of packages": str(max(floors(packages).values())),
        "imports that run upward": str(len(upward(modules))),
        "circles of packages": _members(circles(packages)),
        "circles of rooms": _members(circles(graph_of(modules, rooms.__getitem__))),
        "circles of files": _members(circles(graph_of(modules, str))),
    }


def _members(found: list[list[str]]) -> str:
    return "; ".join([str(len(found)), *(", ".join(circle) for circle in found)])


def print_table(heads: list[str], columns: list[Mapping[str, object]]) -> None:
    """Prints columns of the same keys side by side, a row for every key."""
    print("| " + " | ".join(heads) + " |")
    print("|---" * len(heads) + "|")
    for key in columns[0]:
        print("| " + " | ".join([key, *(str(column[key]) for column in columns)]) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("tree", nargs="?", type=Path, default=ROOT)
    parser.add_argument("--against", type=Path, metavar="OLD_TREE", help="a tree to compare with")
    args = parser.parse_args()
    trees = [args.against, args.tree] if args.against else [args.tree]
    heads = ["before", "after"] if args.against else ["now"]
    print_table(["", *heads], [measure(tree) for tree in trees])
    print()
    counts = [count_files(find_modules(tree), tree) for tree in trees]
    folders = sorted({folder for column in counts for folder in column})
    print_table(
        ["files side by side", *heads], [{f: c.get(f, "") for f in folders} for c in counts]
    )
    for tree in trees:
        for line in upward(find_modules(tree)):
            print(f"\nupward: {line}")


if __name__ == "__main__":
    main()
