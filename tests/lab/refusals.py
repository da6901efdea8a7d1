"""What a refused call says."""

from collections.abc import Callable

import pytest

from allocator.cloud.protocol import CloudError


def refusal(call: Callable[..., object], *args: object) -> CloudError:
    """Return the error that a call raises."""
    with pytest.raises(CloudError) as caught:
        call(*args)
    return caught.value
