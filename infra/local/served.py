"""What every server program that this project starts has in common: it is tied to this process."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from infra.local.server import Server


class Served(ABC):
    """A program with a `server`, used in a `with` block or by start() and stop().

    A subclass says what the program is (`server`) and what its first start needs (`prepare`).
    """

    @property
    @abstractmethod
    def server(self) -> Server:
        """The process: pid, log, pause, resume, memory."""

    @abstractmethod
    def prepare(self) -> Self:
        """Do what only the first start needs, such as downloads; and write the configuration."""

    def start(self) -> Self:
        """Start (or find) it and return when it answers.

        Raises
        ------
        ServerError, ArtifactError, JavaError, CompilationError
            With a message that says what to do.
        """
        self.launch().server.wait_until_ready()
        return self

    def launch(self) -> Self:
        """Start without waiting, for programs that start beside each other."""
        self.prepare().server.launch()
        return self

    def stop(self) -> None:
        """End it in order."""
        self.server.stop()

    def kill(self) -> None:
        """End it like a crash."""
        self.server.kill()

    def restart(self) -> Self:
        """Start again on the same port and data, after stop() if it runs."""
        self.stop()
        return self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
