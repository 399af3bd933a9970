"""TLS: the CA store that the server's certificate is verified with, and the context that uses it.

One context of our own serves the server and the proxy. requests would add certifi's bundle to
every store, and both ssl and urllib3 would write the session keys to $SSLKEYLOGFILE. A hashed
directory is preferred to a bundle file: OpenSSL then loads only the issuer that it needs, whereas
parsing a full bundle takes a fifth of the run.
"""

import os
import re
import ssl
from collections.abc import Mapping
from typing import NamedTuple, Optional

from check_rodin_queues.errors import ConfigError
from check_rodin_queues.inputs import read_file, read_variable, shown_path, unreadable

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
    return _system_store()


def _named_store(path: str, origin: str) -> CaStore:
    directories = path.split(":") if origin == "SSL_CERT_DIR" else [path]
    hashed = [directory for directory in directories if _is_hashed(directory)]
    if hashed:
        return CaStore(":".join(hashed), True, origin)
    first = directories[0]
    if os.path.isdir(first):
        cause = f"{origin}: no hash links in the directory {first}"
        raise ConfigError(cause, f"Run: openssl rehash {first}")
    return CaStore(first, False, origin)


def _system_store() -> CaStore:
    paths = ssl.get_default_verify_paths()
    for directory in filter(None, (paths.capath, *SYSTEM_DIRECTORIES)):
        if _is_hashed(directory):
            return CaStore(directory, True, "the system's directory")
    for file in filter(None, (paths.cafile, *SYSTEM_FILES)):
        if os.access(file, os.R_OK):
            return CaStore(file, False, "the system's bundle")
    import certifi  # noqa: PLC0415 — only a host without a store needs it

    return CaStore(certifi.where(), False, "certifi's bundle")


def _is_hashed(directory: str) -> bool:
    """Return whether *directory* has links as `openssl rehash` makes them."""
    try:
        return any(re.fullmatch(r"[0-9a-f]{8}\.[0-9]+", name) for name in os.listdir(directory))
    except OSError:
        return False


def create_context(
    store: Optional[CaStore], cert: Optional[str], key: Optional[str], *, verify: bool = True
) -> ssl.SSLContext:
    """Return the context for all connections; raises ConfigError, also if nothing is verified."""
    try:
        # not create_default_context: it writes the session keys to $SSLKEYLOGFILE, and its flag
        # VERIFY_X509_STRICT rejects CAs without keyUsage, which OpenSSL and curl accept
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    except ssl.SSLError as error:
        reason = (error.reason or "unknown reason").lower().replace("_", " ")
        raise ConfigError(
            f"OpenSSL on this host cannot create a TLS context: {reason}",
            "Check OPENSSL_CONF and the host's openssl.cnf",
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if store:
        _load_store(context, store)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cert:
        _load_client_certificate(context, cert, key)
    return context


def _load_store(context: ssl.SSLContext, store: CaStore) -> None:
    file, directory = (None, store.path) if store.is_directory else (store.path, None)
    try:
        context.load_verify_locations(file, directory)
    except ssl.SSLError as error:
        what = "no PEM certificate found" if "NO_CERTIFICATE" in str(error) else "cannot be parsed"
        cause = f"{store.origin}: {shown_path(store.path)}: {what}"
        raise ConfigError(cause, "Use a PEM file of CA certificates") from None
    except (OSError, ValueError) as error:
        raise unreadable(store.path, store.origin, error) from None


def _load_client_certificate(context: ssl.SSLContext, cert: str, key: Optional[str]) -> None:
    read_file(cert, "--client-cert", 0)  # OpenSSL does not say which file it cannot open
    option, path = ("--client-key", key) if key else ("--client-cert", cert)
    is_encrypted = b"ENCRYPTED" in read_file(path, option, 64 * 1024)
    try:
        # without a password OpenSSL would ask for that of an encrypted key on the terminal
        context.load_cert_chain(cert, key, password="")
    except (ssl.SSLError, ValueError) as error:
        cause, next_step = "no PEM certificate with its private key found", "Check both files"
        if is_encrypted:
            cause, next_step = "the key is encrypted", "Use an unencrypted key"
        elif "KEY_VALUES_MISMATCH" in str(error):
            cause = "the key does not belong to the certificate"
        elif not key:
            next_step = "Add --client-key, if the key is in another file"
        raise ConfigError(f"{option}: {shown_path(path)}: {cause}", next_step) from None
