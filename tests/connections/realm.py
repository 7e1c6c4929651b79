"""A Kerberos realm on loopback: MIT's KDC with a database, principals and a keytab in one folder."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

PACKAGES = ("krb5-kdc", "krb5-admin-server", "krb5-user")
NAME, DOMAIN = "CORP.EXAMPLE", "corp.example"
SERVICE_HOST = f"ws.{DOMAIN}"
SECONDS = 30

_KRB5_CONF = """[libdefaults]
  default_realm = {name}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
[realms]
  {name} = {{
    kdc = 127.0.0.1:{port}
  }}
[domain_realm]
  .{domain} = {name}
"""
_KDC_CONF = """[kdcdefaults]
  kdc_listen = 127.0.0.1:{port}
  kdc_tcp_listen = 127.0.0.1:{port}
[realms]
  {name} = {{
    database_name = {folder}/principal
    key_stash_file = {folder}/stash
    acl_file = {folder}/acl
  }}
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Realm:
    """Inside the context a KDC answers. ``environ`` leads clients to it, ``keytab`` holds the service's key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.keytab = folder / "host.keytab"
        self.environ = {"KRB5_CONFIG": str(folder / "krb5.conf")}
        self._admin_environ = {**os.environ, **self.environ, "KRB5_KDC_PROFILE": str(folder / "kdc.conf")}
        self._admin_environ["PATH"] += os.pathsep + "/usr/sbin"

    def _run(self, *command: str, stdin: str = "") -> None:
        subprocess.run(
            command, check=True, input=stdin, text=True, capture_output=True, timeout=SECONDS, env=self._admin_environ
        )

    def __enter__(self) -> Realm:
        port = _free_port()
        values = {"name": NAME, "domain": DOMAIN, "port": port, "folder": self._folder}
        (self._folder / "krb5.conf").write_text(_KRB5_CONF.format(**values))
        (self._folder / "kdc.conf").write_text(_KDC_CONF.format(**values))
        self._run("kdb5_util", "-P", "master", "-r", NAME, "create", "-s")
        self._kdc = subprocess.Popen(
            ["krb5kdc", "-n", "-P", str(self._folder / "kdc.pid")],
            env=self._admin_environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._wait(port)
            service = f"HTTP/{SERVICE_HOST}"
            self._run("kadmin.local", "-r", NAME, "-q", f"addprinc -randkey {service}")
            self._run("kadmin.local", "-r", NAME, "-q", f"ktadd -k {self.keytab} {service}")
        except BaseException:
            self._stop()
            raise
        return self

    def _wait(self, port: int) -> None:
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                if self._kdc.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the KDC does not answer") from None
                time.sleep(0.05)
            else:
                return

    def add_user(self, name: str, password: str) -> str:
        """A principal for ``name``; returns it."""
        self._run("kadmin.local", "-r", NAME, "-q", f"addprinc -pw {password} {name}")
        return f"{name}@{NAME}"

    def ticket(self, principal: str, password: str) -> Path:
        """Log in as a person would before the play; returns the credential cache."""
        cache = self._folder / "ticket"
        self._run("kinit", "-c", str(cache), principal, stdin=f"{password}\n")
        return cache

    def _stop(self) -> None:
        self._kdc.terminate()
        self._kdc.wait(SECONDS)

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop()
