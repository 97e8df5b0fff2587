"""The studio's application: the guard in front, the interface, and the page with its files."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from .. import __version__
from ..errors import ConfigError, NotFound, OverdriveError, SweepHeld
from . import api, live
from .guard import LOOPBACK, Guard
from .report import plotly_path

STATIC = Path(__file__).parent / "static"


def create_app(
    hub: live.Hub,
    *,
    names: Iterable[str] = LOOPBACK,
    token: str | None = None,
    read_only: bool = False,
) -> ASGIApp:
    """The application of the hub's workspace, as ASGI. `names` are the host names that it answers to."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        warming = asyncio.ensure_future(hub.warm())
        yield
        warming.cancel()
        await asyncio.gather(warming, return_exceptions=True)  # whoever asks next is told what failed
        hub.close()

    app = FastAPI(
        title="Overdrive studio", version=__version__, lifespan=life, docs_url=None, redoc_url=None,
        openapi_url="/api/openapi.json",
    )  # fmt: skip
    app.include_router(live.router(hub))
    app.include_router(api.router(hub))
    for kind, status in ((NotFound, 404), (ConfigError, 422), (SweepHeld, 409), (OverdriveError, 500)):
        app.add_exception_handler(kind, _handler(status))

    @app.get("/api/about")
    async def about() -> Any:
        return {"version": __version__, "workspace": hub.workspace.name, "read_only": read_only}

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", media_type="text/html; charset=utf-8")

    @app.get("/plotly.min.js", include_in_schema=False)
    async def plotly() -> FileResponse:
        return FileResponse(plotly_path(), media_type="text/javascript")

    mimetypes.add_type("text/javascript", ".js")  # some machines say otherwise, and browsers refuse it then
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=4)
    return Guard(app, names, token, read_only)


def _handler(status: int) -> Any:
    async def answer(_: Request, error: Exception) -> JSONResponse:
        return api.problem(error, status)

    return answer
