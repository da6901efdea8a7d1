"""Checks KEDA's and the Prometheus operator's resources against their own definitions.

Usage: `custom_resources.py FILE`; runs in the linters' environment. The models ignore fields that
they don't know, as Kubernetes would drop them; here such a field is an error.
"""

import sys
from pathlib import Path
from typing import Any

import yaml
from cloudcoil.models.keda.v1alpha1 import ScaledObject
from cloudcoil.models.prometheus_operator.v1 import PodMonitor

MODELS = {
    ("keda.sh/v1alpha1", "ScaledObject"): ScaledObject,
    ("monitoring.coreos.com/v1", "PodMonitor"): PodMonitor,
}


def fault(resource: dict[str, Any]) -> str | None:
    """Return what is wrong with a resource, nothing when it is as its definition says."""
    model = MODELS[resource["apiVersion"], resource["kind"]]
    try:
        read = model.model_validate(resource)
    except ValueError as error:
        return str(error)
    known = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return None if known == resource else f"fields it doesn't know: {known} of {resource}"


if __name__ == "__main__":
    resources = list(yaml.safe_load_all(Path(sys.argv[1]).read_text(encoding="utf-8")))
    faults = [found for found in map(fault, resources) if found]
    print(*faults, sep="\n")
    sys.exit(bool(faults) or not resources)
