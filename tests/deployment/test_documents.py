"""Compose file, container files and AsyncAPI document, as their own tools see them."""

import json
from pathlib import Path

import pytest
import yaml

from schemas.topics import BY_NAME
from tests.deployment.tools import INFRA, REPOSITORY, accepted, refused

COMPOSE = INFRA / "compose" / "compose.yaml"
PARSER = INFRA / "lint" / "asyncapi.mjs"
DOCUMENT = REPOSITORY / "schemas" / "asyncapi.yaml"


def test_the_compose_specification_accepts_the_file() -> None:
    project = json.loads(accepted("compose-spec", "-format", "json", COMPOSE))
    assert project["name"] == "warmfront"
    plain = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    assert project["services"].keys() == plain["services"].keys()


def test_services_name_what_the_file_declares() -> None:
    project = json.loads(accepted("compose-spec", "-format", "json", COMPOSE))
    services, volumes = project["services"], project["volumes"]
    for name, service in services.items():
        assert service.get("depends_on", {}).keys() <= services.keys(), name
        used = {
            v["source"]
            for v in service.get("volumes", [])
            if v["type"] == "volume" and v.get("source")
        }
        assert used <= volumes.keys(), name
        assert {s["source"] for s in service.get("secrets", [])} <= project["secrets"].keys(), name


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("    restart:", "    restrat:"), ("    read_only: true", "    read_only: perhaps")],
    ids=["an unknown key", "a wrong kind of value"],
)
def test_the_compose_specification_refuses(right: str, wrong: str, tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    text = COMPOSE.read_text(encoding="utf-8")
    assert right in text
    file.write_text(text.replace(right, wrong), encoding="utf-8")
    assert wrong.strip().partition(":")[0] in refused("compose-spec", file)


@pytest.mark.parametrize(
    "file", sorted((INFRA / "image").glob("*Containerfile")), ids=lambda f: f.name
)
def test_hadolint_finds_nothing(file: Path) -> None:
    accepted("hadolint", "--failure-threshold", "warning", file)


def test_hadolint_finds_an_image_without_a_version(tmp_path: Path) -> None:
    file = tmp_path / "Containerfile"
    file.write_text("FROM docker.io/library/python\n", encoding="utf-8")
    assert "DL3006" in refused("hadolint", "--failure-threshold", "warning", file)


def test_asyncapis_parser_finds_nothing() -> None:
    assert accepted("node", PARSER, DOCUMENT) == ""


def test_asyncapis_parser_finds_a_channel_that_is_not_there(tmp_path: Path) -> None:
    wrong = tmp_path / "asyncapi.yaml"
    text = DOCUMENT.read_text(encoding="utf-8")
    assert "forecasts.demand" in BY_NAME
    wrong.write_text(text.replace("  forecasts.demand:\n", "  forecasts.demnad:\n"))
    assert "forecasts.demand" in refused("node", PARSER, wrong)
