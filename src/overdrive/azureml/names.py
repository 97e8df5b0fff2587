"""The table of HyperDrive's names: which of our objects answers for each, in which modules it is found, and what
is said of those that exist in the cloud only. docs/migrate.md tells the same to people; a test compares the two.
"""

from __future__ import annotations

VERSION = "1.62.0+overdrive"
"""What notebooks print as azureml.core.VERSION: the release whose names these are."""

DEFAULT_CPU_IMAGE = DEFAULT_GPU_IMAGE = "local"
"""Images of containers; runs here are processes."""

_SERVICES = (
    "models are not served from here; best_run.register_model(...) keeps the model's files for any server"
)
_PUBLISHED = "there is no service that keeps or starts pipelines; submit the Pipeline, from cron if need be"
_STEPS = "steps here are PythonScriptStep, CommandStep, EstimatorStep and HyperDriveStep"
_AUTOML = "AutoML runs in the cloud only; give a script and a search space"
_CLOUD = "cloud storage is not reached from here; get the data, then Dataset.File.from_files(<path or https address>)"

OBJECTS: dict[str, str] = {
    # the workspace and what is in it
    "Workspace": "overdrive.sdk.workspace:Workspace",
    "Experiment": "overdrive.azureml.beyond:Experiment",
    "Run": "overdrive.sdk.run:Run",
    "_OfflineRun": "overdrive.azureml.inside:OfflineRun",
    "_SubmittedRun": "overdrive.azureml.inside:SubmittedRun",
    "get_run": "overdrive.azureml.training:get_run",
    "Model": "overdrive.sdk.model:Model",
    "Environment": "overdrive.sdk.environment:Environment",
    "CondaDependencies": "overdrive.sdk.environment:CondaDependencies",
    "DockerSection": "overdrive.sdk.environment:DockerSection",
    "PythonSection": "overdrive.sdk.environment:PythonSection",
    "ComputeTarget": "overdrive.sdk.compute:ComputeTarget",
    "AmlCompute": "overdrive.sdk.compute:AmlCompute",
    "ComputeInstance": "overdrive.sdk.compute:AmlCompute",
    "VERSION": "overdrive.azureml.names:VERSION",
    # data
    "Dataset": "overdrive.sdk.data:Dataset",
    "Datastore": "overdrive.sdk.datastore:Datastore",
    "FileDataset": "overdrive.sdk.data:FileDataset",
    "TabularDataset": "overdrive.sdk.data:TabularDataset",
    "DatasetConsumptionConfig": "overdrive.sdk.data:DatasetConsumptionConfig",
    "DataPath": "overdrive.sdk.datastore:DataPath",
    "DataReference": "overdrive.sdk.datastore:DataReference",
    "FileDatasetFactory": "overdrive.sdk.data:FileDatasetFactory",
    "TabularDatasetFactory": "overdrive.sdk.data:TabularDatasetFactory",
    # what is submitted
    "ScriptRunConfig": "overdrive.azureml.script:ScriptRunConfig",
    "RunConfiguration": "overdrive.azureml.script:RunConfiguration",
    "DockerConfiguration": "overdrive.azureml.script:DockerConfiguration",
    "MpiConfiguration": "overdrive.sweep.distribution:MpiConfiguration",
    "PyTorchConfiguration": "overdrive.sweep.distribution:PyTorchConfiguration",
    "TensorflowConfiguration": "overdrive.sweep.distribution:TensorflowConfiguration",
    "Mpi": "overdrive.sweep.distribution:MpiConfiguration",
    "ParameterServer": "overdrive.sweep.distribution:TensorflowConfiguration",
    "Gloo": "overdrive.azureml.training:Gloo",
    "Nccl": "overdrive.azureml.training:Nccl",
    "DEFAULT_CPU_IMAGE": "overdrive.azureml.names:DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE": "overdrive.azureml.names:DEFAULT_GPU_IMAGE",
    "ResourceConfiguration": "overdrive.azureml.training:ResourceConfiguration",
    "Estimator": "overdrive.azureml.training:Estimator",
    "SKLearn": "overdrive.azureml.training:Estimator",
    "PyTorch": "overdrive.azureml.training:Estimator",
    "TensorFlow": "overdrive.azureml.training:Estimator",
    "Chainer": "overdrive.azureml.training:Estimator",
    # HyperDrive itself
    "HyperDriveConfig": "overdrive.sweep.config:HyperDriveConfig",
    "HyperDriveRunConfig": "overdrive.azureml.training:HyperDriveRunConfig",
    "HyperDriveRun": "overdrive.sdk.hyperdrive_run:HyperDriveRun",
    "HyperParameterSampling": "overdrive.samplers.base:HyperParameterSampling",
    "RandomParameterSampling": "overdrive.samplers.random:RandomParameterSampling",
    "GridParameterSampling": "overdrive.samplers.grid:GridParameterSampling",
    "BayesianParameterSampling": "overdrive.samplers.bayesian:BayesianParameterSampling",
    "EarlyTerminationPolicy": "overdrive.policies.base:EarlyTerminationPolicy",
    "BanditPolicy": "overdrive.policies.bandit:BanditPolicy",
    "MedianStoppingPolicy": "overdrive.policies.median:MedianStoppingPolicy",
    "TruncationSelectionPolicy": "overdrive.policies.truncation:TruncationSelectionPolicy",
    "NoTerminationPolicy": "overdrive.policies.base:NoTerminationPolicy",
    "PrimaryMetricGoal": "overdrive.model.metrics:PrimaryMetricGoal",
    **{
        law: f"overdrive.model.expressions:{law}"
        for law in (
            "choice", "randint", "uniform", "quniform", "loguniform", "qloguniform", "normal", "qnormal",
            "lognormal", "qlognormal",
        )
    },
    "RunDetails": "overdrive.azureml.pipeline.runs:details",
    # pipelines
    "Pipeline": "overdrive.azureml.pipeline.graph:Pipeline",
    "StepSequence": "overdrive.azureml.pipeline.graph:StepSequence",
    **{
        name: f"overdrive.azureml.pipeline.data:{name}"
        for name in ("OutputFileDatasetConfig", "PipelineData", "PipelineParameter", "TrainingOutput")
    },
    **{
        name: f"overdrive.azureml.pipeline.steps:{name}"
        for name in ("CommandStep", "EstimatorStep", "HyperDriveStep", "PipelineStep", "PythonScriptStep")
    },
    **{
        name: f"overdrive.azureml.pipeline.runs:{name}"
        for name in ("HyperDriveStepRun", "PipelineRun", "PortDataReference", "StepRun", "StepRunOutput")
    },
    # errors: ours, which tell all problems at once, under HyperDrive's names
    "AzureMLException": "overdrive.errors:OverdriveError",
    "UserErrorException": "overdrive.errors:ConfigError",
    "RunConfigurationException": "overdrive.errors:ConfigError",
    "ActivityFailedException": "overdrive.errors:RunFailed",
    "ExperimentExecutionException": "overdrive.errors:RunFailed",
    "ComputeTargetException": "overdrive.errors:ComputeError",
    "ProjectSystemException": "overdrive.errors:NotFound",
    "WorkspaceException": "overdrive.errors:NotFound",
    "ModelNotFoundException": "overdrive.errors:NotFound",
    "RunEnvironmentException": "overdrive.errors:RunContextError",
    "WebserviceException": "overdrive.errors:Unsupported",
    "HyperDriveException": "overdrive.errors:OverdriveError",
    "HyperDriveServiceException": "overdrive.errors:StoreError",
    "HyperDriveConfigException": "overdrive.errors:ConfigError",
    "HyperDriveScenarioNotSupportedException": "overdrive.errors:Unsupported",
    "HyperDriveNotImplementedException": "overdrive.errors:Unsupported",
    "HyperDriveRehydrateException": "overdrive.errors:StoreError",
    # signing in and telling home: accepted, nothing happens
    "InteractiveLoginAuthentication": "overdrive.azureml.training:NoAuthentication",
    "ServicePrincipalAuthentication": "overdrive.azureml.training:NoAuthentication",
    "AzureCliAuthentication": "overdrive.azureml.training:NoAuthentication",
    "MsiAuthentication": "overdrive.azureml.training:NoAuthentication",
    "set_diagnostics_collection": "overdrive.azureml.training:set_diagnostics_collection",
    # in the cloud only
    "Keyvault": "!secrets are environment variables here: ScriptRunConfig(environment_variables=...)",
    **dict.fromkeys(("AciWebservice", "AksWebservice", "Webservice", "LocalWebservice"), f"!{_SERVICES}"),
    **dict.fromkeys(("InferenceConfig", "Image", "ContainerImage"), f"!{_SERVICES}"),
    **dict.fromkeys(("PipelineEndpoint", "PublishedPipeline", "Schedule", "ScheduleRecurrence"), f"!{_PUBLISHED}"),
    **dict.fromkeys(("DatabricksStep", "DataTransferStep", "MpiStep"), f"!{_STEPS}"),
    **dict.fromkeys(("ParallelRunConfig", "ParallelRunStep"), f"!{_STEPS}"),
    **dict.fromkeys(("AutoMLConfig", "AutoMLRun"), f"!{_AUTOML}"),
    **dict.fromkeys(("AzureBlobDatastore",), f"!{_CLOUD}"),
    **dict.fromkeys(("AksCompute", "RemoteCompute", "DatabricksCompute"), "!runs run on this machine, Slurm or Ray"),
}  # fmt: skip

