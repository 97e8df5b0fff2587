"""HyperDrive's public v1 samples, written again with the same imports, calls and shapes, and run as they are by
`overdrive exec`; what the names answer inside training processes, whatever Python runs them."""

from __future__ import annotations

import gzip
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from overdrive import Experiment, ScriptRunConfig
from overdrive.sdk.data import Dataset

# ---------------------------------------------------------------- scikit-learn, iris

IRIS = """
    import argparse
    import os
    import joblib
    from sklearn import datasets
    from sklearn.model_selection import train_test_split
    from sklearn.svm import SVC
    from azureml.core.run import Run

    run = Run.get_context()

    def main():
        parser = argparse.ArgumentParser()
        parser.add_argument('--kernel', type=str, default='linear', help='Kernel type')
        parser.add_argument('--penalty', type=float, default=1.0, help='Penalty of the error term')
        args = parser.parse_args()
        run.log('Kernel type', str(args.kernel))
        run.log('Penalty', float(args.penalty))

        iris = datasets.load_iris()
        x_train, x_test, y_train, y_test = train_test_split(iris.data, iris.target, random_state=0)
        model = SVC(kernel=args.kernel, C=args.penalty, gamma='scale').fit(x_train, y_train)
        accuracy = model.score(x_test, y_test)
        print('Accuracy of SVM classifier on test set: {:.2f}'.format(accuracy))
        run.log('Accuracy', float(accuracy))
        os.makedirs('outputs', exist_ok=True)
        joblib.dump(model, 'outputs/model.joblib')

    if __name__ == '__main__':
        main()
"""


def test_the_scikit_learn_notebook(project):
    project.write("train/train_iris.py", IRIS)
    project.write(
        "conda_dependencies.yml",
        "dependencies:\n- python=3.6.2\n- scikit-learn\n- pip:\n  - azureml-defaults\n",
    )
    out = project.works(
        """
        import azureml.core
        print("SDK version:", azureml.core.VERSION)

        from azureml.telemetry import set_diagnostics_collection
        set_diagnostics_collection(send_diagnostics=True)

        from azureml.core.workspace import Workspace
        ws = Workspace.from_config()
        print('Workspace name: ' + ws.name, 'Azure region: ' + ws.location,
              'Subscription id: ' + ws.subscription_id, 'Resource group: ' + ws.resource_group, sep='\\n')

        from azureml.core.compute import ComputeTarget, AmlCompute
        from azureml.core.compute_target import ComputeTargetException
        cluster_name = "cpu-cluster"
        try:
            compute_target = ComputeTarget(workspace=ws, name=cluster_name)
            print('Found existing compute target')
        except ComputeTargetException:
            compute_config = AmlCompute.provisioning_configuration(vm_size='STANDARD_D2_V2', max_nodes=4)
            compute_target = ComputeTarget.create(ws, cluster_name, compute_config)
            compute_target.wait_for_completion(show_output=True, min_node_count=None, timeout_in_minutes=20)
        print(compute_target.get_status().serialize())

        from azureml.core import Experiment
        experiment = Experiment(workspace=ws, name='train_iris')

        from azureml.core import Environment
        sklearn_env = Environment.from_conda_specification(name='sklearn-env', file_path='./conda_dependencies.yml')
        sklearn_env.python.user_managed_dependencies = True     # what is here will do

        from azureml.core import ScriptRunConfig
        src = ScriptRunConfig(source_directory='./train',
                              script='train_iris.py',
                              arguments=['--kernel', 'linear', '--penalty', 1.0],
                              compute_target=compute_target,
                              environment=sklearn_env)

        from azureml.train.hyperdrive.runconfig import HyperDriveConfig
        from azureml.train.hyperdrive.sampling import RandomParameterSampling
        from azureml.train.hyperdrive.run import PrimaryMetricGoal
        from azureml.train.hyperdrive.parameter_expressions import choice
        param_sampling = RandomParameterSampling({
            "--kernel": choice('linear', 'rbf', 'poly', 'sigmoid'),
            "--penalty": choice(0.5, 1, 1.5)
        })
        hyperdrive_config = HyperDriveConfig(run_config=src,
                                             hyperparameter_sampling=param_sampling,
                                             primary_metric_name='Accuracy',
                                             primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
                                             max_total_runs=12,
                                             max_concurrent_runs=4)
        hyperdrive_run = experiment.submit(hyperdrive_config)
        from azureml.widgets import RunDetails
        RunDetails(hyperdrive_run).show()
        hyperdrive_run.wait_for_completion(show_output=True)
        assert(hyperdrive_run.get_status() == "Completed")

        best_run = hyperdrive_run.get_best_run_by_primary_metric()
        print(best_run.get_details()['runDefinition']['arguments'])
        print(best_run.get_file_names())
        model = best_run.register_model(model_name='sklearn-iris', model_path='outputs/model.joblib')
        print("Model", model.name, model.id, model.version, sep='\\t')

        from azureml.core.run import Run
        again = Run.get(ws, hyperdrive_run.id)
        rows = again.get_children_sorted_by_primary_metric(top=3)
        assert [row["run_id"] for row in rows][0] == best_run.id
        assert best_run.get_metrics()["Accuracy"] == rows[0]["best_primary_metric"] > 0.9
        """
    )
    assert "Azure region: local" in out and "'--kernel', 'linear', '--penalty', '1.0', '--kernel'" in out
    assert "['outputs/model.joblib', 'stdout.txt', 'stderr.txt']" in out and "sklearn-iris:1" in out
    sweep = next(Experiment(project.workspace, "train_iris").get_runs())
    assert len(list(sweep.get_children())) == 12  # 4 kernels, 3 penalties: every pair once
    assert Path(project.workspace.models[0]["name"]).name == "sklearn-iris"


