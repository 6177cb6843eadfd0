#!/usr/bin/env python3
"""packaging/observability, judged by promtool, amtool and a real Prometheus that scrapes a real lms-server.

    observability_test.py LMS_SERVER
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request

from redis_server import free_port
from running import LONG, School, Server, wait_until

PROGRAM = ""
PACK = pathlib.Path(__file__).resolve().parents[2] / "packaging/observability"
TOKEN = "a-token-for-monitors"


def run(*command, cwd=PACK):
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=LONG)


def dashboards():
    return {path.name: json.loads(path.read_text()) for path in sorted((PACK / "grafana/dashboards").glob("*.json"))}


def dashboard_expressions():
    for name, board in dashboards().items():
        for panel in board["panels"]:
            for target in panel["targets"]:
                yield f"{name}: {panel['title']}", target["expr"].replace("$__rate_interval", "1m")


class Pack(unittest.TestCase):
    def checked(self, *command):
        done = run(*command)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_tools_of_the_makers_accept_it(self):
        self.checked("promtool", "check", "config", "--syntax-only", "prometheus/prometheus.yml")
        self.checked("promtool", "check", "rules", "prometheus/alerts.yml")
        self.checked("promtool", "test", "rules", "prometheus/alerts_test.yml")
        self.checked("amtool", "check-config", "alertmanager/alertmanager.yml")

    def test_dashboards_are_whole(self):
        self.assertEqual(set(dashboards()), {"lms-overview.json", "lms-operations.json"})
        for name, board in dashboards().items():
            ids = [panel["id"] for panel in board["panels"]]
            self.assertEqual(len(ids), len(set(ids)), name)
            for panel in board["panels"]:
                self.assertTrue(panel["title"] and panel["targets"], name)
                place = panel["gridPos"]
                self.assertLessEqual(place["x"] + place["w"], 24, name)

    def test_every_level_and_no_alert_without_a_page(self):
        rules = (PACK / "prometheus/alerts.yml").read_text()
        alerts = re.findall(r"- alert: (\w+)", rules)
        page = (PACK.parents[1] / "docs/observability.md").read_text()
        self.assertEqual([alert for alert in alerts if f"`{alert}`" not in page], [])
        self.assertEqual(set(re.findall(r"severity: (\w+)", rules)), {"critical", "warning", "info"})


class Scraping(unittest.TestCase):
    """Prometheus, and a server whose metrics it reads."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.place = pathlib.Path(folder.name)
        school = School(PROGRAM, cls.place)
        cls.server = Server(PROGRAM, cls.place, METRICS_TOKEN=TOKEN, RATE_LIMIT_ENABLED="true", RATE_LIMIT_PER_MINUTE="30",
                            RATE_LIMIT_KEY_MODE="user_or_ip", RATE_LIMIT_PENALTIES="false")
        cls.addClassCleanup(cls.server.kill)
        cls.prometheus()
        student, admin = school.tokens[school.students[0]], school.tokens[school.admins[0]]
        requests = [("/courses", None), ("/users/me", student), ("/users/me", student + "x"), ("/nowhere", None)]

        def be_busy(round):
            with cls.server.api() as api:
                for path, bearer in requests * 10:
                    api.call("GET", path, bearer)
                assert api.call("PATCH", f"/courses/{school.courses[0]}", admin, {"title": f"Title {round}"})[0] == 200

        # A rate needs something to have happened between two scrapes.
        for round in range(2):
            be_busy(round)
            scrapes = int(cls.ask("count_over_time(up{job='lms'}[10m])")[0]["value"][1])
            wait_until(lambda: cls.ask(f"count_over_time(up{{job='lms'}}[10m]) > {scrapes + 1}"), "two scrapes more")

    @classmethod
    def prometheus(cls):
        config = (PACK / "prometheus/prometheus.yml").read_text()
        (cls.place / "token").write_text(TOKEN)
        for pattern, replacement in ((r"(scrape_interval|evaluation_interval): \d+s", r"\1: 1s"),
                                     (r"/etc/prometheus/metrics-token", str(cls.place / "token")),
                                     (r"api:8000", f"127.0.0.1:{cls.server.port}"),
                                     (r"alerting:\n(  .*\n)+", ""), (r"alerts\.yml", str(PACK / "prometheus/alerts.yml"))):
            config, count = re.subn(pattern, replacement, config)
            assert count > 0, pattern
        config = config[:config.index("  - job_name: prometheus")]  # what is not here is not scraped
        (cls.place / "prometheus.yml").write_text(config)
        cls.port = free_port()
        process = subprocess.Popen(["prometheus", f"--config.file={cls.place}/prometheus.yml",
                                    f"--storage.tsdb.path={cls.place}/data", f"--web.listen-address=127.0.0.1:{cls.port}"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(process.wait, LONG)
        cls.addClassCleanup(process.kill)
        wait_until(lambda: cls.ask("up{job='lms'} == 1"), "Prometheus to have scraped the server")

    @classmethod
    def ask(cls, expression):
        """What Prometheus says to it; none while it does not answer."""
        url = f"http://127.0.0.1:{cls.port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(url, timeout=LONG) as answer:
                return json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            if error.code == 503:  # it has not begun yet
                return None
            raise AssertionError(f"{expression}: {error.read().decode()}") from None
        except (urllib.error.URLError, ConnectionError):
            return None

    def test_every_panel_has_something_to_show(self):
        self.assertEqual([where for where, expression in dashboard_expressions() if not self.ask(expression)], [])

    def test_every_rule_can_be_asked_and_its_metrics_exist(self):
        url = f"http://127.0.0.1:{self.port}/api/v1/rules"
        with urllib.request.urlopen(url, timeout=LONG) as answer:
            groups = json.load(answer)["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        self.assertGreater(len(rules), 20)
        for rule in rules:
            self.assertNotEqual(rule["health"], "err", rule)
            self.ask(rule["query"])
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/label/__name__/values", timeout=LONG) as answer:
            known = set(json.load(answer)["data"])
        used = set(re.findall(r"\b(?:lms|process)_\w+", " ".join(rule["query"] for rule in rules)))
        self.assertEqual(used - known, set())

    def test_a_server_that_is_well_raises_no_alarm(self):
        url = f"http://127.0.0.1:{self.port}/api/v1/rules"
        with urllib.request.urlopen(url, timeout=LONG) as answer:
            groups = json.load(answer)["data"]["groups"]
        firing = {rule["name"] for group in groups for rule in group["rules"] if rule["state"] == "firing"}
        self.assertEqual(firing - {"Restarted", "DailySummary", "SecretsOfAQuarter"}, set())


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
