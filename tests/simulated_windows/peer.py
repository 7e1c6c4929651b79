"""A minimal WS-Management peer for the simulator's own tests: writes messages by hand, reads answers with ElementTree.

Knows nothing of the collection. requests carries the messages over Basic and HTTP unless a test gives another way.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import requests

if TYPE_CHECKING:
    from .client import ControlClient

SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
WMI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
XSI_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
HKLM = 2147483650

WIN32 = "root/cimv2"
SMB_CLIENT = "root/Microsoft/Windows/SMB/MSFT_SmbClientConfiguration"
SMB_SERVER = "root/Microsoft/Windows/SMB/MSFT_SmbServerConfiguration"
REGISTRY = "root/cimv2/StdRegProv"


def local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def envelope(
    resource: str, action: str, body: str = "", selectors: dict[str, str] | None = None, size: int = 153600
) -> bytes:
    """A request as a Windows client writes it; ``resource`` is a full URI."""
    chosen = "".join(
        f'<w:Selector Name="{name}">{escape(value)}</w:Selector>' for name, value in (selectors or {}).items()
    )
    selector_set = f"<w:SelectorSet>{chosen}</w:SelectorSet>" if chosen else ""
    return (
        f'<s:Envelope xmlns:s="{SOAP}" xmlns:a="{ADDRESSING}" xmlns:n="{ENUMERATION}" xmlns:w="{WSMAN}"><s:Header>'
        f"<a:To>http://host:5985/wsman</a:To><w:ResourceURI s:mustUnderstand='true'>{resource}</w:ResourceURI>"
        f"<a:ReplyTo><a:Address s:mustUnderstand='true'>{ADDRESSING}/role/anonymous</a:Address></a:ReplyTo>"
        f"<a:Action s:mustUnderstand='true'>{action}</a:Action>"
        f"<w:MaxEnvelopeSize s:mustUnderstand='true'>{size}</w:MaxEnvelopeSize>"
        f"<a:MessageID>uuid:{uuid.uuid4()}</a:MessageID><w:OperationTimeout>PT20S</w:OperationTimeout>"
        f'<w:Locale xml:lang="en-US" s:mustUnderstand="false"/>{selector_set}</s:Header>'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def method_input(uri: str, method: str, arguments: dict[str, Any]) -> str:
    members = "".join(
        f"<p:{name}>{escape(str(item).lower() if isinstance(item, bool) else str(item), {chr(13): '&#13;'})}</p:{name}>"
        for name, value in arguments.items()
        for item in (value if isinstance(value, list) else [value])
    )
    return f'<p:{method}_INPUT xmlns:p="{uri}">{members}</p:{method}_INPUT>'


@dataclass
class Reply:
    """One answer: ``body`` is the element in the SOAP body (None if empty), ``fault`` the WSManFault codes."""

    status: int
    content: bytes

    @property
    def envelope(self) -> ET.Element:
        return ET.fromstring(self.content)

    @property
    def body(self) -> ET.Element | None:
        found = self.envelope.find(f"{{{SOAP}}}Body")
        assert found is not None
        return next(iter(found), None)

    def header(self, name: str) -> str | None:
        return self.envelope.findtext(f"{{{SOAP}}}Header/{{{ADDRESSING}}}{name}")

    @property
    def fault_codes(self) -> list[int]:
        codes = [int(item.get("Code", "-1")) for item in self.envelope.iter() if local(item) == "WSManFault"]
        return codes + [int(item.text or "-1") for item in self.envelope.iter() if local(item) == "error_Code"]

    @property
    def subcode(self) -> str | None:
        return self.envelope.findtext(f".//{{{SOAP}}}Subcode/{{{SOAP}}}Value")

    def outputs(self) -> dict[str, Any]:
        """A method's out parameters: text, list of texts if repeated, None if nil, Element if it has children."""
        assert self.status == 200, self.content
        assert self.body is not None
        return members(self.body)


def members(element: ET.Element) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for child in element:
        value: Any = None if child.get(XSI_NIL) == "true" else child if len(child) else child.text or ""
        name = local(child)
        if name in values:
            previous = values[name]
            values[name] = [*previous, value] if isinstance(previous, list) else [previous, value]
        else:
            values[name] = value
    return values


