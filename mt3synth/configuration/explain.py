"""Explains an error of gin in one line, with the nearest name that gin would have known.

gin names the line, shows a parser's state and says nothing of what could have been meant. Its texts
are matched here, for it has no error classes of its own.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from mt3synth import errors
from mt3synth.configuration import moved_names

_LOCATION = re.compile(r'In (?:file "(?P<file>[^"]+)", line (?P<line>\d+)|bindings string)')
_IMPORT = re.compile(r"^(?:from (?P<package>[\w.]+) )?import (?P<name>[\w.]+)", re.MULTILINE)
_MACRO = re.compile(r"^(\w+)\s*=", re.MULTILINE)
_OWN = ("mt3synth", "data_pipelines", "gin_configs")


def explain(error: Exception, config: str, root: Path) -> str:
    """Puts the error of a gin parser into one line.

    Args:
      error: what gin raised.
      config: what gin had read when it did, as `gin.config_str` writes it.
      root: the folder under which the project's gin files lie.
    """
    text = " ".join(str(error).split())
    location = _LOCATION.search(text)
    file = location["file"] if location else None
    where = f"{file}, line {location['line']}: " if location and file else ""
    # What the file at fault imports counts too, for gin may not have got that far.
    known = config + "\n" + (_read(Path(file)) if file else "")
    for pattern, say in _KINDS:
        match = re.search(pattern, text)
        if match:
            said = say.format(*match.groups()) if isinstance(say, str) else say(match, known, root)
            return where + said
    return where + (text[: location.start()].strip() if where and location else text)


def suggest(name: str, known: Iterable[str]) -> str:
    """Returns ``; did you mean ...?`` with the nearest of ``known``, or nothing if none is near."""
    near = errors.nearest(name, known, cutoff=0.5)
    return f"; did you mean {near}?" if near else ""


def list_macros(config: str) -> list[str]:
    """Lists the macros that a configuration defines."""
    return sorted(set(_MACRO.findall(config)) - {"from", "import", "include"})


def list_files(root: Path) -> list[str]:
    """Lists the project's own gin files, as they are named on the command line."""
    return sorted(
        path.relative_to(root).as_posix() for path in (root / "gin_configs").rglob("*.gin")
    )


def _imports(config: str) -> dict[str, str]:
    """Finds the imported modules, by the name under which gin files know each."""
    found = {}
    for match in _IMPORT.finditer(config):
        package, name = match["package"], match["name"]
        if package != "__gin__":
            found[name] = f"{package}.{name}" if package else name
    return found


def _configurables(config: str) -> dict[str, object]:
    """Finds the classes and functions of the imported modules, as gin files name them."""
    found: dict[str, object] = {}
    for alias, module in _imports(config).items():
        try:
            members = vars(importlib.import_module(module))
        except ImportError:
            continue
        for name, value in members.items():
            own = getattr(value, "__module__", None) == module and not name.startswith("_")
            if own and (inspect.isclass(value) or inspect.isfunction(value)):
                found[f"{alias}.{name}"] = value
    return found


def _unknown_alias(match: re.Match[str], config: str, root: Path) -> str:
    name = match[1]
    moved = moved_names.answer_module(name)
    return moved or f"no module {name} is imported{suggest(name, _imports(config))}"


def _find_definition(name: str, root: Path) -> str | None:
    """Finds the one module of the project that defines a class or function, by its gin name.

    By the text of the files, for to import all of them would take seconds, and libraries that need
    not be installed.
    """
    alias, _, last = name.rpartition(".")
    definition = re.compile(rf"^(?:class|def) {re.escape(last)}\b", re.MULTILINE)
    found = [
        ".".join(path.relative_to(root).with_suffix("").parts)
        for package in _OWN
        for path in (root / package).rglob("*.py")
        if definition.search(_read(path))
    ]
    found = [module for module in found if f".{module}".endswith(f".{alias}" if alias else "")]
    return found[0] if len(found) == 1 else None


