"""What readers do in the studio beyond looking: compare, ask for runs, choose columns, take things home."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("plotly")
playwright = pytest.importorskip("playwright.sync_api")

from overdrive import PrimaryMetricGoal, RandomParameterSampling, choice, loguniform, uniform  # noqa: E402

pytestmark = pytest.mark.engine("chromium")
expect = playwright.expect

SCRIPT = """
x = float(sys.argv[sys.argv.index("--x") + 1])
for step in range(3):
    log("acc", round(x * (step + 1) / 3, 6))
    log("loss", 1 - x)
"""
HOSTILE = "</script><img src=x onerror=alert(1)>"


def ended(lab: Any, **options: Any) -> Any:
    sampling = RandomParameterSampling(
        {"lr": loguniform(-9, 0), "x": uniform(0, 1), "kind": choice({"depth": choice(1, 2)}, HOSTILE)},
        seed=options.pop("seed", 3),
    )
    return lab.ended(lab.submit(SCRIPT, hyperparameter_sampling=sampling, **options))


def test_sweeps_are_compared_on_one_metric(lab: Any, studio: Any, page: Any) -> None:
    sweeps = [
        ended(lab, max_total_runs=4),
        ended(lab, seed=4, max_total_runs=3, primary_metric_name="loss",
              primary_metric_goal=PrimaryMetricGoal.MINIMIZE),
    ]  # fmt: skip
    place = studio()
    page.page.goto(place.url)
    for sweep in sweeps:
        page.page.get_by_role("checkbox", name=f"Compare lab {sweep.id}").check()
    page.page.get_by_role("button", name="Compare").click()

    def best(metric: str) -> list[list[float]]:
        lines = page.data("comparison")
        return [line["y"] for line in lines[1::2]] if lines else []

    page.page.get_by_label("Metric", exact=True).select_option("acc")
    of = [[run.params["x"] for run in sweep.view.runs] for sweep in sweeps]
    running = [[round(max(xs[: k + 1]), 6) for k in range(len(xs))] for xs in of]
    page.until(lambda: sorted(best("acc")) == sorted(running), "both sweeps on acc, the larger the better")
    page.page.get_by_label("Metric", exact=True).select_option("loss")
    falling = [[min(1 - x for x in xs[: k + 1]) for k in range(len(xs))] for xs in of]
    page.until(lambda: sorted(best("loss")) == sorted(falling), "both on loss, the smaller the better")
    expect(page.page.locator("table.beside thead a")).to_have_count(2)
    page.page.locator("table.beside thead a").first.click()
    page.page.wait_for_url("**/#/sweeps/*")


def test_a_run_is_asked_for_and_run_again(lab: Any, studio: Any, page: Any) -> None:
    sweep = ended(lab, max_total_runs=2)
    place = studio()
    page.page.goto(f"{place.url}/#/sweeps/{sweep.id}")
    page.page.get_by_role("button", name="Enqueue…").click()
    dialog = page.page.get_by_role("dialog")
    dialog.locator("input[name=x]").fill("7")
    dialog.get_by_role("button", name="Enqueue").click()
    expect(dialog.get_by_role("alert")).to_contain_text("x: must be in uniform(0, 1), got 7")
    assert len(lab.runs(sweep)) == 2
    assert page.said.pop().endswith("422 (Unprocessable Entity)")  # the browser's own note of it
    dialog.locator("input[name=x]").fill("0.5")
    dialog.get_by_role("button", name="Enqueue").click()
    row = page.page.locator("tr[data-run='2']")
    expect(row).to_contain_text("Completed")
    assert lab.runs(sweep)[2].params["x"] == 0.5

    row.get_by_role("link", name="2").click()
    page.page.get_by_role("button", name="Run again…").click()
    page.page.get_by_role("dialog").get_by_role("button", name="Leave it").click()
    page.page.get_by_role("button", name="Run again…").click()
    page.page.get_by_role("dialog").get_by_role("button", name="Run again").click()
    page.until(lambda: len(lab.runs(sweep)) == 4, "the run again in the store")
    assert lab.runs(sweep)[3].params == lab.runs(sweep)[2].params
    lab.ended(sweep)


def test_runs_are_chosen_filtered_and_set_side_by_side(lab: Any, studio: Any, page: Any) -> None:
    sweep = ended(lab, max_total_runs=6)
    place = studio()
    page.page.goto(f"{place.url}/#/sweeps/{sweep.id}")
    rows = page.page.locator("tr[data-run]")
    expect(rows).to_have_count(6)
    by_x = sorted(lab.runs(sweep), key=lambda run: -run.params["x"])
    page.page.get_by_role("searchbox", name="Filter runs").fill(f"x>={by_x[2].params['x']}")
    expect(rows).to_have_count(3)
    page.page.get_by_role("searchbox", name="Filter runs").fill("status=failed")
    expect(page.page.locator("td.none")).to_have_text("No run is like that: change the filter.")
    page.page.get_by_role("searchbox", name="Filter runs").fill("")

    page.page.locator(".panel.curves").get_by_label("Metric", exact=True).select_option("loss")
    page.page.get_by_role("searchbox", name="Filter runs").fill("completed")

    # The whole way by keyboard: sort, choose two runs, compare them.
    page.page.locator("th[data-key='p:x'] button").focus()
    page.page.keyboard.press("Enter")
    page.page.keyboard.press("Enter")
    expect(page.page.locator("th[data-key='p:x']")).to_have_attribute("aria-sort", "descending")
    expect(rows.first).to_have_attribute("data-run", str(by_x[0].number))
    for run in by_x[:2]:
        page.page.get_by_role("checkbox", name=f"Choose run {run.number}", exact=True).focus()
        page.page.keyboard.press("Space")
    expect(page.page.locator(".chosen-bar b")).to_have_text("2 of 6 runs chosen")
    page.page.get_by_role("button", name="Compare").click()
    cells = page.page.locator(
        "dialog tr", has=page.page.get_by_role("rowheader", name="x", exact=True)
    ).locator("td")
    assert [float(text) for text in cells.all_inner_texts()] == pytest.approx(
        [run.params["x"] for run in by_x[:2]], rel=1e-5
    )
    page.page.keyboard.press("Escape")
    expect(page.page.locator("dialog")).to_have_count(0)
    expect(page.page.locator(".chosen-bar b")).to_have_text(
        "2 of 6 runs chosen"
    )  # the dialog alone was closed

    page.page.locator("summary", has_text="Columns").click()
    page.page.locator(".choices").get_by_label("loss").uncheck()
    expect(page.page.locator("th[data-key='m:loss']")).to_have_count(0)
    page.page.keyboard.press("Escape")
    expect(page.page.locator("details[open]")).to_have_count(0)

    # What was chosen is there again after a look elsewhere and after a reload.
    page.page.get_by_role("link", name="Overdrive").click()
    page.page.get_by_role("link", name="lab").click()
    for again in (False, True):
        if again:
            page.page.reload()
        expect(page.page.locator("th[data-key='p:x']")).to_have_attribute("aria-sort", "descending")
        expect(page.page.locator("th[data-key='m:loss']")).to_have_count(0)
        expect(page.page.get_by_role("searchbox", name="Filter runs")).to_have_value("completed")
        metric = page.page.locator(".panel.curves").get_by_label("Metric", exact=True)
        expect(metric).to_have_value("loss")


def test_a_chart_is_saved_as_a_picture(lab: Any, studio: Any, page: Any) -> None:
    sweep = ended(lab, max_total_runs=2)
    place = studio()
    page.page.goto(f"{place.url}/#/sweeps/{sweep.id}")
    page.sees("history")
    for kind, head in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        page.page.locator(".panel.history summary").click()
        with page.page.expect_download() as download:
            page.page.get_by_role("button", name=f"Save Best so far as {kind}").click()
        assert Path(download.value.path()).read_bytes().startswith(head)
        page.page.keyboard.press("Escape")


def test_a_chart_is_a_table_too(lab: Any, studio: Any, page: Any) -> None:
    sweep = ended(lab, max_total_runs=4)
    records = {run.number: run for run in lab.runs(sweep)}
    place = studio()
    page.page.goto(f"{place.url}/#/sweeps/{sweep.id}")

    def saved(chart: str, title: str) -> list[list[str]]:
        page.sees(chart)
        page.page.locator(f".panel.{chart} summary").click()
        page.page.get_by_role("button", name=f"{title} as a table").click()
        dialog = page.page.get_by_role("dialog", name=f"{title} as a table")
        expect(dialog.locator("tbody tr")).to_have_count(4)
        with page.page.expect_download() as download:
            dialog.get_by_role("button", name="Save as CSV").click()
        dialog.get_by_role("button", name="Close").click()
        expect(dialog).to_have_count(0)
        with Path(download.value.path()).open(newline="") as file:
            return list(csv.reader(file))

    head, *rows = saved("parallel", "Parallel coordinates")
    assert head == ["run", "lr", "x", "kind", "depth", "acc"]
    assert [float(row[5]) for row in rows] == sorted(
        (run.series.best for run in records.values()), reverse=True
    )
    for number, lr, x, kind, depth, _ in rows:
        params = records[int(number)].params
        assert (float(lr), float(x)) == (params["lr"], params["x"])
        assert (kind, depth) == (params.get("kind", ""), str(params.get("depth", "")))
    head, *rows = saved("history", "Best so far")
    assert head[:3] == ["run", "run", "acc"]
    assert {int(row[0]): float(row[2]) for row in rows} == {n: run.series.best for n, run in records.items()}


def test_the_list_tells_of_ended_and_running_sweeps_alike(lab: Any, studio: Any) -> None:
    done = ended(lab, max_total_runs=4)
    live = lab.submit("log('acc', 0.5)\nwait_for('end')\n", max_total_runs=1)
    lab.told("0 began")
    place = studio()
    lab.until(
        lambda: (place.json("/api/sweeps")["sweeps"][0]["best"] or {}).get("value") == 0.5, "the live value"
    )
    first, second = place.json("/api/sweeps")["sweeps"]
    assert (first["id"], first["done"], first["running"], first["total"]) == (live.id, 0, 1, 1)
    bests = [run.series.best for run in lab.runs(done)]
    assert (second["id"], second["status"], second["done"], second["metric"]) == (
        done.id,
        "Completed",
        4,
        "acc",
    )
    assert second["spark"] == [max(bests[: k + 1]) for k in range(4)] and second["best"]["value"] == max(
        bests
    )
    lab.open("end")
    lab.ended(live)


def test_a_report_is_one_file_that_needs_nothing_else(
    lab: Any, studio: Any, pages: Any, tmp_path: Path
) -> None:
    sweep = ended(lab, max_total_runs=5)
    place = studio()
    status, served, headers = place.call(f"/api/sweeps/{sweep.id}/report.html")
    assert status == 200 and headers["content-disposition"].startswith("attachment")
    assert served.startswith(b"<!doctype html>") and b"<img src=x" not in served
    words = [
        sys.executable,
        "-m",
        "overdrive",
        "report",
        sweep.id,
        "--json",
        "-o",
        str(tmp_path / "page.html"),
    ]
    done = subprocess.run(
        [*words, "--workspace", str(lab.workspace.root)], capture_output=True, check=True, text=True
    )
    written = Path(json.loads(done.stdout)["path"])

    page = pages()
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url))
    page.page.goto(written.as_uri())
    for chart in ("curves", "parallel", "scatter", "scatter3d", "history"):
        page.sees(chart)
    assert asked == [written.as_uri()]
    assert page.page.evaluate("document.images.length") == 0
    best = max(lab.runs(sweep), key=lambda run: run.params["x"])
    assert page.page.locator(".runs tbody tr").first.locator("td").first.inner_text() == str(best.number)
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 1280


PIE = """
class Pie:
    NAME, TITLE = "pie", "Pie"
    def options(self, sweep):
        return []
    def figure(self, sweep, chosen):
        return {"data": [{"type": "pie", "values": [len(sweep.runs), 1]}], "layout": {}}
