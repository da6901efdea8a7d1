"""Pseudonyms: what leaves the host in place of user ids and of the names of data.

HMAC-SHA256 [1] with the deployment's key: the same user gets the same pseudonym on every host with
that key, and without the key nobody can try names until one fits.

References
----------
[1] Krawczyk, Bellare, Canetti 1997. HMAC: Keyed-Hashing for Message Authentication. RFC 2104.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from schemas.settings import Settings
from streams.collect.exclusive import NotKeptError

MIN_KEY_CHARS = 16
KEY_BYTES = 32
USER_HEX = 32  # 128 bits: no two users of any deployment share one by chance
DATA_HEX = 16  # 64 bits, what the model of data access keeps


class Pseudonyms:
    """Pseudonyms of users and of data under a key.

    Parameters
    ----------
    key
        The deployment's key; None leaves user ids as they are.
    data_key
        Key for names of data, which are always hashed.

    Examples
    --------
    >>> names = Pseudonyms(b"k" * 16, b"d" * 16)
    >>> names.user("ada") == names.user("ada"), names.user("ada") == names.user("eve")
    (True, False)
    >>> Pseudonyms(None, b"d" * 16).user("ada")
    'ada'
    >>> len(names.data("/home/ada/thesis.tex"))
    16
    """

    def __init__(self, key: bytes | None, data_key: bytes) -> None:
        self._key = key
        self._data_key = data_key
        self._users: dict[str, str] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> "Pseudonyms":
        """Take the keys of a deployment.

        Without `pseudonym_key`, data is hashed with a random key that stays in `state_dir`.

        Raises
        ------
        ValueError
            If the configured key is short enough to be guessed, or the kept one is damaged.
        NotKeptError
            If there is no room to keep one.
        """
        if settings.pseudonym_key is None:
            return cls(None, _host_key(settings.state_dir / "data-key"))
        key = settings.pseudonym_key.get_secret_value()
        if len(key) < MIN_KEY_CHARS:
            raise ValueError(
                f"pseudonym_key has {len(key)} characters; use {MIN_KEY_CHARS} or more"
            )
        return cls(key.encode(), key.encode())

    def user(self, user: str) -> str:
        """Return what stands for a user on the topics."""
        if self._key is None:
            return user
        if user not in self._users:
            self._users[user] = _digest(self._key, "user", user)[:USER_HEX]
        return self._users[user]

    def data(self, name: str) -> str:
        """Return what stands for a file or another name of data."""
        return _digest(self._data_key, "data", name)[:DATA_HEX]


def _digest(key: bytes, domain: str, text: str) -> str:
    """Hash within a domain, so that a user and a file of one name do not look alike."""
    message = f"{domain}\0{text}".encode("utf-8", "surrogateescape")
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def _host_key(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _make_key(path)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} holds no key; remove it, and data gets new pseudonyms")
    return key


def _make_key(path: Path) -> None:
    """Write a key whole or not at all: with half of one, pseudonyms could be guessed."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_bytes(KEY_BYTES))
        with contextlib.suppress(FileExistsError):  # another process was first: its key counts
            os.link(part, path)
    except OSError as error:
        raise NotKeptError(path, error) from error
    finally:
        part.unlink(missing_ok=True)
