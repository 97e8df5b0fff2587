"""Sweeps and single runs from the Python face to real processes and back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from overdrive import (
    BanditPolicy,
    ConfigError,
    Environment,
    Experiment,
    GridParameterSampling,
    HyperDriveConfig,
    HyperDriveRun,
    PrimaryMetricGoal,
    RandomParameterSampling,
    Run,
    ScriptRunConfig,
    Workspace,
    choice,
    loguniform,
    uniform,
)
from overdrive.errors import NotFound, RunFailed

DEADLINE = 90.0
TERMINAL = ("Completed", "Failed", "Canceled")


def until(holds, what, seconds=DEADLINE):
    """Look again and again until `holds()` is true; its value."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = holds()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds:g} s: {what() if callable(what) else what}")


def ended(run):
    """Wait for a sweep or a run to end; the same."""

    def log():
        folder = run.experiment.workspace.sweep_folder(run.id)
        return "\n".join([run.get_status(), *(p.read_text() for p in folder.glob("controller.log"))])

    until(lambda: run.get_status() in TERMINAL, log)
    return run


class Place:
    """A workspace with a source folder in it."""

    def __init__(self, root: Path) -> None:
        self.source = root / "the source"
        self.source.mkdir(parents=True)
        self.workspace = Workspace(root)
        self.workspace = Workspace.find(root)
        self.submitted: list[Run] = []

    def script(self, text, name="train.py", **config):
        """A training script and its configuration."""
        (self.source / name).write_text(textwrap.dedent(text))
        return ScriptRunConfig(str(self.source), script=name, **config)

    def command(self, command, **config):
        return ScriptRunConfig(str(self.source), command=command, **config)

    def submit(self, config):
        self.submitted.append(Experiment(self.workspace, "test").submit(config))
        return self.submitted[-1]

    def sweep(self, run_config, space=None, sampling=None, goal=PrimaryMetricGoal.MAXIMIZE, **options):
        """Submit a sweep, by default over the whole grid of `space`, one run at a time."""
        fields = {"max_total_runs": 50, "max_concurrent_runs": 1, "primary_metric_name": "acc", **options}
        sampling = sampling or GridParameterSampling(space)
        return self.submit(
            HyperDriveConfig(
                hyperparameter_sampling=sampling, primary_metric_goal=goal, run_config=run_config, **fields
            )
        )

    def tidy(self):
        for run in self.submitted:
            if run.get_status() not in TERMINAL:
                run.cancel()
        for run in self.submitted:
            until(lambda run=run: run.get_status() in TERMINAL, f"{run} does not end")


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path / "a project")
    yield made
    made.tidy()


def children(sweep):
    """The runs of a sweep in the order of their numbers."""
    return sorted(sweep.get_children(), key=lambda child: child.number)


def reasons(sweep):
    return [child.record.reason or "" for child in children(sweep)]


def messages(sweep):
    sweep.view.refresh()
    return "\n".join(f"{message.level}: {message.text}" for message in sweep.view.messages)


# ---------------------------------------------------------------- one sweep, looked at from all sides

SPACE = {"lr": uniform(0.5, 1.0), "--text": choice("two words", "it's", "line\nbreak", '"$HOME" `id` 🎛')}