def test_an_early_driver_with_an_estimator_and_get_submitted_run(project):
    """The oldest form: an estimator, `Run.get_submitted_run()`, HyperDriveRunConfig."""
    project.write(
        "src/diabetes_sklearn.py",
        """
        import argparse, os
        from azureml.core.run import Run
        from sklearn.datasets import load_diabetes
        from sklearn.linear_model import Ridge
        from sklearn.metrics import mean_squared_error
        from sklearn.model_selection import train_test_split
        import joblib

        os.makedirs('./outputs', exist_ok=True)
        parser = argparse.ArgumentParser()
        parser.add_argument('--data-folder', type=str, dest='data_folder')
        parser.add_argument('--alpha', type=float, dest='alpha', default=0.5)
        args = parser.parse_args()
        assert args.data_folder == './data'
        X, y = load_diabetes(return_X_y=True)
        run = Run.get_submitted_run()
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
        reg = Ridge(alpha=args.alpha).fit(X_train, y_train)
        mse = mean_squared_error(reg.predict(X_test), y_test)
        run.log('alpha', args.alpha)
        run.log('mse', mse)
        model_file_name = 'model.pkl'
        joblib.dump(value=reg, filename='outputs/' + model_file_name)
        run.upload_file('outputs/again/' + model_file_name, 'outputs/' + model_file_name)
        """,
    )
    out = project.works(
        """
        from azureml.core import Workspace, Experiment
        from azureml.train.sklearn import SKLearn
        from azureml.train.hyperdrive import *

        ws = Workspace.get(name='ws', subscription_id='0', resource_group='group')
        estimator = SKLearn(source_directory='src', compute_target='cpu', entry_script='diabetes_sklearn.py',
                            script_params={'--data-folder': './data'})
        sampling = RandomParameterSampling({"alpha": uniform(0.0, 1.0)})
        policy = BanditPolicy(slack_factor=0.1, evaluation_interval=2)
        config = HyperDriveRunConfig(estimator=estimator, hyperparameter_sampling=sampling, policy=policy,
                                     primary_metric_name='mse', primary_metric_goal=PrimaryMetricGoal.MINIMIZE,
                                     max_total_runs=6, max_concurrent_runs=4)
        run = Experiment(ws, 'diabetes').submit(config)
        run.wait_for_completion()
        best = run.get_best_run_by_primary_metric()
        print(sorted(best.get_metrics()), best.get_file_names())
        values = [metrics['mse'] for metrics in run.get_metrics().values()]
        assert len(values) == 6 and best.get_metrics()['mse'] == min(values)
        """
    )
    assert "['alpha', 'mse'] ['outputs/again/model.pkl', 'outputs/model.pkl'" in out


# ---------------------------------------------------------------- Keras, its shape: files, epochs, pictures


