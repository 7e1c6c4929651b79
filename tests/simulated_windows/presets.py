"""Operating system presets: product, edition, build and the SMB defaults that come with them.

Defaults follow Microsoft's support article on guest access in SMB2/SMB3, the windowsserverdocs pages on guest
logons and SMB signing, and KB5003173. Where no page states a default, the believed value is used (24H2 Home: guest
allowed; 24H2 Pro for Workstations: signing required). Update revisions (UBR) are made up, except 985 as the border.
"""

from __future__ import annotations

from dataclasses import dataclass

KB5003173_UBR = 985
KB5003173_BUILDS = (19041, 19042, 19043)
# On these builds the article says: denied if the value EXISTS with 0 in Parameters; a missing value means allowed.
DENY_RESTS_ON_PARAMETERS_BUILDS = (16299, 17134, 17763, 18362, 18363)
FIRST_SIGNING_BUILD = 26100

WORKSTATION, DOMAIN_CONTROLLER, SERVER = 1, 2, 3


@dataclass(frozen=True)
class Preset:
    """One operating system installation before anybody configured it.

    The three ``*_by_default`` members are what the driver's licence query answers when neither policy nor
    Parameters holds a value; ``denies_guest_in_parameters`` says that setup wrote AllowInsecureGuestAuth=0.
    """

    name: str
    caption: str
    product_name: str
    version: str
    build: int
    ubr: int
    edition_id: str
    sku: int
    product_type: int
    insecure_guest_allowed_by_default: bool
    client_signing_required_by_default: bool
    server_signing_required_by_default: bool
    denies_guest_in_parameters: bool = False
    server_signing_in_parameters: bool = False
    part_of_domain: bool = False
    server_core: bool = False
    architecture: str = "64-bit"
    system_type: str = "x64-based PC"

    @property
    def server_install(self) -> bool:
        """Whether it was installed as a server; multi-session reports a server's ProductType and is none."""
        return self.product_type != WORKSTATION and self.edition_id != "ServerRdsh"

    @property
    def has_kb5003173(self) -> bool:
        return self.build in KB5003173_BUILDS and self.ubr >= KB5003173_UBR


@dataclass(frozen=True)
class Edition:
    edition_id: str
    sku: int
    title: str
    denies_guest: bool
    denies_guest_from_24h2: bool
    requires_signing_from_24h2: bool


EDITIONS = {
    "home": Edition("Core", 101, "Home", False, False, False),
    "pro": Edition("Professional", 48, "Pro", False, True, True),
    "pro_ws": Edition("ProfessionalWorkstation", 161, "Pro for Workstations", True, True, True),
    "enterprise": Edition("Enterprise", 4, "Enterprise", True, True, True),
    "education": Edition("Education", 121, "Education", True, True, True),
}

# (product, version, build, UBR)
CLIENT_RELEASES = (
    ("Windows 10", "1709", 16299, 2166),
    ("Windows 10", "1803", 17134, 2208),
    ("Windows 10", "1809", 17763, 5696),
    ("Windows 10", "1903", 18362, 1256),
    ("Windows 10", "1909", 18363, 2274),
    ("Windows 10", "2004", 19041, 1415),
    ("Windows 10", "20H2", 19042, 2965),
    ("Windows 10", "21H1", 19043, 2364),
    ("Windows 10", "21H2", 19044, 4291),
    ("Windows 10", "22H2", 19045, 5131),
    ("Windows 11", "21H2", 22000, 3260),
    ("Windows 11", "22H2", 22621, 4317),
    ("Windows 11", "23H2", 22631, 4460),
    ("Windows 11", "24H2", 26100, 4061),
    ("Windows 11", "25H2", 26200, 6899),
)

# (preset, year, version, build, UBR, guest denied, client signing required)
SERVER_RELEASES = (
    ("server_2016", "2016", "1607", 14393, 7699, False, False),
    ("server_2019", "2019", "1809", 17763, 6775, True, False),
    ("server_2022", "2022", "21H2", 20348, 3207, True, False),
    ("server_2025", "2025", "24H2", 26100, 4061, True, True),
)


def _client(name: str, product: str, version: str, build: int, ubr: int, edition: Edition) -> Preset:
    recent = build >= FIRST_SIGNING_BUILD
    denies = edition.denies_guest_from_24h2 if recent else edition.denies_guest
    if build in KB5003173_BUILDS and ubr < KB5003173_UBR:
        denies = False
    in_parameters = denies and build in DENY_RESTS_ON_PARAMETERS_BUILDS
    signing = recent and edition.requires_signing_from_24h2
    return Preset(
        name=name,
        caption=f"Microsoft {product} {edition.title}",
        # The registry's ProductName says "Windows 10" on Windows 11 too.
        product_name=f"Windows 10 {edition.title}",
        version=version,
        build=build,
        ubr=ubr,
        edition_id=edition.edition_id,
        sku=edition.sku,
        product_type=WORKSTATION,
        insecure_guest_allowed_by_default=in_parameters or not denies,
        client_signing_required_by_default=signing,
        server_signing_required_by_default=signing,
        denies_guest_in_parameters=in_parameters,
    )


def _server(
    name: str, year: str, version: str, build: int, ubr: int, denies: bool, signing: bool, controller: bool = False
) -> Preset:
    in_parameters = denies and build in DENY_RESTS_ON_PARAMETERS_BUILDS
    return Preset(
        name=name,
        caption=f"Microsoft Windows Server {year} Standard",
        product_name=f"Windows Server {year} Standard",
        version=version,
        build=build,
        ubr=ubr,
        edition_id="ServerStandard",
        sku=7,
        product_type=DOMAIN_CONTROLLER if controller else SERVER,
        insecure_guest_allowed_by_default=in_parameters or not denies,
        client_signing_required_by_default=signing,
        server_signing_required_by_default=False,
        denies_guest_in_parameters=in_parameters,
        server_signing_in_parameters=controller,
        part_of_domain=controller,
    )


def _build_table() -> dict[str, Preset]:
    presets: list[Preset] = []
    for product, version, build, ubr in CLIENT_RELEASES:
        for group, edition in EDITIONS.items():
            name = f"{product.lower().replace(' ', '_')}_{version.lower()}_{group}"
            presets.append(_client(name, product, version, build, ubr, edition))
            if build in KB5003173_BUILDS:
                presets.append(_client(f"{name}_without_kb5003173", product, version, build, 867, edition))
    presets.extend(_server(*release) for release in SERVER_RELEASES)
    # A domain controller requires inbound signing; the security option writes that into Parameters.
    presets.append(_server("domain_controller", *SERVER_RELEASES[-1][1:], controller=True))
    return {preset.name: preset for preset in presets}


PRESETS: dict[str, Preset] = _build_table()
