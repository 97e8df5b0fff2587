"""The REST interface against requests that schemathesis makes up from its own description."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("fastapi")
schemathesis = pytest.importorskip("schemathesis")

from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402

from overdrive import RandomParameterSampling, uniform  # noqa: E402

EXAMPLES = 15
"""Requests for each operation."""

LIVE = "/api/live/"
"""Streams do not end."""


def test_no_request_breaks_the_studio(lab: Any, studio: Any) -> None:
    space = RandomParameterSampling({"x": uniform(0, 1)}, seed=1)
    sweep = lab.ended(lab.submit("log('acc', 1)\n", hyperparameter_sampling=space, max_total_runs=1))
    place = studio()
    headers = {"X-Overdrive": "fuzz"}
    schema = schemathesis.openapi.from_url(f"{place.url}/api/openapi.json")
    tried: dict[str, set[int]] = {}

    def attack(case: Any) -> None:
        for real in (False, True):  # a sweep that is made up, and one that is there
            if real and "sweep_id" in case.path_parameters:
                case.path_parameters["sweep_id"] = sweep.id
            answer = case.call(headers=headers, timeout=20)
            tried.setdefault(case.operation.label, set()).add(answer.status_code)
            assert answer.status_code < 500, (case.method, case.formatted_path, case.body, answer.content)
            if answer.status_code >= 400:
                assert answer.json().keys() & {"error", "detail"}

    few = settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    for found in schema.get_all_operations():
        operation = found.ok()
        if not operation.path.startswith(LIVE):
            few(given(case=operation.as_strategy())(attack))()

    assert len(tried) >= 12
    assert {200, 404, 422} <= set.union(*tried.values())
    assert place.json("/api/about")["read_only"] is False  # it still answers
