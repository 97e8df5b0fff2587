"""The studio in a real browser against real sweeps: live values, one selection, steering, hostile names, shut doors."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("plotly")
playwright = pytest.importorskip("playwright.sync_api")

from overdrive import RandomParameterSampling, choice, loguniform, uniform  # noqa: E402

SECONDS = 60.0
HOSTILE = "<img src=x onerror=alert(1)>"
MARKED = "<b>bold</b>&amp;%{x}"

CURVES = """
import argparse
parser = argparse.ArgumentParser()
for name in ("lr", "x", "units", "kind", "slope"):
    parser.add_argument("--" + name)
args = parser.parse_args()
for step in range(3):
    log("acc", round(float(args.x) * (step + 1) / 3, 6))
    log("loss", 1.0 / (step + 1))
print("it is done", flush=True)
"""
SPACE = {
    "lr": loguniform(-9, 0),
    "x": uniform(0, 1),
    "units": choice(32, 64, 128),
    "kind": choice({"slope": uniform(1, 2)}, "flat"),
}


@pytest.fixture
def finished(lab: Any) -> Any:
    """A sweep of 12 runs over a space of every kind of law, at its end."""
    sampling = RandomParameterSampling(SPACE, seed=3)
    return lab.ended(
        lab.submit(CURVES, hyperparameter_sampling=sampling, max_total_runs=12, max_concurrent_runs=2)
    )


@pytest.mark.engine("chromium")
def test_a_logged_value_is_on_the_page_within_a_second(lab: Any, studio: Any, page: Any) -> None:
    run = lab.submit(
        "log('acc', 0.25)\nwait_for('more')\nlog('acc', 0.5)\nwait_for('end')\n", max_total_runs=1
    )
    lab.told("0 began")
    place = studio()
    page.page.goto(f"{place.url}/#/sweeps/{run.id}")
    best = page.page.locator("tr[data-run='0'] td").nth(3)
    playwright.expect(best).to_have_text("0.25", timeout=SECONDS * 1000)
    page.until(
        lambda: [t["y"] for t in page.data("curves") if t["name"] == 0][:1] == [[0.25]], "the first point"
    )
    page.page.evaluate(
        """() => { window.seen = null; const look = () => {
            const live = document.querySelector('.panel.curves .plot').data.find((trace) => trace.meta?.live === 0);
            const cell = document.querySelector("tr[data-run='0']").cells[3].textContent;
            if (live?.y.length === 2 && cell === '0.5') window.seen = Date.now() / 1000; else setTimeout(look, 5); };
            look(); }"""
    )
    lab.open("more")
    seen = page.until(lambda: page.page.evaluate("window.seen"), "the second point")
    run.view.refresh()
    logged = run.view.points(f"{run.id}_0")["acc"][1].time or (lab.gates / "more").stat().st_mtime
    # The limit of the product is one second; a machine that is busy with other tests gets two more.
    assert seen - logged < (3.0 if os.environ.get("PYTEST_XDIST_WORKER") else 1.0)
    assert page.page.evaluate("performance.getEntriesByType('navigation').length") == 1
    lab.open("end")
    playwright.expect(page.page.locator(".head .status")).to_have_text("Completed", timeout=SECONDS * 1000)


@pytest.mark.engine("chromium")
def test_every_chart_shows_the_sweep_and_one_selection_is_for_all(
    finished: Any, studio: Any, page: Any
) -> None:
    place = studio()
    page.page.goto(place.url)
    page.page.get_by_role("link", name="lab").click()
    records = {run.number: run for run in finished.view.runs}

    lines = page.sees("curves")
    drawn = {run: value for t in lines for run, value in zip(t["runs"], t["y"], strict=True) if run >= 0}
    assert drawn == {number: run.series.values[-1] for number, run in records.items()}

    axes = {one["name"]: one["values"] for one in page.sees("parallel")[0]["dimensions"]}
    assert list(axes) == ["run", "param:lr", "param:x", "param:units", "param:kind", "param:slope", "metric"]
    assert sorted(axes["run"]) == sorted(records)
    of = {run: k for k, run in enumerate(axes["run"])}
    for number, run in records.items():
        assert axes["param:units"][of[number]] == [32, 64, 128].index(run.params["units"])
        assert axes["param:x"][of[number]] == pytest.approx(run.params["x"])
        if "slope" not in run.params:  # absent: below every value that there is
            slopes = [one.params["slope"] for one in records.values() if "slope" in one.params]
            assert axes["param:slope"][of[number]] < min(slopes)

    for chart in ("scatter", "scatter3d", "history"):
        runs = {run for trace in page.sees(chart) for run in trace["runs"]}
        assert runs == set(records), chart
    assert len(page.sees("timeline")[0]["runs"]) == 12

    # A brush in the 2D scatter, over all of it that lies left of the middle.
    page.sees("scatter")
    box = page.page.locator(".panel.scatter .hit").bounding_box()
    assert box is not None
    page.page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 2, steps=6)
    page.page.mouse.up()
    bar = page.page.locator(".chosen-bar b")
    playwright.expect(bar).to_contain_text("of 12 runs chosen")
    chosen = set(
        page.page.evaluate("[...document.querySelectorAll('tr.chosen')].map((r) => Number(r.dataset.run))")
    )
    assert 0 < len(chosen) < 12
    lows = sorted(records, key=lambda number: records[number].params["lr"])
    assert chosen == set(lows[: len(chosen)])

    for chart in ("history", "curves", "parallel"):
        page.page.locator(f".panel.{chart}").scroll_into_view_if_needed()
        page.until(
            lambda c=chart: set(page.data(c)[0]["chosen"] or []) == chosen, f"the selection in {chart}"
        )
    page.page.keyboard.press("Escape")
    playwright.expect(page.page.locator(".chosen-bar")).to_be_hidden()


@pytest.mark.engine("chromium")
def test_axes_are_dragged_and_brushed_and_space_is_turned(finished: Any, studio: Any, page: Any) -> None:
    place = studio()
    page.page.goto(f"{place.url}/#/sweeps/{finished.id}")
    page.sees("parallel")
    titles = page.page.locator(".panel.parallel .axis-title")
    second, fourth = titles.nth(1).bounding_box(), titles.nth(3).bounding_box()
    assert second and fourth
    drag(page, centre(second), (fourth["x"] + fourth["width"] + 30, centre(second)[1]))
    names = page.until(
        lambda: (
            (found := [one["name"] for one in page.data("parallel")[0]["dimensions"]])[1] != "param:lr"
            and found
        ),
        "another order",
    )
    assert names.index("param:lr") == 3

    # The lower half of the axis of x, which is now the second one.
    brush = page.page.locator(".panel.parallel .axis-brush").nth(1).bounding_box()
    assert brush
    middle = brush["x"] + brush["width"] / 2
    drag(page, (middle, brush["y"] + brush["height"] - 3), (middle, brush["y"] + brush["height"] / 2))
    playwright.expect(page.page.locator(".chosen-bar b")).to_contain_text("runs chosen")
    [[low, high]] = next(
        one["ranges"] for one in page.data("parallel")[0]["dimensions"] if one["name"] == "param:x"
    )
    inside = {run.number for run in finished.view.runs if low <= run.params["x"] <= high}
    chosen = set(
        page.page.evaluate("[...document.querySelectorAll('tr.chosen')].map((r) => Number(r.dataset.run))")
    )
    assert chosen == inside != set()

    page.sees("scatter3d")
    scene = page.page.locator(".panel.scatter3d .over").bounding_box()
    assert scene
    eye = "document.querySelector('.panel.scatter3d .plot').eye"
    before = page.page.evaluate(eye)
    x, y = centre(scene)
    drag(page, (x, y), (x + 90, y + 20))
    page.until(lambda: page.page.evaluate(eye) != before, "another point of view")


@pytest.mark.engine("chromium")
def test_runs_and_sweeps_are_steered_from_the_page(lab: Any, studio: Any, page: Any) -> None:
    run = lab.submit("log('acc', 0.5)\nwait_for('end')\n", max_total_runs=3)
    lab.told("0 began")
    place = studio()
    page.page.goto(f"{place.url}/#/sweeps/{run.id}/runs/0")
    page.page.get_by_role("button", name="Cancel", exact=True).click()
    page.page.get_by_role("button", name="Leave it").click()
    assert not lab.workspace.store.sweep(run.id).status.terminal
    page.page.get_by_role("button", name="Cancel", exact=True).click()
    page.page.get_by_role("button", name="Cancel run 0").click()
    page.until(lambda: str(lab.runs(run)[0].status) == "Canceled", "the run cancelled in the store")
    playwright.expect(page.page.locator(".head .status")).to_have_text("Canceled", timeout=SECONDS * 1000)

    page.page.get_by_role("link", name="The sweep").click()
    page.page.get_by_role("button", name="Limits…").click()
    page.page.get_by_label("Runs in all").fill("5")
    page.page.get_by_role("button", name="Change").click()
    page.until(lambda: (run.view.refresh() and False) or run.view.total == 5, "another budget in the store")
    page.page.get_by_role("button", name="Pause").click()
    page.page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    playwright.expect(page.page.locator(".head .status")).to_have_text("Paused", timeout=SECONDS * 1000)
    page.page.get_by_role("button", name="Go on").click()
    page.page.get_by_role("dialog").get_by_role("button", name="Go on").click()
    playwright.expect(page.page.locator(".head .status")).to_have_text("Running", timeout=SECONDS * 1000)
    page.page.get_by_role("button", name="Cancel", exact=True).click()
    page.page.get_by_role("button", name="Cancel the sweep").click()
    page.until(lambda: run.get_status() == "Canceled", "the sweep cancelled in the store")


@pytest.mark.engine("chromium")
def test_names_values_and_logs_are_text(lab: Any, studio: Any, page: Any) -> None:
    script = f"""
    for step in range(3):
        log("acc", step / 2)
        log({HOSTILE!r}, step)
    print({HOSTILE!r}, flush=True)
    os.makedirs("outputs", exist_ok=True)
    open("outputs/page.html", "w").write("<script>alert(1)</script>")
    open("outputs/" + {HOSTILE.replace("/", "")!r}, "w").write({HOSTILE!r})
    """
    space = {"x": uniform(0, 1), "label": choice(HOSTILE, MARKED), "<i>z</i>": uniform(0, 1)}
    run = lab.submit(script, hyperparameter_sampling=RandomParameterSampling(space, seed=1), max_total_runs=4)
    lab.ended(run)
    place = studio()
    page.page.goto(f"{place.url}/#/sweeps/{run.id}")
    for chart in ("curves", "parallel", "scatter", "scatter3d", "history", "timeline"):
        page.sees(chart)
    page.page.locator(".panel.curves").scroll_into_view_if_needed()
    page.page.locator(".panel.curves").get_by_label("Metric", exact=True).select_option(HOSTILE)
    playwright.expect(page.page.locator(".panel.curves .ytitle")).to_have_text(HOSTILE)
    page.page.locator(".panel.scatter").scroll_into_view_if_needed()
    page.page.locator(".panel.scatter").get_by_label("X", exact=True).select_option("label")
    playwright.expect(page.page.locator(".panel.scatter .xtick").first).to_have_text(
        re.compile("^(<img src=x onerror|<b>bold</b>)")
    )
    assert HOSTILE in page.page.locator(".runs tbody").inner_text()
    page.page.goto(f"{place.url}/#/sweeps/{run.id}/runs/0")
    playwright.expect(page.page.locator(".log")).to_contain_text(HOSTILE, timeout=SECONDS * 1000)
    page.page.get_by_role("button", name="outputs/page.html").click()
    playwright.expect(page.page.locator(".preview pre")).to_have_text("<script>alert(1)</script>")
    page.page.locator(".small-plot .xtick").first.wait_for()
    layers = [page.page.locator(f".small-plot {layer}").first.bounding_box() for layer in ("canvas", ".over")]
    assert layers[0] == layers[1]  # its words lie on what it draws
    assert page.page.evaluate("document.querySelectorAll('img[src=x]').length") == 0
    assert page.page.evaluate("[...document.scripts].every((s) => s.src.startsWith(location.origin))")


@pytest.mark.engine("chromium")
@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_is_wider_than_the_page(finished: Any, studio: Any, pages: Any, width: int) -> None:
    place = studio()
    page = pages(width)
    for part in ("", f"#/sweeps/{finished.id}", f"#/sweeps/{finished.id}/runs/0"):
        page.page.goto(f"{place.url}/{part}")
        page.page.wait_for_selector("main h1")
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width


def test_doors_are_shut_to_other_sites(finished: Any, studio: Any) -> None:
    place = studio()
    steer = f"/api/sweeps/{finished.id}/cancel"
    home = f"127.0.0.1:{place.port}"
    assert place.call("/api/sweeps")[0] == 200
    assert place.call("/api/sweeps", Host=f"evil.example:{place.port}")[0] == 421
    assert place.call("/api/sweeps", Host=f"192.0.2.7:{place.port}")[0] == 421
    assert place.call("/api/sweeps", Host=f"localhost:{place.port}")[0] == 200
    assert place.call("/api/sweeps", Sec_Fetch_Site="cross-site")[0] == 403
    assert place.call("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")[0] == 200
    assert place.call(steer, "POST", {})[0] == 403
    assert place.call(steer, "POST", {}, X_Overdrive="studio", Origin="http://evil.example")[0] == 403
    assert place.call(steer, "POST", {}, X_Overdrive="studio", Origin="null")[0] == 403
    assert place.call(steer, "POST", {}, X_Overdrive="studio", Origin=f"http://{home}",
                      Content_Type="application/json")[0] == 200  # fmt: skip
    _, _, headers = place.call("/")
    assert "script-src 'self'; " in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_a_token_is_needed_where_one_is_set(finished: Any, studio: Any) -> None:
    place = studio("--token", "sesame-8", "--read-only")
    assert place.link.endswith("/?token=sesame-8")
    for path in ("/", "/api/sweeps", "/static/main.js", "/?token=wrong", "/api/sweeps?token=sesame-8"):
        assert place.call(path)[0] == 401, path
    status, _, headers = place.call("/?token=sesame-8")
    cookie = headers["set-cookie"]
    assert (status, headers["location"]) == (303, "/")
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert place.call("/api/sweeps", Cookie=cookie.partition(";")[0])[0] == 200
    assert place.call("/api/sweeps", Authorization="Bearer sesame-8")[0] == 200
    assert place.call("/api/sweeps", Authorization="Bearer sesame-9")[0] == 401
    steer = {"X_Overdrive": "studio", "Authorization": "Bearer sesame-8"}
    status, body, _ = place.call(f"/api/sweeps/{finished.id}/cancel", "POST", {}, **steer)
    assert status == 403 and b"read-only" in body


def test_files_stay_in_the_folder_of_their_run(lab: Any, studio: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("nobody may read this")
    script = f"""
    os.makedirs("outputs/inner", exist_ok=True)
    open("outputs/inner/page.html", "w").write("<script>alert(1)</script>")
    open("outputs/picture.svg", "w").write("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    os.symlink("inner/page.html", "outputs/near")
    os.symlink({str(secret)!r}, "outputs/far.txt")
    os.symlink({str(tmp_path)!r}, "outputs/away")
    os.mkfifo("outputs/pipe")
    open(b"outputs/caf\\xe9.txt", "w").close()
    os.write(1, b"caf\\xe9 \\xf0\\x9f\\x98")
    log("acc", 1.0)
    """
    run = lab.ended(lab.submit(script, max_total_runs=1))
    place = studio()
    base = f"/api/sweeps/{run.id}/runs/0"
    listed = place.json(base)["files"]
    assert [file["path"] for file in listed] == [None, "outputs/picture.svg", "outputs/inner/page.html"]
    assert listed[0]["name"] == "outputs/caf\ufffd.txt"
    log = place.json(f"{base}/log")
    assert (log["text"], log["next"] == log["size"]) == ("caf\ufffd \ufffd", True)  # nothing more will come
    away = ["../../../../secret.txt", "outputs/../../../../../secret.txt", str(secret), "outputs/far.txt",
            "outputs/away/secret.txt", "outputs/pipe", "outputs", "", ".", "..", "outputs/%00", "%2e%2e/%2e%2e",
            "..%2f..%2f..%2f..%2fsecret.txt", "outputs/no-such"]  # fmt: skip
    for path in away:
        for part in ("file", "preview"):
            status, body, _ = place.call(f"{base}/{part}?path={path}")
            assert status == 404 and b"nobody may read this" not in body, path
    assert place.call("/static/../app.py")[0] == 404
    assert place.call("/static/%2e%2e/app.py")[0] == 404
    for path in ("outputs/inner/page.html", "outputs/picture.svg", "outputs/near"):
        status, body, headers = place.call(f"{base}/file?path={path}")
        assert status == 200 and b"<script>" in body
        assert headers["content-type"] == "application/octet-stream"
        assert headers["content-disposition"].startswith("attachment")
        assert "sandbox" in headers["content-security-policy"]


def test_exports_hold_every_run(finished: Any, studio: Any) -> None:
    place = studio()
    base = f"/api/sweeps/{finished.id}"
    rows = place.call(f"{base}/export.csv")[1].decode().splitlines()
    assert len(rows) == 13
    assert rows[0].split(",")[:4] == ["number", "id", "status", "best"]
    assert {"param.lr", "param.x", "param.units", "last.acc", "last.loss"} <= set(rows[0].split(","))
    exported = place.json(f"{base}/export.json")
    assert [run["number"] for run in exported["runs"]] == list(range(12))
    assert place.call("/api/sweeps/none")[0] == 404
    assert place.call(f"{base}/charts/none")[0] == 404
    assert place.call(f"{base}/charts/curves?scale=cubic")[0] == 422


def centre(box: Any) -> tuple[float, float]:
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.page.mouse.move(*start)
    page.page.mouse.down()
    page.page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=8)
    page.page.mouse.move(*end, steps=8)
    page.page.mouse.up()
