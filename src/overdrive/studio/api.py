"""The REST interface: sweeps, runs, charts, logs, files, exports, and wishes."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Body, Path, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from ..charts import comparison
from ..errors import ConfigError, NotFound
from ..model.records import RunRecord
from ..model.values import token
from ..runtime.wire import RunFolder
from ..sdk.hyperdrive_run import HyperDriveRun
from ..sdk.run import Run
from ..sdk.view import SweepView
from ..sdk.workspace import Workspace
from . import files
from .feed import encoded, finite, material, outline
from .figures import figure, listed
from .live import Hub
from .report import report

Number = Annotated[int, Path(ge=0, lt=2**31)]

MOST_COMPARED = 20
SEALED = {"content-security-policy": "default-src 'none'; sandbox", "cache-control": "no-store"}
"""Whatever a script has written, opened on its own it can do nothing."""


def router(hub: Hub) -> APIRouter:
    """All that is not live."""
    routes = APIRouter(prefix="/api")

    @routes.get("/sweeps")
    async def sweeps() -> Response:
        return answer({"workspace": hub.workspace.name, "sweeps": await hub.read(hub.sweeps)})

    @routes.get("/sweeps/{sweep_id}")
    async def sweep(sweep_id: str) -> Response:
        return await hub.read(lambda: as_json(hub.feed(sweep_id).told(-1)))

    @routes.get("/sweeps/{sweep_id}/charts")
    async def charts(sweep_id: str) -> Response:
        """Every chart and what may be chosen in it."""

        return await hub.read(lambda: as_json(listed(hub.feed(sweep_id))))

    @routes.get("/sweeps/{sweep_id}/charts/{name}")
    async def chart(sweep_id: str, name: str, request: Request) -> Response:
        chosen = dict(request.query_params)

        return await hub.read(lambda: as_json(figure(hub.feed(sweep_id), name, chosen)))

    @routes.get("/comparison")
    async def compared(
        sweep: Annotated[list[str], Query(min_length=1, max_length=MOST_COMPARED)],
        metric: str | None = None,
        over: Literal["runs", "minutes"] = "runs",
        scale: Literal["linear", "log"] = "linear",
    ) -> Response:
        """Several sweeps on one metric: their outlines, what may be chosen, and the figure."""
        chosen = {"over": over, "scale": scale, **({} if metric is None else {"metric": metric})}
        return await hub.read(lambda: answer(finite(_comparison(hub, sweep, chosen))))

    @routes.get("/sweeps/{sweep_id}/export.json")
    async def export_json(sweep_id: str) -> Response:
        found = await hub.read(lambda: hub.feed(sweep_id).view.as_json())
        text = await asyncio.to_thread(json.dumps, found, indent=1)
        return _attached(text.encode(), f"{sweep_id}.json", "application/json")

    @routes.get("/sweeps/{sweep_id}/export.csv")
    async def export_csv(sweep_id: str) -> Response:
        text = await hub.read(lambda: table(hub, sweep_id))
        return _attached(text.encode(), f"{sweep_id}.csv", "text/csv")

    @routes.get("/sweeps/{sweep_id}/report.html")
    async def report_html(sweep_id: str) -> Response:
        text = await hub.read(lambda: report(hub.feed(sweep_id).view))
        return _attached(text.encode(), f"{sweep_id}.html", "text/html; charset=utf-8")

    @routes.get("/sweeps/{sweep_id}/runs/{number}")
    async def run(sweep_id: str, number: Number) -> Response:
        found = await hub.read(lambda: _details(hub, sweep_id, number))
        root = found.pop("root")
        return answer(finite({**found, "files": await asyncio.to_thread(files.listing, root)}))

    @routes.get("/sweeps/{sweep_id}/runs/{number}/log")
    async def log(
        sweep_id: str,
        number: Number,
        stream: Literal["stdout", "stderr"] = "stdout",
        start: Annotated[int, Query(ge=-1, le=2**53)] = -1,
    ) -> Any:
        run, root = await hub.read(lambda: _run(hub, sweep_id, number))
        folder = RunFolder(root)
        name = os.path.relpath(folder.stdout if stream == "stdout" else folder.stderr, root)
        over = run.status.terminal
        piece = await asyncio.to_thread(files.piece, root, name, start, over)
        return {**piece, "over": over, "attempt": run.attempt}

    @routes.get("/sweeps/{sweep_id}/runs/{number}/preview")
    async def preview(sweep_id: str, number: Number, path: str) -> Any:
        _, root = await hub.read(lambda: _run(hub, sweep_id, number))
        return await asyncio.to_thread(files.preview, root, path)

    @routes.get("/sweeps/{sweep_id}/runs/{number}/file")
    async def file(sweep_id: str, number: Number, path: str) -> Response:
        _, root = await hub.read(lambda: _run(hub, sweep_id, number))
        opened = await asyncio.to_thread(files.open_within, root, path)
        kind = files.kind_of(path)
        how = "inline" if kind else "attachment"
        headers = {
            **SEALED,
            "content-length": str(opened.size),
            "content-disposition": f"{how}; filename*=UTF-8''{quote(files.printable(os.path.basename(path)))}",
        }
        return StreamingResponse(
            opened.chunks(), media_type=kind or "application/octet-stream", headers=headers
        )

    @routes.post("/sweeps/{sweep_id}/enqueue")
    async def enqueue(sweep_id: str, params: Annotated[dict[str, Any], Body(embed=True)]) -> Any:
        """Ask for a run with these values."""
        await asyncio.to_thread(_wish, hub.workspace, sweep_id, "enqueue", {"params": params})
        return {"asked": "enqueue"}

    @routes.post("/sweeps/{sweep_id}/{wish}")
    async def steer(
        sweep_id: str,
        wish: Literal["cancel", "pause", "resume", "set"],
        changes: Annotated[dict[str, Any] | None, Body()] = None,
    ) -> Any:
        """Leave a wish for the controller; `changes` are limits, for `set` and `resume`."""
        await asyncio.to_thread(_wish, hub.workspace, sweep_id, wish, changes or {})
        return {"asked": wish}

    @routes.post("/sweeps/{sweep_id}/runs/{number}/cancel")
    async def cancel_run(sweep_id: str, number: Number) -> Any:
        run, _ = await hub.read(lambda: _run(hub, sweep_id, number))
        await asyncio.to_thread(_cancel_run, hub.workspace, run.id)
        return {"asked": "cancel"}

    return routes


def answer(value: Any) -> Response:
    """JSON of values that are already what JSON knows; for large answers far quicker than FastAPI's own."""
    return as_json(encoded(value))


