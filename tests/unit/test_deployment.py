"""Compose file, chart and image name what exists, pin what they pull, and run without root."""

import inspect
import json
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from infra.connect import postgres
from infra.image.runtime_lock import LockError, entries, part
from schemas.settings import Settings
from schemas.settings_origin import variable_of
from streams.cli import COMMANDS, GROUPS
from streams.runtime.app import make_app

REPOSITORY = Path(__file__).parents[2]
INFRA = REPOSITORY / "infra"
COMPOSE = yaml.safe_load((INFRA / "compose/compose.yaml").read_text(encoding="utf-8"))
CHART = INFRA / "helm/warmfront"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
VALUES_SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
CONTAINERFILES = sorted((INFRA / "image").glob("*Containerfile"))
VARIABLES = {variable_of(name, field) for name, field in Settings.model_fields.items()} | {
    "WARMFRONT_SECRETS_DIR", "WARMFRONT_CONFIG", "WARMFRONT_CACHE_DIR",
}  # fmt: skip
OURS = {name: s for name, s in COMPOSE["services"].items() if s["image"] == "warmfront"}


def templates() -> str:
    return "\n".join(
        path.read_text(encoding="utf-8") for path in sorted(CHART.rglob("templates/*"))
    )


def named_variables(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w.])(?:WARMFRONT_[A-Z_]+|KAFKA_BOOTSTRAP_SERVERS)\b", text))


@pytest.mark.parametrize("name", OURS)
def test_each_service_runs_a_command_that_exists(name: str) -> None:
    first, *rest = OURS[name]["command"]
    assert first in COMMANDS or rest[0] in GROUPS[first]


@pytest.mark.parametrize("name", OURS)
def test_our_services_run_without_privileges(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]


def test_images_are_pinned_by_version() -> None:
    used = [s["image"] for s in COMPOSE["services"].values() if "/" in s["image"]]
    for file in CONTAINERFILES:
        used += re.findall(r"^FROM (\S+/\S+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(used) >= 8
    assert [image for image in used if not re.search(r":v?\d+\.?[\w.-]*$", image)] == []


def pinned(lock: str) -> str:
    """The release that a lock of Maven artifacts pins, and that the tests run."""
    name = json.loads((INFRA / lock).read_text(encoding="utf-8"))["name"]
    (version,) = re.findall(r" (\d+\.\d+\.\d+)$", name)
    return version


def test_containers_run_the_releases_that_the_tests_run() -> None:
    kafka, registry = pinned("local/kafka.lock.json"), pinned("registry/registry.lock.json")
    assert pinned("connect/worker.lock.json") == kafka
    assert COMPOSE["services"]["kafka"]["image"] == f"docker.io/apache/kafka:{kafka}"
    connect = (INFRA / "image/Connect.Containerfile").read_text(encoding="utf-8")
    assert re.findall(r"^FROM \S+/kafka:(\S+)", connect, re.MULTILINE) == [kafka]
    image = f"docker.io/apicurio/apicurio-registry:{registry}"
    assert COMPOSE["services"]["registry"]["image"] == image


def test_the_warehouse_is_of_the_major_release_that_the_tests_run() -> None:
    told = subprocess.run(
        [*postgres._programs("postgres"), "--version"], capture_output=True, text=True, check=True,
        cwd="/",
    )  # fmt: skip
    (major,) = re.findall(r"\(PostgreSQL\) (\d+)\.", told.stdout)
    for service in ("postgres", "warehouse-tables"):
        image = COMPOSE["services"][service]["image"]
        assert image == f"docker.io/library/postgres:{major}-bookworm"


def test_ports_open_on_loopback_only() -> None:
    for name, service in COMPOSE["services"].items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name


def test_mounted_files_exist() -> None:
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (INFRA / "compose" / source).exists(), source


def test_secrets_are_declared_and_never_committed() -> None:
    used = {name for s in COMPOSE["services"].values() for name in s.get("secrets", [])}
    assert used == COMPOSE["secrets"].keys()
    assert [f.name for f in (INFRA / "compose/secrets").iterdir()] == [".gitignore"]


def test_variables_are_settings() -> None:
    texts = [(INFRA / "compose/compose.yaml").read_text(encoding="utf-8"), templates()]
    texts += [file.read_text(encoding="utf-8") for file in CONTAINERFILES]
    texts.append((CHART / "values.yaml").read_text(encoding="utf-8"))
    named = set().union(*map(named_variables, texts)) - {"WARMFRONT_TOPIC_PREFIX"}
    assert len(named) > 5
    assert named <= VARIABLES


def test_the_image_runs_as_nobody_in_particular() -> None:
    text = (INFRA / "image/Containerfile").read_text(encoding="utf-8")
    *_, user = re.findall(r"^USER (\S+)", text, re.MULTILINE)
    assert user == "10001:10001"
    assert "--require-hashes" in text
    for folder in re.findall(r"^COPY (?!--from)(\w+) \1$", text, re.MULTILINE):
        assert (REPOSITORY / folder).is_dir()


def test_default_values_are_valid_and_wrong_ones_are_not() -> None:
    validator = jsonschema.Draft7Validator(VALUES_SCHEMA)
    assert list(validator.iter_errors(VALUES)) == []
    wrong = {**VALUES, "allocator": {**VALUES["allocator"], "cloud": "thunder"}}
    assert list(validator.iter_errors(wrong)) != []
    assert list(validator.iter_errors({**VALUES, "wroker": {}})) != []


def test_the_chart_asks_for_no_root_and_probes_what_is_served() -> None:
    text = templates()
    for needed in ("runAsNonRoot: true", "readOnlyRootFilesystem: true", "path: /healthz",
                   "path: /readyz", "kind: PodDisruptionBudget", "kind: NetworkPolicy",
                   "kind: ScaledObject"):  # fmt: skip
        assert needed in text


def test_the_scaler_watches_the_group_that_reads_telemetry() -> None:
    (group,) = re.findall(r'consumerGroup: \{\{ printf "%s([\w-]+)"', templates())
    default = inspect.signature(make_app).parameters["name"].default
    assert group == f"warmfront-{default}"


def test_the_scaler_goes_no_further_than_the_partitions() -> None:
    assert (
        VALUES["worker"]["autoscaling"]["maxReplicas"]
        <= Settings.model_fields["user_partitions"].default
    )


LOCK = "a==1 \\\n    --hash=sha256:00\nb-c==2 ; sys_platform == 'linux' \\\n    --hash=sha256:11\n"


def test_the_runtime_lock_keeps_versions_and_hashes() -> None:
    assert part(LOCK, "b-c==2\n") == entries(LOCK)["b-c"]
    assert "sha256:11" in part(LOCK, "b-c==2\n")


def test_what_the_lock_lacks_is_told() -> None:
    with pytest.raises(LockError, match="d; run `make lock`"):
        part(LOCK, "a==1\nd==4\n")


def test_the_real_lock_is_read_whole() -> None:
    lock = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    assert "".join(entries(lock).values()).count("--hash=") == lock.count("--hash=")
    assert {"faust-streaming", "uvicorn", "uv"} <= entries(lock).keys()
