"""Select the CA store that the server's certificate is verified with.

A hashed directory is preferred to a bundle file: OpenSSL then loads only the issuer that it needs,
whereas parsing a full bundle takes a fifth of the run.
"""

from __future__ import annotations

import os
import re
import ssl
from typing import Mapping, NamedTuple, Optional

from check_rodin_queues.errors import ConfigError
from check_rodin_queues.inputs import read_variable

#: Each names a file or a directory; the first that is set is used.
VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
#: Where distributions keep the store to which an administrator adds a private CA.
SYSTEM_DIRECTORIES = ("/etc/ssl/certs", "/etc/pki/tls/certs")
SYSTEM_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class CaStore(NamedTuple):
    """A bundle file, or hashed directories separated by colons as OpenSSL reads them."""

    path: str
    is_directory: bool
    origin: str


def find_ca_store(ca_file: Optional[str], environ: Mapping[str, str]) -> CaStore:
    """Return the store of --ca-file, the environment, the system or certifi; raises ConfigError."""
    if ca_file:
        return _named_store(ca_file, "--ca-file")
    for name in VARIABLES:
        path = read_variable(environ, name)
        if path:
            return _named_store(path, name)
    return _system_store() or _certifi_store()


def _named_store(path: str, origin: str) -> CaStore:
    directories = path.split(":") if origin == "SSL_CERT_DIR" else [path]
    hashed = [directory for directory in directories if _is_hashed(directory)]
    if hashed:
        return CaStore(":".join(hashed), True, origin)
    if os.path.isdir(directories[0]):
        raise ConfigError(
            f"{origin}: no hash links in the directory {directories[0]}",
            f"Run: openssl rehash {directories[0]}",
        )
    return CaStore(directories[0], False, origin)


def _system_store() -> Optional[CaStore]:
    paths = ssl.get_default_verify_paths()
    for directory in filter(None, (paths.capath, *SYSTEM_DIRECTORIES)):
        if _is_hashed(directory):
            return CaStore(directory, True, "the system's directory")
    for file in filter(None, (paths.cafile, *SYSTEM_FILES)):
        if os.access(file, os.R_OK):
            return CaStore(file, False, "the system's bundle")
    return None


def _certifi_store() -> CaStore:
    import certifi  # noqa: PLC0415 — only a host without a store needs it

    return CaStore(certifi.where(), False, "certifi's bundle")


def _is_hashed(directory: str) -> bool:
    """Return whether *directory* has links as `openssl rehash` makes them."""
    try:
        return any(re.fullmatch(r"[0-9a-f]{8}\.[0-9]+", name) for name in os.listdir(directory))
    except OSError:
        return False