def digits(folder, count, seed):
    """Pictures of 28 x 28 bytes and their labels, in MNIST's own format: a bright bar where the label says."""
    import random

    numbers = random.Random(seed)
    labels = bytes(numbers.randrange(10) for _ in range(count))
    pictures = bytearray()
    for label in labels:
        picture = bytearray(numbers.randrange(90) for _ in range(784))
        for row in range(28):
            for column in (2 * label + 4, 2 * label + 5):
                picture[28 * row + column] = min(255, picture[28 * row + column] + numbers.randrange(160))
        pictures += picture
    name = "train" if seed == 1 else "t10k"
    (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(
        gzip.compress(struct.pack(">IIII", 2051, count, 28, 28) + bytes(pictures))
    )
    (folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(
        gzip.compress(struct.pack(">II", 2049, count) + labels)
    )


LOADING = """
    import argparse, glob, gzip, os, struct, sys, time
    import numpy as np
    from azureml.core import Run

    def load(filename, label=False):
        with gzip.open(filename) as gz:
            struct.unpack('I', gz.read(4))
            n_items, = struct.unpack('>I', gz.read(4))
            if not label:
                rows, cols = struct.unpack('>II', gz.read(8))
                return np.frombuffer(gz.read(), dtype=np.uint8).reshape(n_items, rows * cols) / 255.0
            return np.frombuffer(gz.read(), dtype=np.uint8)

    def find(data_folder, name):
        return glob.glob(os.path.join(data_folder, '**', name), recursive=True)[0]

    def data(folder):
        return [load(find(folder, '%s-%s-ubyte.gz' % (part, what)), what.startswith('labels'))
                for part in ('train', 't10k') for what in ('images-idx3', 'labels-idx1')]
"""

KERAS = (
    LOADING
    + """
    parser = argparse.ArgumentParser()
    parser.add_argument('--data-folder', type=str, dest='data_folder')
    parser.add_argument('--batch-size', type=int, dest='batch_size', default=50)
    parser.add_argument('--first-layer-neurons', type=int, dest='n_hidden_1', default=100)
    parser.add_argument('--learning-rate', type=float, dest='learning_rate', default=0.001)
    args = parser.parse_args()
    X_train, y_train, X_test, y_test = data(args.data_folder)
    run = Run.get_context()
    generator = np.random.default_rng(args.n_hidden_1)
    weights = np.zeros((784, 10))

    class LogRunMetrics:
        def on_epoch_end(self, epoch, log):
            run.log('Loss', log['val_loss'])
            run.log('Accuracy', log['val_accuracy'])

    for epoch in range(6):
        for start in range(0, len(X_train), args.batch_size):
            x, y = X_train[start:start + args.batch_size], y_train[start:start + args.batch_size]
            scores = np.exp(np.clip(x @ weights, -30, 30))
            weights -= args.learning_rate * x.T @ (scores / scores.sum(1, keepdims=True) - np.eye(10)[y])
        accuracy = float(((X_test @ weights).argmax(1) == y_test).mean())
        print('Epoch %d/6' % (epoch + 1))
        print('\\r60/60 [==============================] - 0s 1ms/step - loss: 0.3 - val_accuracy: %.4f' % accuracy)
        LogRunMetrics().on_epoch_end(epoch, {'val_loss': 1 - accuracy, 'val_accuracy': accuracy})

    run.log('Final test accuracy', accuracy)

    class plt:
        @staticmethod
        def savefig(path):
            with open(path, 'wb') as file:
                file.write(b'\\x89PNG')

    run.log_image('Accuracy vs Loss', plot=plt)
    os.makedirs('./outputs/model', exist_ok=True)
    with open('./outputs/model/model.json', 'w') as file:
        file.write('{}')
    np.save('./outputs/model/weights.npy', weights)
    """
)


def test_the_keras_notebook(project):
    data = project.root / "data"
    data.mkdir()
    digits(data, 600, 1)
    digits(data, 200, 2)
    project.write("keras-mnist/keras_mnist.py", KERAS)
    out = project.works(
        """
        from azureml.core import Workspace, Experiment, Environment, ScriptRunConfig
        from azureml.core.dataset import Dataset
        from azureml.train.hyperdrive import RandomParameterSampling, BanditPolicy, HyperDriveConfig, PrimaryMetricGoal
        from azureml.train.hyperdrive import choice, loguniform

        ws = Workspace.from_config()
        files = ['data/train-images-idx3-ubyte.gz', 'data/train-labels-idx1-ubyte.gz',
                 'data/t10k-images-idx3-ubyte.gz', 'data/t10k-labels-idx1-ubyte.gz']
        dataset = Dataset.File.from_files(path=files)
        dataset = dataset.register(workspace=ws, name='mnist-dataset', description='training and test',
                                   create_new_version=True)
        print(dataset.to_path())
        dataset = Dataset.get_by_name(ws, 'mnist-dataset')
        env = Environment('keras-env')
        src = ScriptRunConfig(source_directory='./keras-mnist', script='keras_mnist.py',
                              arguments=['--data-folder', dataset.as_mount(), '--batch-size', 50],
                              compute_target='local', environment=env)
        ps = RandomParameterSampling({
            '--batch-size': choice(25, 50, 100),
            '--first-layer-neurons': choice(10, 50, 200, 300, 500),
            '--learning-rate': loguniform(-6, -1)
        })
        policy = BanditPolicy(evaluation_interval=2, slack_factor=0.1)
        hdc = HyperDriveConfig(run_config=src, hyperparameter_sampling=ps, policy=policy,
                               primary_metric_name='Accuracy', primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
                               max_total_runs=8, max_concurrent_runs=4)
        hdr = Experiment(workspace=ws, name='keras-mnist').submit(config=hdc)
        hdr.wait_for_completion(show_output=True)
        best_run = hdr.get_best_run_by_primary_metric()
        print(best_run.get_details()['runDefinition']['arguments'])
        best_run.download_files(prefix='outputs/model/', output_directory='back', append_prefix=False)
        model = best_run.register_model(model_name='keras-mlp-mnist', model_path='outputs/model')
        print(model.name, model.version)
        print(best_run.get_metrics()['Accuracy vs Loss'], max(best_run.get_metrics()['Accuracy']))
        """
    )
    assert "'/train-images-idx3-ubyte.gz'" in out and "keras-mlp-mnist 1" in out
    assert sorted(os.listdir(project.root / "back")) == ["model.json", "weights.npy"]
    sweep = next(Experiment(project.workspace, "keras-mnist").get_runs())
    assert len(list(sweep.get_children())) == 8
    best = sweep.get_best_run_by_primary_metric()
    assert len(best.get_metrics()["Accuracy"]) == 6 and max(best.get_metrics()["Accuracy"]) > 0.5
    assert best.get_metrics()["Accuracy vs Loss"].endswith(".png")


# ---------------------------------------------------------------- TensorFlow, its shape: warm start and resume

TF = (
    LOADING
    + """
    parser = argparse.ArgumentParser()
    parser.add_argument('--data-folder', type=str, dest='data_folder')
    parser.add_argument('--resume-from', type=str, default=None, help='location of the model or checkpoint files')
    parser.add_argument('--batch-size', type=int, dest='batch_size', default=50)
    parser.add_argument('--learning-rate', type=float, dest='learning_rate', default=0.01)
    args = parser.parse_args()
    X_train, y_train, X_test, y_test = data(args.data_folder)
    run = Run.get_context()
    checkpoint_path = './outputs/checkpoint.npz'
    os.makedirs('./outputs', exist_ok=True)
    weights, start_epoch = np.zeros((784, 10)), 0
    if args.resume_from:
        checkpoint = np.load(os.path.join(args.resume_from, 'checkpoint.npz'))
        weights, start_epoch = checkpoint['weights'], int(checkpoint['epoch']) + 1
        print('resumed from epoch', start_epoch)
    for epoch in range(start_epoch, 8):
        for start in range(0, len(X_train), args.batch_size):
            x, y = X_train[start:start + args.batch_size], y_train[start:start + args.batch_size]
            scores = np.exp(np.clip(x @ weights, -30, 30))
            weights -= args.learning_rate * x.T @ (scores / scores.sum(1, keepdims=True) - np.eye(10)[y])
        np.savez('./outputs/aside.npz', weights=weights, epoch=epoch)
        os.replace('./outputs/aside.npz', checkpoint_path)
        run.log('training_acc', float(((X_train @ weights).argmax(1) == y_train).mean()))
        run.log('validation_acc', float(((X_test @ weights).argmax(1) == y_test).mean()))
        if epoch == 3 and os.path.exists(os.path.join(args.data_folder, 'wait')):
            time.sleep(600)      # until the sweep is cancelled
    """
)

SWEEPS = """
    import os, time
    from azureml.core import Workspace, Experiment, ScriptRunConfig, Dataset
    from azureml.core.run import Run
    from azureml.train.hyperdrive import (RandomParameterSampling, TruncationSelectionPolicy, HyperDriveConfig,
                                          HyperDriveRun, PrimaryMetricGoal, choice, loguniform)

    ws = Workspace.from_config()
    dataset = Dataset.File.from_files('data')
    src = ScriptRunConfig(source_directory='tf', script='tf_mnist.py',
                          arguments=['--data-folder', dataset.as_named_input('mnist').as_mount()],
                          compute_target='local')
    param_sampling = RandomParameterSampling({
        '--batch-size': choice(32, 64, 128),
        '--learning-rate': loguniform(-6, -3)
    })
    policy = TruncationSelectionPolicy(truncation_percentage=25, evaluation_interval=2)

    def config(total, policy=policy, **more):
        return HyperDriveConfig(run_config=src, hyperparameter_sampling=param_sampling, policy=policy,
                                primary_metric_name='validation_acc',
                                primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
                                max_total_runs=total, max_concurrent_runs=2, **more)

    experiment = Experiment(workspace=ws, name='tf-mnist')
"""


def test_the_tensorflow_notebook_warm_start_and_resume(project):
    data = project.root / "data"
    data.mkdir()
    digits(data, 400, 1)
    digits(data, 150, 2)
    project.write("tf/tf_mnist.py", TF)
    out = project.works(
        SWEEPS
        + """
    first = experiment.submit(config(4))
    first.wait_for_completion(show_output=True)

    # Warm start: by the parent's id, as in another notebook a day later.
    warm_start_parents_to_resume_from = [HyperDriveRun(experiment, first.id)]
    warm = experiment.submit(config(3, resume_from=warm_start_parents_to_resume_from))
    warm.wait_for_completion()
    best = warm.get_best_run_by_primary_metric()
    own = warm.get_best_run_by_primary_metric(include_resume_from_runs=False)
    assert best.parent.id in (first.id, warm.id) and own.parent.id == warm.id

    # Resume: runs that were cancelled in their fourth epoch go on in their fifth.
    open('data/wait', 'w').close()
    halted = experiment.submit(config(2, policy=None))
    while sum(len(child.get_metrics().get('validation_acc', [])) if isinstance(
            child.get_metrics().get('validation_acc'), list) else 0 for child in halted.get_children()) < 8:
        assert halted.get_status() not in ('Failed', 'Completed'), halted.get_details()
        time.sleep(0.1)
    halted.cancel()
    halted.wait_for_completion()
    assert halted.get_status() == 'Canceled'
    os.remove('data/wait')
    child_runs_to_resume = [Run(experiment, child.id) for child in halted.get_children()]
    resumed = experiment.submit(config(3, policy=None, resume_child_runs=child_runs_to_resume))
    resumed.wait_for_completion()
    for child in resumed.get_children():
        details = child.get_details()['runDefinition']['arguments']
        print(child.number, '--resume-from' in details, len(child.get_metrics()['validation_acc']))
    """
    )
    assert "\n0 True 8\n" in out and "\n1 True 8\n" in out and "\n2 False 8\n" in out, out
    sweep = next(Experiment(project.workspace, "tf-mnist").get_runs())
    resumed = {child.number: child for child in sweep.get_children()}
    text = Path(resumed[0].folder, ".run", "stdout.txt").read_text()
    assert "resumed from epoch 4" in text


# ---------------------------------------------------------------- courses: a grid, a named input


def test_a_grid_over_a_named_input(project):
    project.write(
        "training/diabetes_training.py",
        """
        import argparse, csv
        from azureml.core import Run
        from sklearn.ensemble import GradientBoostingClassifier
        from sklearn.metrics import roc_auc_score

        parser = argparse.ArgumentParser()
        parser.add_argument('--learning_rate', type=float, dest='learning_rate', default=0.1)
        parser.add_argument('--n_estimators', type=int, dest='n_estimators', default=100)
        parser.add_argument("--input-data", type=str, dest='input_data')
        args = parser.parse_args()
        run = Run.get_context()
        dataset = run.input_datasets['training_data']
        assert args.input_data == dataset.id
        (path,) = dataset.download('copy')
        rows = [[float(cell) for cell in row] for row in list(csv.reader(open(path)))[1:]]
        X, y = [row[:-1] for row in rows], [row[-1] for row in rows]
        model = GradientBoostingClassifier(learning_rate=args.learning_rate, n_estimators=args.n_estimators,
                                           random_state=0).fit(X[::2], y[::2])
        run.log('AUC', roc_auc_score(y[1::2], model.predict_proba(X[1::2])[:, 1]))
        run.log_list('importances', model.feature_importances_)
        run.tag('data', dataset.name)
        ws = run.experiment.workspace
        assert list(ws.datasets) == ['diabetes'] and run.experiment.name == 'mslearn-diabetes-hyperdrive'
        run.complete()
        """,
    )
    rows = [f"{i % 7},{i % 5},{int((i % 7) + (i % 5) > 5)}" for i in range(200)]
    project.write("data/diabetes.csv", "\n".join(["a,b,Diabetic", *rows]))
    out = project.works(
        """
        from azureml.core import Workspace, Dataset, Experiment, ScriptRunConfig, Environment
        from azureml.core.conda_dependencies import CondaDependencies
        from azureml.train.hyperdrive import GridParameterSampling, HyperDriveConfig, PrimaryMetricGoal, choice

        ws = Workspace.from_config()
        default_ds = ws.get_default_datastore()
        default_ds.upload_files(files=['./data/diabetes.csv'], target_path='diabetes-data/',
                                overwrite=True, show_progress=True)
        tab_data_set = Dataset.Tabular.from_delimited_files(path=(default_ds, 'diabetes-data/*.csv'))
        try:
            tab_data_set = tab_data_set.register(workspace=ws, name='diabetes', tags={'format': 'CSV'})
        except Exception as ex:
            print(ex)
        diabetes_ds = ws.datasets.get("diabetes")
        script_config = ScriptRunConfig(source_directory='training', script='diabetes_training.py',
                                        arguments=['--input-data', diabetes_ds.as_named_input('training_data')],
                                        compute_target='local')
        params = GridParameterSampling({'--learning_rate': choice(0.01, 0.1, 1.0), '--n_estimators': choice(10, 30)})
        hyperdrive = HyperDriveConfig(run_config=script_config, hyperparameter_sampling=params, policy=None,
                                      primary_metric_name='AUC', primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
                                      max_total_runs=6, max_concurrent_runs=2)
        run = Experiment(workspace=ws, name='mslearn-diabetes-hyperdrive').submit(config=hyperdrive)
        run.wait_for_completion()
        for child_run in run.get_children_sorted_by_primary_metric():
            print(child_run)
        best_run = run.get_best_run_by_primary_metric()
        print(best_run.get_tags(), len(best_run.get_metrics()['importances']))
        print(len(list(run.get_children(tags={'data': 'diabetes'}))), len(list(run.get_children(tags='none'))))
        """
    )
    assert out.count("'status': 'Completed'") == 6
    assert "{'data': 'diabetes'} 2" in out and "\n6 0\n" in out


# ---------------------------------------------------------------- community projects, notebooks of 2019

BANK = """
    from sklearn.linear_model import LogisticRegression
    import argparse
    import os
    import joblib
    import numpy as np
    from azureml.core.run import Run, _OfflineRun
    from azureml.data.dataset_factory import TabularDatasetFactory

    run = Run.get_context()
    assert not isinstance(run, _OfflineRun)
    ds = TabularDatasetFactory.from_delimited_files(path=["bank.csv"])
    x = ds.to_pandas_dataframe().dropna()
    y = x.pop("y").apply(lambda s: 1 if s == "yes" else 0)

    def main():
        parser = argparse.ArgumentParser()
        parser.add_argument('--C', type=float, default=1.0)
        parser.add_argument('--max_iter', type=int, default=100)
        args = parser.parse_args()
        run.log("Max iterations:", np.int64(args.max_iter))
        model = LogisticRegression(C=args.C, max_iter=args.max_iter).fit(x[::2], y[::2])
        run.log("Accuracy", np.float64(model.score(x[1::2], y[1::2])))
        os.makedirs('outputs', exist_ok=True)
        joblib.dump(model, 'outputs/model.joblib')

    if __name__ == '__main__':
        main()
"""


def test_a_community_project_with_a_run_of_the_driver_and_settings_made_later(project):
    project.write("src/train.py", BANK)
    rows = [f"{20 + n % 40},{100 * (n % 11)},{'yes' if n % 40 > 20 else 'no'}" for n in range(80)]
    project.write("src/bank.csv", "\n".join(["age,balance,y", *rows]))
    out = project.works(
        """
        import os
        from azureml.core import Workspace, Experiment, Environment, ScriptRunConfig, Dataset
        from azureml.core.model import Model
        from azureml.core.resource_configuration import ResourceConfiguration
        from azureml.core.runconfig import DEFAULT_CPU_IMAGE
        from azureml.train.sklearn import SKLearn
        from azureml.train.hyperdrive.policy import BanditPolicy
        from azureml.train.hyperdrive.run import PrimaryMetricGoal
        from azureml.train.hyperdrive.runconfig import HyperDriveConfig
        from azureml.train.hyperdrive.sampling import RandomParameterSampling
        from azureml.train.hyperdrive.parameter_expressions import choice, uniform

        ws = Workspace.get(name="quick-starts-ws-1", subscription_id='0', resource_group='aml-quickstarts')
        exp = Experiment(workspace=ws, name="bank-marketing")
        run = exp.start_logging()

        table = Dataset.Tabular.from_delimited_files(path='src/bank.csv').register(ws, 'bank dataset')
        run.log('rows', len(table.to_pandas_dataframe()))
        first, second = table.random_split(percentage=0.25, seed=1)
        print(len(first.to_pandas_dataframe()), len(second.to_pandas_dataframe()),
              list(table.take(3).keep_columns(['age']).to_pandas_dataframe().age))

        ps = RandomParameterSampling({'--C': uniform(0.01, 1.0), '--max_iter': choice(20, 40, 100)})
        policy = BanditPolicy(evaluation_interval=2, slack_factor=0.1)
        est = SKLearn(source_directory="./src", compute_target='local', entry_script="train.py",
                      vm_size='STANDARD_D2_V2')

        def config(**script):
            return HyperDriveConfig(hyperparameter_sampling=ps, primary_metric_name='Accuracy', policy=policy,
                                    primary_metric_goal=PrimaryMetricGoal.MAXIMIZE, max_total_runs=2,
                                    max_concurrent_runs=2, **script)

        hdr = exp.submit(config(estimator=est), show_output=True)
        hdr.wait_for_completion(show_output=True)
        best_run = hdr.get_best_run_by_primary_metric()
        model = best_run.register_model(model_name='best', model_path='outputs/model.joblib',
                                        model_framework=Model.Framework.SCIKITLEARN,
                                        resource_configuration=ResourceConfiguration(cpu=1, memory_in_gb=0.5),
                                        properties={'Accuracy': best_run.get_metrics()['Accuracy']})
        print(model.id, hdr.number)
        best_run.description = 'the best'
        best_run.upload_file('outputs/driver.py', 'driver.py')
        best_run.remove_tags(['none'])
        assert best_run.description == 'the best' and 'outputs/driver.py' in best_run.get_file_names()
        assert os.listdir(best_run.restore_snapshot(path='source')).count('train.py') == 1
        assert hdr.get_detailed_status() == 'Completed' and best_run.get_environment().name == 'estimator'
        assert [one.id for one in exp.get_runs(include_children=True)].count(best_run.id) == 1
        exp.tag('area', 'marketing')
        assert exp.tags == {'area': 'marketing'} and exp.id == exp.name
        for refused in (best_run.fail, lambda: best_run.log('a', 1)):
            try:
                refused()
                raise SystemExit('not refused')
            except NotImplementedError:
                pass

        env = Environment.get(workspace=ws, name='AzureML-sklearn').clone('mine')
        env.docker.enabled = True
        env.docker.base_image = DEFAULT_CPU_IMAGE
        env.environment_variables['LATER'] = 'yes'
        src = ScriptRunConfig(source_directory='src', script='train.py')
        src.run_config.target = 'gpu-cluster'
        src.run_config.environment = env
        later = exp.submit(config(run_config=src))
        later.wait_for_completion()
        details = later.get_best_run_by_primary_metric().get_details()
        print(details['target'], later.get_details()['runDefinition']['environment_variables'])

        run.complete()
        print(run.get_status(), run.get_metrics(), len(list(exp.get_runs())))
        with exp.start_logging() as other:
            other.log('a', 1)
            other.log_row('table', x=1)
        """
    )
    assert "20 60 [20, 21, 22]" in out and "best:1 1" in out
    assert "gpu-cluster {'LATER': 'yes'}" in out and "Completed {'rows': 80.0} 3" in out
    last = next(Experiment(project.workspace, "bank-marketing").get_runs())
    assert (last.get_status(), last.get_metrics()) == ("Completed", {"a": 1.0, "table": {"x": 1}})


# ---------------------------------------------------------------- manners


def test_the_driver_sees_what_python_would_show_it(project):
    project.write("beside.py", "VALUE = 3\n")
    done = project.exec(
        "import sys, beside; print(sys.argv, __name__, __file__, beside.VALUE); sys.exit(5)",
        "--x",
        "1",
        "--json",
    )
    assert (done.returncode, done.stdout) == (5, "['driver.py', '--x', '1', '--json'] __main__ driver.py 3\n")
    failed = project.exec("def f():\n    return 1 / 0\n\nf()\n")
    assert failed.returncode == 1 and "ZeroDivisionError" in failed.stderr
    assert "overdrive/cli" not in failed.stderr and 'File "driver.py", line 2, in f' in failed.stderr
    ours = project.exec("from azureml.train.hyperdrive import uniform\n\nuniform(2, 1)\n")
    assert ours.returncode == 1 and "line 3" in ours.stderr and "ConfigError: " in ours.stderr
    assert "laws.py" not in ours.stderr


def test_no_such_driver_and_a_notebook(project):
    missing = subprocess.run(
        [sys.executable, "-m", "overdrive", "exec", "none.py"],
        capture_output=True,
        text=True,
        cwd=project.root,
    )
    assert missing.returncode == 1 and "no file 'none.py'" in missing.stderr
    project.write("a.ipynb", "{}")
    notebook = subprocess.run(
        [sys.executable, "-m", "overdrive", "exec", "a.ipynb"],
        capture_output=True,
        text=True,
        cwd=project.root,
    )
    assert notebook.returncode == 1 and "import overdrive.azureml" in notebook.stderr


def test_where_microsofts_sdk_is_installed_we_step_aside(project, tmp_path):
    site = tmp_path / "site"
    (site / "azureml" / "core").mkdir(parents=True)
    (site / "azureml" / "core" / "__init__.py").write_text("VERSION = 'theirs'\n")
    path = os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(site)])
    refused = project.exec("print('never')", PYTHONPATH=path)
    assert refused.returncode == 1 and "never" not in refused.stdout
    assert f"installed in {str(site / 'azureml' / 'core')!r}" in refused.stderr
    assert "OVERDRIVE_AZUREML=replace" in refused.stderr
    show = "import azureml.core; print(azureml.core.VERSION)"
    replaced = project.exec(show, PYTHONPATH=path, OVERDRIVE_AZUREML="replace")
    assert replaced.stdout == "1.62.0+overdrive\n"
    aside = subprocess.run(
        [sys.executable, "-c", f"import overdrive.azureml; {show}"],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, cwd=project.root,
    )  # fmt: skip
    assert aside.stdout == "theirs\n" and "stay Microsoft's" in aside.stderr


