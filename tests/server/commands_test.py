#!/usr/bin/env python3
"""commands_test.py LMS_SERVER   Runs every command of the real program, and everything that can go wrong with it: each failure
is one line on standard error, the documented exit code, and nothing half-made."""
import contextlib
import json
import os
import pathlib
import pty
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.error
import urllib.request

from running import KEY, LONG

PROGRAM = os.path.abspath(sys.argv.pop(1))
ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "server/demo/music-theory.json"


class Commands(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)
        self.environment = {"PATH": os.environ["PATH"], "SECRET_KEY": KEY, "DATABASE_URL": "sqlite:///school.db",
                            "ARGON2_MEMORY_KIB": "64", "ARGON2_ITERATIONS": "1"}

    def run_program(self, *arguments, given="", **environment):
        return subprocess.run([PROGRAM, *arguments], cwd=self.place, env=self.environment | environment, input=given,
                              text=True, capture_output=True, timeout=LONG)

    def done(self, *arguments, **options):
        run = self.run_program(*arguments, **options)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout

    def refused(self, code, *arguments, lines=1, **options):
        """The failure's text: so many lines on standard error, each saying who speaks, and nothing on standard output."""
        run = self.run_program(*arguments, **options)
        self.assertEqual(run.returncode, code, run.stderr)
        self.assertEqual(run.stdout, "")
        said = run.stderr.splitlines()
        self.assertEqual(len(said), lines, run.stderr)
        for line in said:
            self.assertTrue(line.startswith("lms-server: "), line)
        return run.stderr

    def files(self):
        return sorted(path.name for path in self.place.iterdir())

    def contents(self, database):
        with contextlib.closing(sqlite3.connect(self.place / database)) as connection:
            return list(connection.iterdump())

    @contextlib.contextmanager
    def serving(self, **environment):
        with subprocess.Popen([PROGRAM], cwd=self.place, env=self.environment | {"PORT": "0"} | environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
            try:
                self.assertTrue(select.select([server.stdout], [], [], LONG)[0], "the server does not start")
                server.announcement = server.stdout.readline()
                self.assertIn(" listens on http://127.0.0.1:", server.announcement, server.announcement)
                server.address = server.announcement.split(" listens on ")[1].split(",")[0]
                yield server
            finally:
                server.kill()

    def get(self, url):
        with urllib.request.urlopen(url, timeout=LONG) as answer:
            return json.load(answer)

    # --- usage ---

    def test_help_and_version_say_what_there_is(self):
        text = self.done("--help")
        for command in ("serve", "migrate", "backup", "restore", "demo", "create-admin", "audit", "import", "export",
                        "send-test-mail", "check", "openapi", "config"):
            self.assertIn(f"  {command} ", text)
            self.assertIn("Usage", self.done(command, "--help"))
        for code in ("0 done", "1 failed", "2 wrong usage", "65", "66", "69", "73", "78"):
            self.assertIn(code, text)
        self.assertRegex(self.done("--version"), r"^lms-server \d+\.\d+\.\d+\n$")
        self.assertEqual(self.files(), [])

    def test_wrong_usage_ends_with_2(self):
        for arguments in (["dance"], ["--loud"], ["import"], ["create-admin", "--email", "a@example.org"], ["demo", "twice"],
                          ["config", "--markdown", "--example"], ["serve", "migrate"]):
            with self.subTest(arguments):
                run = self.run_program(*arguments)
                self.assertEqual(run.returncode, 2)
                self.assertIn("--help", run.stderr)
                self.assertEqual(run.stdout, "")
        self.assertEqual(self.files(), [])

    def test_the_test_runner_helps_before_it_builds(self):
        for arguments, code in ((["--help"], 0), (["--fast"], 64), (["unit-tests", "--fast"], 64), (["--sanitize", "x"], 64)):
            run = subprocess.run([ROOT / "tests/run.sh", *arguments], capture_output=True, text=True, timeout=LONG)
            self.assertEqual(run.returncode, code)
            text = run.stderr if code else run.stdout
            self.assertTrue(text.startswith("run.sh [--sanitize"), text)
            self.assertTrue(text.endswith("`N passed, N failed, N skipped`.\n"), text)

    # --- config ---

    def test_config_prints_every_value_with_its_source_and_no_secret(self):
        (self.place / ".env").write_text("PORT=9000\nWORKERS=3\n")
        lines = self.done("config", PORT="9001", ADMIN_EMAIL="a@example.org", ADMIN_PASSWORD="hidden words").splitlines()
        values = dict(line.split("  # ")[0].strip().split("=", 1) for line in lines)
        sources = {line.split("=", 1)[0]: line.split("  # ")[1] for line in lines}
        self.assertEqual((values["PORT"], sources["PORT"]), ("9001", "environment"))
        self.assertEqual((values["WORKERS"], sources["WORKERS"]), ("3", ".env"))
        self.assertEqual((values["HOST"], sources["HOST"]), ("127.0.0.1", "default"))
        self.assertEqual((values["SECRET_KEY"], values["ADMIN_PASSWORD"]), ("********", "********"))
        self.assertNotIn(KEY, "\n".join(lines))
        self.assertEqual(self.files(), [".env"])

    def test_config_writes_the_documents_that_are_checked_in(self):
        self.assertEqual(self.done("config", "--markdown"), (ROOT / "docs/settings.md").read_text())
        self.assertEqual(self.done("config", "--example"), (ROOT / ".env.example").read_text())

    def test_bad_settings_end_every_command_with_78_and_a_line_for_each(self):
        (self.place / ".env").write_text("WORKERS=many\nnonsense\n")
        for command in (["serve"], ["migrate"], ["demo"], ["config"], ["openapi"], ["export", "x"],
                        ["create-admin", "--email", "a@example.org", "--name", "A", "--password-stdin"]):
            with self.subTest(command):
                said = self.refused(78, *command, lines=3, PORT="eighty")
                self.assertIn("PORT in the environment is \"eighty\"; it must be a whole number from 0 to 65535", said)
                self.assertIn("WORKERS in .env line 1 is \"many\"", said)
                self.assertIn(".env line 2 is not of the form NAME=value", said)
        self.assertEqual(self.files(), [".env"])

    def test_an_unreadable_env_file_is_a_bad_setting(self):
        (self.place / ".env").mkdir()
        self.assertIn(".env cannot be read", self.refused(78, "config"))

    def test_production_wants_a_key_and_a_database(self):
        del self.environment["SECRET_KEY"], self.environment["DATABASE_URL"]
        said = self.refused(78, "serve", lines=3, ENVIRONMENT="production", DEBUG="true")
        for name in ("SECRET_KEY", "DATABASE_URL", "DEBUG"):
            self.assertIn(name, said)

    def test_warnings_go_to_standard_error_and_stop_nobody(self):
        run = self.run_program("config", UPLOAD_DIR="files", SECRET_KEYS="x", **{"SECRET_KEY": ""})
        self.assertEqual(run.returncode, 0)
        self.assertEqual(len(run.stderr.splitlines()), 3, run.stderr)
        for part in ("UPLOAD_DIR is known", "did you mean SECRET_KEY?", "SECRET_KEY is not set"):
            self.assertIn(part, run.stderr)

    # --- the database ---

    def test_migrate_makes_the_database_and_status_says_so(self):
        self.assertIn("There is no database school.db", self.refused(69, "migrate", "--status"))
        self.assertEqual(self.files(), [])
        self.assertIn("applied", self.done("migrate"))
        status = self.done("migrate", "--status")
        self.assertIn("applied", status)
        self.assertNotIn("pending", status)
        self.assertEqual(self.done("migrate"), status)

    def test_a_database_that_cannot_be_used_ends_with_69(self):
        (self.place / "file").write_text("no folder")
        (self.place / "text.db").write_text("this is no database, but a text that is long enough to look like one\n" * 50)
        for url in ("sqlite:///absent/school.db", "sqlite:///file/school.db", "sqlite:////proc/school.db", "sqlite:///text.db"):
            for command in ("serve", "migrate"):
                with self.subTest(url=url, command=command):
                    self.refused(69, command, "--database", url, PORT="0")
        self.assertIn("PostgreSQL", self.refused(69, "serve", DATABASE_URL="postgresql://lms:word@localhost/lms"))
        self.assertEqual(self.files(), ["file", "text.db"])

    def apply_a_migration_of_the_future(self, oldest_binary):
        with contextlib.closing(sqlite3.connect(self.place / "school.db")) as database:
            database.execute("INSERT INTO schema_migrations VALUES (9999, 'from_the_future', 'abc', ?, 0)", [oldest_binary])
            database.commit()

    def test_a_schema_from_a_newer_program_is_refused(self):
        self.done("migrate")
        self.apply_a_migration_of_the_future(oldest_binary=999_000_000)
        said = {self.refused(69, command, PORT="0") for command in ("serve", "migrate")}
        status = self.run_program("migrate", "--status")
        self.assertEqual(status.returncode, 69)
        self.assertRegex(status.stdout, r"(?m)^9999 from_the_future +applied, newer than this binary, which cannot run on it$")
        self.assertEqual(said, {status.stderr})
        self.assertIn("newer release (migration 9999, from_the_future): run that release", status.stderr)

    def test_a_schema_from_a_newer_program_that_allows_this_one_is_named(self):
        self.done("migrate")
        self.apply_a_migration_of_the_future(oldest_binary=1)
        for arguments in (["migrate", "--status"], ["migrate"]):
            lines = self.done(*arguments).splitlines()
            self.assertRegex(lines[-1], r"^9999 from_the_future +applied, newer than this binary, which can still run on it$")
            self.assertRegex(lines[0], r"^0001 \w+ +applied$")
        with self.serving() as server:
            self.assertEqual(self.get(server.address + "/health")["status"], "healthy")

    # --- serve ---

    def test_serve_answers_says_where_and_stops_on_a_signal(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number), self.serving() as server:
                self.assertIn(f"{server.address}/docs", server.announcement)
                self.assertEqual(self.get(server.address + "/api/v1/health")["status"], "healthy")
                server.send_signal(number)
                self.assertEqual(server.wait(LONG), 0)
                self.assertIn("stopped", server.stderr.read())
        self.assertEqual(self.files(), ["school.db"])

    def test_a_port_in_use_ends_with_69(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            self.assertIn(port, self.refused(69, "serve", PORT=port))
        self.assertEqual(self.files(), [])

    def test_a_second_signal_ends_the_server_at_once(self):
        with self.serving(SHUTDOWN_TIMEOUT_SECONDS="3600") as server:
            host, port = server.address.removeprefix("http://").split(":")
            with socket.create_connection((host, int(port)), timeout=LONG) as client:
                client.sendall(b"POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                               b"Content-Length: 100\r\n\r\n{")
                self.get(server.address + "/health")
                server.send_signal(signal.SIGTERM)
                while "stopping" not in server.stderr.readline():
                    pass
                server.send_signal(signal.SIGTERM)
                self.assertEqual(server.wait(LONG), -signal.SIGTERM)

    def test_the_log_is_json_when_wanted(self):
        environment = self.environment | {"PORT": "0", "LOG_FORMAT": "json", "UPLOAD_DIR": "files"}
        with subprocess.Popen([PROGRAM], cwd=self.place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as server:
            too_late = threading.Timer(LONG, server.kill)
            too_late.start()
            try:
                lines = []
                while not lines or lines[-1]["message"] != "listening":
                    lines.append(json.loads(server.stderr.readline()))
                start = lines[-1]
                self.get(start["address"] + "/api/v1/courses")
                server.terminate()
                server.wait(LONG)
                lines += [json.loads(line) for line in server.stderr.read().splitlines()]
                self.assertEqual(server.stdout.read(), "")
            finally:
                too_late.cancel()
                server.kill()
        self.assertEqual((start["logger"], start["level"]), ("app", "INFO"))
        self.assertRegex(start["docs"], r"^http://127\.0\.0\.1:\d+/docs$")
        warning = lines[0]
        self.assertEqual((warning["logger"], warning["level"], warning["setting"]), ("app", "WARNING", "UPLOAD_DIR"))
        self.assertIn("UPLOAD_DIR is known", warning["message"])
        request = next(line for line in lines if line["logger"] == "api.access")
        self.assertEqual((request["path"], request["status_code"]), ("/api/v1/courses", 200))

    def test_the_start_is_told_to_people_in_plain_words(self):
        with self.serving(UPLOAD_DIR="files") as server:
            self.assertTrue(server.stderr.readline().startswith("lms-server: warning: UPLOAD_DIR is known"))
            self.assertRegex(server.announcement, r"^lms-server \d+\.\d+\.\d+ listens on http://[^ ]+, its API is described on ")

    def talk(self, server, text):
        """What the server says until it closes."""
        host, port = server.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=LONG) as client:
            client.sendall(text.encode())
            return b"".join(iter(lambda: client.recv(65536), b"")).decode()

    def test_methods_that_are_not_allowed_or_not_known(self):
        with self.serving(ERROR_FORMAT="rich") as server:
            ask = lambda method, path, close="": self.talk(server, f"{method} {path} HTTP/1.1\r\nHost: a\r\n{close}\r\n")
            for method in ("PROPFIND", "TRACE", "PATCH"):
                said = ask(method, "/api/v1/courses", "Connection: close\r\n")
                self.assertTrue(said.startswith("HTTP/1.1 405 "), said)
                self.assertIn("\r\nAllow: GET, HEAD, POST, OPTIONS\r\n", said)
                self.assertEqual(json.loads(said.split("\r\n\r\n")[1])["error_code"], "METHOD_NOT_ALLOWED")
                self.assertTrue(ask(method, "/nowhere", "Connection: close\r\n").startswith("HTTP/1.1 404 "))
            for method in ("BREW", "get", "HEADS"):
                said = ask(method, "/api/v1/courses")  # closes by itself
                self.assertTrue(said.startswith("HTTP/1.1 501 "), said)
                self.assertIn("\r\nConnection: close\r\n", said)
                body = json.loads(said.split("\r\n\r\n")[1])
                self.assertEqual(body["error_code"], "METHOD_NOT_IMPLEMENTED")
                self.assertEqual(body["message"], f"There is no method {method} here.")

    def test_the_bare_address_leads_to_the_documentation(self):
        with self.serving() as server:
            for method in ("GET", "HEAD"):
                said = self.talk(server, f"{method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                self.assertTrue(said.startswith("HTTP/1.1 302 "), said)
                self.assertIn("\r\nLocation: /docs\r\n", said)
            with urllib.request.urlopen(server.address, timeout=LONG) as answer:
                self.assertEqual(answer.url, server.address + "/docs")
                self.assertIn("Swagger UI", answer.read().decode())

    # --- demo ---

    def test_the_demo_school_can_be_looked_at(self):
        text = self.done("demo")
        self.assertEqual(self.files(), ["school.db"])
        self.assertIn("admin@example.org", text)
        self.assertEqual(text.count("\n  student "), 20)
        self.assertEqual(text.count("curl "), 3)
        with self.serving() as server:
            courses = self.get(server.address + "/api/v1/courses")["items"]
            self.assertEqual(len(courses), 3)
            password = text.split("password is ")[1].split(".")[0]
            for email in ("admin@example.org", "ruth.adeyemi@example.org", "amina.okafor@example.org"):
                body = json.dumps({"email": email, "password": password}).encode()
                request = urllib.request.Request(server.address + "/api/v1/auth/login", body,
                                                 {"Content-Type": "application/json"})
                token = self.get(request)["access_token"]
            request = urllib.request.Request(server.address + "/api/v1/enrollments",
                                             headers={"Authorization": "Bearer " + token})
            states = {item["course_slug"]: item["status"] for item in self.get(request)["items"]}
            self.assertEqual(states, {"first-aid-basics": "completed", "sql-basics": "active"})

        before = self.contents("school.db")
        self.assertIn("school.db has accounts already", self.refused(1, "demo"))
        self.assertEqual(self.contents("school.db"), before)

    def test_students_of_the_demo_are_at_different_points(self):
        text = self.done("demo", "--database", "sqlite:///demo.db")
        self.assertIn("--database sqlite:///demo.db", text)
        states = [line.split(None, 2)[2] for line in text.splitlines() if line.startswith("  student ")]
        self.assertGreater(len(set(states)), 12, states)
        self.assertTrue(any("100%" in state for state in states))
        self.assertTrue(any("dropped" in state for state in states))
        with contextlib.closing(sqlite3.connect(self.place / "demo.db")) as database:
            count = lambda query: database.execute(query).fetchone()[0]
            self.assertGreater(count("SELECT count(*) FROM certificates"), 5)
            self.assertGreater(count("SELECT count(*) FROM attempts WHERE passed"), 20)
            self.assertGreater(count("SELECT count(*) FROM attempts WHERE NOT passed"), 5)
            self.assertGreater(count("SELECT count(DISTINCT enrolled_at / 86400000000) FROM enrollments"), 15)

    def test_the_demo_goes_into_an_empty_database_and_nowhere_else(self):
        self.done("migrate")
        self.done("demo")
        self.assertIn("ENVIRONMENT is production", self.refused(78, "demo", ENVIRONMENT="production"))
        self.assertIn("in a file", self.refused(2, "demo", "--database", "sqlite://"))
        run = self.run_program("demo", "--database", "sqlite:///absent/demo.db")
        self.assertEqual(run.returncode, 69, run.stderr)
        self.assertEqual(self.files(), ["school.db"])

    def call(self, method, url, token=None, body=None):
        """The status and the JSON of an answer."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": "Bearer " + token} if token else {})
        request = urllib.request.Request(url, body.encode() if body else None, headers, method=method)
        with urllib.request.urlopen(request, timeout=LONG) as answer:
            return answer.status, json.load(answer)

    def exported(self, name):
        text = (self.place / "export" / name).read_text()
        self.assertTrue(text.endswith("\n"))
        return [line.split("\t") for line in text.splitlines()]

    def test_a_large_school_is_exported_for_load_generators(self):
        text = self.done("demo", "--users", "20", "--courses", "4", "--lessons", "3", "--questions", "2", "--export", "export")
        self.assertIn("are in export", text)
        self.assertEqual(self.files(), ["export", "school.db"])
        self.assertEqual(sorted(path.name for path in (self.place / "export").iterdir()),
                         ["courses.txt", "courses_open.txt", "lessons.txt", "quizzes.txt", "users.txt"])
        self.assertEqual((self.place / "export" / "users.txt").stat().st_mode & 0o777, 0o600, "it holds passwords")
        users, courses, courses_open, lessons, quizzes = (
            self.exported(name + ".txt") for name in ("users", "courses", "courses_open", "lessons", "quizzes"))
        self.assertEqual([len(part) for part in (users, courses, courses_open, lessons, quizzes)], [20, 4, 2, 6, 2])
        self.assertEqual([role for *_, role in users], ["student"] * 18 + ["admin", "instructor"])
        self.assertEqual(courses[2:], courses_open)
        with contextlib.closing(sqlite3.connect(self.place / "school.db")) as database:
            rows = lambda query: database.execute(query).fetchall()
            self.assertEqual(rows("SELECT count(*), count(DISTINCT password_hash) FROM users"), [(20, 1)])
            self.assertEqual(rows("SELECT lesson_count, enrolled_count FROM courses ORDER BY slug"),
                             [(3, 18), (3, 18), (3, 0), (3, 0)])
            self.assertEqual(rows("SELECT course_id, count(*) FROM enrollments GROUP BY course_id ORDER BY course_id"),
                             [(course, 18) for course, in sorted(courses[:2])])

        with self.serving() as server:
            api = server.address + "/api/v1"
            email, password, user, _ = users[7]
            login = json.dumps({"email": email, "password": password})
            token = self.call("POST", api + "/auth/login", body=login)[1]["access_token"]
            self.assertEqual(self.call("GET", api + "/users/me", token)[1]["id"], user)
            self.assertEqual(self.call("GET", api + "/enrollments", token)[1]["total"], 2)

            # The last lesson completes the course, as it does in a school that grew.
            own = self.get(f"{api}/courses/{courses[1][0]}/lessons")["items"]
            self.assertEqual([[lesson["id"]] for lesson in own], lessons[3:])
            states = [self.call("PUT", f"{api}/lessons/{lesson['id']}/progress", token, '{"completed": true}')[1]
                      for lesson in own]
            self.assertEqual([(state["enrollment_status"], state["course_progress_percent"]) for state in states],
                             [("active", 33), ("active", 66), ("completed", 100)])
            certificates = self.call("GET", api + "/certificates", token)[1]["items"]
            self.assertEqual([item["course_id"] for item in certificates], courses[1])

            for quiz, body in quizzes:
                status, attempt = self.call("POST", f"{api}/quizzes/{quiz}/attempts", token, body)
                self.assertEqual((status, attempt["percent"], attempt["passed"]), (201, 100, True))
            for course, in courses_open:
                self.assertEqual(self.call("POST", api + "/enrollments", token, json.dumps({"course_id": course}))[0], 201)
                self.assertEqual(self.get(f"{api}/courses/{course}")["enrolled_count"], 1)

    def test_a_large_school_has_no_more_enrolments_than_wanted(self):
        self.done("demo", "--users", "12", "--courses", "8", "--enrollments", "25", "--export", "export")
        with contextlib.closing(sqlite3.connect(self.place / "school.db")) as database:
            rows = lambda query: database.execute(query).fetchall()
            self.assertEqual(rows("SELECT enrolled_count FROM courses ORDER BY slug"), [(10,), (10,), (5,)] + 5 * [(0,)])
            self.assertEqual(rows("SELECT count(*) FROM courses c WHERE enrolled_count <> "
                                  "(SELECT count(*) FROM enrollments WHERE course_id = c.id)"), [(0,)])
            # Load generators are told of those courses only in which every student is.
            everybody = {course for course, in rows("SELECT id FROM courses WHERE enrolled_count = 10")}
            homes = {lesson: course for lesson, course in rows("SELECT id, course_id FROM lessons")}
            self.assertEqual({homes[lesson] for lesson, in self.exported("lessons.txt")}, everybody)
            self.assertEqual(len(self.exported("courses_open.txt")), 4)

    def test_what_a_large_school_cannot_be_is_refused_before_anything_is_made(self):
        for option, value in (("--users", "2"), ("--users", "many"), ("--courses", "1"), ("--lessons", "1001"),
                              ("--questions", "201"), ("--enrollments", "0"), ("--lessons", "-1")):
            with self.subTest(option, value=value):
                run = self.run_program("demo", f"{option}={value}")
                self.assertEqual(run.returncode, 2)
                self.assertIn(option, run.stderr)
                self.assertIn("range", run.stderr)
        (self.place / "taken").touch()
        self.assertIn("taken", self.refused(73, "demo", "--export", "taken/here"))
        self.assertEqual(self.files(), ["taken"])

    # --- people and courses ---

    def create_admin(self, email="head@example.org", password="the head of this school\n", code=0):
        arguments = ["create-admin", "--email", email, "--name", "Ada Head", "--password-stdin"]
        if code:
            return self.refused(code, *arguments, given=password)
        return self.done(*arguments, given=password)

    def test_create_admin_makes_one_who_can_sign_in(self):
        self.assertIn("head@example.org", self.create_admin())
        self.assertIn("address", self.create_admin(code=1))
        self.assertIn("password", self.create_admin("b@example.org", "short\n", 1))
        self.assertIn("email", self.create_admin("nobody", code=1))
        self.assertIn("No password was given", self.create_admin("b@example.org", "", 2))
        self.assertIn("--password-stdin", self.refused(2, "create-admin", "--email", "b@example.org", "--name", "B"))
        with self.serving() as server:
            body = json.dumps({"email": "head@example.org", "password": "the head of this school"}).encode()
            request = urllib.request.Request(server.address + "/api/v1/auth/login", body, {"Content-Type": "application/json"})
            self.assertEqual(self.get(request)["user"]["role"], "admin")

    def test_a_command_that_makes_a_database_names_it(self):
        run = self.run_program("create-admin", "--email", "head@example.org", "--name", "Ada Head", "--password-stdin",
                               given="the head of this school\n")
        self.assertEqual((run.returncode, run.stderr), (0, "lms-server: there is no database school.db; it is made now\n"))

    def test_nothing_is_made_for_wrong_usage(self):
        self.create_admin("b@example.org", "", 2)
        self.assertEqual(self.files(), [])

    def test_create_admin_asks_on_a_terminal_and_shows_nothing(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.place)
            os.execve(PROGRAM, [PROGRAM, "create-admin", "--email", "a@example.org", "--name", "A"], self.environment)
        seen = b""
        for question in (b"Password: ", b"Once more: "):
            while not seen.endswith(question):
                seen += os.read(terminal, 1000)
            os.write(terminal, b"a secret of mine\n")
        with contextlib.suppress(OSError):  # a terminal whose other end is gone
            while more := os.read(terminal, 1000):
                seen += more
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, seen)
        self.assertIn(b"a@example.org", seen)
        self.assertNotIn(b"secret", seen)

    def test_import_and_export_are_each_others_inverse(self):
        self.create_admin()
        self.assertIn("music-theory", self.done("import", str(PACKAGE), "--instructor", "head@example.org", "--publish"))
        exported = self.done("export", "music-theory")
        self.done("export", "music-theory", "course.json")
        self.assertEqual((self.place / "course.json").read_text(), exported)
        self.assertEqual(self.files(), ["course.json", "school.db"])
        self.done("import", "-", "--database", "sqlite:///other.db", given=exported)
        self.assertEqual(self.done("export", "music-theory", "--database", "sqlite:///other.db"), exported)

    def test_import_says_what_is_wrong_with_a_file(self):
        self.assertIn("cannot be read", self.refused(66, "import", "absent.json"))
        self.assertIn("cannot be read", self.refused(66, "import", "."))
        self.assertEqual(self.files(), [])
        self.assertIn("standard input: ", self.refused(65, "import", "-", given="{"))
        (self.place / "bad.json").write_text('{"format": "lms-course",\n "version": 1\n "course": {}}')
        said = self.refused(65, "import", "bad.json")
        for part in ("lms-server: bad.json: ", "line 3, column ", "expected a comma or }"):
            self.assertIn(part, said)
        self.assertEqual(self.files(), ["bad.json"])
        self.done("migrate")
        package = json.loads(PACKAGE.read_text())
        package["course"]["title"] = ""
        package["sections"][0]["lessons"][0]["kind"] = "dance"
        said = self.refused(65, "import", "-", lines=2, given=json.dumps(package))
        self.assertIn("lms-server: standard input: course.title: ", said)
        self.assertIn("lms-server: standard input: sections.0.lessons.0.kind: ", said)
        (self.place / "list.json").write_text("[]")
        self.assertIn("list.json: ", self.run_program("import", "list.json", "--slug", "x").stderr)
        self.assertIn("Nobody here has the address", self.refused(1, "import", str(PACKAGE), "--instructor", "x@example.org"))
        self.done("import", str(PACKAGE))
        self.assertIn("--slug", self.refused(1, "import", str(PACKAGE)))

    def test_import_takes_another_slug(self):
        self.done("import", str(PACKAGE))
        self.assertTrue(self.done("import", str(PACKAGE), "--slug", "music-2026").endswith("  music-2026\n"))
        exported = json.loads(self.done("export", "music-2026"))
        self.assertEqual(exported["course"].pop("slug"), "music-2026")
        original = json.loads(self.done("export", "music-theory"))
        original["course"].pop("slug")
        self.assertEqual(exported, original)
        said = self.refused(65, "import", str(PACKAGE), "--slug", "No Slug!")
        self.assertIn("music-theory.json: course.slug: ", said)
        self.assertIn("--slug", self.refused(1, "import", str(PACKAGE), "--slug", "music-2026"))

    def test_export_says_what_is_wrong(self):
        self.assertIn("There is no database school.db", self.refused(69, "export", "music-theory"))
        self.done("import", str(PACKAGE))
        self.refused(1, "export", "no-such-course")
        self.assertIn("cannot be written", self.refused(73, "export", "music-theory", "absent/course.json"))
        self.assertEqual(self.files(), ["school.db"])

    def test_export_overwrites_on_request_only(self):
        self.done("import", str(PACKAGE))
        (self.place / "course.json").write_text("mine")
        self.assertIn("course.json exists; --force overwrites it", self.refused(73, "export", "music-theory", "course.json"))
        self.refused(1, "export", "no-such-course", "course.json", "--force")
        self.assertEqual((self.place / "course.json").read_text(), "mine")
        self.done("export", "music-theory", "course.json", "--force")
        self.assertEqual(json.loads((self.place / "course.json").read_text())["course"]["slug"], "music-theory")
        (self.place / "folder").mkdir()
        self.assertIn("cannot be written", self.refused(73, "export", "music-theory", "folder", "--force"))
        self.assertEqual(self.files(), ["course.json", "folder", "school.db"])

    @unittest.skipUnless(os.path.exists("/dev/full"), "needs /dev/full")
    def test_export_writes_a_device_as_it_is(self):
        self.done("import", str(PACKAGE))
        self.assertIn("cannot be written", self.refused(73, "export", "music-theory", "/dev/full"))
        self.done("export", "music-theory", "/dev/null")
        self.assertTrue(pathlib.Path("/dev/null").is_char_device())

    def test_openapi_needs_no_database(self):
        document = json.loads(self.done("openapi"))
        self.assertEqual(document["openapi"], "3.1.0")
        self.assertIn("/api/v1/courses", document["paths"])
        self.assertEqual(self.files(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
