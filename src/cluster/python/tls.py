"""TLS: Dask's `Security` from what the notebook asks for, and what users are told when it does not fit.

It reads certificates through Dask alone, and prints no key.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys

from connection import Wrong

HOW = (
    "name them with Cluster::connect_with(address, &Security::new().tls_ca_file(…).tls_client_cert(…).tls_client_key(…)), "
    "or in Dask's configuration (DASK_DISTRIBUTED__COMM__TLS__CA_FILE, DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT, DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY)"
)


def security_of(asked: dict | None, roles: tuple[str, ...] = ("client",)):
    """What the notebook asked for, checked for these roles; None when it asked for nothing."""
    from distributed.security import Security

    if asked is None:
        return None
    if asked.get("temporary"):
        if roles == ("client",):
            raise Wrong("Security::temporary() makes new credentials, which a scheduler that runs already does not know: name its files")
        try:
            return Security.temporary()
        except ImportError:
            raise Wrong(f"Security::temporary() needs the Python package cryptography: {sys.executable} -m pip install cryptography") from None
    security = Security(require_encryption=True, **asked)
    for role in roles:
        complete(security, role)
    return security


def complete(security, role: str) -> None:
    """Refuses certificates that are not there, or that OpenSSL cannot use."""
    try:
        arguments = security.get_connection_args(role) if role == "client" else security.get_listen_args(role)
    except (OSError, ValueError) as problem:
        files = security.get_tls_config_for_role(role)
        named = ", ".join(f"{key} {value}" for key, value in files.items() if value and key != "ciphers" and "\n" not in value)
        raise Wrong(f"TLS cannot be used with these files ({named}): {problem}") from None
    if arguments["ssl_context"] is None:
        files = security.get_tls_config_for_role(role)
        lost = [f"tls_{role}_{key}" if key != "ca_file" else "tls_ca_file" for key in ("ca_file", "cert") if not files[key]]
        raise Wrong(f"TLS needs certificates, and {' and '.join(lost)} {'is' if len(lost) == 1 else 'are'} not set: {HOW}")


def for_address(address: str, security):
    """What a client of this address uses: what was asked for, else Dask's configuration."""
    from distributed.security import Security

    if address.startswith("tls://") and security is None:
        security = Security()
        complete(security, "client")
    if security is not None and address.startswith("tcp://"):
        raise Wrong(f"{address} is not encrypted, and TLS was asked for: a scheduler that speaks it has an address tls://…")
    return security


def files_for_jobs(security, folder: pathlib.Path, label: str) -> dict[str, str]:
    """What workers in jobs use, as files by Dask's names; credentials made for this cluster alone are written to some that
    only their user can read, on the file system that jobs share."""
    if security is None:
        return {}
    found = security.get_tls_config_for_role("worker")
    files = {name: found[key] for name, key in (("ca-file", "ca_file"), ("cert", "cert"), ("key", "key")) if found[key]}
    for name, text in files.items():
        if "\n" in text:
            path = folder / f"{label}-{name}.pem"
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
            files[name] = str(path)
    return files


def forget_files(folder: pathlib.Path, label: str) -> None:
    """Removes what `files_for_jobs` wrote."""
    for path in folder.glob(f"{label}-*.pem"):
        with contextlib.suppress(OSError):
            path.unlink()
