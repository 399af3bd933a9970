"""The CheckCommand and the Director's basket have every option of the plugin, and no other.

No engine is needed. The plugin's help is the list that the examples are compared with.
"""

from __future__ import annotations

import json
import re
from typing import Dict

from tests.console import run
from tests.tree import ROOT

EXAMPLES = ROOT / "examples" / "icinga2"
COMMAND = (EXAMPLES / "command.conf").read_text("utf-8")
BASKET = json.loads((EXAMPLES / "director-basket.json").read_text("utf-8"))

#: Options that no service uses.
FOR_PEOPLE = {"help", "version"}

#: Each level of `-v` is an argument of its own.
LEVELS = {"-v", "-vv", "-vvv"}

#: The repeatable options.
LISTS = {"--queue", "--exclude", "--require", "--warning", "--critical", "--state"}

_ARGUMENT = re.compile(r'^    "(-[^"]+)" = \{\n(.*?)^    \}', re.MULTILINE | re.DOTALL)
_ATTRIBUTE = re.compile(r"^      (\w+) = (.*)$", re.MULTILINE)


def arguments() -> Dict[str, Dict[str, str]]:
    """Return the arguments of the CheckCommand with the text of their attributes."""
    return {key: dict(_ATTRIBUTE.findall(body)) for key, body in _ARGUMENT.findall(COMMAND)}


def test_command_has_every_option_and_no_other() -> None:
    options = set(re.findall(r"(?<![\w-])--([a-z][a-z0-9-]*)", run("--help").stdout)) - FOR_PEOPLE
    assert {key.lstrip("-") for key in arguments() if key not in LEVELS} == options - {"verbose"}
    assert set(arguments()) >= LEVELS


def test_each_argument_has_its_variable_and_a_description() -> None:
    """The variable is `rodin_` and the option's name with underscores. None holds the token."""
    for key, attributes in arguments().items():
        name = "verbose" if key in LEVELS else key.lstrip("-").replace("-", "_")
        assert f"$rodin_{name}$" in attributes.get("value", "") + attributes.get("set_if", "")
        assert len(attributes["description"]) > 20
    assert set(re.findall(r"\$(rodin_\w*token\w*)\$", COMMAND)) == {"rodin_token_file"}


def test_repeatable_options_are_lists() -> None:
    assert {key for key, found in arguments().items() if "repeat_key" in found} == LISTS


def test_basket_has_the_command_of_the_configuration_file() -> None:
    command = BASKET["Command"]["rodin_queues"]
    assert {
        key: {name: written(value) for name, value in argument.items() if name != "set_if_format"}
        for key, argument in command["arguments"].items()
    } == arguments()
    assert f"timeout = {int(command['timeout']) // 60}m" in COMMAND


def written(value: object) -> str:
    """Return *value* in the syntax of configuration files."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{{{{ {value} }}}}" if str(value).startswith("number(") else f'"{value}"'


def test_basket_has_a_field_for_each_variable() -> None:
    """The Director's forms offer every option."""
    fields = BASKET["Datafield"]
    variables = set(re.findall(r"\$(rodin_\w+)\$", COMMAND))
    assert {field["varname"] for field in fields.values()} == variables
    linked = {str(link["datafield_id"]) for link in BASKET["Command"]["rodin_queues"]["fields"]}
    assert linked == set(fields)
    assert all(field["description"] for field in fields.values())
