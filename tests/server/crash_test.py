#!/usr/bin/env python3
"""crash_test.py LMS_SERVER   Kills the real program, fills its disk and takes its database's rights away, all under
concurrent writes: what was acknowledged is there, nothing is there by half, and it goes on as soon as it can."""
import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import running
from running import wait_until

PROGRAM = os.path.abspath(sys.argv.pop(1))
KILLS = 100
SEED = 20260801
WRITERS = 12
LONGEST_LIFE = 0.3  # seconds under load, before a kill


class Ledger:
    """What the school has acknowledged, and what was asked for without an answer: that may have happened or not."""

    def __init__(self):
        self.lock = threading.Lock()
        self.progress = {}  # (student, lesson): the last position acknowledged
        self.asked = {}  # those asked for since then
        self.enrollments = {}  # id: (student, course)
        self.accounts = {}  # id: mail address
        self.courses = {}  # id: title

    def size(self):
        return sum(len(part) for part in (self.progress, self.enrollments, self.accounts, self.courses))


class Writer(threading.Thread):
    """One student, and now and then a teacher or a newcomer, until the school is gone."""
    numbers = iter(range(10**9))

    def __init__(self, server, school, ledger, student):
        super().__init__()
        self.server, self.school, self.ledger, self.student = server, school, ledger, student
        self.faults = []

    def run(self):
        with contextlib.suppress(OSError, running.http.client.HTTPException), self.server.api() as api:
            self.enroll(api)
            while True:
                number = next(self.numbers)
                self.report(api, number)
                if number % 5 == 0:
                    self.register(api, number)
                if number % 7 == 0:
                    self.create(api, number)

    def accept(self, wanted, answer, *others):
        status, _, body = answer
        if status not in (wanted, *others):
            self.faults.append(f"{status}: {body}")
        return status == wanted

    def report(self, api, number):
        place = self.student, random.choice(self.school.lessons)
        with self.ledger.lock:
            self.ledger.asked.setdefault(place, set()).add(number)
        answer = api.call("PUT", f"/lessons/{place[1]}/progress", self.school.tokens[self.student],
                          {"position_seconds": number, "progress_percent": 1})
        if self.accept(200, answer):
            with self.ledger.lock:
                self.ledger.progress[place] = number
                self.ledger.asked[place].clear()

    def enroll(self, api):
        for course in self.school.courses_open:
            answer = api.call("POST", "/enrollments", self.school.tokens[self.student], {"course_id": course})
            if self.accept(201, answer, 409):
                self.ledger.enrollments[answer[2]["id"]] = self.student, course

    def register(self, api, number):
        email = f"person{number}@example.org"
        answer = api.call("POST", "/auth/register", None, {"email": email, "password": "a rope of words", "full_name": "P"})
        if self.accept(201, answer):
            self.ledger.accounts[(answer[2].get("user") or answer[2])["id"]] = email

    def create(self, api, number):
        answer = api.call("POST", "/courses", self.school.tokens[self.school.instructors[0]], {"title": f"Course {number}"})
        if self.accept(201, answer):
            self.ledger.courses[answer[2]["id"]] = f"Course {number}"


class Load:
    """Writers at work; waited for at the end."""

    def __init__(self, server, school, ledger, count=WRITERS):
        self.writers = [Writer(server, school, ledger, student) for student in school.students[:count]]

    def __enter__(self):
        for writer in self.writers:
            writer.start()
        return self

    def __exit__(self, *_):
        for writer in self.writers:
            writer.join(running.LONG)

    def faults(self):
        return [fault for writer in self.writers for fault in writer.faults]


@contextlib.contextmanager
def opened(place):
    """The database as it is, for reading."""
    with contextlib.closing(sqlite3.connect(f"file:{place}/school.db?mode=ro", uri=True, timeout=running.LONG)) as database:
        yield lambda query, *values: database.execute(query, values).fetchall()