INSIDE: dict[str, str] = {
    "Workspace": "overdrive.azureml.inside:Workspace",
    "Experiment": "overdrive.azureml.inside:Experiment",
    "Model": "overdrive.azureml.inside:Model",
}
"""What answers in a training process, where nothing of ours may be installed."""

_LAWS = "choice randint uniform quniform loguniform qloguniform normal qnormal lognormal qlognormal"
_SAMPLINGS = "HyperParameterSampling RandomParameterSampling GridParameterSampling BayesianParameterSampling"
_POLICIES = (
    "EarlyTerminationPolicy BanditPolicy MedianStoppingPolicy TruncationSelectionPolicy NoTerminationPolicy"
)
_HYPERDRIVE_ERRORS = (
    "HyperDriveException HyperDriveServiceException HyperDriveConfigException HyperDriveRehydrateException "
    "HyperDriveScenarioNotSupportedException HyperDriveNotImplementedException"
)
_ERRORS = (
    "AzureMLException UserErrorException RunConfigurationException ActivityFailedException "
    "ExperimentExecutionException ComputeTargetException ProjectSystemException WorkspaceException "
    "ModelNotFoundException RunEnvironmentException WebserviceException"
)
_SIGNING_IN = (
    "InteractiveLoginAuthentication ServicePrincipalAuthentication AzureCliAuthentication MsiAuthentication"
)
_RUNCONFIG = (
    "RunConfiguration DockerConfiguration MpiConfiguration PyTorchConfiguration TensorflowConfiguration "
    "DEFAULT_CPU_IMAGE DEFAULT_GPU_IMAGE CondaDependencies"
)