TRAIN = """
    import json, os, sys
    from overdrive import Run

    me = open(__file__).read()
    with open(__file__, "a") as file:
        file.write("# edited\\n")
    run = Run.get_context()
    lr = float(sys.argv[sys.argv.index("--lr") + 1])
    for epoch in range(1, 4):
        run.log("acc", lr * epoch / (4 if lr < 0.75 else 3), step=epoch)
    run.log("once", 7)
    run.log_list("list", [1, 2.5])
    run.log_row("row", a=1, b="x")
    run.log_table("table", {"a": [1, 2], "b": [3, 4]})
    with open("dot.png", "wb") as file:
        file.write(b"png")
    run.log_image("picture", path="dot.png")
    os.makedirs("outputs/deep", exist_ok=True)
    os.mkfifo("outputs/fifo")
    os.symlink("nowhere", "outputs/dangling")
    os.symlink(os.path.abspath("train.py"), "outputs/link.py")
    with open("outputs/deep/model.txt", "w") as file:
        file.write(str(lr))
    with open("logs/log.txt", "w") as file:
        file.write("log")
    with open(os.environ["OVERDRIVE_PARAMS"]) as file:
        params = json.load(file)
    with open("outputs/seen.json", "w") as file:
        json.dump({"argv": sys.argv, "env": dict(os.environ), "cwd": os.getcwd(), "me": me,
                   "params": params, "files": sorted(os.listdir(".")), "id": run.id,
                   "parameters": run.parameters, "executable": sys.executable}, file)
    print("to stdout", epoch)
    print("to stderr", file=sys.stderr)
"""


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A sweep of six runs that has ended."""
    place = Place(tmp_path_factory.mktemp("tuned") / "a 'project'")
    script = place.script(TRAIN, arguments=["--epochs", 3, "--note", "a b\n"])
    (place.source / ".gitignore").write_text("*.bin\n")
    (place.source / "large.bin").write_text("not wanted")
    sweep = place.sweep(
        script, sampling=RandomParameterSampling(SPACE, seed=11), max_total_runs=6, max_concurrent_runs=2
    )
    details = sweep.wait_for_completion(raise_on_error=True)
    assert details["status"] == sweep.get_status() == "Completed", messages(sweep)
    return place, sweep


def seen(child):
    return json.loads(Path(child.folder, "outputs/seen.json").read_text())


def test_the_sweep_and_its_children(tuned):
    _, sweep = tuned
    assert isinstance(sweep, HyperDriveRun)
    found = children(sweep)
    assert [child.id for child in found] == [f"{sweep.id}_{number}" for number in range(6)]
    assert [child.number for child in sweep.get_children()] == [5, 4, 3, 2, 1, 0]
    assert {child.get_status() for child in found} == {child.status for child in found} == {"Completed"}
    assert found[0].parent.id == sweep.id


def test_the_best_run_is_the_one_with_the_best_value(tuned):
    _, sweep = tuned
    lrs = {child.id: seen(child)["params"]["lr"] for child in sweep.get_children()}
    # The last of three values: lr * 3 / 3 from 0.75 on, lr * 3 / 4 below.
    best = {run_id: lr if lr >= 0.75 else lr * 3 / 4 for run_id, lr in lrs.items()}
    order = sorted(best, key=best.get, reverse=True)
    assert sweep.get_best_run_by_primary_metric().id == order[0]
    rows = sweep.get_children_sorted_by_primary_metric()
    assert [row["run_id"] for row in rows] == order
    assert rows[0].keys() == {"run_id", "hyperparameters", "best_primary_metric", "status"}
    assert rows[0]["best_primary_metric"] == pytest.approx(best[order[0]])
    assert json.loads(rows[0]["hyperparameters"])["lr"] == lrs[order[0]]
    assert rows[0]["status"] == "Completed"
    backwards = sweep.get_children_sorted_by_primary_metric(top=2, reverse=True, discard_no_metric=True)
    assert [row["run_id"] for row in backwards] == order[:3:-1]


def test_the_hyperparameters_are_json_texts_by_run(tuned):
    _, sweep = tuned
    found = sweep.get_hyperparameters()
    assert list(found) == [child.id for child in children(sweep)]
    for child in children(sweep):
        values = json.loads(found[child.id])
        assert list(values) == ["lr", "--text"] and values == seen(child)["params"]


def test_the_metrics(tuned):
    _, sweep = tuned
    child = children(sweep)[0]
    metrics = child.get_metrics()
    assert len(metrics["acc"]) == 3
    assert metrics["once"] == 7
    assert metrics["list"] == [1, 2.5]
    assert metrics["row"] == {"a": 1, "b": "x"}
    assert metrics["table"] == {"a": [1, 2], "b": [3, 4]}
    assert metrics["picture"] == "outputs/images/picture.png"
    assert child.get_metrics("once") == {"once": 7}
    assert child.get_metrics("none") == {}
    assert sweep.get_metrics()[child.id] == metrics


def test_the_values_arrive_as_words_after_the_users_own(tuned):
    _, sweep = tuned
    for child in children(sweep):
        params = seen(child)["params"]
        words = ["--epochs", "3", "--note", "a b\n", "--lr", repr(params["lr"]), "--text", params["--text"]]
        assert seen(child)["argv"] == ["train.py", *words]
        definition = child.get_details()["runDefinition"]
        assert definition["arguments"] == definition["Arguments"] == words


def test_the_values_arrive_as_variables_and_as_a_file(tuned):
    _, sweep = tuned
    for child in children(sweep):
        found, params = seen(child)["env"], seen(child)["params"]
        for prefix in ("AZUREML_SWEEP_", "OVERDRIVE_PARAM_"):
            assert float(found[prefix + "lr"]) == params["lr"]
            assert found[prefix + "text"] == params["--text"]
        assert found["OVERDRIVE_RUN_ID"] == seen(child)["id"] == child.id
        assert Path(found["OVERDRIVE_RUN_DIR"]) == Path(child.folder)
        assert Path(found["OVERDRIVE_METRICS"]).is_file()
        assert seen(child)["parameters"] == params


def test_each_run_has_its_own_copy(tuned):
    place, sweep = tuned
    for child in children(sweep):
        assert seen(child)["cwd"] == os.path.realpath(child.folder)
        assert not seen(child)["me"].endswith("# edited\n")
        assert Path(child.folder, "train.py").read_text() == seen(child)["me"] + "# edited\n"
        assert "large.bin" not in seen(child)["files"]
    assert not (place.source / "train.py").read_text().endswith("# edited\n")


def test_the_script_runs_in_the_interpreter_that_submitted(tuned):
    assert {seen(child)["executable"] for child in tuned[1].get_children()} == {sys.executable}


def test_the_threads_are_shared_out(tuned):
    _, sweep = tuned
    cores = len(os.sched_getaffinity(0))
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        expected = os.environ.get(name, str(max(1, cores // 2)))
        assert {seen(child)["env"][name] for child in sweep.get_children()} == {expected}


def test_the_files_of_a_run(tuned, tmp_path, monkeypatch):
    _, sweep = tuned
    child = children(sweep)[0]
    names = child.get_file_names()
    assert names[:5] == [
        "logs/log.txt", "outputs/deep/model.txt", "outputs/images/picture.png", "outputs/link.py", "outputs/seen.json",
    ]  # fmt: skip
    assert set(names[5:]) == {"stdout.txt", "stderr.txt"}
    monkeypatch.chdir(tmp_path)
    for name, target, where in (
        ("outputs/deep/model.txt", None, "model.txt"),
        ("stdout.txt", "there/out.txt", "there/out.txt"),
        ("logs/log.txt", str(tmp_path), str(tmp_path / "log.txt")),
    ):
        assert child.download_file(name, target) == where
        assert Path(where).is_file()
    assert Path("model.txt").read_text() == str(seen(child)["params"]["lr"])
    assert Path("there/out.txt").read_text() == "to stdout 3\n"
    assert len(child.download_files("outputs/", "all")) == 4 and Path("all/outputs/deep/model.txt").is_file()
    with pytest.raises(NotFound, match=r"outputs/deep/model\.txt"):
        child.download_file("outputs/model.txt")
    assert Path("all/outputs/link.py").read_text() == Path(child.folder, "train.py").read_text()
    for outside in (
        "../../../overdrive.db",
        "/etc/passwd",
        "outputs/deep",
        "outputs/fifo",
        "outputs/dangling",
    ):
        with pytest.raises(NotFound):
            child.download_file(outside)


def test_a_model_is_registered_in_versions(tuned):
    place, sweep = tuned
    child = sweep.get_best_run_by_primary_metric()
    first = child.register_model("net", "outputs/deep/model.txt", tags={"a": "b"})
    second = child.register_model(model_name="net", model_path="outputs/deep")
    assert (first.name, first.version, first.id) == ("net", 1, "net:1")
    assert (second.version, second.run_id) == (2, child.id)
    assert Path(first.path).read_text() == Path(second.path, "model.txt").read_text()
    assert Path(first.path).is_relative_to(place.workspace.home / "models")
    assert [(model["name"], model["version"]) for model in place.workspace.models] == [("net", 2), ("net", 1)]
    assert place.workspace.models[1]["tags"] == {"a": "b"}
    with pytest.raises(ConfigError, match="model_name"):
        child.register_model("a b", "outputs/deep")
    with pytest.raises(NotFound):
        child.register_model("net", "outputs/none")


def test_the_details(tuned):
    _, sweep = tuned
    best = sweep.get_best_run_by_primary_metric()
    details = sweep.get_details()
    assert (details["runId"], details["status"]) == (sweep.id, "Completed")
    assert details["properties"]["best_child_run_id"] == details["best"]["id"] == best.id
    assert json.loads(details["properties"]["primary_metric_config"]) == {"name": "acc", "goal": "maximize"}
    assert float(details["properties"]["score"]) == details["best"]["value"]
    json.dumps(details, allow_nan=False)
    own = best.get_details()
    assert own["runId"] == best.id and own["status"] == "Completed" and own["exitCode"] == 0
    assert own["startTimeUtc"] <= own["endTimeUtc"] and own["target"] == "local"
    assert Path(own["logFiles"]["stdout.txt"]).read_text() == "to stdout 3\n"
    assert "reason" not in own


def test_it_is_found_again(tuned):
    place, sweep = tuned
    again = Workspace.from_config(str(place.source))
    assert again.home == place.workspace.home
    found = Run.get(again, sweep.id)
    assert isinstance(found, HyperDriveRun) and found.get_metrics() == sweep.get_metrics()
    assert found.hyperdrive_config.hyperparameter_sampling == RandomParameterSampling(SPACE, seed=11)
    child = Run.get(again, f"{sweep.id}_3")
    assert not isinstance(child, HyperDriveRun) and child.number == 3
    assert [run.id for run in Experiment(again, "test").get_runs()] == [sweep.id]
    assert again.find_id("last") == sweep.id and list(again.experiments) == ["test"]
    assert HyperDriveRun(Experiment(again, "test"), sweep.id).get_status() == "Completed"
    assert Run(Experiment(again, "test"), child.id).get_metrics() == child.get_metrics()


# ---------------------------------------------------------------- single runs, folders, working copies


def test_a_single_run_in_a_hostile_folder(hostile_dir, capfd):
    place = Place(hostile_dir)
    script = place.script(
        """
        import sys
        from overdrive import Run
        Run.get_context().log("acc", 0.5)
        print("arguments:", sys.argv[1:])
        """,
        arguments=["--x", hostile_dir.name],
    )
    run = place.submit(script)
    assert not isinstance(run, HyperDriveRun) and run.parent is None
    details = run.wait_for_completion(show_output=True)
    assert details["status"] == run.get_status() == "Completed"
    assert f"arguments: {['--x', hostile_dir.name]!r}" in capfd.readouterr().out
    assert run.get_metrics() == {"acc": 0.5}
    assert details["runDefinition"]["arguments"] == ["--x", hostile_dir.name]
    assert details["runId"] == run.id and list(run.get_children()) == []


def files_of(place):
    run = place.submit(
        place.command(["python", "-c", "import os; print(sorted(os.listdir('.') + os.listdir('sub')))"])
    )
    ended(run)
    return Path(run.folder, ".run/stdout.txt").read_text()


def test_what_gitignore_names_stays_out_nested_ones_too(place):
    (place.source / "sub").mkdir()
    for name in ("a.txt", "b.log", "sub/c.log", "sub/d.tmp", "e.tmp"):
        (place.source / name).write_text("x")
    (place.source / ".gitignore").write_text("*.log\n")
    (place.source / "sub" / ".gitignore").write_text("!c.log\n*.tmp\n")
    found = files_of(place)
    assert all(f"'{name}'" in found for name in ("a.txt", "c.log", "e.tmp"))
    assert not any(f"'{name}'" in found for name in ("b.log", "d.tmp"))
    # .amlignore speaks alone where there is one.
    (place.source / ".amlignore").write_text("a.txt\n")
    found = files_of(place)
    assert "'b.log'" in found and "'d.tmp'" in found and "'a.txt'" not in found


def test_a_run_sees_the_source_as_it_was_at_submit(place):
    (place.source / "data.txt").write_text("before")
    gate = place.source.parent / "gate"
    script = place.script(
        """
        import os, sys, time
        while not os.path.exists(sys.argv[1]):
            time.sleep(0.01)
        print(open("data.txt").read())
        """,
        arguments=[str(gate)],
    )
    sweep = place.sweep(script, {"x": choice(1, 2)})
    (place.source / "data.txt").write_text("after")
    gate.touch()
    ended(sweep)
    for child in children(sweep):
        assert Path(child.folder, ".run/stdout.txt").read_text() == "before\n"


# ---------------------------------------------------------------- interpreters and commands


def other_interpreters():
    found = sorted(Path.home().glob(".pyenv/versions/*/bin/python"))
    return [
        str(path) for path in found if path.parts[-3].split(".")[:2] in (["3", "8"], ["3", "12"], ["3", "13"])
    ]


BARE = """
    import sys
    from overdrive import Run
    run = Run.get_context()
    run.log("acc", 0.5, step=1)
    run.log("version", sys.version_info[1])
    run.log_row("row", a=1)
    print(run.parameters, run.id, run.number)
