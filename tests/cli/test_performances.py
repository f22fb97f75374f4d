"""`mt3synth performances`."""


def test_one_a_line_name_first_no_header(run, bundle_folder):
    outcome = run("performances", "--bundle", bundle_folder)
    assert outcome.status == 0
    assert [line.split()[0] for line in outcome.out] == ["studio", "hall", "old-radio"]
    assert outcome.out[1].endswith("Sounds like hall.")
    assert [line.endswith("(default)") for line in outcome.out] == [True, False, False]


def test_no_bundle(run):
    outcome = run("performances", "--bundle", "none")
    assert outcome.status == 2
    assert outcome.err == [
        "mt3synth performances: none: no such folder; give a bundle made by `mt3synth export`"
    ]
