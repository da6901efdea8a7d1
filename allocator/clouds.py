"""Opens the cloud that an allocator works on."""

from collections.abc import Callable, Mapping

from allocator.cloud.openstack import OpenStackCloud, connect
from allocator.cloud.protocol import Cloud
from allocator.cloud.simulated import SimulatedCloud
from allocator.options import AllocatorOptions
from schemas.pools import Pool
from schemas.settings import Settings

OWNER = "warmfront"


class Clouds:
    """Gives each partition its cloud.

    Parameters
    ----------
    settings, options, pools
        The deployment. Its topic prefix is the owner's tag too: two deployments in one project
        see nothing of each other.

    Raises
    ------
    CloudConfigError
        If a real cloud is asked for and not configured.
    ValueError
        If a real cloud is asked for in another time than the wall clock's.
    """

    def __init__(
        self, settings: Settings, options: AllocatorOptions, pools: Mapping[str, Pool]
    ) -> None:
        self._settings = settings
        self._options = options
        self._owner = settings.topic_prefix.rstrip(".") or OWNER
        self._shared: Cloud | None = None
        if options.cloud == "openstack":
            if options.clock != "wall":
                raise ValueError("a real cloud needs --clock wall: a replay would launch instances")
            # One for all partitions: connections and what is known of names are shared.
            connection = connect(options.os_cloud, timeout_s=options.call_timeout_s)
            self._shared = OpenStackCloud(connection, self._owner, pools)

    def of(self, partition: int, clock: Callable[[], int]) -> Cloud:
        """Return a partition's cloud.

        Parameters
        ----------
        clock
            Time in milliseconds, for a simulated one.
        """
        if self._shared is not None:
            return self._shared
        name = f"{self._settings.topic_prefix}cloud-{partition}.sqlite"
        options = self._options
        return SimulatedCloud(
            clock, self._settings.topic_prefix or OWNER, options.simulation, options.seed,
            self._settings.state_dir / name,
        )  # fmt: skip