class Peer:
    """Sends messages to one host over Basic and HTTP, or, with or without ``host``, over ``send`` (bytes to (status,
    bytes))."""

    def __init__(
        self, host: Host | None, user: str = "Administrator", send: Callable[[bytes], Any] | None = None
    ) -> None:
        self.host = host
        self.session = requests.Session()
        self.session.trust_env = False
        if host is not None:
            self.session.auth = (user, host.password(user))
        self._send = send

    def post(self, message: bytes, timeout: float = 20) -> requests.Response:
        assert self.host is not None
        return self.session.post(
            self.host.url("http"),
            data=message,
            headers={"Content-Type": "application/soap+xml;charset=UTF-8"},
            timeout=timeout,
        )

    def send(self, message: bytes) -> Reply:
        if self._send is not None:
            return Reply(*self._send(message))
        response = self.post(message)
        return Reply(response.status_code, response.content)

    def invoke(self, path: str, method: str, **arguments: Any) -> Reply:
        """Call a method of ``namespace/Class``."""
        uri = WMI + path
        body = method_input(uri, method, arguments)
        return self.send(envelope(uri, f"{uri}/{method}", body))

    def outputs(self, path: str, method: str, **arguments: Any) -> dict[str, Any]:
        return self.invoke(path, method, **arguments).outputs()

    def configuration(self, path: str = SMB_CLIENT) -> dict[str, Any]:
        """GetConfiguration's Output as name -> text."""
        output = self.outputs(path, "GetConfiguration")["Output"]
        return members(output)

    def transfer(self, path: str, verb: str, **selectors: str) -> Reply:
        return self.send(envelope(WMI + path, f"{TRANSFER}/{verb}", "", selectors))

    def enumerate(
        self, path: str, query: str | None = None, count: int | None = 32000, size: int = 153600, extra: str = ""
    ) -> Reply:
        limit = "" if count is None else f"<w:MaxElements>{count}</w:MaxElements>"
        dialect = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
        wanted = "" if query is None else f'<w:Filter Dialect="{dialect}">{escape(query)}</w:Filter>'
        body = f"<n:Enumerate><w:OptimizeEnumeration/>{limit}{wanted}{extra}</n:Enumerate>"
        return self.send(envelope(WMI + path, f"{ENUMERATION}/Enumerate", body, size=size))

    def pull(self, path: str, context: str, count: int = 32000, verb: str = "Pull") -> Reply:
        limit = f"<n:MaxElements>{count}</n:MaxElements>" if verb == "Pull" else ""
        body = f"<n:{verb}><n:EnumerationContext>{context}</n:EnumerationContext>{limit}</n:{verb}>"
        return self.send(envelope(WMI + path, f"{ENUMERATION}/{verb}", body))

    def query(self, query: str, namespace: str = WIN32) -> list[dict[str, Any]]:
        """All rows of a query that fits on one page."""
        reply = self.enumerate(f"{namespace}/*", query)
        assert reply.status == 200, reply.content
        return [members(item) for item in items_of(reply)]

    # Shorthands for the registry

    def get_dword(self, key: str, name: str) -> dict[str, Any]:
        return self.outputs(REGISTRY, "GetDWORDValue", hDefKey=HKLM, sSubKeyName=key, sValueName=name)

    def set_dword(self, key: str, name: str, value: int) -> str:
        arguments = {"hDefKey": HKLM, "sSubKeyName": key, "sValueName": name, "uValue": value}
        return str(self.outputs(REGISTRY, "SetDWORDValue", **arguments)["ReturnValue"])


def items_of(reply: Reply) -> list[ET.Element]:
    assert reply.body is not None
    return [item for child in reply.body if local(child) == "Items" for item in child]


class Host:
    """A simulated host as a test sees it: what the ready file says, the control port, and peers."""

    def __init__(self, name: str, ready: dict[str, Any], control: ControlClient) -> None:
        self.name = name
        self.ready = ready
        self.control = control

    def url(self, scheme: str) -> str:
        address = self.ready["address"]
        return f"{scheme}://{f'[{address}]' if ':' in address else address}:{self.ready[scheme + '_port']}/wsman"

    def password(self, user: str) -> str:
        return next((item["password"] for item in self.ready["users"] if item["name"] == user), "wrong")

    def peer(self, user: str = "Administrator", send: Callable[[bytes], Any] | None = None) -> Peer:
        return Peer(self, user, send)

    def state(self) -> dict[str, Any]:
        return self.control.state(self.name)

    def running(self, side: str = "smb_client") -> dict[str, Any]:
        result: dict[str, Any] = self.state()[side]
        return result

    def registry(self, key: str, name: str) -> Any:
        return self.control.registry_value(self.name, key, name)

    def counters(self) -> dict[str, int]:
        return self.control.counters(self.name)
