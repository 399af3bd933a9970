"""Tokens that the tests make up, and the forms in which a server can repeat one."""

from __future__ import annotations

import base64
import html
import json
import time
from typing import Callable
from urllib.parse import quote


def jwt(payload: object) -> str:
    """Return a token that looks like the vendor's, signed by nobody."""
    parts = [{"alg": "HS256", "typ": "JWT"}, payload]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*encoded, b"bm9ib2R5"]).decode()


def expiring(seconds: float) -> str:
    """Return a token that expires in *seconds*."""
    return jwt({"sub": "tests", "exp": int(time.time() + seconds)})


#: Each form that SECURITY.md lists.
FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "capitals": str.upper,
    "small letters": str.lower,
    "percent": lambda text: quote(text, safe=""),
    "percent, small": lambda text: quote(text, safe="/+").lower(),
    "percent, all": lambda text: "".join(f"%{ord(char):02X}" for char in text),
    "HTML": html.escape,
    "HTML, capitals": lambda text: html.escape(text).replace("&gt;", "&GT;"),
    "HTML, names": lambda text: text.replace("/", "&sol;").replace("+", "&plus;"),
    "HTML, decimal": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{ord(char):X};" for char in text),
    "JSON of PHP": lambda text: text.replace("/", "\\/"),
    "JSON of .NET": lambda text: text.replace("+", "\\u002B").replace(">", "\\u003e"),
    "JSON, all": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "hex": lambda text: text.encode().hex(),
    "hex, capitals": lambda text: text.encode().hex().upper(),
}
