"""The CheckCommand and the Director's basket, which share/make writes. No engine is needed."""

from __future__ import annotations

import json
import re

from tests.tree import ROOT

EXAMPLES = ROOT / "examples" / "icinga2"
FILES = "".join((EXAMPLES / f"{name}.conf").read_text("utf-8") for name in ("command", "services"))
BASKET = json.loads((EXAMPLES / "director-basket.json").read_text("utf-8"))


def test_no_variable_is_the_token_or_the_probe() -> None:
    """Icinga stores and shows variables. Exit code 1 of a failed probe would be a WARNING."""
    names = set(re.findall(r"\$(rodin_\w+)\$", FILES + str(BASKET)))
    assert {name for name in names if "token" in name or "probe" in name} == {"rodin_token_file"}


def test_forms_of_the_director_require_the_server() -> None:
    """The command has a field for each other option that a service can use."""
    names = {field["originalId"]: field["varname"] for field in BASKET["Datafield"].values()}
    of_host, of_command = (
        {names[str(link["datafield_id"])]: link["is_required"] for link in target["fields"]}
        for target in (BASKET["HostTemplate"]["Rodin server"], BASKET["Command"]["rodin_queues"])
    )
    assert [name for name in of_host if of_host[name] == "y"] == ["rodin_host"]
    options = set(re.findall(r"\$(rodin_\w+)\$", FILES)) - {"rodin_host", "rodin_input"}
    assert of_command == dict.fromkeys(options, "n")


def test_names_of_the_basket_are_not_those_of_the_files() -> None:
    """Only the command is in both."""
    names = {name for kind in BASKET if kind != "Datafield" for name in BASKET[kind]}
    services = {service["object_name"] for service in BASKET["ServiceSet"]["Rodin"]["services"]}
    in_files = set(re.findall(r'^(?:apply|object|template) \w+ "([^"]+)"', FILES, re.MULTILINE))
    assert (names | services) & in_files == {"rodin_queues"}