ANY_PYTHON = """
    import io, sys
    from azureml.core.run import Run
    from azureml.core import Run, Workspace, Dataset, Model, Experiment
    from azureml.exceptions import UserErrorException

    run = Run.get_context()
    run.log('value', sys.version_info[1])
    try:
        run.log('list', [1, 2])
        raise SystemExit('no error')
    except UserErrorException:
        pass
    run.upload_file('outputs/stream.txt', io.StringIO('text'))
    run.log_confusion_matrix('matrix', {'schema_type': 'confusion_matrix'})
    run.set_tags({'a': 1})
    run.tag('b', 'two')
    assert run.get_tags() == {'a': '1', 'b': 'two'} and run.get_metrics() == {'value': sys.version_info[1]}
    with run.child_run('fold_1') as child:
        child.log('value', -1)
    run.parent.log('told', 2)
    assert len(run.create_children(tag_key='fold', tag_values=[1, 2])) == 2 and list(run.get_children()) == []
    run.tag('c', 'three')
    run.remove_tags(['c'])
    run.display_name = 'a name'
    assert run.name == 'a name' and run.get_tags().pop('display_name') == 'a name'
    assert run.download_file('outputs/stream.txt', 'copy.txt') == 'copy.txt'
    ws = Workspace.from_config()
    data = Dataset.get_by_name(ws, 'numbers').local_path()
    print(ws.name, open(data).read(), run.get_file_names(), run.get_status(), run.id.startswith(run.parent.id or '-'))
    print(sorted(name for name in sys.modules if name.partition('.')[0] in ('numpy', 'sqlalchemy')))
"""