"""


def test_interpreters_that_know_nothing_of_us_log_all_the_same(place):
    interpreters = other_interpreters()
    if not interpreters:
        pytest.skip("no other interpreter is here")
    place.script(BARE)
    sweep = place.sweep(
        place.command(["${{search_space.python}}", "train.py"]),
        {"python": choice(interpreters)},
        max_concurrent_runs=2,
    )
    ended(sweep)
    assert sweep.get_status() == "Completed", messages(sweep)
    for child, interpreter in zip(children(sweep), interpreters, strict=True):
        assert child.get_metrics()["version"] == int(Path(interpreter).parts[-3].split(".")[1])
        assert child.get_metrics()["row"] == {"a": 1}


def test_an_environment_names_the_interpreter_and_variables(place):
    interpreters = other_interpreters()
    if not interpreters:
        pytest.skip("no other interpreter is here")
    environment = Environment("old", environment_variables={"SAY": "a b"})
    environment.python.interpreter_path = interpreters[0]
    place.script(BARE + "    import os\n    print(os.environ['SAY'])\n")
    for config in (
        ScriptRunConfig(str(place.source), script="train.py", environment=environment),
        place.command("python train.py | tee outputs/out.txt", environment=environment),
    ):
        run = ended(place.submit(config))
        assert run.get_metrics()["version"] == int(Path(interpreters[0]).parts[-3].split(".")[1])
        assert "a b" in Path(run.folder, ".run/stdout.txt").read_text()


VALUES = [
    "two words",
    "it's",
    'say "hi"',
    "line\nbreak",
    "$HOME `id` $(id)",
    "a\\b\\n",
    "*",
    "",
    "🎛",
    "!x; exit 1",
]


def test_a_shell_gets_every_value_whole_in_every_kind_of_quotes(place):
    x = "${{search_space.x}}"
    (place.source / "words").write_text('#!/bin/sh\nfor word in "$@"; do printf "%s\\0" "$word"; done\n')
    (place.source / "words").chmod(0o755)
    command = f"""
        # it's a comment with {x}, and it ends here
        ./words {x} "{x}" '{x}' a{x}b "\\"{x}" 'p'{x}"q" "$(printf %s {x})" "`printf %s "{x}"`" > outputs/words &&
        test -s outputs/words | cat; (echo 'acc'"="1)
    """
    sweep = place.sweep(place.command(command), {"x": choice(VALUES)}, max_concurrent_runs=2)
    ended(sweep)
    for child, value in zip(children(sweep), VALUES, strict=True):
        words = Path(child.folder, "outputs/words").read_text().split("\0")[:-1]
        assert words == [value, value, value, f"a{value}b", f'"{value}', f"p{value}q", value, value], value
        assert child.get_metrics() == {"acc": 1.0}


def test_a_program_that_is_not_there_fails_with_its_name(place):
    run = ended(place.submit(place.command(["no-such-program", "x"])))
    assert run.get_status() == "Failed" and run.get_details()["exitCode"] == 127
    assert "no-such-program" in run.get_details()["reason"]


# ---------------------------------------------------------------- metrics that come otherwise


def test_a_metric_that_is_only_printed_counts(place):
    script = place.script(
        """
        import sys
        for epoch in range(3):
            print(f"epoch {epoch}: val_acc=0.1, acc={sys.argv[2]}{epoch}", flush=True)
        sys.stdout.write("the final acc=0.99")
        """
    )
    sweep = ended(place.sweep(script, {"x": choice("0.5", "0.7")}))
    assert [child.get_metrics()["acc"] for child in children(sweep)] == [
        [0.50, 0.51, 0.52, 0.99], [0.70, 0.71, 0.72, 0.99],
    ]  # fmt: skip
    assert "warning" not in messages(sweep)


def test_what_is_logged_and_printed_counts_once(place):
    script = place.script(
        """
        from overdrive import Run
        for value in (0.25, 0.5):
            print(f"acc={value}", flush=True)
            Run.get_context().log("acc", value)
        """
    )
    sweep = ended(place.sweep(script, {"x": choice(1, 2, 3)}, max_concurrent_runs=3))
    assert [child.get_metrics() for child in children(sweep)] == [{"acc": [0.25, 0.5]}] * 3


def test_lines_of_other_languages_torn_ones_and_nan(place):
    lines = [
        '{"name": "acc", "value": NaN}',
        '{"name": "acc", "value": "nan", "step": 3}',
        "not json",
        '{"foreign": 1}',
        '{"name": "größe", "value": 2}',
        '{"name": "acc", "val',  # torn: the last one, without a newline
    ]
    (place.source / "lines").write_text("\n".join(lines))
    sweep = ended(
        place.sweep(place.command('cat lines >> "$OVERDRIVE_METRICS" # $AZUREML_SWEEP_x'), {"x": choice(1)})
    )
    (child,) = children(sweep)
    metrics = child.get_metrics()
    assert len(metrics["acc"]) == 2 and all(value != value for value in metrics["acc"])
    assert metrics["größe"] == 2
    assert "3 lines of its metric file" in messages(sweep)
    assert "never logged" not in messages(sweep)
    # NaN is never the best.
    assert sweep.get_best_run_by_primary_metric() is None
    (row,) = sweep.get_children_sorted_by_primary_metric()
    assert row["best_primary_metric"] is None
    assert sweep.get_children_sorted_by_primary_metric(discard_no_metric=True) == []
    json.dumps(sweep.get_details(), allow_nan=False)


def test_a_metric_with_another_name_is_told_with_a_guess(place):
    script = place.script("from overdrive import Run\nRun.get_context().log('accc', 1)\n")
    sweep = ended(place.sweep(script, {"x": choice(1, 2)}))
    assert messages(sweep).count("never logged") == 1
    assert "'acc'" in messages(sweep) and "did you mean 'accc'" in messages(sweep)


# ---------------------------------------------------------------- failures, policies, limits, cancels


def test_a_failing_script_shows_its_last_lines_and_the_sweep_goes_on(place, capsys):
    script = place.script(
        """
        import sys
        from overdrive import Run
        if sys.argv[2] == "2":
            raise ValueError("no such data: größe")
        Run.get_context().log("acc", float(sys.argv[2]))
        """
    )
    sweep = place.sweep(script, {"x": choice(1, 2, 3)})
    ended(sweep)
    assert sweep.wait_for_completion(show_output=True)["status"] == "Completed"
    assert [child.get_status() for child in children(sweep)] == ["Completed", "Failed", "Completed"]
    assert reasons(sweep)[1] == "exit code 1: ValueError: no such data: größe"
    shown = capsys.readouterr().out
    assert "Traceback" in shown and "ValueError: no such data: größe" in shown
    assert sweep.get_best_run_by_primary_metric().number == 2
    with pytest.raises(RunFailed, match="no such data"):
        children(sweep)[1].wait_for_completion()


def test_three_that_fail_alike_end_the_sweep(place):
    script = place.script("import sys\nsys.exit(f'cannot find file {sys.argv[2]}')\n")
    sweep = place.sweep(
        script, sampling=RandomParameterSampling({"x": uniform(0, 1)}, seed=1), max_total_runs=50
    )
    ended(sweep)
    assert sweep.get_status() == "Failed" and len(children(sweep)) == 3
    with pytest.raises(RunFailed, match=r"first 3 runs failed the same way.*cannot find file"):
        sweep.wait_for_completion()
    assert sweep.wait_for_completion(raise_on_error=False)["status"] == "Failed"


WAITS = """
    import sys, time
    from overdrive import Run
    run = Run.get_context()
    value = float(sys.argv[2])
    run.log("acc", value)
    while value < 0.5:
        time.sleep(0.05)
