"""Tells Kafka that members of a group are dead, which it would wait a session's time to see."""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.group import LeaveGroupRequest


def bury(bootstrap: str, group: str) -> int:
    """Take all members out of a group whose processes have ended; returns how many there were."""
    return asyncio.run(_bury(bootstrap, group))


async def _bury(bootstrap: str, group: str) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        coordinator = await admin.find_coordinator(group)
        (described,) = await admin.describe_consumer_groups([group], coordinator)
        members = [member[0] for member in described.groups[0][5]]
        for member in members:
            await admin._send_request(LeaveGroupRequest(group, member), coordinator)
        return len(members)
    finally:
        await admin.close()
