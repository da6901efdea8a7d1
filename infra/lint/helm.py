"""Lints and renders a chart with Helm's own code: `helm.py lint|template CHART VALUES`.

Runs in the linters' environment, whose wheel has Helm's Go packages as a shared library: compiling
its command line instead takes minutes. VALUES is a YAML file; findings of any severity are faults.
"""

import sys
from pathlib import Path
from typing import Any

import yaml
from helm_python import Chart, HelmError, lint

RELEASE = "blue"


def findings(chart: str, values: dict[str, Any]) -> list[str]:
    """Return what `helm lint --strict` says, its remark on a missing icon apart."""
    report = lint(chart, values, strict=True)
    said = [f"{m['path']}: {m['error']}" for m in report["messages"] if "icon" not in m["error"]]
    return [*said, *report["errors"]]


def rendered(chart: str, values: dict[str, Any]) -> str:
    """Return the manifests of all templates, as `helm template` prints them."""
    with Chart.load(chart) as loaded:
        loaded.validate_schema(values)
        manifests = loaded.render(values, name=RELEASE, namespace="default", is_install=True)
    named = {path: text for path, text in manifests.items() if path.endswith(".yaml")}
    return "\n---\n".join(named[path] for path in sorted(named))


if __name__ == "__main__":
    verb, chart_folder, file = sys.argv[1:]
    given = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    try:
        if verb == "template":
            print(rendered(chart_folder, given))
        elif found := findings(chart_folder, given):
            sys.exit("\n".join(found))
    except HelmError as error:
        sys.exit(str(error))