"""


def test_a_policy_stops_a_run_and_says_why(place):
    # The second run is far below 1 / (1 + 0.25) = 0.8, and would never end by itself.
    policy = BanditPolicy(slack_factor=0.25)
    sweep = ended(place.sweep(place.script(WAITS), {"x": choice(1.0, 0.25, 0.9)}, policy=policy))
    assert [child.get_status() for child in children(sweep)] == ["Completed", "Canceled", "Completed"]
    for figure in ("0.25", "interval 1", "0.8", "(1 + 0.25)"):
        assert figure in reasons(sweep)[1]
    assert sweep.get_status() == "Completed"
    worst = sweep.get_children_sorted_by_primary_metric(top=1, reverse=True)
    assert worst[0]["run_id"] == f"{sweep.id}_1" and worst[0]["status"] == "Canceled"


def test_a_run_and_a_sweep_have_time_limits(place):
    place.script(WAITS)
    limited = ScriptRunConfig(
        str(place.source), script="train.py", max_run_duration_seconds=0.3, grace_seconds=5
    )
    by_run = place.sweep(limited, {"x": choice(0.1, 0.7)})
    place.submitted.append(by_run)
    by_sweep = place.sweep(place.script(WAITS), {"x": choice(0.2, 0.8)}, max_duration_minutes=0.02)
    ended(by_run), ended(by_sweep)
    assert [child.get_status() for child in children(by_run)] == ["Canceled", "Completed"]
    assert "0.3 s" in reasons(by_run)[0]
    assert [child.get_status() for child in children(by_sweep)] == ["Canceled"]
    assert "0.02 min" in reasons(by_sweep)[0]
    assert by_sweep.get_status() == "Completed" and by_sweep.get_best_run_by_primary_metric().number == 0


FAMILY = """
    import os, signal, subprocess, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleeper = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", sleeper])
    grandchild = subprocess.Popen(["sh", "-c", "sleep 600 & wait"])
    runaway = subprocess.Popen([sys.executable, "-c", sleeper], start_new_session=True)
    pids = [os.getpid(), child.pid, grandchild.pid, runaway.pid]
    with open("outputs/pids.tmp", "w") as file:
        file.write(" ".join(map(str, pids)))
    os.rename("outputs/pids.tmp", "outputs/pids")
    time.sleep(600)
