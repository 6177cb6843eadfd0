"""A real lms-server for tests: its school and the tokens of its people, its process, and a strict reader of its answers."""
import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import re
import secrets
import socket
import subprocess
import time

KEY = "a-key-for-these-tests-and-no-other-ones"
LONG = 120  # seconds: only to end a test that hangs
PASSWORD = "learn-by-doing"  # of everybody in a demo school
QUICK_HASHES = {"ARGON2_MEMORY_KIB": "64", "ARGON2_ITERATIONS": "1"}


def wait_until(condition, what):
    end = time.monotonic() + LONG
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for: {what}")
        time.sleep(0.01)


def token(person, role):
    """What a login would give, without the time it takes."""
    now = int(time.time())
    claims = {"sub": person, "role": role, "jti": secrets.token_urlsafe(16), "typ": "access", "iat": now, "exp": now + 900}
    encode = lambda part: base64.urlsafe_b64encode(part).rstrip(b"=")
    parts = {"alg": "HS256", "typ": "JWT"}, claims
    text = b".".join(encode(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return (text + b"." + encode(hmac.digest(KEY.encode(), text, hashlib.sha256))).decode()


class School:
    """A demo school in `place`/school.db. Students are in the first half of its courses, each of `lessons` lessons."""

    def __init__(self, program, place, users=40, courses=8, lessons=6):
        self.place = pathlib.Path(place)
        subprocess.run([program, "demo", "--users", str(users), "--courses", str(courses), "--lessons", str(lessons),
                        "--questions", "2", "--export", "export"], cwd=place, env=environment(), check=True,
                       capture_output=True, timeout=LONG)
        rows = lambda name: [line.split("\t") for line in (self.place / "export" / name).read_text().splitlines()]
        people = [(user, role) for _, _, user, role in rows("users.txt")]
        of_role = lambda wanted: [user for user, role in people if role == wanted]
        self.students, self.instructors, self.admins = map(of_role, ("student", "instructor", "admin"))
        self.tokens = {user: token(user, role) for user, role in people}
        self.courses_open = [course for course, in rows("courses_open.txt")]
        self.courses = [course for course, in rows("courses.txt")]
        self.lessons = [lesson for lesson, in rows("lessons.txt")]


def environment(**settings):
    return {"PATH": os.environ["PATH"], "SECRET_KEY": KEY, "DATABASE_URL": "sqlite:///school.db", "PORT": "0",
            "RATE_LIMIT_ENABLED": "false", "LOG_FORMAT": "text", **QUICK_HASHES, **settings}


class Server:
    """lms-server in `place`, whose log goes to the file `log`, or to `place`/log."""

    def __init__(self, program, place, log=None, **settings):
        self.log_file = pathlib.Path(log or pathlib.Path(place) / "log")
        before = self.log_file.stat().st_size if self.log_file.exists() else 0
        with open(self.log_file, "ab") as file:
            self.process = subprocess.Popen([program, "serve"], cwd=place, env=environment(**settings), stdout=file,
                                            stderr=file)
        try:
            wait_until(lambda: not self.alive() or self.announcement(before), "the server to start")
            self.port = int(self.announcement(before)[1])
        except (AssertionError, TypeError):
            self.kill()
            raise AssertionError("the server did not start:\n" + self.log()[-2000:]) from None

    def announcement(self, offset):
        return re.search(r"listen(?:s|ing)\b.*?\bhttp://127\.0\.0\.1:(\d+)\b.*\n", self.log()[offset:])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def kill(self):
        """As `kill -9` does."""
        self.process.kill()
        self.process.wait(LONG)

    def log(self):
        return self.log_file.read_text(errors="replace")

    def connect(self, small_window=False):
        client = socket.socket()
        client.settimeout(LONG)
        if small_window:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            client.connect(("127.0.0.1", self.port))
        except OSError:
            client.close()
            raise
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def api(self, timeout=LONG):
        return Api(self.port, timeout)

    def descriptors(self):
        """Of sockets and all else but the connections to the database, which are kept."""
        names = []
        for number in os.listdir(f"/proc/{self.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                names.append(os.readlink(f"/proc/{self.pid}/fd/{number}"))
        return sum(not re.search(r"school\.db(-wal|-shm)?$", name) for name in names)

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


class Api:
    """One client of the API on one connection."""

    def __init__(self, port, timeout):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def call(self, method, path, bearer=None, body=None):
        """The status, the headers and the JSON of an answer."""
        headers = {"Authorization": "Bearer " + bearer} if bearer else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        self.connection.request(method, "/api/v1" + path, None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, answer.headers, json.loads(text) if text else None


class Malformed(AssertionError):
    pass


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Answers:
    """Reads HTTP/1.1 answers off a socket and takes no liberties."""
    STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) [ -~]*\Z")
    HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([ -~\t\x80-\xff]*?)[ \t]*\Z")
    LONGEST_HEAD = 64 * 1024

    def __init__(self, client):
        self.client = client
        self.buffer = b""
        self.ended = False
        self.reset = False

    def more(self):
        try:
            piece = self.client.recv(256 * 1024)
        except (ConnectionResetError, BrokenPipeError):
            self.reset, piece = True, b""
        self.buffer += piece
        self.ended = not piece
        return not self.ended

    def take(self, size):
        while len(self.buffer) < size and not self.ended:
            self.more()
        if len(self.buffer) < size:
            return None
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def line(self):
        while b"\r\n" not in self.buffer:
            if len(self.buffer) > self.LONGEST_HEAD:
                raise Malformed(f"no line: {self.buffer[:200]}")
            if not self.more():
                break
        line, found, rest = self.buffer.partition(b"\r\n")
        if not found:
            return None
        self.buffer = rest
        return line

    def next(self, head=False):
        """The next answer, those with 100 included; None once the connection is closed. `head`: it has no body."""
        while not self.buffer and not self.ended:
            self.more()
        if not self.buffer:
            return None
        try:
            return self.read(head)
        except Malformed:
            if self.reset:  # broken off, and seen to be
                return None
            raise

    def read(self, head):
        first = self.line()
        status = self.STATUS_LINE.match(first or b"")
        if not status:
            raise Malformed(f"no status line: {(first or self.buffer)[:200]}")
        headers = {}
        while line := self.line():
            header = self.HEADER.match(line)
            if not header:
                raise Malformed(f"no header: {line[:200]}")
            name = header[1].decode().lower()
            if name in headers and name in ("content-length", "transfer-encoding", "content-type", "connection"):
                raise Malformed(f"{name} twice")
            headers[name] = header[2].decode("latin-1")
        if line is None:
            raise Malformed("a head without end")
        answer = Answer(int(status[1]), headers, b"")
        if head or answer.status < 200 or answer.status in (204, 304):
            return answer
        if "transfer-encoding" in headers:
            answer.body = self.chunks(headers["transfer-encoding"])
        elif not re.fullmatch(r"\d+", headers.get("content-length", "")):
            raise Malformed(f"a body without length: {headers}")
        else:
            answer.body = self.take(int(headers["content-length"]))
        if answer.body is None:
            raise Malformed("a body broken off")
        return answer

    def chunks(self, coding):
        if coding != "chunked":
            raise Malformed(f"the coding {coding}")
        body = b""
        while size := int(self.line() or "", 16):
            body += self.take(size) or b""
            if self.line() != b"":
                raise Malformed("a chunk without end")
        if self.line() != b"":
            raise Malformed("chunks without end")
        return body

    def all(self):
        """Every answer until the connection is closed."""
        return list(iter(self.next, None))
