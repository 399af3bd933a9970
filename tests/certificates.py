"""Authorities and certificates, sound and broken, made for one test run."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import subprocess
from pathlib import Path
from typing import NamedTuple, Optional, Sequence, Tuple, Union

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Delta = datetime.timedelta
Key = Union[ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey]

DAY = Delta(days=1)
SERVER = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
#: That of a CA: the sixth and seventh allow it to sign certificates and revocation lists.
_KEY_USAGE = x509.KeyUsage(False, False, False, False, False, True, True, False, False)


class Certificate(NamedTuple):
    """A certificate with its key, and the certificates between it and its authority."""

    certificate: x509.Certificate
    key: Key
    chain: Tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def combined(self) -> bytes:
        """The key and the certificate, as one file can hold them."""
        return self.key_pem() + self.pem

    def key_pem(self, passphrase: Optional[bytes] = None) -> bytes:
        """Return the key, encrypted where a *passphrase* is given."""
        best = serialization.BestAvailableEncryption
        how = best(passphrase) if passphrase else serialization.NoEncryption()
        form = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, form, how)

    def serve(self, folder: Path) -> ssl.SSLContext:
        """Return the TLS of a server with this certificate, however weak it is."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        path = folder / f"{self.certificate.serial_number}.pem"
        between = (one.public_bytes(serialization.Encoding.PEM) for one in self.chain)
        path.write_bytes(self.combined + b"".join(between))
        context.load_cert_chain(str(path))
        return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Authority:
    """Issues certificates; its own is signed by *parent*, or by itself.

    Without *strict* its certificates lack the key usage and key identifiers that RFC 5280 requires,
    like those of `openssl req -x509`.
    """

    def __init__(
        self,
        name: str,
        parent: Optional[Authority] = None,
        *,
        ca: bool = True,
        strict: bool = True,
        ends: Delta = DAY,
        path_length: Optional[int] = None,
    ) -> None:
        self.name = _name(name)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.parent = parent
        self.strict = strict
        signer = parent or self
        builder = _builder(self.name, signer.name, self.key, -3 * DAY, ends).add_extension(
            x509.BasicConstraints(ca=ca, path_length=path_length), critical=True
        )
        if ca and strict:
            builder = builder.add_extension(_KEY_USAGE, critical=True)
        self.certificate = _sign(builder, self.key, signer)

    @property
    def pem(self) -> bytes:
        """The authority's certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(
        self,
        *names: str,
        starts: Delta = -DAY,
        ends: Delta = DAY,
        usage: Sequence[x509.ObjectIdentifier] = (SERVER,),
        key: Optional[Key] = None,
    ) -> Certificate:
        """Return a certificate for *names*, valid from now plus *starts* to now plus *ends*."""
        own = key or ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name("leaf"), self.name, own, starts, ends)
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False
        )
        builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        chain = (self.certificate,) if self.parent else ()
        return Certificate(_sign(builder, own, self), own, chain)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Key, starts: Delta = -DAY, ends: Delta = DAY
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + starts)
        .not_valid_after(now + ends)
    )


def _sign(builder: x509.CertificateBuilder, key: Key, signer: Authority) -> x509.Certificate:
    """Sign the certificate of *key*; a strict signer adds the identifiers of both keys."""
    if signer.strict:
        subject = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key())
        builder = builder.add_extension(subject, critical=False)
        builder = builder.add_extension(issuer, critical=False)
    return builder.sign(signer.key, hashes.SHA256())


def self_signed(*names: str) -> Certificate:
    """Return a certificate that is signed by its own key."""
    key = ec.generate_private_key(ec.SECP256R1())
    own = _name("alone")
    builder = _builder(own, own, key).add_extension(
        x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False
    )
    return Certificate(builder.sign(key, hashes.SHA256()), key)


def weak_key() -> Key:
    """Return a key that OpenSSL rejects as too short."""
    return rsa.generate_private_key(65537, 1024)


def hashed(folder: Path, **files: bytes) -> str:
    """Make *folder* a directory of authorities, one PEM file each, with OpenSSL's hash links."""
    folder.mkdir()
    for name, pem in files.items():
        (folder / f"{name}.pem").write_bytes(pem)
    subprocess.run(["openssl", "rehash", str(folder)], check=True, capture_output=True)
    return str(folder)
