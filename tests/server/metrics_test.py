#!/usr/bin/env python3
"""Metrics and health of a real lms-server, judged by promtool.

    metrics_test.py LMS_SERVER
"""
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

from redis_server import RedisServer
from running import LONG, School, Server, wait_until

PROGRAM = ""
TOKEN = "a-token-for-monitors"


class Monitored(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.place = folder.name
        self.school = School(PROGRAM, self.place)
        self.admin = self.school.tokens[self.school.admins[0]]
        self.student = self.school.tokens[self.school.students[0]]

    def serving(self, **settings):
        server = Server(PROGRAM, self.place, **settings)
        self.addCleanup(server.kill)
        return server

    def get(self, server, path, bearer=None):
        """Status and text, whatever the status."""
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=LONG) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.status, answer.read().decode()

    def series(self, server):
        """Values by series, as they stand in the text."""
        status, text = self.get(server, "/metrics")
        self.assertEqual(status, 200)
        return {name: float(value) for name, value in re.findall(r"^([a-z]\S*(?:\{.*\})?) (\S+)$", text, re.MULTILINE)}

    def test_prometheus_can_read_what_happened(self):
        server = self.serving()
        with server.api() as api:
            course = self.school.courses[0]
            for _ in range(3):
                self.assertEqual(api.call("GET", f"/courses/{course}")[0], 200)
            self.assertEqual(api.call("GET", "/users/me", self.student)[0], 200)
            self.assertEqual(api.call("GET", "/users/me")[0], 401)
            self.assertEqual(api.call("GET", "/users/me", self.student + "x")[0], 401)
            self.assertEqual(api.call("PATCH", f"/courses/{course}", self.admin, {"title": "Another title"})[0], 200)
        status, text = self.get(server, "/metrics")
        check = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=LONG)
        # Two gauges have names that end in _total: those of the documents, kept for the dashboards that know them.
        faults = [line for line in (check.stdout + check.stderr).splitlines()
                  if not line.startswith(("lms_active_users_total ", "lms_enrollments_total "))]
        self.assertEqual(faults, [])
        series = self.series(server)
        self.assertEqual(series['lms_http_requests_total{endpoint="/api/v1/courses/{id}",method="GET",status="200"}'], 3)
        self.assertEqual(series['lms_http_request_duration_seconds_count{endpoint="/api/v1/courses/{id}",method="GET"}'], 3)
        self.assertEqual(series['lms_http_requests_total{endpoint="/api/v1/users/me",method="GET",status="401"}'], 2)
        self.assertEqual(series['lms_errors_total{category="authentication"}'], 2)
        self.assertEqual(series['lms_refused_tokens_total{reason="invalid_token"}'], 1)
        self.assertEqual(series['lms_events_total{type="course.updated"}'], 1)
        self.assertEqual(series['lms_db_query_total{query_type="update",table="courses"}'], 1)
        self.assertEqual(series['lms_active_users_total{role="student"}'], len(self.school.students))
        self.assertGreater(series["lms_enrollments_total"], 0)
        self.assertEqual(series['lms_cache_requests_total{outcome="hit"}'], 2)
        self.assertEqual(series["lms_certificates_issued_total"], 0)
        self.assertEqual(series['lms_part_up{part="database"}'], 1)
        self.assertGreater(series["process_resident_memory_bytes"], 1024 * 1024)
        self.assertGreater(series["process_cpu_seconds_total"], 0)
        self.assertGreater(series["lms_system_memory_available_bytes"], 0)
        self.assertGreater(series["lms_system_disk_available_bytes"], 0)
        wait_until(lambda: any("lms_task_duration_seconds_count" in name for name in self.series(server)), "a job")

    def test_what_clients_make_up_makes_no_series(self):
        server = self.serving()
        housekeeping = 'lms_task_duration_seconds_count{status="success",task_name="housekeeping"}'
        wait_until(lambda: housekeeping in self.series(server), "what runs by itself to have made its series")
        with server.api() as api:
            counts = []
            for _ in range(2):
                for _ in range(500):
                    api.call("GET", f"/{secrets.token_urlsafe(8)}/{secrets.token_urlsafe(8)}")
                    api.call("GET", f"/courses/{secrets.token_hex(8)}")
                    api.call("GET", "/courses", secrets.token_urlsafe(12))
                counts.append(len(self.series(server)))
        self.assertEqual(counts[0], counts[1])
        self.assertEqual(self.series(server)['lms_http_requests_total{endpoint="none",method="GET",status="404"}'], 1000)

    def test_limits_are_counted(self):
        server = self.serving(RATE_LIMIT_ENABLED="true", RATE_LIMIT_PER_MINUTE="2", RATE_LIMIT_PENALTIES="false")
        with server.api() as api:
            statuses = [api.call("GET", "/courses")[0] for _ in range(5)]
        self.assertEqual(statuses, [200, 200, 429, 429, 429])
        series = self.series(server)  # and is not limited itself
        self.assertEqual(series['lms_rate_limited_total{rule="default"}'], 3)
        self.assertEqual(series['lms_rate_limiter_decisions_total{outcome="refused"}'], 3)

    def test_a_token_guards_the_numbers(self):
        server = self.serving(METRICS_TOKEN=TOKEN)
        for path in "/metrics", "/health/metrics", "/health/detailed":
            for bearer in None, "wrong-token-for-monitors", self.student:
                status, text = self.get(server, path, bearer)
                self.assertEqual((status, json.loads(text)["code"]), (401, "metrics_token_required"), path)
            for bearer in TOKEN, self.admin:
                self.assertEqual(self.get(server, path, bearer)[0], 200, path)
        for bearer in None, self.student:
            self.assertEqual(set(json.loads(self.get(server, "/api/healthcheck/", bearer)[1])), {"status", "timestamp"})
        report = json.loads(self.get(server, "/api/healthcheck/", TOKEN)[1])
        self.assertEqual(report["checks"]["database"]["status"], "ok")
        self.assertGreater(report["checks"]["database"]["latency_ms"], 0)
        self.assertRegex(report["checks"]["uptime"]["human"], r"^\d+s$")
        self.assertNotIn(TOKEN, server.log())

    def test_readiness_follows_what_is_needed(self):
        with RedisServer(self.place) as redis:
            needing = self.serving(REDIS_URL=redis.url, ACCESS_TOKEN_BLACKLIST_FAIL_CLOSED="true")
            for path in "/ready", "/api/v1/ready", "/health/ready/":
                status, text = self.get(needing, path)
                self.assertEqual((status, json.loads(text)),
                                 (200, {"status": "ready", "database": "connected", "redis": "connected"}))
            redis.pause()
            status, text = self.get(needing, "/ready")
            self.assertEqual((status, json.loads(text)["redis"]), (503, "unavailable"))
            self.assertEqual(self.get(needing, "/health")[0], 200)
            redis.resume()
            wait_until(lambda: self.get(needing, "/ready")[0] == 200, "it to be ready again")
            redis.kill()
            self.assertEqual(self.get(needing, "/ready")[0], 503)
            needing.kill()
            redis.start()
            coping = self.serving(REDIS_URL=redis.url, ACCESS_TOKEN_BLACKLIST_FAIL_CLOSED="false")
            redis.kill()
            status, text = self.get(coping, "/ready")
            self.assertEqual((status, json.loads(text)["redis"]), (200, "unavailable"))

    def test_a_short_token_is_named_at_start(self):
        run = subprocess.run([PROGRAM, "serve"], cwd=self.place, env={**os.environ, "METRICS_TOKEN": "short", "PORT": "0"},
                             capture_output=True, text=True, timeout=LONG)
        self.assertEqual(run.returncode, 78)
        self.assertIn("METRICS_TOKEN", run.stderr)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
