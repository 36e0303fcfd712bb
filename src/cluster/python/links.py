"""Where a dashboard is, and under which address a browser gets there. It opens nothing."""

from __future__ import annotations

import os
import socket

# the value in Dask's own defaults: nobody has configured anything then
DEFAULT = "{scheme}://{host}:{port}/status"


def dashboard(client, services: dict) -> tuple[str, str, bool]:
    """The dashboard's address, the link that Dask's configuration asks for, and whether it runs on this machine."""
    import dask

    port = services.get("dashboard")
    if not port:
        return "", "", False
    address = client.scheduler.address.split("://", 1)[-1]
    host = address.rsplit(":", 1)[0].strip("[]")
    scheme = "https" if dask.config.get("distributed.scheduler.dashboard.tls.cert", None) else "http"
    template = dask.config.get("distributed.dashboard.link", DEFAULT)
    link = ""
    if template != DEFAULT:
        try:
            link = template.format(**{**os.environ, "scheme": scheme, "host": host, "port": port})
        except (KeyError, IndexError, ValueError) as problem:
            print(f"distributed.dashboard.link is {template!r}, which cannot be filled in: {problem!r}")
    return f"{scheme}://{host}:{port}/status", link, is_here(host)


def is_here(host: str) -> bool:
    """Is it an address of this machine? Only one of ours can be bound."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(where)
    except OSError:
        return False
    return True
