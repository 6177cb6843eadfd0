"""How long a refused login takes, by what it is refused for: nothing of that should be told by time."""
import http.client
import json
import random
import statistics
import time
import urllib.parse

from process import Trouble
from school import PREFIX

TRIES = 4  # with one address: one more would lock it
CASES = ("wrong password", "unknown address", "deactivated", "locked")


class Clients:
    def __init__(self, url):
        address = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)

    def send(self, method, path, body, token=None):
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self.connection.request(method, PREFIX + path, json.dumps(body), headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def login(self, email, password, status):
        begin = time.perf_counter()
        given, body = self.send("POST", "/auth/login", {"email": email, "password": password})
        seconds = time.perf_counter() - begin
        if given != status:
            raise Trouble(f"a login was answered by {given} instead of {status}: {body[:300]}")
        return seconds * 1000, body


def measure(server, students, admin, samples):
    """Milliseconds of each case, taken by turns so that what else the machine does meets all alike."""
    clients = Clients(server.url)
    admin_token = json.loads(clients.login(admin[0], admin[1], 200)[1])["access_token"]
    count = -(-samples // TRIES)
    if len(students) < 3 * count:
        raise Trouble(f"{len(students)} students are too few for {samples} samples")
    mistaken, inactive, locked = (students[i * count:(i + 1) * count] for i in range(3))
    locked = locked[:10]
    for _, _, user, *_ in inactive:
        clients.send("PATCH", f"/users/{user}", {"is_active": False}, admin_token)
    for email, *_ in locked:
        for _ in range(TRIES + 1):
            clients.login(email, "wrong password", 401)

    chance = random.Random(1)
    taken = {case: [] for case in CASES}
    for i in range(samples):
        tries = {"wrong password": (mistaken[i // TRIES][0], "wrong password"),
                 "unknown address": (f"nobody{i // TRIES}@example.org", "wrong password"),
                 "deactivated": inactive[i // TRIES][:2],
                 "locked": locked[i % len(locked)][:2]}
        for case in chance.sample(CASES, len(CASES)):
            email, password = tries[case]
            taken[case].append(clients.login(email, password, 401)[0])
    usual = statistics.median(taken["wrong password"])
    return {case: {"median_ms": statistics.median(each), "times_wrong_password": statistics.median(each) / usual}
            for case, each in taken.items()}
