"""A coroutine that was begun without a task of its own."""

import types
from collections.abc import Coroutine, Generator
from typing import Any


class Begun:
    """Runs a coroutine up to where it first waits, in the task that asks.

    Parameters
    ----------
    coroutine
        Not begun yet.

    Examples
    --------
    >>> async def three() -> int:
    ...     return 3
    >>> begun = Begun(three())
    >>> begun.is_through, begun.result
    (True, 3)
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine
        self.result: Any = None
        self.is_through = False
        try:
            self._awaited = coroutine.send(None)
        except StopIteration as end:
            self.is_through, self.result = True, end.value

    async def rest(self) -> Any:
        """Run what is left, in any task: what it waits for is handed on."""
        return await self._resumed()

    @types.coroutine
    def _resumed(self) -> Generator[Any, Any, Any]:
        awaited = self._awaited
        while True:
            try:
                try:
                    sent = yield awaited
                except GeneratorExit:
                    self._coroutine.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - a cancellation is the coroutine's
                    awaited = self._coroutine.throw(error)
                else:
                    awaited = self._coroutine.send(sent)
            except StopIteration as end:
                return end.value