"""


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def family_of(run):
    pids = until(lambda: list(Path(run.folder).glob("outputs/pids")), "the family starts")[0].read_text()
    return [int(pid) for pid in pids.split()]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_cancelling_leaves_no_grandchild_and_may_mean_one_run(place):
    script = place.script(FAMILY, grace_seconds=0.2)
    sweep = place.sweep(script, {"x": choice(1, 2, 3, 4)}, max_concurrent_runs=2)
    until(lambda: len(children(sweep)) == 2, "two runs")
    first, second = children(sweep)
    family = family_of(first)
    assert all(map(lives, family))
    first.cancel()
    until(lambda: first.get_status() == "Canceled", "the first run is cancelled")
    assert not any(map(lives, family))
    assert first.record.reason == "cancelled by the user"
    third = until(lambda: children(sweep)[2:], "another run takes its place")[0]
    families = family_of(second) + family_of(third)
    sweep.cancel()
    ended(sweep)
    assert sweep.get_status() == "Canceled" and len(children(sweep)) == 3
    assert not any(map(lives, families))
    assert {child.get_status() for child in children(sweep)} == {"Canceled"}
    # HyperDrive's waiting does not raise for what was cancelled.
    assert sweep.wait_for_completion()["status"] == "Canceled"


def test_a_sweep_that_was_cancelled_at_once_never_begins_again(place):
    # Submitting starts a controller, and cancelling another while the first does not hold the sweep yet.
    script = place.script("import time\ntime.sleep(600)\n", grace_seconds=0.2)
    sweep = place.sweep(script, {"x": choice(1, 2, 3)})
    sweep.cancel()
    ended(sweep)
    before = [(child.id, child.get_status()) for child in children(sweep)]
    log = place.workspace.sweep_folder(sweep.id) / "controller.log"
    until(lambda: sweep.view.controller is None, "its controllers leave")
    place.workspace.attend(sweep.id)
    until(lambda: "nobody resumes it" in log.read_text(), "another controller comes and leaves")
    until(lambda: sweep.view.controller is None, "its controllers leave")
    assert sweep.get_status() == "Canceled"
    assert [(child.id, child.get_status()) for child in children(sweep)] == before


# ---------------------------------------------------------------- sampling, submitting, mistakes


def test_the_same_seed_gives_the_same_sweep_at_any_concurrency(place):
    script = place.script("from overdrive import Run\nRun.get_context().log('acc', 1)\n")
    sampling = RandomParameterSampling({"lr": loguniform(-6, -1), "k": choice("a", "b")}, seed=5)
    one = place.sweep(script, sampling=sampling, max_total_runs=6, max_concurrent_runs=1)
    four = place.sweep(script, sampling=sampling, max_total_runs=6, max_concurrent_runs=4)
    ended(one), ended(four)
    assert list(one.get_hyperparameters().values()) == list(four.get_hyperparameters().values())


def test_a_finite_space_ends_when_it_is_used_up(place):
    script = place.script("from overdrive import Run\nRun.get_context().log('acc', 1)\n")
    sampling = RandomParameterSampling({"a": choice(1, 2), "b": choice("x", "y")})
    sweep = ended(place.sweep(script, sampling=sampling, max_concurrent_runs=3))
    assert len(set(sweep.get_hyperparameters().values())) == 4
    assert sweep.get_status() == "Completed" and "used up" in sweep.get_details()["reason"]


SUBMIT = """
import sys
from overdrive import *
config = HyperDriveConfig(
    run_config=ScriptRunConfig(sys.argv[1], script="train.py"),
    hyperparameter_sampling=GridParameterSampling({"x": choice(1, 2, 3)}),
    primary_metric_name="acc", primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
    max_total_runs=3, max_concurrent_runs=1)
