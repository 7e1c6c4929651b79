# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real Active Directory domain for tests: one Samba domain controller on a loopback address of its own.

    with SambaDc.started(folder) as dc:
        dc.tool("gpo", "listall")

It needs root (the standard ports; a mount namespace of its own, because smbd looks for winbindd only in the compiled-in
/run/samba) and the Debian packages of PACKAGES. All that it writes is below its folder, and it ends with the block.
"""

from __future__ import annotations

import ipaddress
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

PACKAGES = [
    "samba",
    "samba-ad-dc",
    "samba-ad-provision",
    "samba-dsdb-modules",
    "samba-vfs-modules",
    "winbind",
    "krb5-user",
    "python3-samba",
    "python3-markdown",
    "ldb-tools",
    "attr",
    "acl",
]
PORTS = (88, 389, 445, 464, 636)
SECONDS_TO_START = 60
_FILES_INSIDE = ("hosts", "resolv.conf", "passwd")
_DOMAIN_UIDS = range(3_000_000, 3_000_400)
"""What Samba numbers the accounts of a new domain by. Its policy client wants them to have names."""
_ENDS_WITH_US = ["setpriv", "--pdeathsig", "TERM"]
"""However this process ends, Samba gets SIGTERM, which ends all that it started."""
_SERVICES = "s3fs, rpc, ldap, cldap, kdc, winbindd, dns"


class DidNotStart(Exception):
    """The domain controller is not there; the message ends with the end of its log."""


@dataclass
class SambaDc:
    """A running domain controller."""

    folder: Path
    address: str
    realm: str = "AD.EXAMPLE"
    netbios: str = "ADEX"
    host: str = "dc1"
    password: str = "Adm1n-of-Tests"
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def domain(self) -> str:
        return self.realm.lower()

    @property
    def fqdn(self) -> str:
        return f"{self.host}.{self.domain}"

    @property
    def dn(self) -> str:
        return ",".join(f"DC={part}" for part in self.domain.split("."))

    @property
    def administrator(self) -> str:
        return f"Administrator@{self.realm}"

    @property
    def smb_conf(self) -> Path:
        return self.folder / "etc" / "smb.conf"

    @property
    def ca_certs(self) -> Path:
        return self.folder / "tls" / "ca.pem"

    @property
    def sysvol(self) -> Path:
        """The folder that the share SYSVOL serves."""
        return self.folder / "state" / "sysvol"

    @property
    def kerberos(self) -> dict[str, str]:
        """What a client of this domain needs in its environment: its krb5.conf, and no ticket of anybody."""
        return {"KRB5_CONFIG": str(self.folder / "krb5.conf"), "KRB5CCNAME": f"FILE:{self.folder / 'krb5cc'}"}

    @property
    def environ(self) -> dict[str, str]:
        return os.environ | self.kerberos

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> Iterator[SambaDc]:
        """A new domain with a running controller. Raises DidNotStart."""
        dc = cls(folder, free_address())
        dc.provision()
        try:
            dc.start()
            yield dc
        finally:
            dc.stop()

    def provision(self) -> None:
        self.folder.chmod(0o755)
        for name in ("etc", "run", "run-samba", "lock", "log", "ncalrpc", "tls", "cache"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        _write_certificates(self.folder / "tls", [self.fqdn, self.host], self.address)
        self.smb_conf.write_text("")  # an empty one: else Debian's own is merged in
        options = {
            "interfaces": f"{self.address}/8",
            "bind interfaces only": "yes",
            "disable netbios": "yes",
            "server services": _SERVICES,
            "ncalrpc dir": self.folder / "ncalrpc",
            "pid directory": self.folder / "run",
            "lock directory": self.folder / "lock",
            "log file": self.folder / "log" / "samba.log",
            "tls keyfile": self.folder / "tls" / "key.pem",
            "tls certfile": self.folder / "tls" / "cert.pem",
            "tls cafile": self.ca_certs,
            "ldap server require strong auth": "allow_sasl_over_tls",
            "dns forwarder": "0.0.0.0",
            "load printers": "no",
            "printcap name": "/dev/null",
            "disable spoolss": "yes",
            "template homedir": "/nonexistent",
        }
        command = ["samba-tool", "domain", "provision", f"--configfile={self.smb_conf}", f"--targetdir={self.folder}"]
        command += [f"--realm={self.realm}", f"--domain={self.netbios}", f"--adminpass={self.password}"]
        command += ["--server-role=dc", "--dns-backend=SAMBA_INTERNAL", f"--host-name={self.host}"]
        command += [f"--host-ip={self.address}", "--use-rfc2307"]
        command += [f"--option={name}={value}" for name, value in options.items()]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise DidNotStart(f"samba-tool domain provision failed:\n{done.stderr[-3000:]}")
        (self.folder / "krb5.conf").write_text(
            f"[libdefaults]\n default_realm = {self.realm}\n dns_lookup_realm = false\n dns_lookup_kdc = false\n"
            " rdns = false\n dns_canonicalize_hostname = false\n"
            f"[realms]\n {self.realm} = {{\n  kdc = {self.address}:88\n  kpasswd_server = {self.address}:464\n }}\n"
            f"[domain_realm]\n .{self.domain} = {self.realm}\n {self.address} = {self.realm}\n"
        )

        self._add_names()

    def _add_names(self) -> None:
        """Kerberos names of the services by host name and by address; Samba makes its own only after a while."""
        names = [f"{service}/{host}" for service in ("ldap", "cifs") for host in (self.fqdn, self.address)]
        values = "".join(f"servicePrincipalName: {name}\n" for name in names)
        change = f"dn: CN={self.host.upper()},OU=Domain Controllers,{self.dn}\nchangetype: modify\n"
        ldif = f"{change}add: servicePrincipalName\n{values}"
        self.change(ldif)
        (self.folder / "hosts").write_text(f"{self.address} {self.fqdn} {self.host}\n127.0.0.1 localhost\n")
        accounts = "".join(f"uid{uid}:x:{uid}:100::/:/bin/false\n" for uid in _DOMAIN_UIDS)
        (self.folder / "passwd").write_text(Path("/etc/passwd").read_text() + accounts)
        (self.folder / "resolv.conf").write_text(f"nameserver {self.address}\nsearch {self.domain}\n")

    def inside(self, *command: str) -> list[str]:
        """The command, run where the names of the domain are known: its DNS server and hosts file, its winbindd."""
        mounts = {"run-samba": "/run/samba", **{name: f"/etc/{name}" for name in _FILES_INSIDE}}
        bound = " && ".join(f"mount --bind {self.folder / name} {place}" for name, place in mounts.items())
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'{bound} && exec "$@"', "sh", *command]

    def start(self) -> None:
        mounts = f"mount --bind {self.folder / 'run-samba'} /run/samba && exec "
        samba = f"samba --foreground --no-process-group --configfile={self.smb_conf} --debug-stdout"
        Path("/run/samba").mkdir(exist_ok=True)
        with (self.folder / "log" / "stdout.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*_ENDS_WITH_US, "unshare", "--mount", "--propagation", "private", "sh", "-c", mounts + samba],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environ,
                start_new_session=True,
            )
        deadline = time.monotonic() + SECONDS_TO_START
        for port in PORTS:
            while not _listens(self.address, port):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise DidNotStart(f"Samba does not listen on {self.address}:{port}.\n{self.log()[-3000:]}")
                time.sleep(0.05)

    def stop(self) -> None:
        """End every process of the controller: they share the session that `start` made."""
        if self._process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
                self._process.wait(10)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        self._process = None

    def log(self) -> str:
        return (self.folder / "log" / "stdout.log").read_text(errors="replace")

    def tool(self, *arguments: str) -> str:
        """Run samba-tool as the domain's administrator over the network; its stdout. Raises AssertionError."""
        account = [f"-U{self.administrator}", f"--password={self.password}"]
        return self.local_tool(*arguments, "-H", f"ldap://{self.address}", *account)

    def change(self, ldif: str) -> None:
        """Change the directory on the controller's disk: many objects in one transaction."""
        database = str(self.folder / "private" / "sam.ldb")
        subprocess.run(["ldbmodify", "-H", database], check=True, capture_output=True, text=True, input=ldif)

    def local_tool(self, *arguments: str) -> str:
        """Run samba-tool on the controller's own files; its stdout. Raises AssertionError."""
        command = ["samba-tool", *arguments, f"--configfile={self.smb_conf}"]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=self.environ)
        if done.returncode:
            raise AssertionError(f"samba-tool {' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}")
        return done.stdout


