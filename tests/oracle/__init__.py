"""A second opinion on every run: what the interface page alone makes of arguments and answer.

Nothing in here imports the package, and nothing in it was written with the package in view: it is
slow and plain on purpose. Where the page leaves a case open it says so with `UnspecifiedError`
instead of guessing, and the caller asks about another case.
"""

from __future__ import annotations

from tests.oracle.judgement import Case, Expectation, expect
from tests.oracle.objections import RefusedError, UnspecifiedError

__all__ = ["Case", "Expectation", "RefusedError", "UnspecifiedError", "expect"]
