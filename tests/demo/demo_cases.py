"""Visitors of the page who speak to it as its scripts in a browser do, and songs they bring."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import httpx

SETTINGS = {
    "performance": "studio",
    "blended": "",
    "share": 0.5,
    "cast": "",
    "steps": 1,
    "seed": 0,
    "start": 0,
    "end": None,
    "expression": 0,
    "stems": False,
    "tempo": 1,
    "transpose": 0,
}
"""What stands in the fields of the page, in the order in which its events have them."""


class Visitor:
    """One tab of a browser.

    Args:
      address: of the page.
    """

    def __init__(self, address: str) -> None:
        self.http = httpx.Client(base_url=address, timeout=120, trust_env=False)
        self.session = secrets.token_hex(6)
        config = self.http.get("/config").json()
        self._ids = {
            component["props"].get("elem_id"): component["id"] for component in config["components"]
        }
        self._events = {
            (target, kind): dependency["id"]
            for dependency in config["dependencies"]
            for target, kind in dependency["targets"]
        }
        self._outputs = {each["id"]: each["outputs"] for each in config["dependencies"]}

    def upload(self, name: str, data: bytes) -> httpx.Response:
        """Sends a file, as dropping it does."""
        return self.http.post("/gradio_api/upload", files={"files": (name, data)})

    def drop(self, name: str, data: bytes) -> dict[str, Any]:
        """Drops a file on the page; returns what is then shown."""
        [path] = self.upload(name, data).raise_for_status().json()
        return self.drop_path(path, name)

    def drop_path(self, path: str, name: str = "song.mid") -> dict[str, Any]:
        """Says that a file has been uploaded to ``path``."""
        meta = {"_type": "gradio.FileData"}
        return self.do("file", "upload", [{"path": path, "orig_name": name, "meta": meta}])

    def render(self, **settings: Any) -> dict[str, Any]:
        """Presses the button; returns what is then shown."""
        return self.do("render", "click", [None, *(SETTINGS | settings).values()])

    def do(self, part: str, kind: str, data: list[Any], told: Any = None) -> dict[str, Any]:
        """Lets something happen to a part of the page; returns the parts it changes, by name.

        Args:
          part: of the page.
          kind: of the event.
          data: values of the parts that the event reads.
          told: what the event says of itself.
        """
        event = self._events[self._ids[part], kind]
        asked = {"data": data, "fn_index": event, "session_hash": self.session, "event_data": told}
        joined = self.http.post("/gradio_api/queue/join", json=asked)
        joined.raise_for_status()
        shown: dict[str, Any] = {}
        names = {number: name for name, number in self._ids.items()}
        outputs = [names.get(number) for number in self._outputs[event]]
        where = f"/gradio_api/queue/data?session_hash={self.session}"
        with self.http.stream("GET", where) as answer:
            for line in answer.iter_lines():
                if not line.startswith("data:"):
                    continue
                said = json.loads(line[5:])
                if said["msg"] in ("process_generating", "process_completed"):
                    if not said["success"]:
                        return {"error": said["output"].get("error")}
                    for name, value in zip(outputs, said["output"].get("data", [])):
                        _change(shown, name, value)
                if said["msg"] == "process_completed":
                    return shown
        raise AssertionError("the page said nothing")

    def fetch(self, file: dict[str, Any]) -> bytes:
        """Fetches a file that the page offers."""
        answer = self.http.get(f"/gradio_api/file={file['path']}")
        answer.raise_for_status()
        return answer.content


def _change(shown: dict[str, Any], name: str | None, value: Any) -> None:
    """Takes over a new value; of what is yielded again only the differences are sent."""
    if name is None or (isinstance(value, dict) and value.get("__type__") == "update"):
        if name is not None and isinstance(value, dict) and "value" in value:
            shown[name] = value["value"]
        return
    if isinstance(value, list) and value and all(_is_difference(each) for each in value):
        for kind, path, new in value:
            assert not path or kind == "replace", value
            shown[name] = _applied(shown.get(name), kind, path, new)
    elif value != []:
        shown[name] = value


def _is_difference(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and value[0] in {"replace", "append", "add"}


def _applied(before: Any, kind: str, path: list[Any], new: Any) -> Any:
    if path:
        changed = {} if before is None else dict(before)
        changed[path[0]] = _applied(changed.get(path[0]), kind, path[1:], new)
        return changed
    return (before or "") + new if kind == "append" else new


def files_in(folder: Path) -> list[Path]:
    """Lists all files that a server keeps."""
    return sorted(path for path in folder.rglob("*") if path.is_file())
