#!/usr/bin/env python3
"""Two nodes of one school, and the Redis that they share: lms-server is started as it is in production.

    redis_test.py LMS_SERVER
"""
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from redis_server import RedisServer, free_port
from running import LONG, School, Server, environment, wait_until

PROGRAM = ""


class TwoNodes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.place = folder.name
        self.school = School(PROGRAM, self.place)
        self.redis = self.enterContext(RedisServer(self.place))

    def enterContext(self, manager):
        entered = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return entered

    def node(self, name, **settings):
        return self.enterContext(Server(PROGRAM, self.place, log=f"{self.place}/{name}.log", REDIS_URL=self.redis.url, **settings))

    def two_nodes(self, **settings):
        return self.node("one", **settings), self.node("two", **settings)

    def signed_in(self, node):
        """The tokens of a new account."""
        with node.api() as api:
            email = f"user{time.monotonic_ns()}@example.org"
            password = "rather hard to guess"
            status, _, _ = api.call("POST", "/auth/register", body={"email": email, "password": password, "full_name": "A Person"})
            self.assertEqual(status, 201)
            status, _, login = api.call("POST", "/auth/login", body={"email": email, "password": password})
            self.assertEqual(status, 200)
            return login["access_token"]

    def test_limits_are_those_of_both_nodes_together(self):
        nodes = self.two_nodes(RATE_LIMIT_ENABLED="true", RATE_LIMIT_PER_MINUTE="40", RATE_LIMIT_PENALTIES="false")
        statuses = []

        def ask(node):
            with node.api() as api:
                for _ in range(20):
                    statuses.append(api.call("GET", "/courses")[0])

        threads = [threading.Thread(target=ask, args=(node,)) for node in nodes * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((statuses.count(200), statuses.count(429)), (40, 40))
        self.assertTrue(self.redis.ask("--scan", "--pattern", "lms:rate:ip:127.0.0.1*"))

    def test_a_token_revoked_on_one_node_is_refused_by_the_other(self):
        one, two = self.two_nodes(ACCESS_TOKEN_BLACKLIST_PREFIX="out:")
        token = self.signed_in(one)
        with one.api() as first, two.api() as second:
            self.assertEqual(second.call("GET", "/users/me", token)[0], 200)
            self.assertEqual(first.call("POST", "/auth/logout", token)[0], 204)
            self.assertEqual(second.call("GET", "/users/me", token)[0], 401)
        self.assertTrue(self.redis.ask("--scan", "--pattern", "lms:out:*"))

    def test_a_redis_that_hangs_holds_up_nobody_and_is_taken_back(self):
        node = self.node("one", RATE_LIMIT_ENABLED="true", RATE_LIMIT_PER_MINUTE="1000000000",
                         ACCESS_TOKEN_BLACKLIST_FAIL_CLOSED="false")
        token = self.signed_in(node)
        slowest, statuses, stop = [], [], threading.Event()

        def ask():
            with node.api() as api:
                worst = 0
                while not stop.is_set():
                    before = time.monotonic()
                    statuses.append(api.call("GET", "/users/me", token)[0])
                    worst = max(worst, time.monotonic() - before)
                slowest.append(worst)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for lose, give_back in ((self.redis.pause, self.redis.resume), (self.redis.kill, self.redis.start)):
            returned = node.log().count("rate limiter answers again")
            wait_until(lambda: len(statuses) > 100, "requests")
            lose()
            wait_until(lambda: node.log().count("rate limiter does not answer") == returned + 1, "the outage to be noticed")
            count = len(statuses)
            wait_until(lambda: len(statuses) > count + 200, "requests during the outage")
            give_back()
            wait_until(lambda: node.log().count("rate limiter answers again") == returned + 1, "Redis to be taken back")
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(set(statuses), {200})
        self.assertLess(max(slowest), 5, "somebody has waited for Redis")
        self.assertEqual(node.log().count("token blacklist does not answer"), 2)
        print(f"the slowest of {len(statuses)} requests took {1000 * max(slowest):.0f} ms", file=sys.stderr)

    def test_fail_closed_refuses_with_503_until_redis_is_back(self):
        node = self.node("one", RATE_LIMIT_ENABLED="true", RATE_LIMIT_PER_MINUTE="1000000000",
                         RATE_LIMIT_FAIL_CLOSED="true", ACCESS_TOKEN_BLACKLIST_FAIL_CLOSED="true")
        token = self.signed_in(node)
        with node.api() as api:
            self.redis.kill()
            for path, bearer in ("/courses", None), ("/users/me", token):
                status, headers, body = api.call("GET", path, bearer)
                self.assertEqual((status, body["code"]), (503, "redis_unavailable"))
                self.assertGreaterEqual(int(headers["Retry-After"]), 1)
                self.assertNotIn(str(self.redis.port), str(body))
            self.redis.start()
            wait_until(lambda: api.call("GET", "/users/me", token)[0] == 200, "Redis to be taken back")

    def test_what_one_node_writes_the_other_shows_in_the_next_answer(self):
        forever = {"CACHE_MAX_STALE_SECONDS": "86400", "COURSE_CACHE_TTL_SECONDS": "86400"}
        one, two = self.two_nodes(**forever)
        admin = self.school.tokens[self.school.admins[0]]
        course = self.school.courses[0]
        with one.api() as first, two.api() as second:
            for round in range(50):
                writer, reader = (first, second) if round % 2 else (second, first)
                title = f"Title {round}"
                self.assertEqual(writer.call("PATCH", f"/courses/{course}", admin, {"title": title})[0], 200)
                for node in reader, writer, reader:
                    self.assertEqual(node.call("GET", f"/courses/{course}")[2]["title"], title)
                    listed = node.call("GET", "/courses?page_size=100")[2]["items"]
                    self.assertIn(title, [each["title"] for each in listed])
            # What an outage has kept from a node it hears when Redis is back.
            self.redis.kill()
            self.assertEqual(first.call("PATCH", f"/courses/{course}", admin, {"title": "Untold"})[0], 200)
            self.assertEqual(first.call("GET", f"/courses/{course}")[2]["title"], "Untold")
            self.redis.start()
            wait_until(lambda: second.call("GET", f"/courses/{course}")[2]["title"] == "Untold", "the other node to hear of it")
        package = f"{self.place}/course.json"
        for command in (["export", course, package], ["import", package, "--slug", "brought-in", "--publish"]):
            with two.api() as api:
                before = api.call("GET", "/courses?page_size=1")[2]["total"]
            subprocess.run([PROGRAM, *command], cwd=self.place, env=environment(REDIS_URL=self.redis.url), check=True,
                           capture_output=True, timeout=LONG)
        with two.api() as api:
            self.assertEqual(api.call("GET", "/courses?page_size=1")[2]["total"], before + 1)

    def test_a_wrong_password_is_named_at_start(self):
        with RedisServer(self.place, password="open sesame") as guarded:
            url = f"redis://:wrong@127.0.0.1:{guarded.port}"
            run = subprocess.run([PROGRAM, "serve"], cwd=self.place, env=environment(REDIS_URL=url), capture_output=True,
                                 text=True, timeout=LONG)
        self.assertEqual(run.returncode, 78)
        self.assertIn("REDIS_URL: ", run.stderr)
        self.assertIn("WRONGPASS", run.stderr)
        self.assertNotIn("wrong@", run.stderr)

    def test_a_redis_that_is_not_there_yet_keeps_nobody_from_starting(self):
        port = free_port()
        with Server(PROGRAM, self.place, log=f"{self.place}/early.log", REDIS_URL=f"redis://127.0.0.1:{port}") as node:
            self.assertIn("Redis does not answer yet", node.log())
            with node.api() as api:
                self.assertEqual(api.call("GET", "/courses")[0], 200)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
