"""Azure's v2 jobs, for real: a sweep as its first sample shows it, data from the web, a pipeline."""

import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

TRAIN = """\
import argparse, json, pathlib
parser = argparse.ArgumentParser()
for name in ("data", "c", "kernel", "model", "note"):
    parser.add_argument("--" + name)
args = parser.parse_args()
rows = len(pathlib.Path(args.data).read_text().splitlines())
pathlib.Path(args.model, "model.json").write_text(json.dumps({"c": float(args.c), "rows": rows}))
print(f"loss={float(args.c)}")
"""

COMPONENT = """\
type: command
inputs:
  data: {type: uri_file}
  c: {type: number, default: 1.0}
  kernel: {type: string, default: rbf}
  note: {type: string, optional: true}
outputs:
  model: {type: uri_folder}
code: ./src
command: >-
  python train.py --data ${{inputs.data}} --c ${{inputs.c}} --kernel ${{ inputs.kernel }}
  --model ${{outputs.model}} $[[--note ${{inputs.note}}]]
"""

SWEEP = """\
    type: sweep
    trial: file:./train.yml
    inputs: {data: "${{parent.inputs.data}}"}
    outputs: {model: "${{parent.outputs.trained}}"}
    search_space: {c: {type: choice, values: [0.5, 0.25, 1.0]}}
    sampling_algorithm: grid
    objective: {goal: minimize, primary_metric: loss}
    limits: {max_total_trials: 3, max_concurrent_trials: 2}
"""

PIPELINE = f"""\
type: pipeline
inputs: {{data: {{type: uri_file, path: data.csv}}}}
outputs: {{trained: }}
jobs:
  search:
{SWEEP}
  predict:
    type: command
    component:
      type: command
      inputs: {{model: {{type: uri_folder}}}}
      outputs: {{result: {{type: uri_folder}}}}
      command: cp ${{{{inputs.model}}}}/model.json ${{{{outputs.result}}}}/found.json
    inputs: {{model: "${{{{parent.jobs.search.outputs.model}}}}"}}
"""


def call(folder, *arguments):
    env = {k: v for k, v in os.environ.items() if k != "OVERDRIVE_HOME"}
    return subprocess.run(
        [sys.executable, "-m", "overdrive", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        env=env,
    )


@pytest.fixture
def project(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(TRAIN)
    (tmp_path / "train.yml").write_text(COMPONENT)
    (tmp_path / "data.csv").write_text("1\n2\n3\n")
    return tmp_path


@pytest.fixture
def web(tmp_path):
    """The address of a server of files; what was asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(404 if "none" in self.path else 200)
            self.end_headers()
            self.wfile.write(b"1\n2\n")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_pipeline_feeds_its_next_step_from_the_best_run(project):
    (project / "job.yml").write_text(PIPELINE)
    done = call(project, "submit", "job.yml", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    steps = json.loads(done.stdout)
    assert list(steps) == ["search", "predict"]
    assert steps["search"]["best"]["params"] == {"c": 0.25}
    runs = project / ".overdrive" / "runs" / steps["predict"]["id"]
    assert json.loads((runs / "0/outputs/result/found.json").read_text()) == {"c": 0.25, "rows": 3}
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("outputs.trained: ")]
    assert json.loads((Path(said.removeprefix("outputs.trained: ")) / "model.json").read_text())["c"] == 0.25


def test_a_step_that_fails_ends_the_pipeline(project):
    (project / "job.yml").write_text(PIPELINE)
    (project / "src" / "train.py").write_text("raise SystemExit(3)")
    done = call(project, "submit", "job.yml")
    assert done.returncode == 1
    assert "the steps after it are not started" in done.stderr
    assert len(list((project / ".overdrive" / "runs").iterdir())) == 1


def test_a_pipeline_is_not_detached(project):
    (project / "job.yml").write_text(PIPELINE)
    assert "cannot be detached" in call(project, "submit", "job.yml", "--detach").stderr


def test_data_from_the_web_are_fetched_once(project, web):
    address, asked = web
    sweep = "\n".join(line.removeprefix("    ") for line in SWEEP.splitlines())
    sweep = sweep.replace('{data: "${{parent.inputs.data}}"}', f"{{data: {{path: {address}/a%20b.csv}}}}")
    sweep = sweep.replace('outputs: {model: "${{parent.outputs.trained}}"}\n', "")
    (project / "job.yml").write_text(sweep)
    for _ in range(2):
        done = call(project, "submit", "job.yml", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
    assert asked == ["/a%20b.csv"]
    found = json.loads(done.stdout)
    model = project / ".overdrive/runs" / found["id"] / "0/outputs/model/model.json"
    assert json.loads(model.read_text())["rows"] == 2
    (project / "job.yml").write_text(sweep.replace("a%20b", "none"))
    done = call(project, "submit", "job.yml")
    assert done.returncode == 1
    assert "none.csv: cannot be fetched: HTTP Error 404" in done.stderr
