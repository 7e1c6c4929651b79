"""A class as a host describes it: read, and compared with what the collection takes it to be."""

from __future__ import annotations

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.verify.schemas import differences
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.cim import CimClass, CimType, Field, Method
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.class_schema import ClassSchema, GetClassSchema
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.errors import RemoteProtocolError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.soap import RequestContext

CONTEXT = RequestContext("http://host.example:5985/wsman")
PART = CimClass("root/Test", "TEST_Part", {"Serial": Field(CimType.UINT64)})
ENGINE = CimClass(
    "root/Test",
    "TEST_Engine",
    {"Enabled": Field(CimType.BOOLEAN), "Tags": Field(CimType.STRING, array=True), "Image": Field(CimType.OCTETS)},
    {"Take": Method({"Depth": Field(CimType.UINT32)}, {"Output": Field(PART)})},
)
STATIC = '<QUALIFIER NAME="static" TYPE="boolean"><VALUE>TRUE</VALUE></QUALIFIER>'


def way(name: str, value: str = "TRUE") -> str:
    return f'<QUALIFIER NAME="{name}" TYPE="boolean"><VALUE>{value}</VALUE></QUALIFIER>'


ENABLED = '<PROPERTY NAME="Enabled" TYPE="boolean"/>'
TAGS = '<PROPERTY.ARRAY NAME="Tags" TYPE="string"/>'
IMAGE = '<PROPERTY.ARRAY NAME="Image" TYPE="uint8"/>'
DEPTH = f'<PARAMETER NAME="Depth" TYPE="uint32">{way("In")}</PARAMETER>'
OUTPUT = f'<PARAMETER NAME="Output" TYPE="string" EmbeddedObject="instance">{way("Out")}</PARAMETER>'
MORE = '<PROPERTY.REFERENCE NAME="Of"/><PARAMETER.REFARRAY NAME="No"/>'


def schema(properties: str = ENABLED + TAGS + IMAGE, method: str = STATIC + DEPTH + OUTPUT, take: str = "Take") -> str:
    return f'<CLASS NAME="TEST_Engine">{properties}<METHOD NAME="{take}" TYPE="uint32">{method}</METHOD></CLASS>'


def read(body: str) -> ClassSchema:
    answer = (
        f'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body>{body}</s:Body></s:Envelope>'
    )
    return GetClassSchema("root/Test", "TEST_Engine").decode(answer.encode(), CONTEXT)


def test_the_question_names_the_class_by_selectors() -> None:
    text = GetClassSchema("root/Test", "TEST_Engine").encode(CONTEXT).decode()
    assert "http://schemas.dmtf.org/wbem/cim-xml/2/cim-schema/2/*</w:ResourceURI>" in text
    assert '<w:Selector Name="__cimnamespace">root/Test</w:Selector>' in text
    assert '<w:Selector Name="ClassName">TEST_Engine</w:Selector>' in text
    assert '<w:Option Name="IncludeQualifiers" Type="xs:boolean">true</w:Option>' in text


def test_what_is_read() -> None:
    told = read(schema(ENABLED + MORE))
    assert {name: str(member) for name, member in told.properties.items()} == {"Enabled": "boolean", "Of": "reference"}
    assert told.methods["Take"].parameters["Depth"].qualifiers == {"in"}
    assert list(read(f"<VALUE><X>{schema()}</X></VALUE>").properties) == ["Enabled", "Tags", "Image"]


@pytest.mark.parametrize("body", ["", "<CLASS/>", '<CLASS NAME="Another"/>', "<p:Get/>".replace("p:", "")])
def test_another_answer_is_an_error(body: str) -> None:
    with pytest.raises(RemoteProtocolError):
        read(body)


SAME = [
    schema(),
    # The captured form has no qualifiers, in namespaces nothing is said, and more is no difference.
    schema(method='<PARAMETER NAME="Depth" TYPE="uint32"/><PARAMETER NAME="Output" TYPE="object"/>'),
    schema(properties=ENABLED + TAGS + IMAGE + MORE),
    schema(method=STATIC + way("In", "FALSE") + DEPTH + OUTPUT),
]
DIFFERENT = [
    (schema(properties=ENABLED + TAGS), "there is no property Image"),
    (schema(properties=TAGS + IMAGE), "there is no property Enabled"),
    (schema(properties=ENABLED.replace("E", "e", 1) + TAGS + IMAGE), "there is no property Enabled"),
    (schema(properties=ENABLED.replace("Enabled", "ENABLED") + TAGS + IMAGE), "the property Enabled is spelt ENABLED"),
    (schema(properties=ENABLED + TAGS.replace(".ARRAY", "") + IMAGE), "the property Tags is string, not string[]"),
    (
        schema(properties=ENABLED + TAGS + IMAGE.replace("uint8", "uint16")),
        "the property Image is uint16[], not uint8[]",
    ),
    (schema(take="take"), "there is no method Take"),
    (schema(method=DEPTH + OUTPUT), "the method Take is not static"),
    (
        schema(method=STATIC + DEPTH.replace("uint32", "uint8") + OUTPUT),
        "the parameter of Take Depth is uint8, not uint32",
    ),
    (schema(method=STATIC + DEPTH.replace("In", "Out") + OUTPUT), "Depth of Take is no parameter that goes in"),
    (
        schema(method=STATIC + DEPTH + OUTPUT.replace('"string"', '"uint32"')),
        "the parameter of Take Output is uint32, not TEST_Part",
    ),
]


@pytest.mark.parametrize("told", SAME)
def test_the_same(told: str) -> None:
    assert list(differences(ENGINE, read(told))) == []


@pytest.mark.parametrize(("told", "phrase"), DIFFERENT)
def test_each_difference_has_its_phrase(told: str, phrase: str) -> None:
    assert list(differences(ENGINE, read(told))) == [phrase]


def test_what_came_later_may_be_missing() -> None:
    assert list(differences(ENGINE, read(schema(properties=ENABLED + IMAGE)), {"Tags"})) == []
