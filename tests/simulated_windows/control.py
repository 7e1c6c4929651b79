"""The control port: JSON over HTTP on loopback, for tests that look behind the wire or make things happen.

Errors of the caller are answered with 400 or 404 and ``{"error": text}``. README.md lists the paths.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .fault_injection import InjectedFault
from .files import FileProblem
from .host_spec import FleetError, parse_host

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from .fleet import FleetMember, FleetRunner


@web.middleware
async def _errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except (ValueError, TypeError, KeyError) as error:
        return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)


class ControlPort:
    """Routes over one FleetRunner; ``stopping`` is set by POST /shutdown."""

    def __init__(self, fleet: FleetRunner, stopping: asyncio.Event) -> None:
        self._fleet = fleet
        self._stopping = stopping
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen on an ephemeral port of 127.0.0.1 and return the URL."""
        app = web.Application(middlewares=[_errors], client_max_size=64 * 1024 * 1024)
        app.add_routes(
            [
                web.get("/hosts", self._list),
                web.post("/hosts", self._add),
                web.post("/shutdown", self._shutdown),
                web.get("/hosts/{name}/state", self._state),
                web.get("/hosts/{name}/counters", self._counters),
                web.post("/hosts/{name}/counters/reset", self._reset_counters),
                web.get("/hosts/{name}/requests", self._requests),
                web.post("/hosts/{name}/faults", self._add_fault),
                web.delete("/hosts/{name}/faults", self._clear_faults),
                web.put("/hosts/{name}/registry", self._registry),
                web.put("/hosts/{name}/files", self._files),
                web.post("/hosts/{name}/policy_refresh", self._policy_refresh),
                web.post("/hosts/{name}/clock", self._clock),
                web.put("/hosts/{name}/quirks", self._quirks),
                web.put("/hosts/{name}/services", self._services),
                web.post("/hosts/{name}/connect", self._connect),
                web.post("/hosts/{name}/events", self._events),
                web.post("/hosts/{name}/sessions", self._sessions),
                web.post("/hosts/{name}/reset", self._reset),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, shutdown_timeout=0.5)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def _member(self, request: web.Request) -> FleetMember:
        name = request.match_info["name"]
        member = self._fleet.members.get(name)
        if member is None:
            raise web.HTTPNotFound(text=json.dumps({"error": f"no host {name}"}), content_type="application/json")
        return member

    @staticmethod
    async def _document(request: web.Request) -> dict[str, Any]:
        text = await request.text()
        document = json.loads(text) if text else {}
        if not isinstance(document, dict):
            raise ValueError("the body is not a JSON object")
        return document

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response({name: member.ready for name, member in self._fleet.members.items()})

    async def _add(self, request: web.Request) -> web.Response:
        specs = list(parse_host(await self._document(request)))
        taken = sorted(spec.name for spec in specs if spec.name in self._fleet.members)
        if taken:
            raise FleetError(f"these hosts exist already: {', '.join(taken)}")
        return web.json_response({spec.name: (await self._fleet.add(spec)).ready for spec in specs})

    async def _shutdown(self, _request: web.Request) -> web.Response:
        self._stopping.set()
        return web.json_response({})

    async def _state(self, request: web.Request) -> web.Response:
        host = self._member(request).host
        host.tick()
        return web.json_response(host.state())

    async def _counters(self, request: web.Request) -> web.Response:
        return web.json_response(self._member(request).ledger.as_json())

    async def _reset_counters(self, request: web.Request) -> web.Response:
        self._member(request).ledger.reset()
        return web.json_response({})

    async def _requests(self, request: web.Request) -> web.Response:
        return web.json_response(self._member(request).ledger.messages)

    async def _add_fault(self, request: web.Request) -> web.Response:
        member = self._member(request)
        member.faults.add(InjectedFault.from_json(await self._document(request)))
        return web.json_response({})

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self._member(request).faults.clear()
        return web.json_response({})

    async def _registry(self, request: web.Request) -> web.Response:
        host = self._member(request).host
        host.tick()
        host.edit_registry(await self._document(request))
        return web.json_response({})

    async def _policy_refresh(self, request: web.Request) -> web.Response:
        host = self._member(request).host
        host.tick()
        host.refresh_policy(await self._document(request))
        return web.json_response({})

    async def _files(self, request: web.Request) -> web.Response:
        try:
            self._member(request).host.files.edit(await self._document(request))
        except FileProblem as problem:
            raise ValueError(problem.text) from problem
        return web.json_response({})

    async def _clock(self, request: web.Request) -> web.Response:
        host = self._member(request).host
        document = await self._document(request)
        off, asleep = (bool(document.get(name, False)) for name in ("powered_off", "asleep"))
        host.advance_clock(float(document["advance"]), off, asleep)
        return web.json_response({"clock": host.now().isoformat(timespec="seconds")})

    async def _quirks(self, request: web.Request) -> web.Response:
        host = self._member(request).host
        host.tick()
        host.set_quirks(**await self._document(request))
        return web.json_response({})

    async def _services(self, request: web.Request) -> web.Response:
        host = self._member(request).host
        host.tick()
        for name, state in (await self._document(request)).items():
            host.set_service(name, state)
        return web.json_response({})

    async def _connect(self, request: web.Request) -> web.Response:
        host = self._member(request).host
        host.tick()
        return web.json_response(host.connect((await self._document(request))["server"]))

    async def _events(self, request: web.Request) -> web.Response:
        host = self._member(request).host
        document = await self._document(request)
        for _index in range(int(document.get("count", 1))):
            host.log.put(int(document["id"]), document["fields"], channel=document.get("channel"))
        return web.json_response({})

    async def _sessions(self, request: web.Request) -> web.Response:
        self._member(request).host.sessions = list((await self._document(request))["sessions"])
        return web.json_response({})

    async def _reset(self, request: web.Request) -> web.Response:
        self._member(request).reset()
        return web.json_response({})
