"""Connects to the cloud that clouds.yaml names."""

import os
from typing import Any

import keystoneauth1.exceptions
import openstack
import openstack.config.exceptions
import openstack.exceptions


class CloudConfigError(ValueError):
    """No cloud can be reached with this configuration; the message says what to change."""


def connect(cloud: str | None = None, *, timeout_s: float = 30.0) -> Any:
    """Return a connection; nothing is asked of the cloud yet.

    Parameters
    ----------
    cloud
        Entry of clouds.yaml; by default the one that OS_CLOUD names.
    timeout_s
        Of one HTTP request. Under load Nova took 13 s to accept a server.

    Raises
    ------
    CloudConfigError
        If there is no such entry, or it is incomplete.
    """
    name = cloud or os.environ.get("OS_CLOUD")
    if not name:
        raise CloudConfigError(
            "no cloud: set OS_CLOUD to an entry of clouds.yaml, or pass --os-cloud"
        )
    try:
        return openstack.connect(cloud=name, api_timeout=timeout_s, app_name="warmfront")
    except (
        openstack.exceptions.ConfigException,
        keystoneauth1.exceptions.ClientException,
    ) as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CloudConfigError(f"cloud {name!r}: {text} (see docs/how-to/openstack.md)") from None