"""


def test_a_chart_from_elsewhere_brings_plotly(
    lab: Any, studio: Any, page: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    about = elsewhere / "elsewhere-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[overdrive.charts]\npie = pie_chart:Pie\n")
    (elsewhere / "pie_chart.py").write_text(PIE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(elsewhere), os.environ.get("PYTHONPATH", "")]))
    sweep = ended(lab, max_total_runs=2)
    place = studio()
    page.page.goto(f"{place.url}/#/sweeps/{sweep.id}")
    page.sees("curves")
    assert page.page.evaluate("window.Plotly") is None
    page.sees("pie")
    expect(page.page.locator(".panel.pie .slice")).to_have_count(2)


def test_arrow_keys_go_from_run_to_run(lab: Any, studio: Any, page: Any) -> None:
    sweep = ended(lab, max_total_runs=3)
    place = studio()
    page.page.goto(f"{place.url}/#/sweeps/{sweep.id}")
    page.sees("history")
    page.page.locator(".panel.history .plot").focus()
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("ArrowRight")
    expect(page.page.locator(".tip b")).to_have_text("run 1")
    page.page.keyboard.press("Enter")
    expect(page.page.locator("tr.chosen")).to_have_attribute("data-run", "1")
    page.sees("parallel")
    axis = page.page.locator(".panel.parallel .axis-title").nth(1)
    axis.focus()
    page.page.keyboard.press("ArrowRight")
    page.until(
        lambda: [one["name"] for one in page.data("parallel")[0]["dimensions"]][2] == "param:lr",
        "another order",
    )


def test_who_may_only_look_sees_no_way_to_steer(lab: Any, studio: Any, page: Any) -> None:
    sweep = ended(lab, max_total_runs=1)
    place = studio("--read-only")
    page.page.goto(f"{place.url}/#/sweeps/{sweep.id}")
    expect(page.page.locator("tr[data-run='0']")).to_be_visible()
    expect(page.page.locator("#link")).to_have_text("live, read-only")
    assert page.page.locator(".buttons button").count() == 0
    steer = {"X_Overdrive": "studio", "Content_Type": "application/json"}
    for path in ("enqueue", "resume", "runs/0/cancel"):
        assert place.call(f"/api/sweeps/{sweep.id}/{path}", "POST", {"params": {}}, **steer)[0] == 403


def test_what_is_not_there_says_what_to_do(lab: Any, studio: Any, pages: Any) -> None:
    place = studio()
    page = pages()
    page.page.goto(place.url)
    expect(page.page.locator(".empty pre")).to_have_text("overdrive submit sweep.yml")
    other = pages()
    other.page.goto(f"{place.url}/#/sweeps/%E0%A4%A")  # no text at all: the list
    expect(other.page.locator(".empty pre")).to_be_visible()
    status, body, _ = place.call("/api/sweeps/HD_none/runs/0")
    assert status == 404 and "HD_none" in json.loads(body)["error"]
    assert place.call("/api/comparison")[0] == 422
    assert place.call("/api/comparison?sweep=HD_none")[0] == 404
