"""Whether an address is one of this machine alone."""

from __future__ import annotations

from ipaddress import ip_address


def is_this_machine(host: str) -> bool:
    """Whether nobody else can be reached, or reach, by a host: an address, or the one name that always is this one."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
