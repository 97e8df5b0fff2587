"""The table of Azure ML v2's names: which of our objects answers for each, and what is said of those that exist in
the cloud only."""

from __future__ import annotations

_JOBS, _SEARCH, _CLIENT = (f"overdrive.azure_ai_ml.{module}" for module in ("jobs", "search", "client"))

_AUTOML = "!AutoML runs in the cloud only; give a script and a search space: command(...).sweep(...)"
_PIPELINES = "overdrive.azure_ai_ml.pipelines"
_SERVING = "!models are not served from here; ml_client.models.create_or_update keeps their files"

_LAWS = (
    "Choice", "LogNormal", "LogUniform", "Normal", "QLogNormal", "QLogUniform", "QNormal", "QUniform", "Randint",
    "Uniform",
)  # fmt: skip
_METHODS = (
    "BanditPolicy", "BayesianSamplingAlgorithm", "GridSamplingAlgorithm", "MedianStoppingPolicy", "Objective",
    "RandomSamplingAlgorithm", "SamplingAlgorithm", "SweepJobLimits", "TruncationSelectionPolicy",
)  # fmt: skip

SWEEP = {
    **{name: f"{_SEARCH}:{name}" for name in (*_LAWS, *_METHODS)},
    "SweepJob": f"{_JOBS}:Sweep",
    "RandomParameterSampling": f"{_SEARCH}:RandomSamplingAlgorithm",
}

_CREDENTIALS = (
    "AzureCliCredential", "ClientSecretCredential", "DefaultAzureCredential", "DeviceCodeCredential",
    "InteractiveBrowserCredential", "ManagedIdentityCredential",
)  # fmt: skip

TABLE: dict[str, dict[str, str]] = {
    "azure.ai.ml": {
        "MLClient": f"{_CLIENT}:MLClient",
        "command": f"{_JOBS}:command",
        "Input": f"{_JOBS}:Input",
        "Output": f"{_JOBS}:Output",
        "load_job": f"{_JOBS}:load_job",
        "load_component": f"{_PIPELINES}:load_component",
        "load_environment": "!write the environment into the job, or create Environment(...)",
        "MpiDistribution": f"{_JOBS}:MpiDistribution",
        "PyTorchDistribution": f"{_JOBS}:PyTorchDistribution",
        "TensorFlowDistribution": f"{_JOBS}:TensorFlowDistribution",
    },
    "azure.ai.ml.sweep": SWEEP,
    "azure.ai.ml.entities": {
        "AmlCompute": f"{_CLIENT}:AmlCompute",
        "Command": f"{_JOBS}:Command",
        "CommandJobLimits": f"{_JOBS}:CommandJobLimits",
        "Data": f"{_CLIENT}:Data",
        "Environment": f"{_JOBS}:Environment",
        "Model": f"{_CLIENT}:Model",
        **dict.fromkeys(
            (
                "BatchDeployment", "BatchEndpoint", "CodeConfiguration", "ManagedOnlineDeployment",
                "ManagedOnlineEndpoint",
            ),
            _SERVING,
        ),
    },
    "azure.ai.ml.constants": {
        "AssetTypes": f"{_JOBS}:AssetTypes",
        "InputOutputModes": f"{_JOBS}:InputOutputModes",
    },
    "azure.ai.ml.automl": dict.fromkeys(
        (
            "SearchSpace", "classification", "forecasting", "image_classification", "image_classification_multilabel",
            "image_instance_segmentation", "image_object_detection", "regression", "text_classification",
            "text_classification_multilabel", "text_ner",
        ),
        _AUTOML,
    ),
    "azure.ai.ml.dsl": {"pipeline": f"{_PIPELINES}:pipeline"},
    "azure.ai.ml.exceptions": {
        "JobException": "overdrive.errors:RunFailed",
        "ValidationException": "overdrive.errors:ConfigError",
        "MlException": "overdrive.errors:OverdriveError",
    },
    "azure.core.exceptions": {
        "ResourceNotFoundError": "overdrive.errors:NotFound",
        "ResourceExistsError": "overdrive.errors:ConfigError",
        "HttpResponseError": "overdrive.errors:OverdriveError",
    },
    "azure.identity": dict.fromkeys(_CREDENTIALS, "overdrive.azure_ai_ml.credentials:Credential"),
}  # fmt: skip
"""Module -> name -> "module:Object", or "!" and what to do instead."""