def as_json(text: bytes) -> Response:
    """JSON that is written already."""
    return Response(text, media_type="application/json")


def _comparison(hub: Hub, ids: list[str], chosen: dict[str, str]) -> dict[str, Any]:
    views = {sweep_id: hub.feed(sweep_id).view for sweep_id in dict.fromkeys(ids)}
    experiments = [view.sweep.experiment for view in views.values()]
    names = {
        sweep_id: view.sweep.experiment
        if experiments.count(view.sweep.experiment) == 1
        else f"{view.sweep.experiment} {sweep_id}"
        for sweep_id, view in views.items()
    }
    sweeps = {names[sweep_id]: material(view) for sweep_id, view in views.items()}
    return {
        "sweeps": [
            {**outline(view), "name": names[sweep_id], **_ways(view)} for sweep_id, view in views.items()
        ],
        "options": [option._asdict() for option in comparison.options(sweeps)],
        "figure": comparison.comparison(sweeps, chosen),
    }


def _ways(view: SweepView) -> dict[str, Any]:
    """How a sweep samples and stops, by name."""
    config = view.sweep.config
    policy = config.get("policy") or {}
    return {"sampling": config.get("sampling", {}).get("name"), "policy": policy.get("name")}


def table(hub: Hub, sweep_id: str) -> str:
    """The runs as CSV: one row a run, one column for each hyperparameter (exact) and the last of each metric."""
    view = hub.feed(sweep_id).view
    params = list(dict.fromkeys(name for run in view.runs for name in run.params))
    metrics = list(dict.fromkeys(name for run in view.runs for name in view.points(run.id)))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    fixed = ["number", "id", "status", "best", "intervals", "seconds", "reason"]
    writer.writerow([*fixed, *(f"param.{n}" for n in params), *(f"last.{n}" for n in metrics)])
    for run in view.runs:
        logged = view.points(run.id)
        cells: list[Any] = [run.number, run.id, run.status, run.series.best, len(run.series)]
        cells += [run.seconds, run.reason]
        cells += [token(run.params[n]) if n in run.params else None for n in params]
        cells += [logged[n][-1].value if n in logged else None for n in metrics]
        writer.writerow([_inert(cell) for cell in cells])
    return out.getvalue()


def _inert(cell: Any) -> Any:
    """A spreadsheet runs text that begins like a formula."""
    text = isinstance(cell, str) and cell[:1] in ("=", "+", "@", "\t", "\r", "-")
    if not text:
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def _attached(data: bytes, name: str, kind: str) -> Response:
    how = f"attachment; filename*=UTF-8''{quote(name)}"
    return Response(data, media_type=kind, headers={**SEALED, "content-disposition": how})


def _run(hub: Hub, sweep_id: str, number: int) -> tuple[RunRecord, str]:
    """A run and its folder."""
    run = hub.feed(sweep_id).run(number)
    if run is None:
        raise NotFound(f"{sweep_id} has no run {number}")
    return run, str(hub.workspace.run_folder(sweep_id, run.number, run.attempt))


def _details(hub: Hub, sweep_id: str, number: int) -> dict[str, Any]:
    run, root = _run(hub, sweep_id, number)
    view = hub.feed(sweep_id).view
    entries = [e._asdict() for e in hub.workspace.store.entries(run.id)]
    sdk_run = Run.get(hub.workspace, run.id)
    return {
        "id": run.id,
        "number": run.number,
        "status": str(run.status),
        "params": run.params,
        "metrics": view.metrics(run.id),
        "entries": entries,
        "reason": run.reason,
        "cause": run.cause,
        "earlier": run.causes,
        "exit_code": run.exit_code,
        "started": run.started,
        "ended": run.ended,
        "spent": run.spent,
        "command": sdk_run.get_details()["runDefinition"]["command"],
        "folder": files.printable(root),
        "root": root,
    }


def _wish(workspace: Workspace, sweep_id: str, wish: str, changes: dict[str, Any]) -> None:
    run = Run.get(workspace.reopened(), sweep_id)
    if not isinstance(run, HyperDriveRun):
        if wish == "cancel" and run.id == sweep_id:
            run.cancel()
            return
        raise ConfigError(f"{sweep_id} is no sweep: it can only be cancelled")
    if wish in ("cancel", "pause") and changes:
        raise ConfigError(f"{wish} takes nothing, got {', '.join(changes)}")
    getattr(run, wish)(**changes)


def _cancel_run(workspace: Workspace, run_id: str) -> None:
    Run.get(workspace.reopened(), run_id).cancel()


def problem(error: Exception, status: int) -> JSONResponse:
    """An error as programs and pages read it."""
    body: dict[str, Any] = {"error": str(error)}
    if isinstance(error, ConfigError):
        body["problems"] = [{"where": p.where, "what": p.what} for p in error.problems]
    return JSONResponse(body, status)
