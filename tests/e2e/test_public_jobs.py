"""The public sample jobs of Azure ML v2 that need no cloud, rewritten with the same keys and shapes, for real."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.engine("mlflow")


def sweep(folder, spec, name="job.yml", code=0, **files):
    """The finished sweep as JSON; `files` by path below src, written with __ for the dot."""
    (folder / "src").mkdir(exist_ok=True)
    for file, text in files.items():
        (folder / "src" / file.replace("__", ".")).write_text(textwrap.dedent(text))
    (folder / name).write_text(textwrap.dedent(spec))
    env = {k: v for k, v in os.environ.items() if k not in ("OVERDRIVE_HOME", "MLFLOW_TRACKING_URI")}
    done = subprocess.run(
        [sys.executable, "-m", "overdrive", "submit", name, "--json"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=400,
        env=env,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def iris(tmp_path):
    """The flowers as a file with the column `species`."""
    from sklearn.datasets import load_iris

    flowers = load_iris()
    lines = ["sepal_length,sepal_width,petal_length,petal_width,species"]
    for row, kind in zip(flowers.data, flowers.target, strict=True):
        lines.append(",".join(map(str, row)) + f",{flowers.target_names[kind]}")
    (tmp_path / "iris.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_the_hello_sweep(tmp_path):
    found = sweep(
        tmp_path,
        """\
        $schema: https://azuremlschemas.azureedge.net/latest/sweepJob.schema.json
        type: sweep
        trial:
          command: >-
            python hello.py --A ${{inputs.A}} --B ${{search_space.B}} --C ${{search_space.C}}
          code: src
          environment: azureml://registries/azureml/environments/sklearn-1.5/labels/latest
        inputs:
          A: 0.5
        sampling_algorithm: random
        search_space:
          B: {type: choice, values: ["hello", "world", "hello_world"]}
          C: {type: uniform, min_value: 0.1, max_value: 1.0}
        objective: {goal: minimize, primary_metric: random_metric}
        limits: {max_total_trials: 4, max_concurrent_trials: 2, timeout: 3600}
        display_name: hello-sweep-example
        experiment_name: hello-sweep-example
        description: Hello sweep job example.
        """,
        hello__py="""\
        import argparse, random
        import mlflow
        parser = argparse.ArgumentParser()
        parser.add_argument("--A", type=float)
        parser.add_argument("--B", type=str)
        parser.add_argument("--C", type=float)
        args = parser.parse_args()
        mlflow.log_metric("random_metric", args.C + (args.A if args.B == "hello" else 0))
        """,
    )
    assert found["experiment"] == "hello-sweep-example"
    assert len(found["runs"]) == 4
    assert found["best"]["value"] == min(run["metrics"]["random_metric"][0] for run in found["runs"])


def test_svm_on_iris_with_autologging(iris):
    found = sweep(
        iris,
        """\
        type: sweep
        trial:
          code: src
          command: >-
            python main.py --iris-csv ${{inputs.iris_csv}} --C ${{search_space.C}}
            --kernel ${{search_space.kernel}} --coef0 ${{search_space.coef0}}
        inputs:
          iris_csv: {type: uri_file, path: azureml:iris:1}
        sampling_algorithm: random
        search_space:
          C: {type: uniform, min_value: 0.5, max_value: 0.9}
          kernel: {type: choice, values: [rbf, linear, poly]}
          coef0: {type: uniform, min_value: 0.1, max_value: 1}
        objective: {goal: maximize, primary_metric: training_f1_score}
        limits: {max_total_trials: 2, max_concurrent_trials: 2, timeout: 7200}
        """.replace("azureml:iris:1", "iris.csv"),
        main__py="""\
        import argparse
        import mlflow, pandas
        from sklearn.model_selection import train_test_split
        from sklearn.svm import SVC
        parser = argparse.ArgumentParser()
        parser.add_argument("--iris-csv")
        parser.add_argument("--C", type=float)
        parser.add_argument("--kernel")
        parser.add_argument("--coef0", type=float)
        args = parser.parse_args()
        mlflow.sklearn.autolog(log_models=False)
        flowers = pandas.read_csv(args.iris_csv)
        x, y = flowers.drop("species", axis=1), flowers["species"]
        x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=42)
        SVC(C=args.C, kernel=args.kernel, coef0=args.coef0).fit(x_train, y_train)
        """,
    )
    assert found["best"]["value"] > 0.9
    metrics = found["runs"][0]["metrics"]
    assert {"training_f1_score", "training_accuracy_score"} <= set(metrics)
    assert all(len(values) == 1 for values in metrics.values())


def test_svm_that_registers_its_model_under_the_output_of_the_notebook(tmp_path):
    found = sweep(
        tmp_path,
        """\
        type: sweep
        trial:
          code: src
          command: >-
            python train_iris.py --kernel ${{search_space.kernel}} --penalty ${{search_space.penalty}}
            --registered_model_name iris_svm
        search_space:
          kernel: {type: choice, values: [linear, rbf]}
          penalty: {type: choice, values: [1.5]}
        sampling_algorithm: grid
        objective: {goal: maximize, primary_metric: Accuracy}
        limits: {max_total_trials: 1, max_concurrent_trials: 1}
        """,
        train_iris__py="""\
        import argparse, os
        import mlflow, mlflow.sklearn
        from sklearn import datasets
        from sklearn.model_selection import train_test_split
        from sklearn.svm import SVC
        mlflow.start_run()
        mlflow.sklearn.autolog(log_models=False)
        parser = argparse.ArgumentParser()
        parser.add_argument("--kernel", default="linear")
        parser.add_argument("--penalty", type=float, default=1.0)
        parser.add_argument("--registered_model_name")
        args = parser.parse_args()
        mlflow.log_param("Kernel type", str(args.kernel))
        mlflow.log_metric("Penalty", float(args.penalty))
        iris = datasets.load_iris()
        x_train, x_test, y_train, y_test = train_test_split(iris.data, iris.target, random_state=0)
        model = SVC(kernel=args.kernel, C=args.penalty).fit(x_train, y_train)
        mlflow.log_metric("Accuracy", float(model.score(x_test, y_test)))
        needs = {"pip_requirements": ["scikit-learn"]}
        mlflow.sklearn.log_model(
            sk_model=model, registered_model_name=args.registered_model_name,
            artifact_path=args.registered_model_name, **needs,
        )
        mlflow.sklearn.save_model(sk_model=model, path=os.path.join(args.registered_model_name, "trained"), **needs)
        mlflow.end_run()
        """,
    )
    (run,) = found["runs"]
    assert run["metrics"]["Accuracy"] == [found["best"]["value"]]  # not once more with the model
    place = tmp_path / ".overdrive" / "runs" / found["id"] / "0"
    assert (place / "outputs" / "iris_svm" / "MLmodel").is_file()
    assert (place / "iris_svm" / "trained" / "MLmodel").is_file()
    assert "registered_model.iris_svm.1" in (place / ".run" / "mlflow.jsonl").read_text()


@pytest.mark.engine("lightgbm")
def test_boosting_on_iris_with_a_value_for_each_round_and_median_stopping(iris):
    found = sweep(
        iris,
        """\
        type: sweep
        trial:
          code: src
          command: >-
            python main.py --iris-csv ${{inputs.iris_csv}} --learning-rate ${{search_space.learning_rate}}
            --boosting ${{search_space.boosting}}
        inputs:
          iris_csv: {type: uri_file, path: iris.csv}
        sampling_algorithm: random
        search_space:
          learning_rate: {type: uniform, min_value: 0.01, max_value: 0.9}
          boosting: {type: choice, values: [gbdt, dart]}
        objective: {goal: minimize, primary_metric: test-multi_logloss}
        limits: {max_total_trials: 2, max_concurrent_trials: 2, timeout: 7200}
        early_termination: {type: median_stopping, delay_evaluation: 5, evaluation_interval: 2}
        """,
        main__py="""\
        import argparse
        import lightgbm, mlflow, pandas
        from sklearn.model_selection import train_test_split
        from sklearn.preprocessing import LabelEncoder
        parser = argparse.ArgumentParser()
        parser.add_argument("--iris-csv")
        parser.add_argument("--learning-rate", type=float)
        parser.add_argument("--boosting")
        args = parser.parse_args()
        mlflow.lightgbm.autolog(log_models=False)
        flowers = pandas.read_csv(args.iris_csv)
        x, y = flowers.drop("species", axis=1), LabelEncoder().fit_transform(flowers["species"])
        x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=42)
        train = lightgbm.Dataset(x_train, label=y_train)
        test = lightgbm.Dataset(x_test, label=y_test)
        lightgbm.train(
            {"objective": "multiclass", "num_class": 3, "metric": "multi_logloss", "num_threads": 1,
             "learning_rate": args.learning_rate, "boosting": args.boosting, "verbose": -1},
            train, num_boost_round=16, valid_sets=[train, test], valid_names=["train", "test"],
        )
        """,
    )
    curves = [run["metrics"]["test-multi_logloss"] for run in found["runs"]]
    assert all(len(curve) >= 5 for curve in curves)
    assert found["best"]["value"] == min(min(curve) for curve in curves)


def test_the_pipeline_whose_second_step_tests_the_best_model(iris):
    (iris / "train.yml").write_text(
        textwrap.dedent("""\
        type: command
        name: train_model
        version: 1
        inputs:
          data: {type: uri_folder}
          c_value: {type: number, default: 1.0}
          kernel: {type: string, default: rbf}
          random_state: {type: integer, default: 42}
        outputs:
          model_output: {type: mlflow_model}
          test_data: {type: uri_folder}
        code: ./src
        environment: azureml://registries/azureml/environments/sklearn-1.5/labels/latest
        command: >-
          python train.py --data ${{inputs.data}} --C ${{inputs.c_value}} --kernel ${{inputs.kernel}}
          --random_state ${{inputs.random_state}} --model_output ${{outputs.model_output}}
          --test_data ${{outputs.test_data}}
        """)
    )
    (iris / "predict.yml").write_text(
        textwrap.dedent("""\
        type: command
        inputs:
          model: {type: mlflow_model}
          test_data: {type: uri_folder}
        outputs:
          predict_result: {type: uri_folder}
        code: ./src
        command: >-
          python predict.py --model ${{inputs.model}} --test_data ${{inputs.test_data}}
          --predict_result ${{outputs.predict_result}}
        """)
    )
    steps = sweep(
        iris,
        """\
        $schema: https://azuremlschemas.azureedge.net/latest/pipelineJob.schema.json
        type: pipeline
        display_name: pipeline_with_hyperparameter_sweep
        settings: {default_compute: azureml:cpu-cluster}
        inputs:
          data: {type: uri_folder, path: "."}
        outputs:
          model_output:
          predict_result:
        jobs:
          sweep_step:
            type: sweep
            inputs:
              data: ${{parent.inputs.data}}
            outputs:
              model_output: ${{parent.outputs.model_output}}
              test_data:
            sampling_algorithm: random
            trial: ./train.yml
            search_space:
              c_value: {type: uniform, min_value: 0.5, max_value: 0.9}
              kernel: {type: choice, values: ["rbf", "linear", "poly"]}
            objective: {goal: maximize, primary_metric: training_f1_score}
            limits: {max_total_trials: 2, max_concurrent_trials: 2, timeout: 7200}
          predict_step:
            type: command
            component: ./predict.yml
            inputs:
              model: ${{parent.jobs.sweep_step.outputs.model_output}}
              test_data: ${{parent.jobs.sweep_step.outputs.test_data}}
            outputs:
              predict_result: ${{parent.outputs.predict_result}}
        """,
        train__py="""\
        import argparse, os, shutil
        import mlflow, pandas
        from sklearn.model_selection import train_test_split
        from sklearn.svm import SVC
        parser = argparse.ArgumentParser()
        for name in ("--data", "--kernel", "--model_output", "--test_data"):
            parser.add_argument(name)
        parser.add_argument("--C", type=float)
        parser.add_argument("--random_state", type=int)
        args = parser.parse_args()
        mlflow.sklearn.autolog(log_models=False)
        flowers = pandas.read_csv(os.path.join(args.data, "iris.csv"))
        train, test = train_test_split(flowers, test_size=0.2, random_state=args.random_state)
        model = SVC(C=args.C, kernel=args.kernel).fit(train.drop("species", axis=1), train["species"])
        mlflow.sklearn.save_model(model, "saved", pip_requirements=["scikit-learn"])
        shutil.copytree("saved", args.model_output, dirs_exist_ok=True)
        test.to_csv(os.path.join(args.test_data, "test.csv"), index=False)
        """,
        predict__py="""\
        import argparse, os
        import mlflow, pandas
        parser = argparse.ArgumentParser()
        for name in ("--model", "--test_data", "--predict_result"):
            parser.add_argument(name)
        args = parser.parse_args()
        test = pandas.read_csv(os.path.join(args.test_data, "test.csv"))
        model = mlflow.sklearn.load_model(args.model)
        test["predicted"] = model.predict(test.drop("species", axis=1))
        test.to_csv(os.path.join(args.predict_result, "result.csv"), index=False)
        """,
    )
    place = iris / ".overdrive" / "runs" / steps["predict_step"]["id"] / "0"
    lines = (place / "outputs" / "predict_result" / "result.csv").read_text().splitlines()
    assert len(lines) == 1 + 30
    assert sum(line.split(",")[-1] == line.split(",")[-2] for line in lines[1:]) >= 24
