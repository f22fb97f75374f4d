"""A run that begins with a bundle, and the bundle that is made of it: what is inherited and kept.

With a tiny network around a prior, as the default one is, on two songs of noise.
"""

import dataclasses
import json

import jax
import numpy as np
import pytest
from backbone_cases import FORMS, random_params
from neural_cases import tiny_weights
from song_cases import noise_song

import mt3synth
from data_pipelines.open_data import open_data
from data_pipelines.performances import PerformanceEntry, write_performances
from data_pipelines.shards.formats import FORMATS
from data_pipelines.shards.names import shard_path
from mt3synth import bundle as bundles
from mt3synth import cli
from mt3synth.audio.mel import MELGAN
from mt3synth.bundle import Performance
from mt3synth.commands.export.model_card import write_card
from mt3synth.diffusion.guidance import Guidance
from mt3synth.diffusion.spec import DiffusionSpec, SamplingSpec
from mt3synth.errors import UserError
from mt3synth.model_spec import make_spec
from mt3synth.score import Span, read_score
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.roll import RollSpec
from mt3synth.training import provenance
from mt3synth.training.diffusion import run as runs
from mt3synth.training.diffusion.config import TrainConfig
from mt3synth.training.diffusion.run import run
from mt3synth.training.diffusion.warm_start import load_source
from mt3synth.training.optim.freezing import FreezeConfig
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.run_folder import read_run

CONFIG = TrainConfig(steps=4, batch_size=2, eval_batches=1, validations=2)
OPTIMIZER = OptimizerConfig(learning_rate=0.05, warmup_steps=0, decay_steps=0)
KNOWN = (
    Performance(0, "near", "A small room.", {"piano": 60.0}),
    Performance(1, "mine", "Known by name.", {"piano": 30.0, "flute": 5.0}),
    Performance(2, "far", "A church."),
)
UNHEARD = (
    "instruments never heard in performance 'near', whose sound there is a guess: flute, drums"
)
CORPUS = {
    "splits": {"train": {"hours": 2.0, "songs": 7}},
    "soundfonts": {"a.sf2": {"package": "a-font", "licence": "MIT"}},
    "recipe": {"seed": 3},
}