print(Experiment(Workspace.find(sys.argv[1]), "test").submit(config).id)
"""


def test_the_sweep_outlives_the_process_that_submitted(place):
    gate = place.source.parent / "gate"
    place.script(
        f"""
        import os, sys, time
        from overdrive import Run
        while not os.path.exists({str(gate)!r}):
            time.sleep(0.01)
        Run.get_context().log("acc", int(sys.argv[2]))
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", SUBMIT, str(place.source)],
        capture_output=True,
        text=True,
        start_new_session=True,
    )
    assert done.returncode == 0, done.stderr
    sweep = Run.get(place.workspace, done.stdout.strip())
    place.submitted.append(sweep)
    gate.touch()
    ended(sweep)
    assert [child.get_metrics()["acc"] for child in children(sweep)] == [1, 2, 3]
    until(lambda: sweep.get_details()["controller"] is None, "its controller leaves")


def test_what_looks_like_a_mistake_is_a_warning_and_runs(place):
    script = place.script("print('acc=1')")
    with pytest.warns(UserWarning, match="lr"):
        sweep = place.sweep(
            script, sampling=RandomParameterSampling({"lr": loguniform(1e-5, 1e-1)}, seed=0), max_total_runs=1
        )
    assert ended(sweep).get_status() == "Completed"


