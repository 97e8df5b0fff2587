"""The options of `overdrive sweep` as a configuration, and what is said about wrong ones: all at once."""

import pytest

from overdrive.adapters.commandline import Wanted, configuration, seconds
from overdrive.errors import ConfigError

COMMAND = ["python", "train.py", "--lr", "uniform(0, 1)"]


def wanted(**given):
    fields = dict.fromkeys(Wanted.__dataclass_fields__)
    defaults = {"metric": "loss", "runs": 20, "sampling": "random", "retries": 0}
    return Wanted(**{**fields, **defaults, "constraints": (), "params": (), "templates": (), **given})


@pytest.fixture
def source(tmp_path):
    (tmp_path / "train.py").touch()
    return tmp_path


def test_options_become_the_configuration(source):
    config, name, said = configuration(
        COMMAND,
        wanted(source=source, runs=7, concurrency=2, max_time="90s", run_time="2h", seed=3, retries=1,
               policy="bandit:slack_factor=0.1,delay=5", sampling="sobol", constraints=("lr < 0.5",)),
    )  # fmt: skip
    assert (config.max_total_runs, config.max_concurrent_runs, config.max_duration_minutes) == (7, 2, 1.5)
    assert config.run_config.max_run_duration_seconds == 7200
    assert config.hyperparameter_sampling.NAME == "sobol" and config.hyperparameter_sampling.seed == 3
    assert config.policy.to_json()["delay_evaluation"] == 5
    assert list(config.run_config.command) == ["python", "train.py", "--lr", "${{search_space.lr}}"]
    assert name == source.name and said == ["the goal is to minimize 'loss', by its name; --goal changes it"]


def test_what_a_run_needs_for_itself(source):
    script = configuration(COMMAND, wanted(source=source, gpus=0.5, cores=2, pin_cores=True))[0].run_config
    assert (script.gpus_per_run, script.cores_per_run, script.pin_cores) == (0.5, 2, True)
    with pytest.raises(ConfigError) as error:
        configuration(COMMAND, wanted(source=source, gpus=1.5, pin_cores=True))
    assert [problem.where for problem in error.value.problems] == ["--gpus", "--pin-cores"]


def test_every_mistake_is_told_at_once(source):
    with pytest.raises(ConfigError) as error:
        configuration(
            ["pyton", "--lr", "uniform(1, 0)"],
            wanted(source=source, metric="x", policy="bandi", max_time="3", pattern="(",
                   templates=(source.parent / "c.yml",)),
        )  # fmt: skip
    said = str(error.value)
    for part in ("--lr: ", "--goal: is missing", "--policy bandi: ", "--max-time: must be a time", "--metric-pattern: ",
                 "--template: must lie in"):  # fmt: skip
        assert part in said, said


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["pyton", "x", "uniform(0, 1)"], "there is no program 'pyton' on PATH"),
        (["./run", "uniform(0, 1)"], "there is no program './run' in"),
        (["train.py", "uniform(0, 1)"], "write ./train.py"),
        (["python", "tain.py", "uniform(0, 1)"], "there is no 'tain.py' in .*; it has train.py"),
        (["--metrik", "x", "uniform(0, 1)"], "options of overdrive stand before the command"),
    ],
)
def test_a_program_that_is_not_there_is_told_before_anything_runs(source, command, says):
    with pytest.raises(ConfigError, match=says):
        configuration(command, wanted(source=source))


def test_times():
    assert [seconds(text) for text in ("90s", "1.5m", "2 h", "1D", None)] == [90, 90, 7200, 86400, None]
    for text in ("", "5", "0s", "-1m", "1w", "nan h"):
        with pytest.raises(ConfigError, match="90s, 30m, 2h or 1d"):
            seconds(text)
