"""What a guest would have if it were a machine: a disk, a host key and a console that tells it.

Nothing runs here. Whoever wants to get onto a guest lets an SSH server stand in for it, at the
address and with the key that are in its folder.
"""

import json
import os
import shutil

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

# As cloud-init prints them at the end of a boot.
CONSOLE = """cloud-init: booted
-----BEGIN SSH HOST KEY KEYS-----
{key} root@guest
-----END SSH HOST KEY KEYS-----
login:
"""


class MachineFolders:
    """A folder for each guest: `disk/`, `host_key`, `addresses.json` and `console`.

    Parameters
    ----------
    folder
        Where; made when the first guest boots.
    """

    def __init__(self, folder):
        self._folder = folder

    def boot(self, uuid, addresses):
        """Give a guest an empty disk and a new host key, as the first boot of an image does."""
        self.remove(uuid)
        part = os.path.join(self._folder, f".{uuid}.part")
        os.makedirs(os.path.join(part, "disk"))
        key = ed25519.Ed25519PrivateKey.generate()
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
        for name, content in (
            ("host_key", private),
            ("console", CONSOLE.format(key=public.decode()).encode()),
            ("addresses.json", json.dumps(addresses).encode()),
        ):
            with open(os.path.join(part, name), "wb") as stream:
                stream.write(content)
        os.rename(part, self._of(uuid))

    def remove(self, uuid):
        """Take a guest's disk and key away; half of one is never seen under its name."""
        part = os.path.join(self._folder, f".{uuid}.part")
        shutil.rmtree(part, ignore_errors=True)
        try:
            os.rename(self._of(uuid), part)
        except FileNotFoundError:
            return
        shutil.rmtree(part, ignore_errors=True)

    def console(self, uuid):
        """Return what a guest has printed; nothing where it never booted here."""
        try:
            with open(os.path.join(self._of(uuid), "console"), "rb") as stream:
                return stream.read()
        except FileNotFoundError:
            return b""

    def _of(self, uuid):
        return os.path.join(self._folder, uuid)
