"""TLS contexts from the certificate and the key that the settings name, read at the start and at a reload."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from chateau.inputs import InputError, read_text
from chateau.net.sockets import StartError

if TYPE_CHECKING:
    from chateau.settings import Settings


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Return a new TLS context of the settings; None without TLS.

    Each file is read once, so either may be a pipe, or both the same file.

    Raises:
        StartError: the certificate or the key cannot be used.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    texts = [_read("--tls-cert", settings.tls_cert)]
    if settings.tls_key != settings.tls_cert:
        texts.append(_read("--tls-key", settings.tls_key))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        with _as_file("\n".join(texts).encode()) as file:
            context.load_cert_chain(file, password=_no_password)
    except (OSError, ValueError) as exc:
        flags = f"--tls-cert {settings.tls_cert}, --tls-key {settings.tls_key}"
        raise StartError(f"{flags}: {_reason(exc)}") from exc
    return context


def _read(flag: str, path: Path) -> str:
    try:
        return read_text(path)
    except InputError as exc:
        raise StartError(f"{flag} {path}: {exc}") from exc


@contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    """Provide the path of a file with *data*: the module `ssl` loads certificates and keys from files only.

    On Linux the file is in memory; elsewhere it is a temporary one that only this user can read.
    """
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        descriptor = os.memfd_create("chateau-tls")
        try:
            os.write(descriptor, data)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tls.pem"
        path.touch(mode=0o600)
        path.write_bytes(data)
        yield str(path)


def _no_password() -> str:
    """Refuse encrypted keys: OpenSSL would ask for the password at the terminal."""
    raise ValueError("the key is encrypted; expected one without a password")


_REASONS = {
    "KEY_VALUES_MISMATCH": "the key is not that of the certificate",
    "NO_CERTIFICATE_ASSIGNED": "the key is not that of the certificate",  # of another algorithm
    "NO_START_LINE": "no certificate and key in PEM format",
    "NO_CERTIFICATE_OR_CRL_FOUND": "no certificate in PEM format",
}


def _reason(exc: OSError | ValueError) -> str:
    if not isinstance(exc, ssl.SSLError):
        return str(getattr(exc, "strerror", None) or exc)
    reason = exc.reason or "NO_START_LINE"  # without a reason: of an empty file
    return _REASONS.get(reason) or f"no valid certificate and key: {reason.replace('_', ' ').lower()}"
