"""v1 pipelines: the public notebook on a HyperDriveStep in our own words, a step that fails, a cancel."""

from __future__ import annotations

import json

TRAIN = """
    import argparse, json, os
    from azureml.core import Run

    parser = argparse.ArgumentParser()
    parser.add_argument('--data-folder', type=str, dest='data_folder')
    parser.add_argument('--epochs', type=int, default=1)
    parser.add_argument('--learning-rate', type=float, dest='learning_rate')
    args = parser.parse_args()
    run = Run.get_context()
    assert run.input_datasets['digits'] == args.data_folder
    scale = float(open(os.path.join(args.data_folder, 'scale.txt')).read())
    for epoch in range(args.epochs):
        run.log('validation_acc', scale * args.learning_rate * (epoch + 1))
    os.makedirs('outputs/model', exist_ok=True)
    json.dump({'learning_rate': args.learning_rate}, open('outputs/model/saved_model.json', 'w'))
"""

DRIVER = """
    import json
    from azureml.core import Experiment, ScriptRunConfig, Workspace
    from azureml.core.conda_dependencies import CondaDependencies
    from azureml.core.runconfig import RunConfiguration
    from azureml.data import OutputFileDatasetConfig
    from azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter, StepSequence, TrainingOutput
    from azureml.pipeline.steps import HyperDriveStep, HyperDriveStepRun, PythonScriptStep
    from azureml.train.hyperdrive import *
    from azureml.widgets import RunDetails

    ws = Workspace.from_config()
    ds = ws.get_default_datastore()
    prepared = OutputFileDatasetConfig(name='prepared').register_on_complete(name='digits')
    prep_step = PythonScriptStep(name='prep', script_name='prep.py', source_directory='.', arguments=[prepared])

    src = ScriptRunConfig(source_directory='train', script='train.py', compute_target='local',
                          arguments=['--data-folder', prepared.as_input(name='digits').as_mount(),
                                     '--epochs', PipelineParameter(name='epochs', default_value=1)])
    hd_config = HyperDriveConfig(run_config=src, policy=BanditPolicy(evaluation_interval=2, slack_factor=0.1),
                                 hyperparameter_sampling=RandomParameterSampling({'--learning-rate': uniform(1, 2)}),
                                 primary_metric_name='validation_acc',
                                 primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
                                 max_total_runs=2, max_concurrent_runs=2)
    metrics_data = PipelineData(name='metrics_data', datastore=ds, pipeline_output_name='metrics_output',
                                training_output=TrainingOutput(type='Metrics'))
    saved_model = PipelineData(name='saved_model', datastore=ds, pipeline_output_name='model_output',
                               training_output=TrainingOutput('Model', model_file='outputs/model/saved_model.json'))
    hd_step = HyperDriveStep(name='hd_step01', hyperdrive_config=hd_config, outputs=[metrics_data, saved_model])
    rcfg = RunConfiguration(conda_dependencies=CondaDependencies())
    register_model_step = PythonScriptStep(script_name='register_model.py', name='register_model_step01',
                                           inputs=[saved_model], compute_target='local',
                                           arguments=['--saved-model', saved_model], allow_reuse=True, runconfig=rcfg)
    register_model_step.run_after(hd_step)
    pipeline = Pipeline(workspace=ws, steps=[hd_step, register_model_step])
    pipeline_run = Experiment(ws, 'hyperdrive-step').submit(pipeline, pipeline_parameters={'epochs': 2})
    RunDetails(pipeline_run).show()
    pipeline_run.wait_for_completion()
    assert pipeline_run.get_status() == 'Finished'

    metrics_output = pipeline_run.get_pipeline_output('metrics_output')
    assert metrics_output.download('.', show_progress=True) == 1
    with open(metrics_output._path_on_datastore) as f:
        metrics = json.load(f)
    hd_step_run = HyperDriveStepRun(step_run=pipeline_run.find_step_run('hd_step01')[0])
    best_run = hd_step_run.get_best_run_by_primary_metric()
    assert len(metrics) == 2 and metrics[best_run.id] == best_run.get_metrics()
    assert len(metrics[best_run.id]['validation_acc']) == 2
    print(best_run.get_details()['runDefinition']['arguments'][-4:-2], ws.datasets['digits'].to_path())
    print(json.dumps([step.name for step in pipeline_run.get_steps()]))
    print('registered', pipeline_run.find_step_run('register_model_step01')[0].get_stdout_log())
    RunDetails(hd_step_run).show()
"""


def test_the_notebook_on_a_hyperdrive_step(project):
    project.write("train/train.py", TRAIN)
    project.write("prep.py", "import sys; open(sys.argv[1] + '/scale.txt', 'w').write('0.25')\n")
    project.write(
        "register_model.py",
        """
        import argparse
        from azureml.core import Run
        from azureml.core.model import Model
        parser = argparse.ArgumentParser()
        parser.add_argument('--saved-model', type=str, dest='saved_model')
        args = parser.parse_args()
        ws = Run.get_context().experiment.workspace
        print(Model.register(workspace=ws, model_path=args.saved_model, model_name='tf-dnn-mnist').version)
        """,
    )
    out = project.works(DRIVER)
    assert "['--epochs', '2'] ['/scale.txt']" in out and "registered 1\n" in out
    assert '["register_model_step01", "hd_step01", "prep"]' in out
    (model,) = project.workspace.models
    (best,) = project.root.glob(f".overdrive/models/{model['name']}/1/saved_model.json")
    assert 1 <= json.loads(best.read_text())["learning_rate"] <= 2


def test_a_step_that_fails_ends_the_pipeline_and_a_cancel_its_step(project):
    project.write("wrong.py", "raise SystemExit('no data today')\n")
    project.write("long.py", "import time\nopen('began', 'w').close()\ntime.sleep(600)\n")
    project.write("never.py", "")
    out = project.works(
        """
        import time
        from azureml.core import Workspace, Experiment
        from azureml.exceptions import ActivityFailedException
        from azureml.pipeline.core import Pipeline, PipelineRun, StepSequence
        from azureml.pipeline.steps import PythonScriptStep

        ws = Workspace.from_config()
        wrong, long, never = (PythonScriptStep(name + '.py', name) for name in ('wrong', 'long', 'never'))
        run = Experiment(ws, 'p').submit(Pipeline(ws, StepSequence([wrong, never])), tags={'a': 'b'})
        try:
            run.wait_for_completion(show_output=False)
        except ActivityFailedException as error:
            print(error)
        again = PipelineRun.get(ws, run.id)
        print(again.status, [step.name for step in again.get_steps()], again.tags)

        run = Pipeline(ws, StepSequence([long, never])).submit('p')
        while not (run.get_steps() and run.get_steps()[0].get_status() == 'Running'):
            time.sleep(0.05)
        run.cancel()
        print(run.wait_for_completion(), [step.name for step in run.get_steps()])
        """
    )
    assert "wrong: p_" in out and "is Failed" in out
    assert "Failed ['wrong'] {'a': 'b'}" in out and "Canceled ['long']" in out
