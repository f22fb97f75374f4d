"""What the measures of a tree count, on a file and a tree that are small enough to count by eye."""

import house

SOURCE = '''"""A module's docstring

over three lines."""

# A comment.
x = "# no comment"  # but this is one


def f():
    """A docstring."""
    return (1,
            """a string""")
'''


def test_lines_of_code_and_comment():
    assert house.count_code_lines(SOURCE) == 4
    assert house.count_comment_lines(SOURCE) == 2


def test_a_tree_is_measured_beside_another(tmp_path, monkeypatch, capsys):
    before = ["mt3synth/__init__.py", "data_pipelines/__init__.py", "mt3synth/a.py"]
    for tree, names in (("old", before), ("new", [*before, "mt3synth/audio/mel.py"])):
        for name in names:
            (tmp_path / tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / tree / name).write_text(SOURCE)
    old, new = (str(tmp_path / tree) for tree in ("old", "new"))
    monkeypatch.setattr("sys.argv", ["house.py", "--against", old, new])
    house.main()
    printed = capsys.readouterr().out
    assert "| lines of code | 12 | 16 |" in printed
    assert "| mt3synth | 1 | 1 |" in printed and "| mt3synth/audio |  | 1 |" in printed
