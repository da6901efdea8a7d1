"""Helm renders the chart, Kubernetes' schemas accept it, and its parts find each other."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deployment.tools import INFRA, accepted, refused

CHART = INFRA / "helm" / "warmfront"
HELM = INFRA / "lint" / "helm.py"
VALUES = sorted((CHART / "ci").glob("*-values.yaml"))
EVERYTHING = CHART / "ci" / "everything-values.yaml"
# The oldest that Chart.yaml promises, and the newest that there are schemas of.
RELEASES = ("1.25.0", "1.37.0")
CUSTOM = ("keda.sh/", "monitoring.coreos.com/")
Resource = dict[str, Any]


def rendered(values: Path) -> list[Resource]:
    text = accepted("python", HELM, "template", CHART, values)
    return [resource for resource in yaml.safe_load_all(text) if resource]


def changed(values: Path, path: str, value: Any, folder: Path) -> Path:
    """Values with one of them changed, the path to it given with dots."""
    given = yaml.safe_load(values.read_text(encoding="utf-8"))
    *outer, last = path.split(".")
    part = given
    for name in outer:
        part = part.setdefault(name, {})
    part[last] = value
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(given), encoding="utf-8")
    return file


@pytest.fixture(scope="module", params=VALUES, ids=lambda file: file.stem)
def resources(request: pytest.FixtureRequest) -> list[Resource]:
    return rendered(request.param)


@pytest.fixture(scope="module")
def everything() -> list[Resource]:
    return rendered(EVERYTHING)


def is_custom(resource: Resource) -> bool:
    return resource["apiVersion"].startswith(CUSTOM)


def written(resources: list[Resource], folder: Path) -> Path:
    file = folder / "resources.yaml"
    file.write_text(yaml.safe_dump_all(resources), encoding="utf-8")
    return file


def of_kind(resources: list[Resource], *kinds: str) -> list[Resource]:
    return [resource for resource in resources if resource["kind"] in kinds]


def pods(resources: list[Resource]) -> list[Resource]:
    return [r["spec"]["template"] for r in of_kind(resources, "Deployment", "Job")]


def picks(selector: dict[str, str], pod: Resource) -> bool:
    return selector.items() <= pod["metadata"]["labels"].items()


@pytest.mark.parametrize("values", VALUES, ids=lambda file: file.stem)
def test_helm_finds_nothing(values: Path) -> None:
    assert accepted("python", HELM, "lint", CHART, values) == ""


def test_helm_finds_a_template_that_cannot_be_rendered(tmp_path: Path) -> None:
    wrong = tmp_path / "warmfront"
    shutil.copytree(CHART, wrong)
    (wrong / "templates" / "wrong.yaml").write_text("{{ .Values.nothing.here }}", encoding="utf-8")
    assert "wrong.yaml" in refused("python", HELM, "lint", wrong, EVERYTHING)


@pytest.mark.parametrize("release", RELEASES)
def test_kubernetes_knows_every_field(
    resources: list[Resource], release: str, tmp_path: Path
) -> None:
    own = [resource for resource in resources if not is_custom(resource)]
    told = accepted("kubernetes-validate", "--strict", "-k", release, written(own, tmp_path))
    assert told.count("INFO") == len(own) > 5


def test_a_field_that_kubernetes_lacks_is_found(everything: list[Resource], tmp_path: Path) -> None:
    (deployment, *_) = of_kind(everything, "Deployment")
    wrong = {**deployment, "spec": {**deployment["spec"], "replcas": 2}}
    told = refused("kubernetes-validate", "--strict", written([wrong], tmp_path))
    assert "replcas" in told


def test_custom_resources_are_as_their_definitions_say(
    everything: list[Resource], tmp_path: Path
) -> None:
    custom = list(filter(is_custom, everything))
    check = INFRA / "lint/custom_resources.py"
    accepted("python", check, written(custom, tmp_path))
    assert {resource["kind"] for resource in custom} == {"ScaledObject", "PodMonitor"}
    for resource in custom:
        wrong = {**resource, "spec": {**resource["spec"], "pollInterval": 30}}
        assert "pollInterval" in refused("python", check, written([wrong], tmp_path))


def test_every_template_is_rendered(everything: list[Resource]) -> None:
    kinds = {resource["kind"] for resource in everything}
    assert kinds == {
        "ConfigMap", "Deployment", "Job", "NetworkPolicy", "PodDisruptionBudget", "PodMonitor",
        "ScaledObject", "Service", "ServiceAccount",
    }  # fmt: skip


def test_no_pod_runs_as_root_or_writes_to_its_image(resources: list[Resource]) -> None:
    for pod in pods(resources):
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["securityContext"]["runAsUser"] > 0
        assert pod["spec"]["automountServiceAccountToken"] is False
        for container in pod["spec"]["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] is True
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}


def test_what_runs_for_long_is_probed_at_ports_that_it_has(resources: list[Resource]) -> None:
    deployments = of_kind(resources, "Deployment")
    assert len(deployments) == 3
    for deployment in deployments:
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        ports = {port["name"] for port in container["ports"]}
        for probe, path in (("startup", "/healthz"), ("liveness", "/healthz"),
                            ("readiness", "/readyz")):  # fmt: skip
            asked = container[f"{probe}Probe"]["httpGet"]
            assert asked["path"] == path
            assert asked["port"] in ports
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()


def test_mounts_have_volumes_and_volumes_their_sources(everything: list[Resource]) -> None:
    maps = {resource["metadata"]["name"] for resource in of_kind(everything, "ConfigMap")}
    for pod in pods(everything):
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        (container,) = pod["spec"]["containers"]
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes.keys()
        named = {v["configMap"]["name"] for v in volumes.values() if "configMap" in v}
        named |= {source["configMapRef"]["name"] for source in container["envFrom"]}
        assert named <= maps


def test_selectors_pick_pods(resources: list[Resource]) -> None:
    templates = pods(resources)
    selectors = [service["spec"]["selector"] for service in of_kind(resources, "Service")]
    selectors += [
        resource["spec"]["selector"]["matchLabels"]
        for resource in of_kind(resources, "PodDisruptionBudget", "Deployment", "PodMonitor")
    ]
    selectors += [
        policy["spec"]["podSelector"]["matchLabels"]
        for policy in of_kind(resources, "NetworkPolicy")
    ]
    assert len(selectors) >= 7
    for selector in selectors:
        assert any(picks(selector, pod) for pod in templates), selector


def test_the_scaler_alone_decides_on_the_replicas_of_what_it_scales(
    everything: list[Resource],
) -> None:
    (scaler,) = of_kind(everything, "ScaledObject")
    target = scaler["spec"]["scaleTargetRef"]["name"]
    (scaled,) = [d for d in of_kind(everything, "Deployment") if d["metadata"]["name"] == target]
    assert "replicas" not in scaled["spec"]
    assert scaler["spec"]["triggers"][0]["metadata"]["topic"] == "blue.telemetry.activity"


def test_changed_settings_start_the_pods_anew(everything: list[Resource], tmp_path: Path) -> None:
    def sums(resources: list[Resource]) -> set[str]:
        return {
            d["spec"]["template"]["metadata"]["annotations"]["checksum/settings"]
            for d in of_kind(resources, "Deployment")
        }

    other = rendered(changed(EVERYTHING, "settings.WARMFRONT_ZONE", "UTC", tmp_path))
    assert len(sums(everything)) == 1
    assert sums(everything).isdisjoint(sums(other))


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("kafka.bootstrapServers", "", "kafka.bootstrapServers is needed"),
        ("registry.url", "", "registry.url is needed"),
        ("wroker.replicas", 2, "wroker"),
        ("allocator.cloud", "thunder", "cloud"),
        ("worker.replicas", 0, "replicas"),
    ],
)
def test_wrong_values_are_refused_with_their_name(
    path: str, value: Any, told: str, tmp_path: Path
) -> None:
    values = changed(EVERYTHING, path, value, tmp_path)
    assert told in refused("python", HELM, "template", CHART, values)
