"""What is configured for Icinga and its Director names every option of the plugin, and no other.

Needs no engine: the plugin's own help is the list that the examples are held against.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Dict, Set

from tests.console import run

EXAMPLES = Path(__file__).parents[2] / "examples" / "icinga2"
COMMAND = (EXAMPLES / "command.conf").read_text("utf-8")
BASKET = json.loads((EXAMPLES / "director-basket.json").read_text("utf-8"))

#: Options that no service has.
FOR_PEOPLE = {"help", "version"}

#: The levels of `-v` are arguments of their own.
LEVELS = {"-v", "-vv", "-vvv"}

_ARGUMENT = re.compile(r'^    "(-[^"]+)" = \{\n(.*?)^    \}', re.MULTILINE | re.DOTALL)
_ATTRIBUTE = re.compile(r"^      (\w+) = (.*)$", re.MULTILINE)


def options() -> Set[str]:
    """Return the long options that the plugin's help names."""
    words = re.findall(r"(?<![\w-])--([a-z][a-z-]*)", run("--help").stdout)
    return set(words) - FOR_PEOPLE


def arguments() -> Dict[str, Dict[str, str]]:
    """Return the arguments of the CheckCommand with their attributes as they are written."""
    return {key: dict(_ATTRIBUTE.findall(body)) for key, body in _ARGUMENT.findall(COMMAND)}


def test_command_has_every_option_and_no_other() -> None:
    """`--help` and the CheckCommand name the same options."""
    named = {key.lstrip("-") for key in arguments() if key not in LEVELS}
    assert named | {"verbose"} == options()
    assert set(arguments()) >= LEVELS


def test_each_argument_has_its_variable_and_a_description() -> None:
    """The variable is the option's name with underscores, after `rodin_`."""
    for key, attributes in arguments().items():
        name = "verbose" if key in LEVELS else key.lstrip("-").replace("-", "_")
        assert f"$rodin_{name}$" in attributes.get("value", "") + attributes.get("set_if", "")
        assert len(attributes["description"]) > 20


def test_repeatable_options_take_lists() -> None:
    """What may be given more than once on a command line is a list in Icinga."""
    repeated = {key for key, found in arguments().items() if "repeat_key" in found}
    assert repeated == {"--queue", "--exclude", "--require", "--warning", "--critical", "--state"}


def test_basket_has_the_command_of_the_configuration_file() -> None:
    """Director and configuration file run the plugin alike."""
    command = BASKET["Command"]["rodin_queues"]
    assert {
        key: {name: written(value) for name, value in argument.items() if name != "set_if_format"}
        for key, argument in command["arguments"].items()
    } == arguments()
    assert f"timeout = {int(command['timeout']) // 60}m" in COMMAND


def written(value: object) -> str:
    """Return *value* as configuration files have it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{{{{ {value} }}}}" if str(value).startswith("number(") else f'"{value}"'


def test_basket_has_a_field_for_each_variable() -> None:
    """Whoever sees only the Director's forms can use every option."""
    fields = BASKET["Datafield"]
    variables = set(re.findall(r"\$(rodin_\w+)\$", COMMAND))
    assert {field["varname"] for field in fields.values()} == variables
    linked = {str(link["datafield_id"]) for link in BASKET["Command"]["rodin_queues"]["fields"]}
    assert linked == set(fields)
    assert all(field["description"] for field in fields.values())


def test_no_argument_takes_the_token() -> None:
    """Icinga stores and shows command lines, so a token has no place there."""
    assert set(re.findall(r"\$(rodin_\w*token\w*)\$", COMMAND)) == {"rodin_token_file"}
