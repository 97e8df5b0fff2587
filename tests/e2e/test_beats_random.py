"""Bayesian sampling of a real training beats random search at the same number of runs, and a sweep through the whole
system is the very sweep that was compared."""

import statistics

import pytest

from overdrive import AskTell, Workspace, loguniform, tune

SEEDS = range(20)
RUNS = 16
SPACE = {"C": loguniform(-7, 7), "gamma": loguniform(-10, 3), "epsilon": loguniform(-7, 1)}


def training(**params):
    """What a support vector machine explains of the variance of half of Friedman's first problem."""
    from sklearn.datasets import make_friedman1
    from sklearn.svm import SVR

    x, y = make_friedman1(200, noise=1.0, random_state=0)
    return SVR(**params).fit(x[::2], y[::2]).score(x[1::2], y[1::2])


@pytest.fixture(scope="module")
def sweeps():
    """For each sampling and seed, the configurations and their values in order."""
    found = {}
    for sampling in ("random", "bayesian"):
        for seed in SEEDS:
            asking = AskTell(SPACE, "maximize", sampling, seed)
            tried = []
            for _ in range(RUNS):
                number, params = asking.ask()
                tried.append((params, training(**params)))
                asking.tell(number, tried[-1][1])
            found[sampling, seed] = tried
    return found


def best(tried):
    return max(value for _, value in tried)


def test_it_beats_random_search_over_twenty_seeds(sweeps):
    ours, theirs = ([best(sweeps[sampling, seed]) for seed in SEEDS] for sampling in ("bayesian", "random"))
    won = sum(a > b for a, b in zip(ours, theirs, strict=True))
    lost = sum(a < b for a, b in zip(ours, theirs, strict=True))
    assert statistics.mean(ours) > statistics.mean(theirs)
    assert won >= 3 * lost, f"{ours} {theirs}"


def test_a_sweep_through_real_processes_is_one_of_them(sweeps, tmp_path):
    seed = SEEDS[0]
    sweep = tune(
        training,
        SPACE,
        sampling="bayesian",
        seed=seed,
        max_total_runs=RUNS,
        max_concurrent_runs=1,
        workspace=Workspace.find(tmp_path),
    )
    assert sweep.get_status() == "Completed"
    assert [run.params for run in sweep.view.runs] == [params for params, _ in sweeps["bayesian", seed]]
    found = sweep.get_best_run_by_primary_metric().get_metrics()["value"]
    assert found == best(sweeps["bayesian", seed])
    assert found >= statistics.median(best(sweeps["random", seed]) for seed in SEEDS)
