"""Tokens that the tests make up: shaped like the vendor's, signed by nobody."""

from __future__ import annotations

import base64
import json
import time


def jwt(payload: object) -> str:
    """Return a token that looks like the vendor's, signed by nobody."""
    parts = [{"alg": "HS256", "typ": "JWT"}, payload]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*encoded, b"bm9ib2R5"]).decode()


def expiring(seconds: float) -> str:
    """Return a token that expires in *seconds*."""
    return jwt({"sub": "tests", "exp": int(time.time() + seconds)})
