"""What the command `app` does beside starting Streamlit."""

from __future__ import annotations

import socket

from lsr.cli.app import send_at_once


def delayed(port: int, listening: socket.socket) -> bool:
    """Whether a connection's small messages wait for the answers to earlier ones."""
    with socket.create_connection(("127.0.0.1", port)):
        here, _ = listening.accept()
        with here:
            return here.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0


def test_connections_to_the_server_of_the_port_send_at_once_and_others_stay():
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        ports = one.getsockname()[1], other.getsockname()[1]
        assert delayed(ports[0], one)
        send_at_once(ports[0])
        assert not delayed(ports[0], one)
        assert delayed(ports[1], other)
