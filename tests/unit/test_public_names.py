"""The public list: every name loads, and nothing slips in or out unseen."""

import overdrive

PUBLIC = [
    "AskTell",
    "BanditPolicy",
    "BayesianParameterSampling",
    "ConfigError",
    "Environment",
    "Experiment",
    "ForecastPolicy",
    "GridParameterSampling",
    "HyperDriveConfig",
    "HyperDriveRun",
    "HyperbandPolicy",
    "MedianStoppingPolicy",
    "MpiConfiguration",
    "NoTerminationPolicy",
    "OverdriveError",
    "PlateauPolicy",
    "PrimaryMetricGoal",
    "PyTorchConfiguration",
    "RandomParameterSampling",
    "Run",
    "RunDetails",
    "ScriptRunConfig",
    "SobolParameterSampling",
    "SuccessiveHalvingPolicy",
    "TensorflowConfiguration",
    "TruncationSelectionPolicy",
    "WilcoxonPolicy",
    "Workspace",
    "choice",
    "lognormal",
    "loguniform",
    "normal",
    "prepare",
    "qlognormal",
    "qloguniform",
    "qnormal",
    "quniform",
    "randint",
    "tune",
    "uniform",
]


def test_every_public_name_loads_and_has_a_docstring():
    for name in overdrive.__all__:
        thing = getattr(overdrive, name)
        assert thing.__name__ == name
        assert thing.__doc__, f"{name} has no docstring"
        assert getattr(overdrive, name) is thing


def test_the_list_is_sorted_and_shown():
    assert list(overdrive.__all__) == sorted(set(overdrive.__all__))
    assert set(overdrive.__all__) <= set(dir(overdrive))


def test_no_name_slips_in_or_out():
    assert sorted(overdrive.__all__) == sorted(PUBLIC)


def test_an_unknown_name_is_an_attribute_error():
    try:
        _ = overdrive.HyperDriveConfg
    except AttributeError as error:
        assert "HyperDriveConfg" in str(error)
    else:
        raise AssertionError("no error")
