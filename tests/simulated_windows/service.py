"""The WS-Management service of one host: one parsed request in, one Answer out. No HTTP, no waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import class_schema
from . import namespaces as ns
from .cim_xml import CimWriter, class_uri, parse_method_input
from .enumerations import Enumerations, context_of, max_elements, render_page
from .prompts import prompt_answer
from .runspaces import RunspaceService
from .shell import ShellService
from .soap import Answer, Request, fault_answer
from .wql import parse_query
from .wsman_faults import FaultKind, WsmanFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from .cim import Instance, Provider
    from .host import SimulatedHost
    from .host_spec import User

_ACCESS_DENIED_HRESULT = FaultKind(2147942405, "w:AccessDenied", "Access is denied. ")
_CONFIG_BODY = (
    '<cfg:Config xmlns:cfg="{uri}" xml:lang="{language}"><cfg:MaxEnvelopeSizekb>{size}</cfg:MaxEnvelopeSizekb>'
    "<cfg:MaxTimeoutms>60000</cfg:MaxTimeoutms><cfg:MaxBatchItems>32000</cfg:MaxBatchItems>"
    "<cfg:MaxProviderRequests>4294967295</cfg:MaxProviderRequests></cfg:Config>"
)


class WsmanService:
    """Dispatches requests to providers and shells, and checks rights. ``count`` is given to ShellService."""

    def __init__(self, host: SimulatedHost, count: Callable[[str], None]) -> None:
        self._host = host
        self._quirks = host.quirks
        self._writer = CimWriter(host.quirks)
        self._enumerations = Enumerations()
        self._shells = ShellService(host, count)
        self._runspaces = RunspaceService(host, count)

    def answer(self, request: Request, user: User, return_value: int | None = None) -> Answer:
        """Process a request; an answer that is larger than allowed is a fault (MS-WSMV 3.1.4.1.7).

        With ``return_value`` a method answers that number and is not run.
        """
        asked = request.max_envelope_size
        try:
            action, body = self._dispatch(request, user, return_value)
        except WsmanFault as fault:
            return self.fault(fault, request.message_id)
        relates_to = None if self._quirks.no_relates_to else request.message_id
        answer = Answer(action, body, relates_to=relates_to, language=self._quirks.language)
        size, own = len(answer.render()), self._quirks.max_envelope_kb * 1024
        if size > min(own, asked):
            wrong = "envelope_exceeded" if size > asked else "envelope_limit"
            return self.fault(WsmanFault(wrong), request.message_id)
        return answer

    def fault(self, fault: WsmanFault, message_id: str) -> Answer:
        relates_to = None if self._quirks.no_relates_to or not message_id else message_id
        return fault_answer(fault, self._host.spec.computer_name, self._quirks.language, relates_to)

    def access_denied(self) -> WsmanFault:
        """The fault of this host for a caller without the right."""
        return WsmanFault(_ACCESS_DENIED_HRESULT if self._quirks.access_denied == "fault_hresult" else "access_denied")

    def _dispatch(self, request: Request, user: User, return_value: int | None) -> tuple[str, str]:
        self._host.tick()
        # What the service puts together itself keeps within its own limit; only what a provider gives can be too large.
        request.max_envelope_size = min(request.max_envelope_size, self._quirks.max_envelope_kb * 1024)
        allowed = self._host.is_elevated(user)
        soft = self._quirks.access_denied == "return_value"
        resource = request.resource_uri.lower()
        if resource == ns.SHELL or resource.startswith((f"{ns.SHELL}/", f"{ns.POWERSHELL}/")):
            if not allowed:
                raise self.access_denied()
            shells = self._runspaces if resource.startswith(ns.POWERSHELL) else self._shells
            return shells.handle(request, user)
        if resource == ns.CONFIG and request.action == f"{ns.TRANSFER}/Get":
            return f"{request.action}Response", _CONFIG_BODY.format(
                uri=ns.CONFIG, language=self._quirks.language, size=self._quirks.max_envelope_kb
            )
        if resource == ns.EVENT_LOG.lower():
            if not allowed:
                raise self.access_denied()
            return self._host.subscriptions.handle(request)
        if request.action.startswith(f"{ns.ENUMERATION}/"):
            if not allowed and not soft:
                raise self.access_denied()
            return self._enumerate(request, hide=not allowed)
        if resource.startswith(class_schema.RESOURCE):
            return self._class_schema(request, allowed)
        provider = self._provider(request)
        transfer = request.action.startswith(f"{ns.TRANSFER}/")
        if not allowed and (transfer or not soft):
            raise self.access_denied()
        if transfer:
            return self._transfer(request, provider)
        return self._invoke(request, provider, return_value if allowed else 5)

    # Which class

    def _class_of(self, request: Request) -> tuple[str, str]:
        """(namespace, class) from either form of the resource URI."""
        uri = request.resource_uri
        namespace = next((value for name, value in request.selectors.items() if name.lower() == "__cimnamespace"), "")
        if uri.lower().startswith(ns.WMI_BASE):
            found, _slash, name = uri[len(ns.WMI_BASE) :].rpartition("/")
            return found, name
        if uri.lower().startswith(ns.CIM_SCHEMA) and namespace:
            return namespace.replace("\\", "/"), uri[len(ns.CIM_SCHEMA) :]
        raise WsmanFault("resource_not_found", detail=uri)

    def _lookup(self, namespace: str, name: str, missing: str) -> Provider:
        provider = self._host.providers.get((namespace.lower(), name.lower()))
        if provider is not None:
            return provider
        if namespace.lower() not in {known for known, _name in self._host.providers}:
            raise WsmanFault("namespace_not_found", detail=namespace)
        raise WsmanFault(missing, detail=name)

    def _provider(self, request: Request) -> Provider:
        return self._lookup(*self._class_of(request), "class_not_found")

    def _class_schema(self, request: Request, allowed: bool) -> tuple[str, str]:
        """Get of one class's schema; the class is named by a selector."""
        if not self._quirks.class_schemas or request.action != f"{ns.TRANSFER}/Get":
            raise WsmanFault("resource_not_found", detail=request.resource_uri)
        if not allowed:
            raise self.access_denied()
        selectors = {name.lower(): value for name, value in request.selectors.items()}
        namespace = selectors.get("__cimnamespace", "").replace("\\", "/")
        provider = self._lookup(namespace, selectors.get("classname", ""), "class_not_found")
        with_qualifiers = request.options.get("IncludeQualifiers", "").lower() == "true"
        return f"{request.action}Response", class_schema.render_class(
            provider.cim_class, with_qualifiers, self._quirks.schema_other_types
        )

    def _keys(self, request: Request) -> dict[str, str]:
        return {name: value for name, value in request.selectors.items() if name.lower() != "__cimnamespace"}

    # Operations

    def _transfer(self, request: Request, provider: Provider) -> tuple[str, str]:
        if request.action == f"{ns.TRANSFER}/Get":
            body = self._writer.typed(provider.get(self._keys(request)), request.resource_uri)
        elif request.action == f"{ns.TRANSFER}/Delete":
            provider.delete(self._keys(request))
            body = ""
        else:
            raise WsmanFault("not_supported", detail=request.action)
        self._host.note_driver_changes()
        return f"{request.action}Response", body

    def _invoke(self, request: Request, provider: Provider, return_value: int | None) -> tuple[str, str]:
        prefixes = {request.resource_uri.lower(), class_uri(provider.cim_class).lower()}
        prefixes.add(f"{ns.CIM_SCHEMA}{provider.cim_class.name}".lower())
        if request.action.rpartition("/")[0].lower() not in prefixes:
            raise WsmanFault("bad_header", detail=request.action)
        method = provider.cim_class.method(request.method)
        keys = self._keys(request)
        if bool(keys) is method.static:
            raise WsmanFault("unexpected_selectors")
        arguments = parse_method_input(provider.cim_class, method, request.body, self._quirks.input_in_order)
        if return_value is not None:
            outputs: dict[str, Any] = {"ReturnValue": return_value}
        elif keys:
            outputs = provider.invoke_on(keys, method)
        else:
            outputs = provider.invoke(method, arguments, prompt_answer(request.typed_options))
        self._host.note_driver_changes()
        action = request.action if self._quirks.omi_style else f"{request.action}Response"
        return action, self._writer.method_output(method, outputs, request.resource_uri)

    def _enumerate(self, request: Request, hide: bool) -> tuple[str, str]:
        operation = request.method
        if operation == "Release":
            self._enumerations.take(context_of(request))
            return f"{request.action}Response", ""
        if operation == "Pull":
            items = self._enumerations.take(context_of(request))
            page = self._enumerations.page(items, max_elements(request, ns.ENUMERATION), request.max_envelope_size)
            return f"{request.action}Response", render_page(page, "PullResponse", "n")
        if operation != "Enumerate" or request.body is None or request.body.tag != f"{{{ns.ENUMERATION}}}Enumerate":
            raise WsmanFault("schema_error", detail=request.action)
        items = [] if hide else self._items(request)
        optimized = request.body.find(f"{{{ns.WSMAN}}}OptimizeEnumeration") is not None
        page = self._enumerations.first_page(
            items,
            self._quirks.first_page if optimized else "none",
            max_elements(request, ns.WSMAN),
            request.max_envelope_size,
        )
        return f"{request.action}Response", render_page(page, "EnumerateResponse", "w")

    def _items(self, request: Request) -> list[str]:
        """Every item of an Enumerate as XML, filtered and in the wanted form."""
        assert request.body is not None
        namespace, name = self._class_of(request)
        mode = (request.body.findtext(f"{{{ns.WSMAN}}}EnumerationMode") or "").strip()
        query_filter = request.body.find(f"{{{ns.WSMAN}}}Filter")
        base = request.resource_uri.rpartition("/")[0]
        if query_filter is None:
            provider = self._lookup(namespace, name, "class_not_found")
            return [self._item(instance, request.resource_uri, (), mode) for instance in provider.instances()]
        if query_filter.get("Dialect") != ns.WQL_DIALECT or self._keys(request) or name != "*":
            raise WsmanFault("bad_query", detail=query_filter.get("Dialect") or "")
        query = parse_query(query_filter.text or "")
        provider = self._lookup(namespace, query.class_name, "query_class_not_found")
        known = {item.name.lower() for item in provider.cim_class.properties}
        if any(column.lower() not in known for column in query.columns):
            raise WsmanFault("bad_query", detail=query_filter.text or "")
        uri = f"{base}/{provider.cim_class.name}"
        return [
            self._item(instance, uri, query.columns, mode)
            for instance in provider.instances()
            if query.matches(instance)
        ]

    def _item(self, instance: Instance, uri: str, columns: tuple[str, ...], mode: str) -> str:
        item = self._writer.fragment(instance, columns) if columns else self._writer.typed(instance, uri)
        if not mode:
            return item
        if mode not in ("EnumerateEPR", "EnumerateObjectAndEPR"):
            raise WsmanFault("schema_error", detail=mode)
        keys = "".join(
            f'<w:Selector Name="{key.name}">{instance.values.get(key.name)}</w:Selector>'
            for key in instance.cim_class.keys
        )
        reference = (
            f"<a:EndpointReference><a:Address>{ns.ANONYMOUS}</a:Address><a:ReferenceParameters>"
            f"<w:ResourceURI>{uri}</w:ResourceURI><w:SelectorSet>{keys}</w:SelectorSet></a:ReferenceParameters>"
            "</a:EndpointReference>"
        )
        return reference if mode == "EnumerateEPR" else f"<w:Item>{item}{reference}</w:Item>"
