"""Editions beside the main matrix of presets.py: evaluation, N, single language, LTSC, IoT, SE, Azure and so on.

EditionID and SKU from the win32 pages (Win32_OperatingSystem, GetProductInfo) and public SKU lists. What such an
edition does by default is stated by no page: each is taken to behave like its next of kin (``like``), and
``licence_defaults`` of a fleet file makes it behave otherwise. A test must not take these defaults for facts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .presets import PRESETS, SERVER, WORKSTATION, Preset


@dataclass(frozen=True)
class OtherEdition:
    """``like`` is the edition of the main matrix whose behaviour is taken."""

    edition_id: str
    sku: int
    title: str
    like: str
    product_type: int = WORKSTATION


OTHER_EDITIONS = {
    "home_n": OtherEdition("CoreN", 98, "Home N", "home"),
    "home_cs": OtherEdition("CoreCountrySpecific", 99, "Home China", "home"),
    "home_sl": OtherEdition("CoreSingleLanguage", 100, "Home Single Language", "home"),
    "pro_n": OtherEdition("ProfessionalN", 49, "Pro N", "pro"),
    "pro_sl": OtherEdition("ProfessionalSingleLanguage", 138, "Pro Single Language", "pro"),
    "pro_cs": OtherEdition("ProfessionalCountrySpecific", 139, "Pro China", "pro"),
    "pro_ws_n": OtherEdition("ProfessionalWorkstationN", 162, "Pro N for Workstations", "pro_ws"),
    "pro_edu": OtherEdition("ProfessionalEducation", 164, "Pro Education", "education"),
    "pro_edu_n": OtherEdition("ProfessionalEducationN", 165, "Pro Education N", "education"),
    "education_n": OtherEdition("EducationN", 122, "Education N", "education"),
    "enterprise_n": OtherEdition("EnterpriseN", 27, "Enterprise N", "enterprise"),
    "enterprise_eval": OtherEdition("EnterpriseEval", 72, "Enterprise Evaluation", "enterprise"),
    "enterprise_n_eval": OtherEdition("EnterpriseNEval", 84, "Enterprise N Evaluation", "enterprise"),
    "ltsc": OtherEdition("EnterpriseS", 125, "Enterprise LTSC", "enterprise"),
    "ltsc_n": OtherEdition("EnterpriseSN", 126, "Enterprise N LTSC", "enterprise"),
    "ltsc_eval": OtherEdition("EnterpriseSEval", 129, "Enterprise LTSC Evaluation", "enterprise"),
    "iot": OtherEdition("IoTEnterprise", 188, "IoT Enterprise", "enterprise"),
    "iot_ltsc": OtherEdition("IoTEnterpriseS", 191, "IoT Enterprise LTSC", "enterprise"),
    "se": OtherEdition("CloudEdition", 203, "SE", "education"),
    # That multi-session reports itself as a server is known from memory only.
    "multi_session": OtherEdition("ServerRdsh", 175, "Enterprise multi-session", "enterprise", SERVER),
}
OTHER_CLIENT_RELEASES = ("windows_10_1809", "windows_10_21h2", "windows_10_22h2", "windows_11_23h2", "windows_11_24h2")

# preset -> (preset it is like, EditionID, SKU, caption, build)
OTHER_SERVERS = {
    "server_2016_datacenter": ("server_2016", "ServerDatacenter", 8, "Windows Server 2016 Datacenter", 14393),
    "server_2019_datacenter": ("server_2019", "ServerDatacenter", 8, "Windows Server 2019 Datacenter", 17763),
    "server_2022_datacenter": ("server_2022", "ServerDatacenter", 8, "Windows Server 2022 Datacenter", 20348),
    "server_2025_datacenter": ("server_2025", "ServerDatacenter", 8, "Windows Server 2025 Datacenter", 26100),
    "server_2019_eval": (
        "server_2019",
        "ServerStandardEval",
        79,
        "Windows Server 2019 Standard Evaluation",
        17763,
    ),
    "server_2022_eval": (
        "server_2022",
        "ServerDatacenterEval",
        80,
        "Windows Server 2022 Datacenter Evaluation",
        20348,
    ),
    "server_2025_eval": (
        "server_2025",
        "ServerStandardEval",
        79,
        "Windows Server 2025 Standard Evaluation",
        26100,
    ),
    "server_2022_core": ("server_2022", "ServerStandard", 13, "Windows Server 2022 Standard", 20348),
    "server_2025_core": ("server_2025", "ServerDatacenter", 12, "Windows Server 2025 Datacenter", 26100),
    "server_2022_azure": ("server_2022", "ServerTurbine", 407, "Windows Server 2022 Datacenter Azure Edition", 20348),
    "server_2025_azure": ("server_2025", "ServerTurbine", 407, "Windows Server 2025 Datacenter Azure Edition", 26100),
    "server_2022_20349": ("server_2022", "ServerDatacenter", 8, "Windows Server 2022 Datacenter", 20349),
    "azure_stack_hci_22h2": ("server_2022", "ServerAzureStackHCICor", 406, "Azure Stack HCI", 20349),
    "hyper_v_server_2019": ("server_2019", "ServerHyperCore", 42, "Hyper-V Server 2019", 17763),
}
_CORE_SKUS = (12, 13, 42, 406)


def _clients() -> dict[str, Preset]:
    presets = {
        f"{release}_{name}": replace(
            PRESETS[f"{release}_{edition.like}"],
            name=f"{release}_{name}",
            edition_id=edition.edition_id,
            sku=edition.sku,
            product_type=edition.product_type,
            caption=PRESETS[f"{release}_pro"].caption.removesuffix("Pro") + edition.title,
            product_name=f"Windows 10 {edition.title}",
        )
        for release in OTHER_CLIENT_RELEASES
        for name, edition in OTHER_EDITIONS.items()
    }
    # The value of Win32_OperatingSystem.OSArchitecture on ARM64 as public scripts compare it
    arm = replace(
        PRESETS["windows_11_24h2_pro"],
        name="windows_11_24h2_pro_arm64",
        architecture="ARM 64-bit Processor",
        system_type="ARM64-based PC",
    )
    return {**presets, arm.name: arm}


def _servers() -> dict[str, Preset]:
    return {
        name: replace(
            PRESETS[like],
            name=name,
            edition_id=edition_id,
            sku=sku,
            caption=f"Microsoft {caption}",
            product_name=caption,
            build=build,
            server_core=sku in _CORE_SKUS,
        )
        for name, (like, edition_id, sku, caption, build) in OTHER_SERVERS.items()
    }


EDITION_PRESETS: dict[str, Preset] = {**_clients(), **_servers()}
ALL_PRESETS: dict[str, Preset] = {**PRESETS, **EDITION_PRESETS}
