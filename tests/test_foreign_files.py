"""JSON, arrays and messages that a stranger may have made."""

import io
import json
import zipfile

import numpy as np
import pytest

from mt3synth import foreign_files
from mt3synth.errors import UserError
from mt3synth.foreign_files import check_sizes, map_array, parse_json, read_arrays, read_json


def packed(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def npy(header: str, body: bytes = b"") -> bytes:
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header.encode() + body


def archived(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", content)
    return buffer.getvalue()


@pytest.mark.parametrize("text", ["[" * 10**6, '{"a":' * 10**5, "1" * 10**5, "{", "", '{"a": 1}}'])
def test_json_that_is_none_is_one_kind_of_error(text):
    with pytest.raises(ValueError):
        parse_json(text)


def test_json_is_bounded(tmp_path, monkeypatch):
    (tmp_path / "a.json").write_text(json.dumps({"a": [1, None, "ü"]}))
    assert read_json(tmp_path / "a.json") == {"a": [1, None, "ü"]}
    monkeypatch.setattr(foreign_files, "MOST_JSON", 5)
    with pytest.raises(ValueError, match="over 5 bytes"):
        read_json(tmp_path / "a.json")


def test_arrays_come_as_they_were_written():
    given = {"a": np.arange(6.0).reshape(2, 3).T, "b": np.array("text"), "c": np.zeros((0, 3))}
    found = read_arrays(packed(**given))
    assert found.keys() == given.keys()
    assert all(np.array_equal(found[name], given[name]) for name in given)


@pytest.mark.parametrize(
    "content",
    [
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"cos\nsystem\n"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999,)}"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)"),
        npy("(" * 9000),
        npy(""),
        b"",
        b"cos\nsystem\n(S'true'\ntR.",
    ],
)
def test_arrays_of_anything_but_numbers_are_refused(content, tmp_path):
    with pytest.raises(ValueError):
        read_arrays(archived(content))
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(ValueError):
        map_array(tmp_path / "a.npy")


def test_archives_that_are_none_or_bombs_are_refused(monkeypatch):
    whole = packed(a=np.zeros(100_000))
    for data in (whole[:-30], b"", b"PK\3\4" + bytes(50)):
        with pytest.raises(ValueError):
            read_arrays(data)
    monkeypatch.setattr(foreign_files, "MOST_ARRAYS", 1000)
    with pytest.raises(ValueError, match="unpacks to over 1000 bytes"):
        read_arrays(whole)


@pytest.mark.parametrize(
    "values", [{"layers": 10**9}, {"width": -(10**9)}, {"widths": [8] * 99}, {"blocks": [10**6]}]
)
def test_networks_that_nobody_could_build_are_refused(values):
    check_sizes({"layers": 12, "width": 1024, "widths": [8, 16], "dropout": 0.1, "type": "t5"})
    with pytest.raises(ValueError, match="must be at most"):
        check_sizes(values)


def test_what_a_message_quotes_moves_no_cursor_and_fills_no_screen():
    message = str(UserError("bad \x1b[2J\x07 name, \x9b2J, ü, a\nb"))
    assert message == r"bad \x1b[2J\x07 name, \x9b2J, ü, a" + "\nb"
    assert len(str(UserError("x" * 10**6 + " the end"))) < 2000
    assert str(UserError("x" * 10**6 + " the end")).endswith("the end")
