"""Whom to trust: the CA certificates that a server's certificate must chain to.

A hashed folder comes before a bundle file: OpenSSL then loads the one issuer that it needs, where a
bundle of all the world's CAs costs a fifth of the whole check.
"""

from __future__ import annotations

import os
import re
import ssl
from typing import Mapping, Optional, Tuple

from check_rodin_queues.errors import ConfigError
from check_rodin_queues.files import read_file
from check_rodin_queues.named import NamedTuple

#: Each names a file or a folder; the first that is set wins.
VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
#: Where distributions keep the store that an administrator adds a private CA to.
SYSTEM_FOLDERS = ("/etc/ssl/certs", "/etc/pki/tls/certs")
SYSTEM_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_HEX_DIGITS = frozenset("0123456789abcdef")
_HASH_DIGITS = 8
_CERTIFICATE = rb"-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----"
_KEY = rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"
_PEM = "It has to be PEM"
_MAX_BYTES = 16 * 1024 * 1024
#: A bundle of at most this size is tried before it is used: that costs next to nothing.
_SMALL = 64 * 1024


class Trust(NamedTuple):
    """The store to use: *path* is a bundle file or hashed folders, None for that of certifi.

    Folders are separated by colons, as OpenSSL takes them.
    """

    path: Optional[str]
    origin: str

    @property
    def folders(self) -> Tuple[str, ...]:
        """The hashed folders; none if it is a file."""
        paths = (self.path or "").split(":")
        return tuple(paths) if all(map(os.path.isdir, paths)) else ()


def choose(ca_file: Optional[str], environ: Mapping[str, str], *, used: bool = True) -> Trust:
    """Choose the store: --ca-file, the environment, the system's, certifi's.

    Raises ConfigError if one that was named has no certificates, or none that can be read; of a
    large one that is *used* that shows at the request.
    """
    for origin, path in (
        ("--ca-file", ca_file),
        *((name, environ.get(name)) for name in VARIABLES),
    ):
        if path:
            folders = path.split(":") if origin == "SSL_CERT_DIR" else [path]
            hashed = list(filter(_is_hashed, folders))
            return Trust(":".join(hashed) or _checked(folders[0], origin, used), origin)
    return _system() or Trust(None, "certifi's bundle")


def load_client_certificate(cert: str, key: Optional[str]) -> None:
    """Try the client certificate once; raises ConfigError with what is wrong with it.

    OpenSSL alone would ask for an encrypted key's password on the terminal.
    """
    _expect(_CERTIFICATE, cert, "--client-cert", "certificate")
    option = "--client-key" if key else "--client-cert"
    then = _PEM if key else "Give it with --client-key"
    _expect(_KEY, key or cert, option, "private key", then)
    asked = []
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_cert_chain(cert, key, password=lambda: asked.append(1) or b"")  # type: ignore[func-returns-value]
    except (ssl.SSLError, ValueError):
        why = "the key is encrypted. Give one without password"
        if not asked:
            why = "certificate and key cannot be used. They have to be PEM and belong together"
        raise ConfigError(f"{option}: {why}") from None


def _expect(marker: bytes, path: str, origin: str, what: str, then: str = _PEM) -> bytes:
    """Return the PEM file at *path*; raises ConfigError if there is no *what* in it."""
    raw = read_file(path, origin, _MAX_BYTES)
    if len(raw) > _MAX_BYTES:
        raise ConfigError(f"{origin}: the file is larger than 16 MiB. Is it the right one?")
    if not re.search(marker, raw):
        raise ConfigError(f"{origin}: the file has no {what}. {then}")
    return raw


def _checked(path: str, origin: str, used: bool) -> str:
    """Return *path* if it is a bundle; raises ConfigError."""
    if os.path.isdir(path):
        raise ConfigError(f"{origin}: the folder has no hash links. Run: openssl rehash FOLDER")
    raw = _expect(_CERTIFICATE, path, origin, "certificate")
    if not (used and len(raw) > _SMALL) and not loadable(Trust(path, origin)):
        raise ConfigError(unreadable_store(origin))
    return path


def unreadable_store(origin: str) -> str:
    """Return the words for a bundle that OpenSSL refuses."""
    return f"{origin}: the file's certificates cannot be read. {_PEM}"


def loadable(trust: Trust) -> bool:
    """Tell whether OpenSSL can read the store; a large one is only asked about after a failure."""
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if trust.path and not trust.folders:
            context.load_verify_locations(trust.path)
    except (OSError, ValueError):
        return False
    return True


def _system() -> Optional[Trust]:
    paths = ssl.get_default_verify_paths()
    for folder in _unique(paths.capath, *SYSTEM_FOLDERS):
        if _is_hashed(folder):
            return Trust(folder, "the system's folder")
    for file in _unique(paths.cafile, *SYSTEM_FILES):
        if os.access(file, os.R_OK):
            return Trust(file, "the system's bundle")
    return None


def _unique(*paths: Optional[str]) -> Tuple[str, ...]:
    return tuple(dict.fromkeys(path for path in paths if path))


def _is_hashed(folder: str) -> bool:
    try:
        return any(map(_is_hash_link, os.listdir(folder)))
    except OSError:
        return False


def _is_hash_link(name: str) -> bool:
    """Tell whether `openssl rehash` makes such names: eight hex digits, a dot and a number."""
    digits, _, number = name.partition(".")
    sound = len(digits) == _HASH_DIGITS and _HEX_DIGITS.issuperset(digits)
    return sound and number.isascii() and number.isdigit()
