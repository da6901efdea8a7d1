"""Ports of this machine: which are free, which answer."""

import socket

import pytest

from infra.local.ports import LOOPBACK, answers, free_port, is_free, left_alone


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


def test_no_port_is_given_twice() -> None:
    """Somebody who was given one may not have begun to listen yet."""
    given = [free_port() for _ in range(50)]
    for _ in range(50):
        port = free_port(with_next=True)
        given += [port, port + 1]
    assert len(set(given)) == len(given)


@pytest.mark.parametrize(
    ("kernels", "left"),
    [
        ((32_768, 60_999), range(11_000, 32_767)),
        ((1_024, 32_767), range(32_768, 65_535)),
        ((12_000, 65_535), range(11_000, 11_999)),
        ((1_024, 65_535), range(11_000, 65_535)),  # all are the kernel's: as good as any
    ],
)
def test_no_connection_is_given_a_port_that_is_kept_for_a_server(kernels, left) -> None:
    assert left_alone(*kernels) == left
