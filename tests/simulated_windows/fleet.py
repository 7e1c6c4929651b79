"""A running fleet: starts and stops hosts, hands out addresses, describes itself as ready file and inventory."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .authentication import write_ntlm_users
from .certificates import CertificateMaker
from .counters import Ledger
from .fault_injection import FaultPlan
from .host import SimulatedHost
from .host_spec import FleetError, HostSpec
from .listener import Listener

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class FleetMember:
    """One host with everything around it."""

    host: SimulatedHost
    ledger: Ledger
    faults: FaultPlan
    listener: Listener
    ready: dict[str, Any]

    def reset(self) -> None:
        """Back to the fleet file: state, counters, faults, shells."""
        self.host.reset()
        self.ledger.reset()
        self.faults.clear()
        self.listener.restart_service()


def _addresses() -> Iterator[str]:
    for second in range(1, 255):
        for third in range(256):
            for fourth in range(1, 255):
                yield f"127.{second}.{third}.{fourth}"


class FleetRunner:
    """Hosts by name. ``folder`` keeps certificates and the acceptor's user files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._certificates = CertificateMaker(folder)
        self._addresses = _addresses()
        self.members: dict[str, FleetMember] = {}

    async def add(self, spec: HostSpec) -> FleetMember:
        """Start one host."""
        if spec.name in self.members:
            raise FleetError(f"host {spec.name} exists already")
        taken = {member.ready["address"] for member in self.members.values()}
        address = spec.address or next(item for item in self._addresses if item not in taken)
        user_file = self._folder / f"{spec.name}.users"
        write_ntlm_users(spec, user_file)
        host, ledger, faults = SimulatedHost(spec), Ledger(), FaultPlan()
        listener = Listener(host, ledger, faults, user_file)
        tls, ca_file = None, None
        if spec.https and spec.listening:
            tls, ca_file = self._certificates.make(spec.name, address, spec.certificate, spec.client_certificates)
        http_port, https_port = await listener.start(address, tls)
        ready: dict[str, Any] = {
            "address": address,
            "http_port": http_port,
            "https_port": https_port,
            "preset": spec.preset,
            "users": [asdict(user) for user in spec.users],
        }
        if ca_file is not None:
            ready["ca_file"] = str(ca_file)
        if spec.client_certificates:
            files = {user.name: self._certificates.make_for_user(user.name) for user in spec.users}
            ready["client_certificates"] = {
                name: {"certificate": str(certificate), "key": str(key)} for name, (certificate, key) in files.items()
            }
        member = FleetMember(host, ledger, faults, listener, ready)
        self.members[spec.name] = member
        return member

    async def stop(self) -> None:
        for member in self.members.values():
            await member.listener.stop()

    def inventory(self) -> dict[str, Any]:
        """An Ansible inventory with the group ``windows``; each host with its first administrator."""
        hosts = {}
        for name, member in self.members.items():
            users = member.host.spec.users
            user = next((item for item in users if item.role == "administrator"), users[0])
            hosts[name] = {
                "ansible_host": member.ready["address"],
                "ansible_port": member.ready["http_port"],
                "ansible_user": user.name,
                "ansible_password": user.password,
            }
        shared = {
            "ansible_connection": "winrm",
            "ansible_winrm_transport": "ntlm",
            "ansible_winrm_scheme": "http",
            "ansible_winrm_server_cert_validation": "ignore",
            "ansible_winrm_message_encryption": "auto",
        }
        return {"all": {"children": {"windows": {"hosts": hosts, "vars": shared}}}}
