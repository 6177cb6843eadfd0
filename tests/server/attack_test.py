#!/usr/bin/env python3
"""attack_test.py LMS_SERVER   Attacks the real program as a hostile client would, over TCP. Throughout, another client asks
whether it is well and reads from its API, and every answer has to come in time; after each attack the program holds no more
than before it."""
import concurrent.futures
import contextlib
import json
import os
import random
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import running
from running import Answers, Malformed, wait_until

PROGRAM = os.path.abspath(sys.argv.pop(1))
WITHIN = 1.0  # seconds for every answer to the other client; a few milliseconds are usual, 0.1 on a busy machine
MOST_MIB = 200  # of resident memory
CONNECTIONS = 1_000
HOSTILE_REQUESTS = 10_000
SEED = 20260801
# Short, so that nobody waits long for what is too slow.
SETTINGS = {"REQUEST_TIMEOUT_SECONDS": "2", "IDLE_TIMEOUT_SECONDS": "2", "MAX_CONNECTIONS": str(CONNECTIONS + 100),
            "LOG_FORMAT": "json"}
SCRIPT = "/docs/assets/swagger-ui-bundle.js"  # 1.7 MB; a build without npm leaves it out


def watch(port, path, bearer):
    """The other client, a process of its own: asks until its input ends, and at each line of it tells how that went."""
    def fresh():
        return {"answers": 0, "slowest": 0.0, "faults": []}

    told = fresh()
    asks = [(running.Api(port, running.LONG), target, key) for target, key in (("/health", None), (path, bearer))]
    while True:
        for api, target, key in asks:
            start = time.monotonic()
            try:
                status = api.call("GET", target, key)[0]
            except OSError as error:
                status = repr(error)
            if status != 200:
                told["faults"].append(f"GET {target}: {status}")
            told["answers"] += 1
            told["slowest"] = max(told["slowest"], time.monotonic() - start)
        if select.select([sys.stdin], [], [], 0.01)[0]:
            if not sys.stdin.readline():
                return
            print(json.dumps(told), flush=True)
            told = fresh()


class OtherClient:
    def __init__(self, port, path, bearer):
        self.process = subprocess.Popen([sys.executable, __file__, PROGRAM, "--watch", str(port), path, bearer],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self):
        """How it went since it was asked last."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], running.LONG)[0]:
            raise AssertionError("the other client has no answer")
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        self.process.wait(running.LONG)
        self.process.stdout.close()


def request(method, target, *headers, body=b"", version="HTTP/1.1"):
    head = [f"{method} {target} {version}", "Host: school.example", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def reset(client):
    """Closes as a client that crashed."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