def test_mistakes_are_told_before_anything_runs(place, tmp_path):
    place.script("pass", name="trian.py")
    missing = ScriptRunConfig(str(place.source), script="train.py")
    with pytest.raises(ConfigError, match=r"script: there is no 'train\.py'.*trian\.py"):
        place.submit(missing)
    with pytest.raises(ConfigError, match="source_directory: there is no folder"):
        place.submit(ScriptRunConfig(str(tmp_path / "none"), script="t.py"))
    (place.source / ".amlignore").write_text("*.py\n")
    with pytest.raises(ConfigError, match="left out by"):
        place.submit(ScriptRunConfig(str(place.source), script="trian.py"))
    with pytest.raises(ConfigError, match="ScriptRunConfig"):
        place.submit({"script": "train.py"})
    with pytest.raises(ConfigError, match="experiment"):
        Experiment(place.workspace, "a b")
    assert place.workspace.store.sweeps() == []


def test_an_id_of_ones_own_must_be_new(place):
    script = place.script("print('acc=1')")
    sweep = place.sweep(script, {"x": choice(1)}, custom_run_id="mine")
    assert sweep.id == "mine"
    with pytest.raises(ConfigError, match=r"custom_run_id.*'mine'"):
        place.sweep(script, {"x": choice(1)}, custom_run_id="mine")
    assert ended(sweep).get_status() == "Completed"


# ---------------------------------------------------------------- imports

HEAVY = {"numpy", "scipy", "sqlalchemy", "pydantic", "yaml", "rich", "typer", "pathspec", "asyncio", "email"}


def modules_after(code, *options):
    done = subprocess.run(
        [sys.executable, *options, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("code", ["import overdrive", "from overdrive import Run; Run.get_context()"])
def test_importing_us_imports_nothing_heavy(code):
    assert not modules_after(code) & HEAVY


def test_the_runtime_needs_the_standard_library_only():
    root = str(Path(sys.modules["overdrive"].__file__).parents[1])
    code = f"import sys; sys.path.append({root!r}); import overdrive.runtime.context"
    found = modules_after(code, "-I", "-S")
    assert found - {"overdrive"} <= set(sys.stdlib_module_names) | {"__main__"}