class Crashes(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)

    # --- kill -9 ---

    # What must never differ between two tables: each gives the rows that break it.
    HALVES = {
        "an enrolment without its event, or an event without its enrolment":
            """SELECT id FROM enrollments WHERE enrolled_at > :since EXCEPT
               SELECT json_extract(data, '$.enrollment_id') FROM events WHERE type = 'enrollment.created'
               UNION ALL SELECT * FROM (
               SELECT json_extract(data, '$.enrollment_id') FROM events
               WHERE type = 'enrollment.created' AND timestamp > :since EXCEPT SELECT id FROM enrollments)""",
        "an account without its event, or an event without its account":
            """SELECT id FROM users WHERE created_at > :since EXCEPT
               SELECT json_extract(data, '$.user_id') FROM events WHERE type = 'user.registered'
               UNION ALL SELECT * FROM (
               SELECT json_extract(data, '$.user_id') FROM events WHERE type = 'user.registered'
               EXCEPT SELECT id FROM users)""",
        "a course without its event, or an event without its course":
            """SELECT id FROM courses WHERE created_at > :since EXCEPT
               SELECT json_extract(data, '$.course_id') FROM events WHERE type = 'course.created'
               UNION ALL SELECT * FROM (
               SELECT json_extract(data, '$.course_id') FROM events WHERE type = 'course.created'
               EXCEPT SELECT id FROM courses)""",
        "seats that are not counted":
            """SELECT id, enrolled_count, (SELECT count(*) FROM enrollments e WHERE course_id = c.id
               AND status IN ('active', 'completed')) AS seats FROM courses c WHERE enrolled_count <> seats""",
        "a course that search does not find":
            """SELECT id FROM courses EXCEPT SELECT record FROM search_tokens""",
    }

    def check(self, ledger, since, thorough):
        with opened(self.place) as rows:
            places = rows("SELECT student_id, lesson_id, position_seconds FROM lesson_progress "
                          "JOIN enrollments e ON e.id = enrollment_id")
            progress = {(student, lesson): position for student, lesson, position in places}
            lost = {place: (position, progress.get(place), ledger.asked[place]) for place, position in ledger.progress.items()
                    if progress.get(place) not in {position} | ledger.asked[place]}
            self.assertEqual(lost, {}, "acknowledged, found, asked for")
            for table, kept in (("enrollments", ledger.enrollments), ("users", ledger.accounts), ("courses", ledger.courses)):
                there = {identity for identity, in rows(f"SELECT id FROM {table}")}
                self.assertEqual(set(kept) - there, set(), f"acknowledged and lost: {table}")
            for what, query in self.HALVES.items():
                self.assertEqual(rows(query.replace(":since", str(since))), [], what)
            if thorough:
                self.assertEqual(rows("PRAGMA integrity_check"), [("ok",)])
                self.assertEqual(rows("PRAGMA foreign_key_check"), [])

    def test_kill_9_loses_nothing_that_was_acknowledged(self):
        rng = random.Random(SEED)
        school = running.School(PROGRAM, self.place, users=WRITERS + 2, courses=6, lessons=4)
        with opened(self.place) as rows:
            since, = max(rows("SELECT max(created_at) FROM users UNION SELECT max(enrolled_at) FROM enrollments "
                              "UNION SELECT max(created_at) FROM courses"))
        ledger, faults, server = Ledger(), [], running.Server(PROGRAM, self.place)
        try:
            for number in range(KILLS):
                before = ledger.size()
                with Load(server, school, ledger) as load:
                    if number % 3:
                        wait_until(lambda: ledger.size() > before or load.faults(), "a write")
                    time.sleep(rng.uniform(0, LONGEST_LIFE))  # the moment is what is random here
                    server.kill()
                faults += load.faults()
                if number % 10 == 0:  # also in the middle of starting
                    early = subprocess.Popen([PROGRAM], cwd=self.place, env=running.environment(), stdout=subprocess.DEVNULL,
                                             stderr=subprocess.DEVNULL)
                    time.sleep(rng.uniform(0, 0.1))
                    early.kill()
                    early.wait(running.LONG)
                server = running.Server(PROGRAM, self.place)
                self.check(ledger, since, thorough=number % 10 == 9)
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.process.wait(running.LONG), 0)
        finally:
            server.kill()
        self.check(ledger, since, thorough=True)
        print(f"\n  {KILLS} kills; acknowledged and there: {len(ledger.progress)} places, "
              f"{len(ledger.enrollments)} enrolments, {len(ledger.accounts)} accounts, {len(ledger.courses)} courses")
        self.assertEqual(faults, [])
        self.assertGreater(len(ledger.accounts), KILLS)
        self.assertGreater(len(ledger.enrollments), WRITERS)

    # --- a disk that fails ---

    def mount(self, kind, *arguments):
        """A small file system of its own; gone at the end."""
        folder = self.place / "disk"
        folder.mkdir()
        run = subprocess.run(["mount", *arguments, kind, str(folder)], capture_output=True, text=True)
        if run.returncode != 0:
            self.skipTest(f"no file system can be mounted here: {run.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(folder)], check=True)
        return folder

    def loop_device(self):
        if not shutil.which("mkfs.ext4") or not shutil.which("chattr"):
            self.skipTest("mkfs.ext4 or chattr is not there")
        image = self.place / "image"
        with open(image, "wb") as file:
            file.truncate(48 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True, capture_output=True)
        return self.mount(str(image), "-o", "loop")

    def write(self, api, school, number):
        return api.call("PUT", f"/lessons/{school.lessons[0]}/progress", school.tokens[school.students[0]],
                        {"position_seconds": number, "progress_percent": 1})

    def read(self, api, school):
        return api.call("GET", f"/courses/{school.courses[0]}")[0]

    def refused_and_recovered(self, folder, breaks, mends, reason, log):
        """Writes are refused while the disk is broken, reads go on, and all is well afterwards."""
        school = running.School(PROGRAM, folder, users=8, courses=4, lessons=4)
        with running.Server(PROGRAM, folder, log=self.place / "log") as server, server.api() as api:  # not on that disk
            self.assertEqual(self.write(api, school, 1)[0], 200)
            broken = breaks()
            end = time.monotonic() + running.LONG
            for number in range(2, 100_000):  # what is free in files that are there already is still written
                status, headers, body = self.write(api, school, number)
                self.assertIn(status, (200, 503), body)
                if status == 503:
                    break
                self.assertLess(time.monotonic(), end, "writes go on")
            self.assertEqual((status, body["code"]), (503, reason), body)
            self.assertGreaterEqual(int(headers["Retry-After"]), 1)
            self.assertNotIn(str(folder), str(body))  # a client learns no paths
            statuses = []
            for _ in range(20):
                statuses.append(self.write(api, school, number)[0])
                self.assertEqual(self.read(api, school), 200)
                with server.api() as other:
                    self.assertEqual(other.call("GET", "/health")[0], 200)
            self.assertLessEqual(set(statuses), {200, 503})  # a full file system may still find a block or two
            self.assertGreater(statuses.count(503), 10, statuses)
            wait_until(lambda: re.search(log, server.log()), "a line of the log that says what is wrong")
            mends(broken)
            wait_until(lambda: self.write(api, school, number)[0] == 200, "writes to work again")
            self.assertEqual(api.call("GET", "/ready")[0], 200)
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.process.wait(running.LONG), 0)
        with contextlib.closing(sqlite3.connect(folder / "school.db")) as database:
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            self.assertEqual(database.execute("PRAGMA foreign_key_check").fetchall(), [])
            kept = "SELECT max(position_seconds) FROM lesson_progress"
            self.assertEqual(database.execute(kept).fetchall(), [(number,)])

    def fill(self, folder):
        filler = folder / "filler"
        with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
            for size in (1 << 20, 4096, 512, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"x" * size)
        return filler

    def test_a_full_disk_refuses_writes_until_there_is_room(self):
        folder = self.mount("tmpfs", "-t", "tmpfs", "-o", "size=24m")
        self.refused_and_recovered(folder, lambda: self.fill(folder), pathlib.Path.unlink, "storage_full",
                                   r"The database \S*school\.db cannot grow: its disk or quota is full\. Free some space\.")

    def test_a_full_ext4_refuses_writes_until_there_is_room(self):
        folder = self.loop_device()
        self.refused_and_recovered(folder, lambda: self.fill(folder), pathlib.Path.unlink, "storage_full",
                                   r"The database \S*school\.db cannot grow: its disk or quota is full\. Free some space\.")

    def test_a_database_that_becomes_read_only_refuses_writes_until_it_is_not(self):
        folder = self.loop_device()  # no other file system stops those who have a file open already
        files = [str(folder / name) for name in ("school.db", "school.db-wal")]

        def lock():
            subprocess.run(["chattr", "+i", *files], check=True)
            return files

        def unlock(locked):
            subprocess.run(["chattr", "-i", *locked], check=True)

        self.addCleanup(lambda: unlock([file for file in files if os.path.exists(file)]))
        self.refused_and_recovered(folder, lock, unlock, "storage_unavailable",
                                   r"The database \S*school\.db cannot be (read or )?written")

    def test_a_read_only_mount_is_told_at_the_start(self):
        folder = self.mount("tmpfs", "-t", "tmpfs", "-o", "size=24m")
        school = running.School(PROGRAM, folder, users=8, courses=4, lessons=4)
        remount = lambda how: subprocess.run(["mount", "-o", "remount," + how, str(folder)], check=True)
        remount("ro")
        run = subprocess.run([PROGRAM], cwd=folder, env=running.environment(), capture_output=True, text=True,
                             timeout=running.LONG)
        self.assertEqual(run.returncode, 69, run.stderr)
        self.assertRegex(run.stderr, r"^lms-server: The database \S*school\.db cannot be opened: .*may not write")
        remount("rw")
        with running.Server(PROGRAM, folder) as server, server.api() as api:
            self.assertEqual(self.write(api, school, 1)[0], 200)


if __name__ == "__main__":
    unittest.main(verbosity=2)
