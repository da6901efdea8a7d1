"""Ports of this machine: which are free, which answer."""

import socket

from infra.local.ports import LOOPBACK, answers, free_port, is_free


def test_a_free_port_can_be_listened_on_and_then_answers() -> None:
    port = free_port()
    assert not answers(port)
    with socket.create_server((LOOPBACK, port)):
        assert answers(port)
        assert not is_free(port)


def test_a_port_with_its_next_leaves_room_for_both() -> None:
    port = free_port(with_next=True)
    with socket.create_server((LOOPBACK, port)), socket.create_server((LOOPBACK, port + 1)):
        assert answers(port + 1)
