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
    for name in ("mt3synth/__init__.py", "data_pipelines/__init__.py", "mt3synth/a.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(SOURCE)
    monkeypatch.setattr("sys.argv", ["house.py", "--against", str(tmp_path), str(house.ROOT)])
    house.main()
    printed = capsys.readouterr().out
    assert "| lines of code | 12 | " in printed
    assert "| mt3synth | 1 | " in printed
