"""The README's program runs as it stands, and what it sends can be read by any Avro consumer."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.records import ActivityBatch
from schemas.topics import TELEMETRY_ACTIVITY
from tests.testkit.pipeline import REPOSITORY, deployed

pytestmark = pytest.mark.integration


def test_the_producer_of_the_readme(
    kafka_bootstrap: str, registry_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    with deployed(kafka_bootstrap, registry_url, topic_prefix, tmp_path) as deployment:
        environment = {**os.environ, **deployment.environment}
        command = [sys.executable, "-c", program]
        done = subprocess.run(
            command, cwd=REPOSITORY, env=environment, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        batches = [
            r for _, r in deployment.records(TELEMETRY_ACTIVITY) if isinstance(r, ActivityBatch)
        ]
        kinds = [event.kind for batch in batches for event in batch.events]
        assert kinds == ["LAUNCH", "SAMPLE", "EXIT"]