def free_address() -> str:
    """A loopback address on which all ports of a domain controller are free."""
    chosen = random.Random(os.urandom(8))
    for _attempt in range(100):
        address = f"127.{chosen.randrange(60, 120)}.{chosen.randrange(1, 255)}.{chosen.randrange(2, 254)}"
        try:
            for port in (*PORTS, 53, 135):
                with socket.create_server((address, port)):
                    pass
        except OSError:
            continue
        return address
    raise DidNotStart("No loopback address has the ports of a domain controller free: is this root?")


def _listens(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def _write_certificates(folder: Path, names: list[str], address: str) -> None:
    """ca.pem, cert.pem and key.pem, so that Samba need not make slow ones of its own."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    now = datetime.now(UTC)

    def certificate(subject: str, issuer: str, key: rsa.RSAPrivateKey, signer: rsa.RSAPrivateKey, *, ca: bool) -> bytes:
        def name(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )
        if ca:
            usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment"), False)
            usage |= dict.fromkeys(("key_agreement", "encipher_only", "decipher_only", "digital_signature"), False)
            builder = builder.add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
        else:
            alternatives = [x509.DNSName(each) for each in names] + [x509.IPAddress(ipaddress.ip_address(address))]
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    signer, key = (rsa.generate_private_key(65537, 2048) for _number in range(2))
    (folder / "ca.pem").write_bytes(certificate("Test CA", "Test CA", signer, signer, ca=True))
    (folder / "cert.pem").write_bytes(certificate(names[0], "Test CA", key, signer, ca=False))
    private = serialization.PrivateFormat.TraditionalOpenSSL
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption())
    )
    (folder / "key.pem").chmod(0o600)
