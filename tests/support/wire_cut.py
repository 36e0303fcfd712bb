"""A TCP proxy that can be cut: it stops forwarding and keeps the connections open, as a network does that drops packets."""

from __future__ import annotations

import selectors
import socket
import threading


class Cut:
    """Forwards connections to an address; between `cut()` and `mend()` it forwards nothing."""

    def __init__(self, address: str):
        host, port = address.removeprefix("tcp://").rsplit(":", 1)
        self.target = (host, int(port))
        self.server = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self.server.getsockname()[1]}"
        self.flowing = threading.Event()
        self.flowing.set()
        self.ended = False
        self.sockets = [self.server]
        self.held_back = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while not self.ended:
            try:
                here, _ = self.server.accept()
            except OSError:
                return
            try:
                there = socket.create_connection(self.target)
            except OSError:
                # nobody is there any more: whoever connects learns it at once, as without a proxy
                here.close()
                continue
            self.sockets += [here, there]
            for pair in ((here, there), (there, here)):
                threading.Thread(target=self._forward, args=pair, daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        selector = selectors.DefaultSelector()
        try:
            selector.register(source, selectors.EVENT_READ)
            while True:
                selector.select()
                if not self.flowing.is_set():
                    # somebody sent something that has to wait
                    self.held_back += 1
                    self.flowing.wait()
                data = source.recv(1 << 16)
                if not data:
                    break
                sink.sendall(data)
        except (OSError, ValueError):
            # a closed socket has no descriptor to wait for
            pass
        finally:
            for each in (source, sink):
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def cut(self) -> None:
        self.flowing.clear()

    def mend(self) -> None:
        self.flowing.set()

    def close(self) -> None:
        self.ended = True
        self.flowing.set()
        for each in self.sockets:
            each.close()