MODULES: dict[str, str] = {
    "azureml.core": (
        "Workspace Experiment Run get_run ScriptRunConfig Environment Dataset Datastore Model ComputeTarget "
        "RunConfiguration Keyvault Webservice Image VERSION"
    ),
    "azureml.core.workspace": "Workspace WorkspaceException",
    "azureml.core.experiment": "Experiment",
    "azureml.core.run": "Run get_run _OfflineRun _SubmittedRun",
    "azureml.core.script_run": "Run",
    "azureml.core.script_run_config": "ScriptRunConfig",
    "azureml.core.runconfig": _RUNCONFIG,
    "azureml.core.environment": "Environment CondaDependencies DockerSection PythonSection DEFAULT_CPU_IMAGE",
    "azureml.core.conda_dependencies": "CondaDependencies",
    "azureml.core.compute": (
        "ComputeTarget AmlCompute ComputeInstance AksCompute RemoteCompute DatabricksCompute"
    ),
    "azureml.core.compute.compute": "ComputeTarget",
    "azureml.core.compute.amlcompute": "AmlCompute",
    "azureml.core.compute_target": "ComputeTargetException",
    "azureml.core.dataset": "Dataset",
    "azureml.core.datastore": "Datastore",
    "azureml.core.model": "Model InferenceConfig",
    "azureml.core.authentication": _SIGNING_IN,
    "azureml.core.keyvault": "Keyvault",
    "azureml.core.image": "ContainerImage Image",
    "azureml.core.resource_configuration": "ResourceConfiguration",
    "azureml.core.webservice": "AciWebservice AksWebservice LocalWebservice Webservice WebserviceException",
    "azureml.exceptions": _ERRORS,
    "azureml._common.exceptions": "AzureMLException",
    "azureml.core.exceptions": _ERRORS,
    "azureml.data": "FileDataset TabularDataset DataReference OutputFileDatasetConfig",
    "azureml.data.datapath": "DataPath",
    "azureml.data.dataset_factory": "FileDatasetFactory TabularDatasetFactory",
    "azureml.data.output_dataset_config": "OutputFileDatasetConfig",
    "azureml.data.data_reference": "DataReference",
    "azureml.data.dataset_consumption_config": "DatasetConsumptionConfig",
    "azureml.data.file_dataset": "FileDataset",
    "azureml.data.tabular_dataset": "TabularDataset",
    "azureml.data.azure_storage_datastore": "AzureBlobDatastore",
    "azureml.train.hyperdrive": (
        f"{_LAWS} {_SAMPLINGS} {_POLICIES} HyperDriveConfig HyperDriveRun HyperDriveRunConfig PrimaryMetricGoal"
    ),
    "azureml.train.hyperdrive.parameter_expressions": _LAWS,
    "azureml.train.hyperdrive.sampling": _SAMPLINGS,
    "azureml.train.hyperdrive.policy": _POLICIES,
    "azureml.train.hyperdrive.runconfig": "HyperDriveConfig HyperDriveRunConfig PrimaryMetricGoal",
    "azureml.train.hyperdrive.run": "HyperDriveRun PrimaryMetricGoal",
    "azureml.train.hyperdrive.exceptions": _HYPERDRIVE_ERRORS,
    "azureml.train.estimator": "Estimator",
    "azureml.train.sklearn": "SKLearn",
    "azureml.train.dnn": "Chainer Gloo Mpi Nccl ParameterServer PyTorch TensorFlow",
    "azureml.train.automl": "AutoMLConfig",
    "azureml.train.automl.run": "AutoMLRun",
    "azureml.widgets": "RunDetails",
    "azureml.telemetry": "set_diagnostics_collection",
    "azureml.pipeline.core": (
        "Pipeline PipelineData PipelineEndpoint PipelineParameter PipelineRun PipelineStep PortDataReference "
        "PublishedPipeline Schedule ScheduleRecurrence StepRun StepRunOutput StepSequence TrainingOutput"
    ),
    "azureml.pipeline.core.builder": "PipelineData PipelineStep StepSequence",
    "azureml.pipeline.core.graph": "PipelineParameter PortDataReference TrainingOutput",
    "azureml.pipeline.core.pipeline": "Pipeline",
    "azureml.pipeline.core.run": "PipelineRun StepRun StepRunOutput",
    "azureml.pipeline.core.schedule": "Schedule ScheduleRecurrence",
    "azureml.pipeline.steps": (
        "CommandStep DataTransferStep DatabricksStep EstimatorStep HyperDriveStep HyperDriveStepRun MpiStep "
        "ParallelRunConfig ParallelRunStep PythonScriptStep"
    ),
    "azureml.pipeline.steps.hyper_drive_step": "HyperDriveStep HyperDriveStepRun",
    "azureml.pipeline.steps.python_script_step": "PythonScriptStep",
}

TABLE: dict[str, dict[str, str]] = {
    module: {name: OBJECTS[name] for name in text.split()} for module, text in MODULES.items()
}
"""For each module its names, each with what answers: the form of `runtime.aliases`."""
