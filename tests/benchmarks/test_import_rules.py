"""The checker of imports, on a small house that is whole until something in it is broken."""

from pathlib import Path

import house
import pytest
from import_rules import problems_of_libraries, problems_of_table, problems_of_tree

SMALL = {
    "mt3synth/__init__.py": "",
    "mt3synth/types.py": "",
    "mt3synth/audio/__init__.py": "",
    "mt3synth/audio/files.py": "import soundfile\nfrom mt3synth.types import Batch\n",
    "mt3synth/training/__init__.py": "",
    "mt3synth/training/loop.py": "from .optim import adam\n",
    "mt3synth/training/optim/__init__.py": "",
    "mt3synth/training/optim/adam.py": "from mt3synth.audio import files\n",
}
SMALL_FLOORS = (
    {"types": ""},
    {"audio": ""},
    {"training": "", "training.optim": "audio", "training.loop": "training.optim"},
    {"": ""},
)


@pytest.fixture
def small(tmp_path):
    """Builds the small house; what it is called with is added to its files."""

    def build(**more: str) -> Path:
        for name, text in (
            SMALL | {k.replace("__", "/") + ".py": v for k, v in more.items()}
        ).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return build


def test_a_whole_house_has_no_problems(small):
    tree = small()
    assert problems_of_table(SMALL_FLOORS) == []
    assert problems_of_tree(tree, SMALL_FLOORS) == []
    modules = house.find_modules(tree)
    assert house.circles(house.graph_of(modules, str)) == []
    assert max(house.floors(house.graph_of(modules, house.package_of)).values()) == 3


@pytest.mark.parametrize(
    ("late", "name"),
    [
        ("from mt3synth.training.loop import fit", "mt3synth.training.loop"),
        ("import mt3synth.training.loop", "mt3synth.training.loop"),
        ("from ..training import loop", "mt3synth.training.loop"),
    ],
)
def test_an_import_inside_a_function_that_runs_upward_is_found(small, late, name):
    tree = small(mt3synth__audio__mel=f"def draw():\n    {late}\n")
    [problem] = problems_of_tree(tree, SMALL_FLOORS)
    assert problem == f"mt3synth/audio/mel.py:2 imports {name}: not in the row of mt3synth.audio"
    modules = house.find_modules(tree)
    assert house.circles(house.graph_of(modules, house.package_of)) == [
        ["mt3synth.audio", "mt3synth.training"]
    ]
    assert len(house.upward(modules)) == 1


def test_neighbours_in_one_folder_may_not_go_in_circles(small):
    tree = small(
        mt3synth__audio__a="from mt3synth.audio import b",
        mt3synth__audio__b="import mt3synth.audio.a",
    )
    assert house.circles(house.graph_of(house.find_modules(tree), str)) == [
        ["mt3synth.audio.a", "mt3synth.audio.b"]
    ]


def test_a_new_room_needs_a_row_and_a_row_needs_a_room(small):
    tree = small(mt3synth__cellar="")
    assert problems_of_tree(tree, SMALL_FLOORS) == ["mt3synth.cellar has no row"]
    floors = ({"types": "", "cellar": "", "attic": ""}, *SMALL_FLOORS[1:])
    assert problems_of_tree(tree, floors) == ["mt3synth.attic has a row and no file"]


def test_a_row_that_names_what_stands_above_it_is_found():
    floors = ({"types": ""}, {"audio": "training.loop"}, *SMALL_FLOORS[2:])
    assert problems_of_table(floors) == [
        "mt3synth.audio may import mt3synth.training.loop, which is no floor below"
    ]
    assert problems_of_table(({"audio": "attic"},)) == [
        "mt3synth.audio may import mt3synth.attic, which has no row"
    ]


def test_a_heavy_library_out_of_its_place_is_found(small):
    tree = small(mt3synth__training__data="def read():\n    import soundfile.blocks\n")
    assert problems_of_libraries(tree, {"soundfile": "audio"}) == [
        "mt3synth/training/data.py:2 imports soundfile.blocks"
    ]
