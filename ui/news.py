"""News for an open window: a request that is answered as soon as something changed, by whatever process.

The answer is a mark and nothing else; a window that has another one asks for what it shows. So a lost connection, a
restarted server and a proxy that cuts long requests cost a question more, and no news.
"""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from ui.desk import Desk

PATH = "/retort/news"
STEP_S = 0.15  # between two looks at the stamp, which cost microseconds
WAIT_S = 25.0  # a request without news ends after this and is asked again: proxies cut those of a minute


def route(desk: "Desk") -> "Route":
    """The way on which windows wait for news."""
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def news(request: "Request") -> "Response":
        project, known = (request.query_params.get(name, "") for name in ("project", "known"))
        mark = desk.news(project)
        for _ in range(round(WAIT_S / STEP_S)):
            if mark != known or not mark:
                break
            await asyncio.sleep(STEP_S)
            mark = desk.news(project)
        return JSONResponse({"mark": mark}, headers={"Cache-Control": "no-store"})

    return Route(PATH, news)
