#!/usr/bin/env python3
"""`lms-server check`, of a real server and of one that does everything wrong.

    check_test.py LMS_SERVER
"""
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest

from redis_server import free_port
from running import LONG, School, Server

PROGRAM = ""


class Careless(http.server.BaseHTTPRequestHandler):
    """Answers everybody and everything with 200, and tells what it is."""
    server_version = "Careless/1.2.3"

    def do_GET(self):
        body = json.dumps({"status": "fine", "version": "1.2.3"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src * 'unsafe-eval'")
        self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", "*"))
        self.send_header("Access-Control-Allow-Credentials", "true")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Check(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.place = folder.name

    def check(self, *arguments):
        return subprocess.run([PROGRAM, "check", *arguments], cwd=self.place, env={"PATH": os.environ["PATH"]},
                              capture_output=True, text=True, timeout=LONG)

    def report(self, *arguments):
        """The exit code, and verdicts by check."""
        run = self.check("--json", *arguments)
        report = json.loads(run.stdout)
        verdicts = {row["check"]: row["verdict"] for row in report["checks"]}
        for verdict, name in ("ok", "ok"), ("warning", "warnings"), ("failed", "failed"):
            self.assertEqual(list(verdicts.values()).count(verdict), report[name])
        return run.returncode, verdicts

    def test_a_server_as_it_should_be_passes(self):
        School(PROGRAM, self.place)
        limited = {"RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_PER_MINUTE": "60", "METRICS_TOKEN": "a-token-for-monitors"}
        with Server(PROGRAM, self.place, **limited) as server:
            url = f"http://127.0.0.1:{server.port}"
            code, verdicts = self.report("--flood", "200", url + "/")
            self.assertEqual(code, 0)
            self.assertEqual({check for check, verdict in verdicts.items() if verdict != "ok"}, {"https"})
            self.assertEqual(verdicts["a flood is stopped"], "ok")
        with Server(PROGRAM, self.place, **limited) as server:
            run = self.check(f"http://127.0.0.1:{server.port}")
            self.assertEqual(run.returncode, 0, run.stdout)
            self.assertRegex(run.stdout, r"\d+ ok, 1 warnings, 0 failed")
            self.assertIn("  ok       X-Frame-Options", run.stdout)

    def test_what_is_missing_is_named(self):
        School(PROGRAM, self.place)
        with Server(PROGRAM, self.place, RATE_LIMIT_ENABLED="false", SECURITY_HEADERS='{"X-Frame-Options": null}') as server:
            code, verdicts = self.report("--flood", "20", f"http://127.0.0.1:{server.port}")
        self.assertEqual(code, 1)
        self.assertEqual({check for check, verdict in verdicts.items() if verdict == "failed"},
                         {"X-Frame-Options", "requests are counted", "a flood is stopped"})
        self.assertEqual(verdicts["metrics are not for strangers"], "warning")

    def test_a_careless_server_fails_where_it_is_careless(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Careless)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        code, verdicts = self.report(f"http://127.0.0.1:{server.server_port}")
        self.assertEqual(code, 1)
        for check in ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Server tells no version",
                      "requests are counted", "/health says healthy", "numbers are not for strangers",
                      "people are not for strangers", "an unsigned token is refused", "strange origins get no credentials",
                      "/docs evaluates no texts", "/openapi.json"):
            self.assertEqual(verdicts[check], "failed", check)

    def test_what_cannot_be_asked_is_no_finding(self):
        run = self.check(f"http://127.0.0.1:{free_port()}")
        self.assertEqual((run.returncode, run.stdout), (69, ""))
        self.assertIn("127.0.0.1", run.stderr)
        run = self.check("school.example.org")
        self.assertEqual(run.returncode, 2)
        self.assertIn("no http or https address", run.stderr)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
