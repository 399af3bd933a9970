"""The ways in which the oracle declines to judge."""

from __future__ import annotations


class RefusedError(Exception):
    """The arguments are a usage or configuration error."""


class ConfigurationError(RefusedError):
    """Not the arguments alone are wrong: what a file holds does not fit them."""


class MalformedError(Exception):
    """The answer is none that the interface accepts: the condition `invalid`."""


class UnspecifiedError(Exception):
    """The page does not say what this means, so the oracle has no opinion."""