def _unknown_configurable(match: re.Match[str], config: str, root: Path) -> str:
    name, known = match[1], _configurables(config)
    if name in known:
        return f"{name} is bound in no gin file that was read; bind it in a file"
    if moved := moved_names.answer_selector(name):
        return moved
    if module := _find_definition(name, root):
        alias = module.rpartition(".")[2]
        full = f"{alias}.{name.rpartition('.')[2]}"
        package = module.rpartition(".")[0]
        options, also = _INSTEAD.get(full, ("", ""))
        return (
            f"no gin file that was read imports {full}: {options}write `from {package} import "
            f"{alias}` into one, and bind {full}{also} there"
        )
    return f"No configurable matching '{name}'{suggest(name, known)}"


def _unknown_parameter(match: re.Match[str], config: str, root: Path) -> str:
    name, parameter = match[1], match[2]
    if renamed := moved_names.answer_parameter(name, parameter):
        return renamed
    known = _configurables(config)
    found = known.get(name) or known.get(".".join(name.split(".")[-2:]))
    parameters = inspect.signature(found).parameters if callable(found) else ()
    return f"{name} has no parameter {parameter}{suggest(parameter, parameters)}"


def _unknown_macro(match: re.Match[str], config: str, root: Path) -> str:
    name = match[1]
    users = re.findall(rf"^(\S+) = .*%{name}\b", config, re.MULTILINE)
    user = f"{users[0]} wants %{name}, but " if users else ""
    others = [macro for macro in list_macros(config) if macro != name]
    return f"{user}no file defines {name}{suggest(name, others)}"


def _unknown_module(match: re.Match[str], config: str, root: Path) -> str:
    if moved := moved_names.answer_module(match[1]):
        return moved
    package, _, name = match[1].rpartition(".")
    if package.split(".")[0] not in _OWN:
        return f"{match[1]} is not installed"
    try:
        siblings = [m.name for m in pkgutil.iter_modules(importlib.import_module(package).__path__)]
    except (ImportError, AttributeError):
        siblings = []
    return f"there is no module {match[1]}{suggest(name, siblings)}"


def _unknown_file(match: re.Match[str], config: str, root: Path) -> str:
    return f"{match[1]}: no such gin file{suggest(match[1], list_files(root))}"


_NO_VALUE = "{0} has no value; give --gin.{0}=..., or the option that --help names for it"
_INSTEAD = {
    "guidance.Guidance": (
        "give --guidance-notes, --guidance-performance or --guidance-kind (to mt3synth.infer "
        "--gin.GUIDANCE_NOTES, --gin.GUIDANCE_PERFORMANCE), or ",
        " and synthesis.SamplingConfig.guidance = @guidance.Guidance()",
    ),
}
"""What does the same with less, for names that are bound often and seldom imported; and what has to
be bound beside, for the binding to count."""

_KINDS: list[tuple[str, str | Callable[[re.Match[str], str, Path], str]]] = [
    (r"'(\w+)' was not provided by an import statement", _unknown_alias),
    (r"Couldn't resolve selector ([\w.]+);", _unknown_configurable),
    (r"No configurable matching (?:reference )?'@?([\w./]+?)(?:\(\))?'", _unknown_configurable),
    (r"Configurable '([\w./]+)' doesn't have a parameter named '(\w+)'", _unknown_parameter),
    (r"No bindings specified for '(\w+)/(?:gin\.)?macro'", _unknown_macro),
    (r"(\w+)/(?:gin\.)?macro\.value set to `%gin\.REQUIRED`", _NO_VALUE),
    (r"No module named '([\w.]+)'", _unknown_module),
    (r"Failed to parse token '(.+?)' \(line", "the value {0} is not understood; text needs quotes"),
    (r"Unable to open file: (\S+)\. Searched", _unknown_file),
]
"""What gin says, and what is said instead: a text with the pattern's groups, or a function."""


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
