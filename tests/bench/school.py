"""The school that is measured, those who are signed in to it, and what they ask."""
import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import subprocess
import urllib.request

from process import Program, Trouble, free_port

PREFIX = "/api/v1"
KEY = "a-key-for-benchmarks-and-for-nothing-else"


def raw(method, path, token=None, body=None):
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\nUser-Agent: bench\r\nAccept: */*\r\n"
    if token:
        head += f"Authorization: Bearer {token}\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body.encode())}\r\n"
    return (head + "\r\n" + (body or "")).encode()


class School:
    """A generated school in a folder of its own, with `users` students signed in, and settings beyond those of all."""

    def __init__(self, program, folder, users, size, settings=None):
        self.program = program
        self.settings = settings or {}
        self.folder = pathlib.Path(folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.database = self.folder / "school.db"
        self.export = self.folder / "export"
        options = [f"--{name}={value}" for name, value in size.items()]
        made = subprocess.run([program, "demo", *options, "--export", self.export], cwd=self.folder, check=False,
                              env=self.environment(self.database), capture_output=True, text=True)
        if made.returncode != 0:
            raise Trouble(f"the school cannot be made: {made.stderr[-500:]}")
        people = [line.split("\t") for line in self.lines("users.txt")]
        self.students = [person for person in people if person[3] == "student"][:users]
        self.admin = next(person for person in people if person[3] == "admin")
        instructor = next(person for person in people if person[3] == "instructor")
        self.quizzes = [line.split("\t") for line in self.lines("quizzes.txt")]
        with self.serve() as server:
            self.tokens = self.sign_in(server, self.students)
            self.instructor_token = self.sign_in(server, [instructor])[0]

    def lines(self, name):
        return (self.export / name).read_text().splitlines()

    @staticmethod
    def environment(database, port=0):
        return {"PATH": os.environ["PATH"], "SECRET_KEY": KEY, "DATABASE_URL": f"sqlite:///{database}", "PORT": str(port),
                "SQLITE_SYNCHRONOUS": "FULL", "ACCESS_TOKEN_EXPIRE_MINUTES": "1440",
                "RATE_LIMIT_PER_MINUTE": "1000000000", "RATE_LIMIT_AUTH_PER_MINUTE": "1000000000"}

    def serve(self, database=None):
        """A running server."""
        port = free_port()
        server = Program([self.program, "serve"], self.folder, f"http://127.0.0.1:{port}",
                         self.environment(database or self.database, port) | self.settings)
        try:
            server.wait_for_answer()
        except Trouble:
            server.stop()
            raise
        return server

    def copy(self):
        """A fresh copy of the database, on the disk already, for something that writes."""
        copy = self.folder / "copy.db"
        for ending in ("-wal", "-shm"):
            pathlib.Path(f"{copy}{ending}").unlink(missing_ok=True)
        shutil.copyfile(self.database, copy)
        os.sync()
        return copy

    @staticmethod
    def sign_in(server, people):
        def token(person):
            body = json.dumps({"email": person[0], "password": person[1]}).encode()
            request = urllib.request.Request(f"{server.url}{PREFIX}/auth/login", body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["access_token"]

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(token, people))

    # --- what is asked: each a list of requests, sent in turn ---

    def health(self):
        return [raw("GET", "/health")]

    def course(self):
        return [raw("GET", f"{PREFIX}/courses/{course}") for course in self.lines("courses.txt")[:20]]

    def courses(self):
        return [raw("GET", f"{PREFIX}/courses")]

    def me(self):
        return [raw("GET", f"{PREFIX}/users/me", token) for token in self.tokens]

    def lessons(self):
        return [raw("GET", f"{PREFIX}/courses/{course}/lessons", token)
                for course, token in self.shuffled(self.lines("courses.txt"), self.tokens, 5_000)]

    def own_course(self):
        return [raw("GET", f"{PREFIX}/courses/{course}", token)
                for course, token in self.shuffled(self.lines("courses.txt"), self.tokens, 5_000)]

    def enrollments(self):
        return [raw("GET", f"{PREFIX}/enrollments", token) for token in self.tokens]

    def roster(self):
        return [raw("GET", f"{PREFIX}/enrollments?course_id={self.lines('courses.txt')[0]}", self.instructor_token)]

    def progress(self):
        body = json.dumps({"progress_percent": 40, "position_seconds": 95, "time_spent_seconds": 30})
        return [raw("PUT", f"{PREFIX}/lessons/{lesson}/progress", token, body)
                for lesson, token in self.shuffled(self.lines("lessons.txt"), self.tokens, 100_000)]

    def enroll(self):
        return [raw("POST", f"{PREFIX}/enrollments", token, json.dumps({"course_id": course}))
                for course, token in self.shuffled(self.lines("courses_open.txt"), self.tokens, 100_000)]

    def attempt(self):
        return [raw("POST", f"{PREFIX}/quizzes/{quiz}/attempts", token, body)
                for (quiz, body), token in self.shuffled(self.quizzes, self.tokens, 20_000)]

    def login(self):
        return [raw("POST", f"{PREFIX}/auth/login", None, json.dumps({"email": email, "password": password}))
                for email, password, *_ in self.students]

    def mixture(self):
        """Reads and a few writes, for what only time shows."""
        parts = [self.course(), self.courses(), self.me(), self.lessons(), self.enrollments(), self.progress()]
        return [part[i % len(part)] for i in range(3_000) for part in parts]

    @staticmethod
    def shuffled(things, tokens, most):
        """Distinct pairs in an order that is the same in every run."""
        chance = random.Random(1)
        count = min(most, len(things) * len(tokens))
        if not count:
            raise Trouble("the school's export is empty")
        return [(things[i % len(things)], tokens[i // len(things)])
                for i in chance.sample(range(len(things) * len(tokens)), count)]
