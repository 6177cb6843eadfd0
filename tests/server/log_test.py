#!/usr/bin/env python3
"""Logs in files, of a real lms-server.

    log_test.py LMS_SERVER
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest

from running import LONG, Api, School, Server, environment, wait_until

PROGRAM = ""


class Logs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.place = pathlib.Path(folder.name)
        self.school = School(PROGRAM, self.place)
        self.student = self.school.tokens[self.school.students[0]]

    def lines(self, name):
        return [json.loads(line) for line in (self.place / "logs" / name).read_text().splitlines()]

    def test_each_category_has_its_file(self):
        with Server(PROGRAM, self.place, LOG_DIR="logs", LOG_LEVEL="debug") as server, server.api() as api:
            api.call("GET", "/courses?search=secret-search", self.student)
            api.call("GET", "/users/me", self.student + "x")
            wait_until(lambda: (self.place / "logs/security.log").stat().st_size, "the log of security")
            text = lambda name: (self.place / "logs" / name).read_text()
            wait_until(lambda: "GET /api/v1/users/me" in text("access.log"), "the log of requests")
            self.assertIn("status=401", text("access.log"))
            self.assertIn("request started", text("access.log"))
            self.assertIn("token refused", text("security.log"))
            everything = "".join(text(name) for name in ("app.log", "tasks.log", "security.log", "access.log"))
            for secret in (self.student, "secret-search"):
                self.assertNotIn(secret, everything)

    def test_machines_read_every_field(self):
        process = subprocess.Popen([PROGRAM, "serve"], cwd=self.place, stderr=subprocess.DEVNULL,
                                   env=environment(LOG_DIR="logs", LOG_FORMAT="json"))
        self.addCleanup(process.wait, LONG)
        self.addCleanup(process.kill)
        app = self.place / "logs/app.log"
        wait_until(lambda: app.exists() and '"listening"' in app.read_text(), "the server to start")
        started = next(line for line in self.lines("app.log") if line["message"] == "listening")
        with Api(int(started["address"].rsplit(":", 1)[1]), LONG) as api:
            self.assertEqual(api.call("GET", "/users/me", self.student)[0], 200)
        wait_until(lambda: (self.place / "logs/access.log").stat().st_size, "the line of the request")
        line = self.lines("access.log")[0]
        self.assertEqual((line["logger"], line["level"], line["message"]), ("api.access", "INFO", "request completed"))
        self.assertEqual((line["method"], line["status_code"], line["client_ip"]), ("GET", 200, "127.0.0.1"))
        self.assertEqual((line["route"], line["path"]), ("/api/v1/users/me", "/api/v1/users/me"))
        self.assertEqual(line["user_id"], self.school.students[0])
        self.assertGreater(line["duration_ms"], 0)
        self.assertTrue(line["request_id"] and line["time"])

    def test_a_log_that_nobody_takes_holds_up_no_request(self):
        (self.place / "logs").mkdir()
        for name in "app.log", "access.log", "security.log":
            os.symlink("/dev/full", self.place / "logs" / name)  # as on a full disk
        with Server(PROGRAM, self.place, LOG_DIR="logs") as server, server.api() as api:
            for _ in range(500):
                self.assertEqual(api.call("GET", "/courses")[0], 200)
            wait_until(lambda: server.log().count("GET /api/v1/courses") == 500, "the lines to come out elsewhere")

    def test_a_pipe_that_nobody_reads_holds_up_no_request(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        process = subprocess.Popen([PROGRAM, "serve"], cwd=self.place, stdout=subprocess.PIPE, stderr=writing, text=True,
                                   env=environment(LOG_LEVEL="debug"))
        os.close(writing)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, LONG)
        self.addCleanup(process.kill)
        port = int(process.stdout.readline().split("http://127.0.0.1:")[1].split(",")[0])
        answered = []

        def ask():
            with Api(port, LONG) as api:
                for _ in range(3000):
                    answered.append(api.call("GET", "/courses?page_size=1")[0])

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answered.count(200), 12_000)  # of which a pipe takes the lines of a few hundred

    def test_a_folder_that_cannot_be_written_is_named_at_start(self):
        (self.place / "file").write_text("")
        run = subprocess.run([PROGRAM, "serve"], cwd=self.place, env=environment(LOG_DIR="file"), capture_output=True,
                             text=True, timeout=LONG)
        self.assertEqual(run.returncode, 73)
        self.assertIn("LOG_DIR: ", run.stderr)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