class Attacks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)), hard))
        place = tempfile.TemporaryDirectory()
        cls.addClassCleanup(place.cleanup)
        cls.school = running.School(PROGRAM, place.name)
        cls.student, cls.teacher = cls.school.students[0], cls.school.instructors[0]
        cls.bearer = "Authorization: Bearer " + cls.school.tokens[cls.student]
        cls.server = running.Server(PROGRAM, place.name, **SETTINGS)
        cls.addClassCleanup(cls.server.kill)
        cls.other = OtherClient(cls.server.port, "/enrollments", cls.school.tokens[cls.school.students[1]])
        cls.addClassCleanup(cls.other.end)
        cls.other.tell()
        with cls.server.connect() as client:
            client.sendall(request("HEAD", SCRIPT))
            cls.largest_page = SCRIPT if Answers(client).next(head=True).status == 200 else "/openapi.json"
        cls.base = cls.server.descriptors()

    def setUp(self):
        self.other.tell()

    def tearDown(self):
        told = self.other.tell()
        print(f"\n  the other client: {told['answers']} answers, the slowest after {told['slowest']:.3f} s; "
              f"{self.server.resident_mib():.0f} MiB", flush=True)
        self.assertTrue(self.server.alive(), "the server has ended:\n" + self.server.log()[-3000:])
        self.assertEqual(told["faults"], [])
        self.assertGreater(told["answers"], 0)
        self.assertLess(told["slowest"], WITHIN)
        self.assertLess(self.server.resident_mib(), MOST_MIB)
        wait_until(lambda: self.server.descriptors() <= self.base, "every connection to be closed")

    def exchange(self, *pieces):
        """Every answer to what is sent, and then the end."""
        with self.server.connect() as client:
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):  # it may be refused before all is sent
                for piece in pieces:
                    client.sendall(piece)
                client.shutdown(socket.SHUT_WR)
            return Answers(client).all()

    def statuses(self, *pieces):
        return [answer.status for answer in self.exchange(*pieces)]

    def logged_paths(self):
        return [json.loads(line).get("path") for line in self.server.log().splitlines()]

    # --- what a single request can be ---

    def test_slash_flood(self):
        for path, status in (("/" * 8000, 404), ("/" * 30_000, 414), ("/api/v1" + "/" * 8000, 404), ("/%2f" * 2000, 404),
                             ("/.." * 2500, 404), ("/" + "a/" * 4000, 404), ("/api/v1/courses?" + "&" * 8000, 200),
                             ("/api/v1/courses?" + "q=&" * 200, 422)):
            with self.subTest(path[:20], length=len(path)):
                self.assertEqual(self.statuses(request("GET", path, "Connection: close")), [status])
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            flood = request("GET", "/" * 8000) * 20 + request("GET", "/health", "Connection: close")
            for statuses in pool.map(lambda _: self.statuses(flood), range(50)):
                self.assertEqual(statuses, [404] * 20 + [200])

    def test_chunked_body_split_at_every_byte(self):
        body = b'{"progress_percent": 10, "time_spent_seconds": 1}'
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:1], body[1:20], body[20:])) + b"0\r\n\r\n"
        whole = request("PUT", f"/api/v1/lessons/{self.school.lessons[0]}/progress", self.bearer,
                        "Content-Type: application/json", "Transfer-Encoding: chunked", "Connection: close", body=chunks)

        def split(at):
            with self.server.connect() as client:
                client.sendall(whole[:at])
                time.sleep(0.002)  # else the server may see both parts at once; the answer is the same
                client.sendall(whole[at:])
                return [answer.status for answer in Answers(client).all()]

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            self.assertEqual(list(pool.map(split, range(1, len(whole)))), [[200]] * (len(whole) - 1))
        self.assertEqual(self.statuses(*(bytes([byte]) for byte in whole)), [200])

    def test_pipelining(self):
        courses = self.school.courses
        asked = [courses[number % len(courses)] for number in range(1_000)]
        answers = self.exchange(b"".join(request("GET", f"/api/v1/courses/{course}") for course in asked))
        self.assertEqual([answer.json()["id"] for answer in answers], asked)

        # Writes and reads of different threads, in the order they came.
        mixed = []
        for number in range(50):
            report = json.dumps({"progress_percent": number}).encode()
            mixed += [request("PUT", f"/api/v1/lessons/{self.school.lessons[1]}/progress", self.bearer,
                              "Content-Type: application/json", f"Content-Length: {len(report)}", body=report),
                      request("GET", "/health"), request("GET", "/nowhere")]
        self.assertEqual(self.statuses(b"".join(mixed)), [200, 200, 404] * 50)

        # Many at once, each with work for a while.
        greedy = self.many(150, request("GET", "/api/v1/courses") * 30)
        for client in greedy:
            client.shutdown(socket.SHUT_WR)
        self.assertEqual({tuple(answer.status for answer in Answers(client).all()) for client in greedy}, {(200,) * 30})

        def impatient(_):
            with self.server.connect(small_window=True) as client:
                client.setblocking(False)
                flood = request("GET", "/api/v1/courses") * 100
                end = time.monotonic() + 1
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    while time.monotonic() < end:
                        client.send(flood)
                reset(client)

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(impatient, range(64)))

    # What a front behind a careless proxy could take for one request more. Each is refused, and what follows is not read.
    SMUGGLING = {
        "Content-Length, then Transfer-Encoding": (b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        "Transfer-Encoding, then Content-Length": (b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400),
        "two lengths": (b"Content-Length: 0\r\nContent-Length: 40\r\n\r\n", 400),
        "one length twice": (b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400),
        "a list of lengths": (b"Content-Length: 0, 0\r\n\r\n", 400),
        "a length with a sign": (b"Content-Length: +0\r\n\r\n", 400),
        "a negative length": (b"Content-Length: -1\r\n\r\n", 400),
        "a length in hex": (b"Content-Length: 0x0\r\n\r\n", 400),
        "a length with a blank in it": (b"Content-Length: 0 0\r\n\r\n", 400),
        "an empty length": (b"Content-Length:\r\n\r\n", 400),
        "a length beyond 64 bits": (b"Content-Length: 18446744073709551616\r\n\r\n", 400),
        "two codings": (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400),
        "the coding xchunked": (b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
        "the coding identity": (b"Transfer-Encoding: identity\r\n\r\n", 501),
        "chunked, but not last": (b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", (400, 501)),
        "chunked after another": (b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", (400, 501)),
        "a quoted coding": (b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n', (400, 501)),
        "a coding after a vertical tab": (b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", (400, 501)),
        "no coding": (b"Transfer-Encoding:\r\n\r\n", (400, 501)),
        "a folded header": (b"X: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        "a coding in a folded line": (b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
        "a blank before the colon": (b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
        "a length with a blank before the colon": (b"Content-Length : 40\r\n\r\n", 400),
        "a tab before the colon": (b"Content-Length\t: 40\r\n\r\n", 400),
        "a header without a name": (b": chunked\r\n\r\n", 400),
        "a line without a colon": (b"Transfer-Encoding chunked\r\n\r\n", 400),
        "a NUL in a name": (b"Content\0-Length: 40\r\n\r\n", 400),
        "a NUL in a value": (b"X: a\0b\r\n\r\n", 400),
        "a bare line feed": (b"X: a\nContent-Length: 40\r\n\r\n", 400),
        "a bare carriage return": (b"X: a\rContent-Length: 40\r\n\r\n", 400),
        "a head that ends with bare line feeds": (b"X: a\n\n", 400),
        "a letter that is not ASCII in a name": (b"Tr\xc3\xa4nsfer-Encoding: chunked\r\n\r\n", 400),
        "two hosts": (b"Host: other.example\r\n\r\n", 400),
        "a chunk size beyond 64 bits": (b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n", 400),
        "a chunk size of many digits": (b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n", (400, 413)),
        "the largest chunk size": (b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", (400, 413)),
        "a chunk size with a sign": (b"Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n", 400),
        "a chunk size with 0x": (b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n", 400),
        "a chunk size with a blank before it": (b"Transfer-Encoding: chunked\r\n\r\n 0\r\n\r\n", 400),
        "no chunk size": (b"Transfer-Encoding: chunked\r\n\r\n\r\n", 400),
        "a chunk longer than its size": (b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", 400),
        "a chunk that ends with a bare line feed": (b"Transfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n", 400),
        "a bare line feed after a chunk's size": (b"Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", 400),
        "a line feed in a chunk's extension": (b"Transfer-Encoding: chunked\r\n\r\n0;a\nb\r\n\r\n", 400),
        "a carriage return in a chunk's extension": (b"Transfer-Encoding: chunked\r\n\r\n0;a\rb\r\n\r\n", 400),
    }

    def test_smuggling(self):
        self.assertEqual(self.statuses(request("GET", "/seen-in-the-log")), [404])
        marks = {}
        for number, (name, (rest, status)) in enumerate(self.SMUGGLING.items()):
            for method in ("GET", "POST"):
                marks[name, method] = mark = f"/smuggled-{number}-{method.lower()}"
                smuggled = request("GET", mark)
                start = f"{method} /api/v1/courses HTTP/1.1\r\nHost: a\r\n".encode()
                with self.subTest(name, method=method):
                    whole, late = [start + rest + smuggled], [start + rest[:-1], rest[-1:] + smuggled]
                    for pieces in (whole, [start, rest, smuggled], late):
                        statuses = self.statuses(*pieces)
                        self.assertEqual(len(statuses), 1, statuses)
                        self.assertIn(statuses[0], status if isinstance(status, tuple) else (status,))
        for line in (b"GET /a b HTTP/1.1", b"GET  /a HTTP/1.1", b"GET /a\tHTTP/1.1", b"GET /a HTTP/1.1 ", b"GET /a",
                     b"GET /a HTTP/2.0", b"GET /a HTTP/1.1\x0b", b"GET /a http/1.1", b"GET /a\0 HTTP/1.1", b" GET /a HTTP/1.1",
                     b"GET a HTTP/1.1",
                     b"GET http:///a HTTP/1.1", b"GET /a#b HTTP/1.1", b"PRI * HTTP/2.0", b"CONNECT a:80 HTTP/1.1"):
            with self.subTest(line):
                answers = self.exchange(line + b"\r\nHost: a\r\n\r\n" + request("GET", "/smuggled-line"))
                self.assertEqual([answer.status // 100 in (4, 5) for answer in answers], [True], answers)

        # Here the marked request is data, or an answer of its own is due to it; either way it is seen once at most.
        hidden = request("GET", "/smuggled-data")
        line = hidden.partition(b"\r\n")[0]
        for rest in (b"Content-Length: %d\r\n\r\n%b" % (len(hidden), hidden),
                     b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(hidden), hidden),
                     b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + line + b"\r\n\r\n",
                     b"Transfer-Encoding: chunked\r\n\r\n0;x=" + line.replace(b" ", b"_") + b"\r\n\r\n"):
            with self.subTest(rest[:40]):
                answers = self.exchange(b"POST /api/v1/courses HTTP/1.1\r\nHost: a\r\n" + rest)
                self.assertEqual(len(answers), 1)
                self.assertNotIn(b"smuggled", answers[0].body)

        paths = self.logged_paths()
        self.assertIn("/seen-in-the-log", paths)
        self.assertEqual([path for path in paths if path and "smuggled" in path], [])
        self.assertNotIn("smuggled", self.server.log())

    def test_expect_100_continue(self):
        target, json_type = f"/api/v1/lessons/{self.school.lessons[2]}/progress", "Content-Type: application/json"
        body = b'{"progress_percent": 5}'
        length = f"Content-Length: {len(body)}"
        asking = request("PUT", target, self.bearer, json_type, length, "Expect: 100-continue")
        with self.server.connect() as client:  # it waits
            answers = Answers(client)
            for _ in range(2):
                client.sendall(asking)
                self.assertEqual(answers.next().status, 100)
                client.sendall(body)
                self.assertEqual(answers.next().status, 200)
        self.assertIn(self.statuses(asking + body), ([100, 200], [200]))  # it does not wait
        self.assertEqual(self.statuses(request("GET", "/health", "Expect: 100-continue")), [200])
        for wish in ("Expect: a-miracle", "Expect: 100-continue, a-miracle", "Expect: 100-continue\r\nExpect: 100-continue"):
            wishing = request("PUT", target, length, wish, body=body)
            self.assertEqual(self.statuses(wishing + request("GET", "/smuggled-wish")), [417])
        too_long = request("PUT", target, self.bearer, json_type, f"Content-Length: {1 << 40}", "Expect: 100-continue")
        self.assertEqual(self.statuses(too_long), [413])
        old = request("PUT", target, self.bearer, json_type, length, "Expect: 100-continue", body=body, version="HTTP/1.0")
        self.assertEqual(self.statuses(old), [200])

        def never_comes(_):
            with self.server.connect() as client:
                client.sendall(asking)
                return [answer.status for answer in Answers(client).all()]

        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            self.assertEqual(list(pool.map(never_comes, range(50))), [[100, 408]] * 50)

    def test_head(self):
        for path in ("/health", "/openapi.json", self.largest_page, "/nowhere", "/api/v1/courses", "/api/v1/users/me",
                     "/" * 9000):
            with self.subTest(path[:20]), self.server.connect() as client:
                client.sendall(request("GET", path, "Connection: close"))
                got = Answers(client).next()
                with self.server.connect() as other:
                    other.sendall(request("HEAD", path))
                    answers = Answers(other)
                    head = answers.next(head=True)
                    self.assertEqual(head.status, got.status)
                    if got.status == 200:
                        self.assertEqual(head.headers["content-length"], str(len(got.body)))
                        other.sendall(request("GET", "/health"))  # were there a body, this would be in the middle of it
                        self.assertEqual(answers.next().json(), {"status": "healthy"})
        with self.server.connect() as client:
            client.sendall(request("HEAD", "/health") * 100 + request("GET", "/health", "Connection: close"))
            answers = Answers(client)
            self.assertEqual({answers.next(head=True).status for _ in range(100)}, {200})
            self.assertEqual([answer.status for answer in answers.all()], [200])

    # --- clients that take their time ---

    def many(self, count, start):
        """So many connections, each with its beginning sent."""
        clients = [self.server.connect() for _ in range(count)]
        self.addCleanup(lambda: [client.close() for client in clients])
        for client in clients:
            client.sendall(start)
        return clients

    def trickle(self, clients, byte):
        """Sends one byte after another on each until it is closed; returns the answers."""
        left = {client.fileno(): client for client in clients}
        end = time.monotonic() + running.LONG
        while left:
            self.assertLess(time.monotonic(), end, "connections stay open")
            ready = select.poll()
            for number in left:
                ready.register(number, select.POLLIN)
            for number, _ in ready.poll(50):
                del left[number]
            for client in list(left.values()):
                with contextlib.suppress(ConnectionError):
                    client.send(byte)
        return [[answer.status for answer in Answers(client).all()] for client in clients]

    def test_slow_headers(self):
        for start, byte in ((b"GET /health HTT", b"P"), (b"GET /health HTTP/1.1\r\nHost: a\r\nX: ", b"y"), (b"G", b"E")):
            with self.subTest(start):
                for statuses in self.trickle(self.many(100, start), byte):
                    self.assertIn(statuses, ([408], [400], [501]))
        silent = self.many(100, b"GET /health HTTP/1.1\r\nHost: a\r\n")
        self.assertEqual([Answers(client).next().status for client in silent], [408] * 100)

    def test_slow_bodies(self):
        start = request("PUT", f"/api/v1/lessons/{self.school.lessons[0]}/progress", self.bearer,
                        "Content-Type: application/json", "Content-Length: 100000")
        self.assertEqual(self.trickle(self.many(100, start), b" "), [[408]] * 100)
        chunked = request("PUT", f"/api/v1/lessons/{self.school.lessons[0]}/progress", self.bearer,
                          "Content-Type: application/json", "Transfer-Encoding: chunked", body=b"fff\r\n")
        self.assertEqual(self.trickle(self.many(100, chunked), b" "), [[408]] * 100)
        silent = self.many(100, start)
        self.assertEqual([Answers(client).next().status for client in silent], [408] * 100)

    def test_slow_readers(self):
        def reads_nothing(path):
            client = self.server.connect(small_window=True)
            client.sendall(request("GET", path) * 20)
            return client

        clients = [reads_nothing(path) for path in (self.largest_page, "/openapi.json", "/api/v1/courses") for _ in range(100)]
        self.addCleanup(lambda: [client.close() for client in clients])
        most = 0
        # All are let in, and then cut off, for they take nothing.
        wait_until(lambda: self.server.descriptors() > self.base, "clients to be let in")
        while self.server.descriptors() > self.base:
            most = max(most, self.server.resident_mib())
            time.sleep(0.05)
        print(f"\n  {len(clients)} slow readers: {most:.0f} MiB at most")
        self.assertLess(most, MOST_MIB)

        # Who reads a little all the time gets all of it.
        with self.server.connect(small_window=True) as client:
            client.sendall(request("GET", "/openapi.json", "Connection: close"))
            answers = Answers(client)
            while answers.more() and len(answers.buffer) < 50_000:
                time.sleep(0.001)
            self.assertEqual([answer.status for answer in answers.all()], [200])

    def test_half_open_clients(self):
        clients = self.many(200, b"") + self.many(200, b"POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-")
        for client in clients[::4]:  # they will say no more, but listen
            client.shutdown(socket.SHUT_WR)
        wait_until(lambda: self.server.descriptors() <= self.base, "the silent to be closed")
        for client in clients:
            self.assertIn([answer.status for answer in Answers(client).all()], ([], [408]))
        # One who has said all and listens is answered.
        self.assertEqual(self.exchange(request("GET", "/health"))[0].status, 200)
        for part in (b"", b"GET", request("GET", self.largest_page), request("GET", "/api/v1/courses")):
            for _ in range(100):
                client = self.server.connect()
                client.sendall(part)
                reset(client)

    # --- many clients ---

    def test_a_thousand_connections(self):
        self.assertGreater(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 3 * CONNECTIONS)
        clients = self.many(CONNECTIONS, request("GET", "/api/v1/courses"))
        answers = [Answers(client) for client in clients]
        self.assertEqual({answer.next().status for answer in answers}, {200})
        for client in reversed(clients):
            client.sendall(request("GET", "/health"))
        self.assertEqual({answer.next().status for answer in reversed(answers)}, {200})
        beyond = [self.server.connect() for _ in range(150)]
        self.addCleanup(lambda: [client.close() for client in beyond])
        told = select.poll()
        for client in beyond:
            told.register(client, select.POLLIN)
        refused = {number for number, _ in told.poll(1000 * running.LONG)}
        self.assertEqual({Answers(client).next().status for client in beyond if client.fileno() in refused}, {503})
        for client in clients:
            reset(client)

    def test_aborted_downloads(self):
        def aborts(number):
            with self.server.connect(small_window=number % 2 == 0) as client:
                client.sendall(request("GET", (self.largest_page, "/openapi.json", "/api/v1/courses")[number % 3]))
                client.recv(1 + number * 37)
                reset(client)

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(aborts, range(600)))

    def test_aborted_uploads(self):
        teacher = "Authorization: Bearer " + self.school.tokens[self.teacher]
        size = 15 * 1024 * 1024
        start = request("POST", "/api/v1/courses/import", teacher, "Content-Type: application/json", f"Content-Length: {size}")

        def aborts(number):
            client = self.server.connect()
            with contextlib.suppress(ConnectionError):
                client.sendall(start + b" " * (number * 2_000))
                if number % 2:
                    client.shutdown(socket.SHUT_WR)
            reset(client)

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(aborts, range(300)))
        with self.server.connect() as client:  # too large: refused at once, though it goes on sending
            client.sendall(request("POST", "/api/v1/courses/import", teacher, "Content-Type: application/json",
                                   f"Content-Length: {1 << 30}"))
            with contextlib.suppress(ConnectionError):
                client.sendall(b" " * 1_000_000)
            self.assertEqual(Answers(client).next().status, 413)

    def test_sigterm_under_load(self):
        with tempfile.TemporaryDirectory() as place:
            school = running.School(PROGRAM, place)
            with running.Server(PROGRAM, place, **SETTINGS | {"SHUTDOWN_TIMEOUT_SECONDS": "20"}) as server:
                acknowledged, faults, begun = [], [], threading.Event()

                def client(student):
                    bearer, count = "Authorization: Bearer " + school.tokens[student], 0
                    while True:
                        count += 1
                        report = json.dumps({"position_seconds": count, "progress_percent": 1}).encode()
                        try:
                            with server.connect() as connection:
                                answers = Answers(connection)
                                for _ in range(20):
                                    connection.sendall(request(
                                        "PUT", f"/api/v1/lessons/{school.lessons[0]}/progress", bearer,
                                        "Content-Type: application/json", f"Content-Length: {len(report)}", body=report))
                                    answer = answers.next()
                                    if answer is None:
                                        break
                                    if answer.status != 200:
                                        faults.append(f"{answer.status} {answer.body}")
                                    acknowledged.append(student)
                                    begun.set()
                        except ConnectionError:  # it has stopped listening
                            return
                        except Malformed as fault:
                            faults.append(str(fault))
                            return

                clients = [threading.Thread(target=client, args=[student]) for student in school.students[:16]]
                for thread in clients:
                    thread.start()
                self.assertTrue(begun.wait(running.LONG))
                wait_until(lambda: len(acknowledged) > 200, "the load")
                server.process.send_signal(signal.SIGTERM)
                self.assertEqual(server.process.wait(running.LONG), 0)
                for thread in clients:
                    thread.join(running.LONG)
                self.assertEqual(faults, [])
                self.assertIn("stopped", server.log())
                self.assertNotIn("cut off", server.log())

    # --- everything at once ---

    def templates(self):
        """Requests that are good, of each kind. None of them ends what the other client lives on."""
        student, teacher = self.bearer, "Authorization: Bearer " + self.school.tokens[self.teacher]
        made = []

        def add(method, path, *headers, body=None):
            if body is None:
                return made.append(request(method, path, *headers))
            text = json.dumps(body).encode()
            made.append(request(method, path, *headers, "Content-Type: application/json", f"Content-Length: {len(text)}",
                                body=text))

        course, lesson = self.school.courses_open[0], self.school.lessons[3]
        add("GET", "/health")
        add("GET", "/docs")
        add("GET", "/api/v1/courses?q=a&page=1&page_size=5")
        add("GET", f"/api/v1/courses/{course}", student)
        add("GET", f"/api/v1/courses/{course}/lessons", student, "Accept: application/json", "Accept-Language: de, en;q=0.5")
        add("GET", "/api/v1/enrollments", student, "If-None-Match: \"a\", W/\"b\"")
        add("GET", "/api/v1/events?after=0", student)
        add("GET", "/api/v1/certificates/verify/ABC-DEF")
        add("OPTIONS", "/api/v1/courses", "Origin: http://a.example")
        add("POST", "/api/v1/auth/login", body={"email": "student000009@example.org", "password": "wrong words"})
        add("POST", "/api/v1/auth/register", body={"email": "new@example.org", "password": "a long one 17", "full_name": "A"})
        add("POST", "/api/v1/auth/refresh", body={"refresh_token": "a.b.c"})
        add("POST", "/api/v1/enrollments", student, body={"course_id": course})
        add("PUT", f"/api/v1/lessons/{lesson}/progress", student, body={"progress_percent": 50, "completed": False})
        add("PATCH", "/api/v1/users/me", student, body={"bio": "\u0000\ud83d\ude00 none", "timezone": "Europe/Madrid"})
        add("POST", "/api/v1/courses", teacher, body={"title": "Knots", "tags": ["a", "b"], "price_cents": 0})
        add("POST", "/api/v1/courses/import", teacher, body={"format": "lms-course", "version": 1, "course": {"title": "X"}})
        add("DELETE", f"/api/v1/courses/{course}", teacher)
        made.append(request("POST", "/api/v1/courses", teacher, "Content-Type: application/json", "Transfer-Encoding: chunked",
                            body=b"5\r\n{\"tit\r\n9;x=\"y\"\r\nle\": \"A\"}\r\n0\r\nX: y\r\n\r\n"))
        return made

    VALUES = [b"null", b"-1", b"1e400", b"99999999999999999999999", b'"' + b"a" * 5000 + b'"', b"[" * 64, b"{}", b"[]",
              b"true", b'"\\ud800"', b'"\xff\xfe"', b'"\xe2\x80\xae"', b"1.5", b'{"a":' * 40, b'"\\u0000"', b"NaN",
              b"\xef\xbb\xbf{}"]
    SNIPPETS = [b"\r", b"\n", b"\r\n", b"\0", b" ", b":", b"%", b"..", b"\x80" * 9, b""]
    METHODS = [b"BREW", b"get", b"PROPFIND", b"TRACE", b"CONNECT", b"A" * 100, b"DESCRIBE", b"M-SEARCH", b"\xff", b"PUT",
               b"DELETE"]
    PARTS = [b"X: " + b"a" * 40_000, b"\r\n".join(b"X%d: y" % i for i in range(150)), b"Host: b", b"Content-Length: 5",
             b"Transfer-Encoding: chunked", b"Expect: 100-continue", b"Connection: close",
             b"Connection: upgrade\r\nUpgrade: h2c", b"Cookie: " + b"a=b; " * 500, b"Range: bytes=0-1,5-", b"Date: never",
             b"Authorization: Bearer " + b"a" * 5000,
             b"Authorization: Basic YTpi", b"Accept: ;;;,q=", b"X-Forwarded-For: " + b"1," * 1000, b"X-Request-ID: \x7f\t{}",
             b"Content-Encoding: gzip", b"Content-Type: multipart/form-data", b"If-None-Match: \"" + b"," * 999, b" folded: x"]

    def hostile(self, rng, templates):
        """One piece of hostility, and in how many parts it is sent."""
        text = bytearray(rng.choice(templates))
        kind = rng.randrange(10)
        if kind == 0:
            text = bytearray(rng.randbytes(rng.randrange(1, 2_000)))
        elif kind == 1:  # bytes that are others
            for _ in range(rng.randrange(1, 8)):
                text[rng.randrange(len(text))] = rng.choice((0, 10, 13, 32, 58, 255, rng.randrange(256)))
        elif kind == 2:  # bytes too many or too few
            for _ in range(rng.randrange(1, 5)):
                at = rng.randrange(len(text))
                text[at:at + rng.randrange(2)] = rng.choice(self.SNIPPETS)
        elif kind == 3:  # broken off
            del text[rng.randrange(len(text)):]
        elif kind == 4:  # one header more
            at = text.index(b"\r\n") + 2
            text[at:at] = rng.choice(self.PARTS) + b"\r\n"
        elif kind == 5:  # another method
            text[:text.index(b" ")] = rng.choice(self.METHODS)
        elif kind == 6:  # another path
            start = text.index(b" ") + 1
            end = text.index(b" ", start)
            path = bytes(text[start:end])
            text[start:end] = rng.choice((path + b"/" * rng.randrange(9_000), path + b"?" + b"a=b&" * rng.randrange(300),
                                          path + b"%", path + b"%00", path + b"/../..", b"*", b"http://a.example" + path,
                                          path + b"?q=%FF%FE", path.replace(b"/", b"//"), path + b"?page_size=-1",
                                          path + b"?page=99999999999999999999",
                                          path[:-5] + b"zzzzz", b"/api/v1/courses/" + rng.randbytes(8).hex().encode()))
        elif kind == 7 and b"{" in text:  # another body, of its true length
            head, _, body = bytes(text).partition(b"\r\n\r\n")
            value = rng.choice(self.VALUES)
            body = rng.choice((value, body.replace(b'"', value, 1), body[:-1] + b',"x":' + value + b"}", body * 3,
                               body[:len(body) // 2], body.replace(b": ", b": " + value + b" or ", 1)))
            lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"content-length", b"transfer-"))]
            text = bytearray(b"\r\n".join(lines + [b"Content-Length: %d" % len(body)]) + b"\r\n\r\n" + body)
        elif kind == 8:  # several, the last of them wrong
            text = bytearray(b"".join(rng.choice(templates) for _ in range(rng.randrange(1, 5)))) + rng.randbytes(20)
        elif kind == 9 and rng.random() < 0.1:  # large
            text += b"\r\n" * rng.randrange(100_000)
        return bytes(text), rng.choice((1, 1, 1, 2, 5))

    def test_ten_thousand_hostile_requests(self):
        threads = 16
        templates = self.templates()
        counts = [{} for _ in range(threads)]
        faults = []

        def attack(number):
            rng = random.Random(SEED + number)
            for attempt in range(HOSTILE_REQUESTS // threads):
                text, parts = self.hostile(rng, templates)
                size = len(text) // parts + 1
                try:
                    answers = self.exchange(*(text[at:at + size] for at in range(0, len(text), size)))
                except Exception as fault:  # whatever it is, it is told with its cause
                    faults.append(f"seed {SEED + number}, request {attempt}: {fault!r}: {text[:300]!r}")
                    continue
                for answer in answers or [None]:
                    status = answer.status if answer else "closed"
                    counts[number][status] = counts[number].get(status, 0) + 1
                    if answer and answer.status >= 500 and answer.status not in (501, 503, 505):
                        faults.append(f"seed {SEED + number}, request {attempt}: {answer.status}: {text[:300]!r}")

        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            list(pool.map(attack, range(threads)))
        total = {}
        for part in counts:
            for status, count in part.items():
                total[status] = total.get(status, 0) + count
        print("\n  " + ", ".join(f"{status}: {count}" for status, count in sorted(total.items(), key=str)))
        self.assertEqual(faults, [])
        self.assertGreater(total.get(200, 0), 100)  # many are good enough to be served
        self.assertGreater(total.get(400, 0), 1_000)
        errors = [line for line in self.server.log().splitlines() if json.loads(line)["level"] == "ERROR"]
        self.assertEqual(errors, [])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--watch"]:
        watch(int(sys.argv[2]), sys.argv[3], sys.argv[4])
    else:
        unittest.main(verbosity=2)