def interpreters():
    """This Python, and the oldest one that is here and new enough."""
    here = sorted(
        Path.home().glob(".pyenv/versions/3.*/bin/python"), key=lambda path: int(path.parts[-3].split(".")[1])
    )
    old = [str(path) for path in here if int(path.parts[-3].split(".")[1]) >= 8]
    return [sys.executable, *old[:1]]


@pytest.mark.parametrize("python", interpreters(), ids=lambda path: Path(path).parts[-3])
def test_every_training_process_knows_the_names(project, python):
    project.write("src/train.py", ANY_PYTHON)
    project.write("numbers.txt", "1 2 3")
    workspace = project.workspace
    Dataset.File.from_files(project.root / "numbers.txt").register(workspace, "numbers")
    script = ScriptRunConfig(str(project.root / "src"), script="train.py", interpreter=python)
    run = Experiment(workspace, "names").submit(script)
    run.wait_for_completion(raise_on_error=False)
    assert run.get_status() == "Completed", Path(run.folder, ".run", "stderr.txt").read_text()
    out = Path(run.folder, ".run", "stdout.txt").read_text()
    assert out.startswith(
        "my project 1 2 3 ['outputs/confusion_matrix/matrix.json', 'outputs/stream.txt'] Running"
    )
    assert out.endswith("[]\n") and run.get_tags() == {"a": "1", "b": "two", "display_name": "a name"}
    assert set(run.get_metrics()) == {"value", "fold_1/value", "parent/told"} and run.name == "a name"
