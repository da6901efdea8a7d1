"""The guests of a simulated host, in a file: they survive a kill of nova-compute, as VMs do."""

import json
import os
import threading


class GuestFile:
    """Names and power states by instance id.

    Parameters
    ----------
    path
        Where they are kept.
    """

    def __init__(self, path):
        self._path = path
        self._lock = threading.Lock()

    def read(self):
        """Return (name, state) by instance id."""
        try:
            with open(self._path, encoding="utf-8") as stream:
                return {uuid: tuple(guest) for uuid, guest in json.load(stream).items()}
        except FileNotFoundError:
            return {}

    def write(self, guests):
        """Replace the file in one step."""
        with self._lock:
            part = f"{self._path}.part"
            with open(part, "w", encoding="utf-8") as stream:
                json.dump(guests, stream)
            os.replace(part, self._path)
