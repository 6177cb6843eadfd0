"""Programs under measurement, and the load on them."""
import contextlib
import json
import os
import pathlib
import resource
import socket
import statistics
import subprocess
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 60  # seconds: only to end a run that hangs


class Trouble(Exception):
    """The benchmark itself went wrong: its figures would mean nothing."""


def cores():
    return len(os.sched_getaffinity(0))


class Program:
    """A server process; its output goes to a file, as an operator would have it."""

    def __init__(self, command, folder, url=None, environment=None):
        self.log = pathlib.Path(folder) / (pathlib.Path(command[0]).name + ".log")
        self.started = time.perf_counter()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
        self.url = url
        self.answered_after_ms = None

    def address(self):
        """The address that the program announces in its first line."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            words = self.log.read_text().split()
            if words and words[-1].startswith("http://"):
                return words[-1]
            time.sleep(0.01)
        raise Trouble(f"{self.log.name}: the program does not start: {self.log.read_text()[-500:]}")

    def wait_for_answer(self):
        """Notes how many milliseconds lie between the start of the process and its first answer."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(self.url + "/health", timeout=PATIENCE) as answer:
                    answer.read()
                self.answered_after_ms = (time.perf_counter() - self.started) * 1000
                return
            time.sleep(0.0005)
        raise Trouble(f"the server does not answer: {self.log.read_text()[-500:]}")

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def finish_abandoned(self):
        """Waits until the server has done what clients that are gone had asked of it."""
        before = None
        while before != (before := self.cpu_seconds()):
            time.sleep(0.1)

    def resident_mb(self, part="VmRSS"):
        """All of it, or `RssAnon`, `RssFile`, `RssShmem`."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{part}:"):
                return int(line.split()[1]) / 1024
        raise Trouble("the server is gone")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Trouble("the server does not stop") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()


def busy_seconds():
    """Processor time that the machine has spent, on all cores and whatever for."""
    user, nice, system, _idle, _waiting, *interrupts = map(int, pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:8])
    return (user + nice + system + sum(interrupts)) / TICKS


def client_seconds():
    """Processor time of this program and of the load generators it has run."""
    return sum(sum(resource.getrusage(whose)[:2]) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_requests(path, requests):
    with path.open("wb") as file:
        for request in requests:
            file.write(b"%d\n" % len(request) + request)
    return path


def wrk(*arguments, **more):
    """One run of wrk. Every answer must be a 2xx, or there is no figure."""
    return finish_wrk(start_wrk(*arguments, **more))


def start_wrk(url, requests, seconds, connections, part="0:1", once=False):
    threads = max(1, cores() // 2)
    command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(HERE / "load.lua"),
               url, "--", str(requests), str(threads), part, "1" if once else "0"]
    return requests, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish_wrk(started):
    requests, process = started
    output, errors = process.communicate()
    if process.returncode != 0 or not output.strip().startswith(("Running", "{")):
        raise Trouble(f"wrk failed: {output}{errors}")
    result = json.loads(output.strip().splitlines()[-1])
    if result["refused"]:
        raise Trouble(f"{requests.stem}: {result['refused']} answers of {result['requests']} were no 2xx, the first: "
                      f"{result['first_refusal']}")
    if result["broken"]:
        raise Trouble(f"{requests.stem}: {result['broken']} connections broke or timed out")
    if result["used_up"]:
        raise Trouble(f"{requests.stem}: all requests were used up before the time was over; measure shorter")
    if not result["requests"]:
        raise Trouble(f"{requests.stem}: nothing was answered")
    return result


def fsync_ms(folder):
    """What a write of 4 KiB with fdatasync takes on the disk of the folder: the median of many."""
    path = pathlib.Path(folder) / "fsync.probe"
    times = []
    with path.open("wb") as file:
        for _ in range(100):
            file.seek(0)
            file.write(os.urandom(4096))
            file.flush()
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - begin) * 1000)
    path.unlink()
    return statistics.median(times)
