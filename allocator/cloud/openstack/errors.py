"""What an error of OpenStack's client tells about the call's effect."""

import email.utils
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from keystoneauth1 import exceptions as keystone
from openstack import exceptions as sdk

from allocator.cloud.protocol import CloudError
from allocator.machine.observed import Answer

# 4xx: Nova decided before it did anything. 408 is a proxy's word, the call may be under way.
AMBIGUOUS_4XX = {408}
CAPACITY_WORDS = ("quota exceeded", "no valid host", "not enough hosts", "overlimit")
LONGEST_TEXT = 300


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise the client's errors as CloudError.

    Parameters
    ----------
    what
        The call, for the message.
    """
    try:
        yield
    except CloudError:
        raise
    except (sdk.SDKException, keystone.ClientException) as error:
        raise classify(what, error) from error


def classify(what: str, error: Exception) -> CloudError:
    """Return what an error means.

    Headers, bodies and addresses stay out of the message: none of ours may hold a secret.

    Examples
    --------
    >>> classify("create", keystone.ConnectTimeout("late")).answer
    <Answer.UNKNOWN: 'unknown'>
    """
    status = status_of(error)
    if status is None:
        answer = Answer.REFUSED if was_never_sent(error) else Answer.UNKNOWN
        return CloudError(f"{what}: {_kind(error)}", answer)
    text = _told(error)
    return CloudError(
        f"{what}: {status} {text}".rstrip(),
        _answer(status),
        is_quota=is_capacity(text) and status in {403, 409, 413},
        retry_after_s=_retry_after_s(error, time.time) if status in {413, 429, 503} else 0.0,
    )


def status_of(error: Exception) -> int | None:
    """Return the HTTP status an error carries; None where no answer came."""
    status = getattr(error, "status_code", None) or getattr(error, "http_status", None)
    return status if isinstance(status, int) and status else None


def is_capacity(text: str) -> bool:
    """Tell whether a fault's text speaks of a want of capacity.

    Examples
    --------
    >>> is_capacity("Quota exceeded for cores: Requested 1"), is_capacity("disk on fire")
    (True, False)
    """
    return any(words in text.lower() for words in CAPACITY_WORDS)


def was_never_sent(error: BaseException | None) -> bool:
    """Tell whether no connection came about: then nothing can have been done."""
    for _ in range(10):
        if error is None:
            return False
        reason = getattr(error.args[0] if error.args else None, "reason", None)
        if type(reason).__name__ in {"NewConnectionError", "NameResolutionError"}:
            return True
        error = error.__cause__ or error.__context__
    return False


def _answer(status: int) -> Answer:
    if status == 404:
        return Answer.MISSING
    if 400 <= status < 500 and status not in AMBIGUOUS_4XX:
        return Answer.REFUSED
    return Answer.UNKNOWN


def _kind(error: Exception) -> str:
    """Name an error without an answer; the client's own text holds addresses."""
    if was_never_sent(error):
        return "no connection"
    if isinstance(error, keystone.ConnectTimeout):
        return "no answer in time"
    if isinstance(error, keystone.ConnectionError):
        return "the connection was lost before the answer"
    return type(error).__name__


def _told(error: Any) -> str:
    """Return what the service said, on one line."""
    text = getattr(error, "details", None) or getattr(error, "message", None) or ""
    return " ".join(str(text).split())[:LONGEST_TEXT]


def _retry_after_s(error: Any, now_s: Callable[[], float]) -> float:
    """Return what Retry-After says: seconds, or a date."""
    response = getattr(error, "response", None)
    said = getattr(response, "headers", {}).get("Retry-After", "") or ""
    return parse_retry_after(said, now_s())


def parse_retry_after(said: str, now_s: float) -> float:
    """Return the seconds that a Retry-After header asks for; 0 where it can't be read.

    Examples
    --------
    >>> parse_retry_after("7", 0.0), parse_retry_after("soon", 0.0)
    (7.0, 0.0)
    >>> parse_retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 50.0)
    10.0
    """
    if said.strip().isdigit():
        return float(said)
    try:
        at_s = email.utils.parsedate_to_datetime(said).timestamp()
    except ValueError:
        return 0.0
    return max(0.0, at_s - now_s)
