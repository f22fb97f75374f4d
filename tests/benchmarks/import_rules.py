"""Compares a source tree with a table of who may import whom; `house` reads the tree.

The table is in `tests/test_imports.py`, which says what its rows mean.
"""

from __future__ import annotations

import re
from pathlib import Path

import house

FREE = {"mt3synth.types", "mt3synth.errors"}
"""What every room may import."""


def full(name: str) -> str:
    """Returns the dotted name of a module or package that a row names."""
    return name if name.startswith(house.PACKAGES) else f"mt3synth.{name}".rstrip(".")


def names(row: str) -> list[str]:
    """Spells out what a row names."""
    found = []
    for part in row.split():
        braces = re.fullmatch(r"(.+)\.\{(.+)\}", part)
        each = [f"{braces[1]}.{n}" for n in braces[2].split(",")] if braces else [part]
        found += [full(name) for name in each]
    return found


def within(module: str, place: str) -> bool:
    """Says whether a module is ``place`` or lies in it; in `mt3synth` itself lies nothing."""
    return module == place or (place != "mt3synth" and module.startswith(f"{place}."))


def problems_of_table(floors: tuple[dict[str, str], ...]) -> list[str]:
    """Says which rows name something that does not stand below them."""
    rows = [
        (level, full(room), row)
        for level, floor in enumerate(floors)
        for room, row in floor.items()
    ]
    problems = []
    for at, (level, room, row) in enumerate(rows):
        package = house.package_of(room)
        for name in names(row):
            above = [
                other
                for place, (floor, other, _) in enumerate(rows)
                if within(other, name)
                and other != room
                and not (floor < level or (place < at and house.package_of(other) == package))
            ]
            if above:
                problems.append(f"{room} may import {', '.join(above)}, which is no floor below")
            if not any(within(other, name) for _, other, _ in rows):
                problems.append(f"{room} may import {name}, which has no row")
    return problems


def problems_of_tree(root: Path, floors: tuple[dict[str, str], ...]) -> list[str]:
    """Says which imports of a tree its table does not allow, and what is missing in either."""
    allowed = {full(room): names(row) for floor in floors for room, row in floor.items()}
    modules = house.find_modules(root)
    rooms = house.rooms_of(modules)
    problems = [f"{room} has no row" for room in sorted(set(rooms.values()) - set(allowed))]
    problems += [
        f"{room} has a row and no file" for room in sorted(set(allowed) - set(rooms.values()))
    ]
    for module, target, imported in house.own_imports(modules):
        room, other = rooms[module], rooms[target]
        if room == other or other in FREE or room not in allowed:
            continue
        if not any(within(other, name) for name in allowed[room]):
            path = modules[module].relative_to(root)
            problems.append(f"{path}:{imported.line} imports {target}: not in the row of {room}")
    return list(dict.fromkeys(problems))  # One line may import several names of one module.


def problems_of_libraries(root: Path, libraries: dict[str, str]) -> list[str]:
    """Says where a heavy library is imported outside its place."""
    problems = []
    for module, path in house.find_modules(root).items():
        for imported in house.read_imports(path, module):
            places = libraries.get(imported.name.split(".")[0])
            if places is not None and not any(within(module, place) for place in names(places)):
                problems.append(f"{path.relative_to(root)}:{imported.line} imports {imported.name}")
    return problems
