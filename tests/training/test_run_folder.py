"""Checks whether a folder is that of this run."""

import json

import pytest
from training_cases import tiny_spec

from mt3synth.errors import UserError
from mt3synth.training.run_folder import SPEC_FILE, claim, read_run

LISTED = [{"index": i, "name": name, "description": ""} for i, name in enumerate("ab")]


def test_a_folder_is_claimed_again_by_its_own_run(tmp_path):
    spec = tiny_spec()
    claim(tmp_path, spec, LISTED)
    claim(tmp_path, spec, LISTED)
    assert read_run(tmp_path)[0] == spec


def test_a_run_of_an_earlier_version_lacks_fields_that_have_a_default(tmp_path):
    spec = tiny_spec()
    claim(tmp_path, spec, LISTED)
    values = json.loads((tmp_path / SPEC_FILE).read_text())
    del values["network"]["token_layers"], values["roll"]["drums"]
    (tmp_path / SPEC_FILE).write_text(json.dumps(values))
    claim(tmp_path, spec, LISTED)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"network": {"type": "unet"}}'])
def test_another_folder_is_refused(text, tmp_path):
    (tmp_path / SPEC_FILE).write_text(text)
    with pytest.raises(UserError, match="of a run with another configuration"):
        claim(tmp_path, tiny_spec(), LISTED)


def test_another_network_is_refused(tmp_path):
    claim(tmp_path, tiny_spec(), LISTED)
    with pytest.raises(UserError, match="another configuration"):
        claim(tmp_path, tiny_spec(segment_frames=64), LISTED)
    with pytest.raises(UserError, match=r"performances\.json is of a run"):
        claim(tmp_path, tiny_spec(), LISTED[::-1])
