"""The lab's hypervisor takes every call as Nova's own fake one does, by place and by name."""

import json
import subprocess

# In the control plane's environment, where Nova is.
COMPARE = """
import inspect, json
from nova.virt import fake
from warmfront_lab.hypervisor import LabDriver

refused = {}
for name, own in inspect.getmembers(LabDriver, inspect.isfunction):
    given = inspect.signature(getattr(fake.FakeDriver, name, own)).parameters
    if name.startswith("_") or own is getattr(fake.FakeDriver, name, None):
        continue
    for places, names in ((list(given), {}), ([], dict.fromkeys(given))):
        try:
            inspect.signature(own).bind(*places, **names)
        except TypeError as error:
            refused[name] = str(error)
print(json.dumps({"refused": refused}))
"""


def test_it_takes_every_argument_that_nova_passes(lab) -> None:
    done = subprocess.run(
        [lab.program("python"), "-c", COMPARE], capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"refused": {}}
