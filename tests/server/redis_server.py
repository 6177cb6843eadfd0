"""A Redis of a test's own, on loopback."""
import pathlib
import signal
import socket
import subprocess

from running import LONG, wait_until


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class RedisServer:
    """redis-server, whose files are in `place`. It can be paused and started again on the same port, and keeps nothing."""

    def __init__(self, place, password=""):
        self.place, self.password, self.port = pathlib.Path(place), password, free_port()
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    @property
    def url(self):
        return f"redis://:{self.password}@127.0.0.1:{self.port}" if self.password else f"redis://127.0.0.1:{self.port}"

    def start(self):
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.place)]
        if self.password:
            command += ["--requirepass", self.password]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_until(self.accepts, "redis-server to start")

    def accepts(self):
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self):
        self.process.kill()
        self.process.wait(LONG)

    def pause(self):
        """It accepts connections and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def ask(self, *words):
        """What it answers to a command, as text."""
        run = subprocess.run(["redis-cli", "-p", str(self.port), "--no-auth-warning", *(["-a", self.password] if self.password else []),
                              *words], capture_output=True, check=True, text=True, timeout=LONG)
        return run.stdout.strip()