def spec_of(performances: int):
    return make_spec(
        FORMS["unet_notes"],
        mel=MELGAN,
        roll=RollSpec(),
        codec=EventCodec(1),
        performances=performances,
        diffusion=DiffusionSpec(),
        segment_frames=32,
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """Writes a bundle of three performances that is best rendered by its prior alone."""
    folder = tmp_path_factory.mktemp("bundles") / "known"
    spec = dataclasses.replace(
        spec_of(3), guidance=Guidance(notes=2.5), sampling=SamplingSpec(steps=0, eta=0.0)
    )
    card = "| weights | exponential moving average after 2800 training steps |\n"
    bundles.save(folder, spec, KNOWN, "near", random_params(spec), card, vocoder=tiny_weights())
    (folder / "corpus.json").write_text(json.dumps(CORPUS))
    return bundles.load(folder)


def write_data(folder, *names, trained=2):
    """Writes a song for each performance; of those after ``trained`` all is held out."""
    kind = FORMATS["numpy"]
    folder.mkdir()
    songs = [noise_song(name, 3.0, i, seed=i) for i, name in enumerate(names)]
    for split, part in (("train", songs[:trained]), ("validation", songs[-1:])):
        kind.write(shard_path(folder, split, 0, 1, kind.suffix), part)
    write_performances(folder, [PerformanceEntry(name, f"Sounds {name}.") for name in names])
    corpus = {"source": {"what": "own recordings", "licence": "ours"}, "splits": CORPUS["splits"]}
    (folder / "corpus.json").write_text(json.dumps(corpus))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data") / "takes", "new", "mine")


def export(run_folder, out, *options):
    argv = ["export", "--run", str(run_folder), "-o", str(out), *options]
    assert cli.main(argv) == 0
    return bundles.load(out)


def tune(bundle, data, folder, **options):
    """Makes a bundle of four steps that began with another; returns it and the last state."""
    options = {"init_from": str(bundle.folder), **options}
    state = run(folder / "run", spec_of, open_data(str(data)), CONFIG, OPTIMIZER, **options)
    return export(folder / "run", folder / "tuned"), state


@pytest.fixture(scope="module")
def tuned(bundle, data, tmp_path_factory):
    """Makes a bundle of four steps that began with the other; the first is gone by then."""
    folder = tmp_path_factory.mktemp("tuned")
    made, state = tune(bundle, data, folder)
    return folder, made, jax.device_get(state.ema)


def table(params):
    return np.asarray(params["performance_embedding"]["embedding"])


def test_vocoder_guidance_and_sampling_are_inherited(tuned, bundle):
    _, made, _ = tuned
    assert made.vocoder.hash == bundle.vocoder.hash
    assert (made.spec.guidance, made.spec.sampling) == (bundle.spec.guidance, bundle.spec.sampling)
    song = mt3synth.load(made.folder).render(flute_and_drums(), "near", overlap=8)
    assert song.metadata["steps"] == "0" and song.metadata["vocoder"] == "NeuralVocoder"
    assert np.isfinite(song.audio).all() and np.abs(song.audio).max() > 0
    assert song.reports == (UNHEARD,)


def test_the_card_names_origin_licences_budgets_and_data(tuned, bundle):
    _, made, _ = tuned
    card = (made.folder / "README.md").read_text()
    for words in (
        "after 4 training steps",
        "- `takes`: own recordings, 2.0 h in 7 songs. Licence: ours.",
        f"began with the bundle `known` ({bundle.hash}), the outcome of 2800 steps.",
        "the data above for 4 steps of 2 segments of 0.64 s (5 s heard).",
        "Soundfont a.sf2, Debian package a-font: MIT.",
        "A trained Vocos",
    ):
        assert words in card, words
    assert "2800" in (made.folder / "origin/README.md").read_text()
    assert json.loads((made.folder / "origin/corpus.json").read_text()) == CORPUS
    assert not list((made.folder / "origin").glob("*.safetensors"))


@pytest.mark.parametrize("source", ["tuned", "run"])
def test_a_model_of_a_model_names_both(tuned, bundle, source, tmp_path):
    """The licences of the first hold for the third, by way of a bundle or of a run."""
    folder, made, _ = tuned
    provenance.record_origin(tmp_path, load_source(str(folder / source)))
    history = provenance.read_provenance(tmp_path, 1)
    performances = provenance.heard_in(tmp_path, made.performances)
    card = write_card("third", made.spec, performances, made.params, 1, None, "", None, history)
    assert f"`{source}`" in card and "a.sf2, Debian package a-font: MIT" in card
    assert "4 steps of 2 segments of 0.64 s (5 s heard), begun with `known`" in card
    assert "2800" in (tmp_path / "origin/origin/README.md").read_text()
    assert provenance.inherited_vocoder(tmp_path, MELGAN).hash == bundle.vocoder.hash
    assert performances == made.performances


def test_what_the_bundle_knew_stays_behind_the_performances_of_the_data(tuned, bundle):
    _, made, ema = tuned
    assert [p.name for p in made.performances] == ["new", "mine", "near", "far"]
    assert made.default == "new"
    old = table(bundle.params)
    np.testing.assert_allclose(table(ema)[2:], old[[0, 2]], rtol=1e-6)
    assert not np.allclose(table(ema)[1], old[1], rtol=1e-3)  # it was trained on
    for part in ("note_prior", "frames_in", "frames_out"):  # and so was the network, all through
        pairs = zip(jax.tree.leaves(ema[part]), jax.tree.leaves(bundle.params[part]))
        assert any(not np.allclose(now, then, rtol=1e-3) for now, then in pairs), part


@pytest.fixture
def begin(monkeypatch, data, bundle):
    """Begins a run, and gives what would be trained instead of training it."""

    class Begun(Exception):
        """Leaves a run where training would begin."""

    def leave(learner, *_, **__):
        raise Begun(learner)

    monkeypatch.setattr(runs, "fit", leave)

    def begun(folder, data=data, **more):
        more = {"init_from": str(bundle.folder), **more}
        with pytest.raises(Begun) as left:
            runs.run(folder, spec_of, open_data(str(data)), CONFIG, OPTIMIZER, **more)
        return left.value.args[0]

    return begun


def names_in(folder):
    return [entry["name"] for entry in json.loads((folder / "performances.json").read_text())]


def test_only_mine_drops_them_and_such_a_run_goes_on(begin, tmp_path):
    begin(tmp_path / "all")
    assert names_in(tmp_path / "all") == ["new", "mine", "near", "far"]
    with pytest.raises(UserError, match="another configuration"):
        begin(tmp_path / "all", only_mine=True)
    begin(tmp_path / "mine", only_mine=True)
    # Runs of before had no others, and their command does not say so.
    begin(tmp_path / "mine")
    assert names_in(tmp_path / "mine") == ["new", "mine"]


def test_keeping_moves_nothing_but_new_embeddings(begin, tmp_path):
    """By the optimizer that the run would have, given a gradient of one for everything."""
    learner = begin(tmp_path, keep_known=True)
    params = learner.fresh().params
    ones = jax.tree.map(np.ones_like, params)
    moved, _ = learner.optimizer.update(ones, learner.optimizer.init(params), params)
    rows = moved["performance_embedding"].pop("embedding")
    assert np.all(rows[0]) and not np.any(rows[1:])
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(moved))


@pytest.mark.slow
@pytest.mark.usefixtures("quickly_compiled")
def test_all_that_was_known_can_be_kept_to_the_last_bit(bundle, data, tmp_path):
    made, _ = tune(bundle, data, tmp_path, keep_known=True)
    before, after = table(bundle.params), table(made.params)
    np.testing.assert_array_equal(after[1:], before[[1, 0, 2]])
    assert not np.allclose(after[0], before.mean(0), rtol=1e-3)
    made.params["performance_embedding"] = bundle.params["performance_embedding"]
    assert jax.tree.all(jax.tree.map(np.array_equal, made.params, bundle.params))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"init_from": None}, "needs --init-from"),
        ({"freezing": FreezeConfig(freeze=("note_prior",))}, "leave --freeze and TRAIN_ONLY out"),
    ],
)
def test_what_does_not_go_with_keeping(begin, tmp_path, options, said):
    with pytest.raises(UserError, match=f"--keep-known .*{said}"):
        begin(tmp_path, keep_known=True, **options)
    assert not list(tmp_path.iterdir())


def test_with_nothing_new_there_is_nothing_to_keep(begin, tmp_path):
    known = write_data(tmp_path / "known", "near", "far")
    with pytest.raises(UserError, match=r"--keep-known: .* knows all performances of the data"):
        begin(tmp_path / "run", known, keep_known=True)


def flute_and_drums() -> Notes:
    columns = ([0.0, 0.2, 0.3], [0.2, 0.4, 0.5], [60, 38, 72], [90, 80, 90], [0, 0, 73])
    return Notes(*map(np.array, columns), is_drum=np.array([False, True, False]))


def test_a_bundle_says_once_what_it_never_heard(tuned, bundle):
    """Noise songs have piano, violin, flute and drums; both songs count, and the bundle's own."""
    _, made, _ = tuned
    new, mine, near, far = made.performances
    assert set(new.heard) == {"piano", "violin", "flute", "drums"}
    assert mine.heard["flute"] > 5.0 and mine.heard["piano"] > 30.0
    assert near.heard == {"piano": 60.0} and far.heard is None
    model = mt3synth.load(made.folder)
    score = read_score(flute_and_drums(), Span(), made.spec)
    told = {p.name: model.renderer(p.name, overlap=8).reports(score) for p in made.performances}
    # Nothing is known of what the bundle heard of `far`, so nothing is said.
    assert told == {"new": (), "mine": (), "near": (UNHEARD,), "far": ()}


def test_a_performance_that_is_all_held_out_is_refused_unless_asked_for(begin, tmp_path):
    takes, folder = write_data(tmp_path / "takes", "new", "mine", "held"), tmp_path / "run"
    with pytest.raises(UserError, match=r"performance 'held' has no training audio.*untrained"):
        begin(folder, takes, init_from=None)
    assert not folder.exists()
    learner = begin(folder, takes, init_from=None, allow_untrained=True)
    told = "less than a minute to train on: 'new' 3 s, 'mine' 3 s, 'held' 0 s"
    assert told in learner.headline
    begin(folder, takes, init_from=None)  # goes on unasked
    _, performances = read_run(folder)
    new, mine, held = provenance.heard_in(folder, performances)
    assert held.heard == {} and new.heard and mine.heard
