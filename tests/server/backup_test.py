#!/usr/bin/env python3
"""backup_test.py LMS_SERVER   Backs up a school that is being written to and restores it: what comes back is one moment of it,
whole. Then everything that can be in the way of that."""
import contextlib
import hashlib
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import unittest

import running
from running import wait_until

PROGRAM = os.path.abspath(sys.argv.pop(1))
WRITERS = 8
BACKUPS = 5


def digests(database):
    """For each table how many rows it has, and a checksum of all that is in them; read as any other program would."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=running.LONG)) as connection:
        connection.execute("BEGIN")
        result = {}
        for table, in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall():
            rows = sorted(repr(row) for row in connection.execute(f'SELECT * FROM "{table}"'))
            result[table] = len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()
        return result


class Backups(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)

    def run_program(self, *arguments, **settings):
        return subprocess.run([PROGRAM, *arguments], cwd=self.place, env=running.environment(**settings), text=True,
                              capture_output=True, timeout=running.LONG)

    def done(self, *arguments, **settings):
        run = self.run_program(*arguments, **settings)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout

    def refused(self, code, *arguments, **settings):
        run = self.run_program(*arguments, **settings)
        self.assertEqual(run.returncode, code, run.stderr)
        self.assertEqual(run.stdout, "")
        self.assertRegex(run.stderr, r"\Alms-server: [^\n]+\n\Z")
        return run.stderr

    def files(self):
        return sorted(path.name for path in self.place.iterdir() if path.name not in ("export", "log"))

    def parts(self):
        return [path.name for path in self.place.iterdir() if path.name.endswith(".part")]

    def query(self, database, query):
        with contextlib.closing(sqlite3.connect(self.place / database)) as connection:
            result = connection.execute(query).fetchall()
            connection.commit()
            return result

    def report(self, api, school, position):
        return api.call("PUT", f"/lessons/{school.lessons[0]}/progress", school.tokens[school.students[0]],
                        {"position_seconds": position, "progress_percent": 1})[0]

    def small_school(self):
        return running.School(PROGRAM, self.place, users=12, courses=4, lessons=4)

    # --- a school that is written to ---

    def test_a_backup_under_writes_restores_to_equal_tables(self):
        school = running.School(PROGRAM, self.place, users=400, courses=40, lessons=10)
        written, faults, stop = [], [], threading.Event()

        def write(server, student):
            with server.api() as api:
                for number in range(10**9):
                    if stop.is_set():
                        return
                    lesson = school.lessons[number % 10]
                    status, _, body = api.call("PUT", f"/lessons/{lesson}/progress", school.tokens[student],
                                               {"position_seconds": number, "progress_percent": 1})
                    if status != 200:
                        faults.append(body)
                        return
                    written.append(number)

        with running.Server(PROGRAM, self.place) as server:
            writers = [threading.Thread(target=write, args=[server, student]) for student in school.students[:WRITERS]]
            for writer in writers:
                writer.start()
            try:
                moments = []
                for number in range(BACKUPS):
                    before = len(written)
                    wait_until(lambda: len(written) > before or faults, "writes")
                    before = len(written)
                    said = self.done("backup", f"backup-{number}.db")
                    self.assertIn(f"school.db is backed up in backup-{number}.db: ", said)
                    self.assertGreater(len(written), before, "nobody could write meanwhile")
                    moments.append(digests(self.place / f"backup-{number}.db"))
            finally:
                stop.set()
                for writer in writers:
                    writer.join(running.LONG)
            self.assertEqual(faults, [])
            self.assertEqual(len({str(moment) for moment in moments}), BACKUPS, "the moments are the same")
            self.assertIn("in use", self.refused(69, "restore", "backup-0.db", "--force"))
            self.done("backup", "last.db")
            self.assertEqual(digests(self.place / "last.db"), digests(self.place / "school.db"))
            server.process.terminate()
            self.assertEqual(server.process.wait(running.LONG), 0)

        for number, moment in enumerate(moments):
            backup = self.place / f"backup-{number}.db"
            self.assertEqual(os.stat(backup).st_mode & 0o777, 0o600)
            self.assertEqual(self.query(backup, "PRAGMA integrity_check"), [("ok",)])
            self.assertEqual(self.query(backup, "PRAGMA foreign_key_check"), [])
            said = self.done("restore", backup.name, "--force")
            records = sum(rows for rows, _ in moment.values())
            self.assertIn(f"{len(moment)} tables, {records} records", said)
            self.assertEqual(digests(self.place / "school.db"), moment)
        with running.Server(PROGRAM, self.place) as server, server.api() as api:
            status, _, page = api.call("GET", "/courses")
            self.assertEqual((status, page["total"]), (200, 40))
        self.assertEqual(self.parts(), [])

    def test_a_backup_holds_what_is_in_the_log_of_a_school_that_crashed(self):
        school = self.small_school()
        with running.Server(PROGRAM, self.place) as server, server.api() as api:
            self.assertEqual(self.report(api, school, 77), 200)
            server.kill()
        self.assertIn("school.db-wal", self.files())
        self.done("backup", "backup.db")
        self.assertEqual(self.query("backup.db", "SELECT max(position_seconds) FROM lesson_progress"), [(77,)])
        before = digests(self.place / "backup.db")
        with running.Server(PROGRAM, self.place) as server, server.api() as api:
            self.assertEqual(self.report(api, school, 78), 200)
            server.kill()
        self.done("restore", "backup.db", "--force")  # what the log had is not played over it
        self.assertEqual(digests(self.place / "school.db"), before)

    # --- what is in the way ---

    def test_nothing_is_overwritten_unasked(self):
        self.small_school()
        (self.place / "mine").write_text("mine")
        self.assertIn("--force overwrites it", self.refused(73, "backup", "mine"))
        self.assertEqual((self.place / "mine").read_text(), "mine")
        self.done("backup", "mine", "--force")
        before = digests(self.place / "school.db")
        self.assertIn("--force", self.refused(73, "restore", "mine"))
        self.done("restore", "mine", "--force")
        self.assertEqual(digests(self.place / "school.db"), before)
        self.done("restore", "mine", "--database", "sqlite:///other.db")
        self.assertEqual(digests(self.place / "other.db"), before)
        self.assertEqual(self.files(), ["mine", "other.db", "school.db"])

    @unittest.skipUnless(os.geteuid() == 0, "only root can give files away")
    def test_what_is_replaced_keeps_its_owner_and_its_place(self):
        self.small_school()
        self.done("backup", "backup.db")
        (self.place / "data").mkdir()
        os.rename(self.place / "school.db", self.place / "data/real.db")
        os.symlink("data/real.db", self.place / "school.db")
        os.chown(self.place / "data/real.db", 12345, 12346)
        os.chmod(self.place / "data/real.db", 0o640)
        self.done("restore", "backup.db", "--force")
        self.assertTrue((self.place / "school.db").is_symlink())
        now = os.stat(self.place / "data/real.db")
        self.assertEqual((now.st_uid, now.st_gid, now.st_mode & 0o777), (12345, 12346, 0o640))
        self.assertEqual(digests(self.place / "data/real.db"), digests(self.place / "backup.db"))

    def test_a_database_is_no_place_for_its_backup(self):
        self.small_school()
        os.link(self.place / "school.db", self.place / "also")
        for name in ("school.db", "./school.db", "also"):
            self.assertIn("the database itself", self.refused(73, "backup", name, "--force"))
            self.assertIn("the database itself", self.refused(73, "restore", name, "--force"))
        with running.Server(PROGRAM, self.place):
            for ending in ("wal", "shm", "journal"):
                self.assertIn("uses for itself", self.refused(73, "backup", "school.db-" + ending, "--force"))
            self.done("demo", "--database", "sqlite:///other.db")
            self.assertIn("school.db-wal lies there", self.refused(73, "backup", "school.db", "--force", "--database",
                                                                   "sqlite:///other.db"))

    def test_backup_says_what_is_wrong(self):
        self.assertIn("There is no database school.db", self.refused(69, "backup", "backup.db"))
        (self.place / "school.db").write_text("this is no database, but a text that is long enough to look like one\n" * 50)
        self.assertIn("is no SQLite database", self.refused(69, "backup", "backup.db"))
        os.unlink(self.place / "school.db")
        self.small_school()
        self.assertIn("No such file or directory", self.refused(73, "backup", "absent/backup.db"))
        (self.place / "folder").mkdir()
        self.assertIn("folder cannot be written", self.refused(73, "backup", "folder", "--force"))
        os.mkfifo(self.place / "pipe")
        self.assertIn("no plain file", self.refused(73, "backup", "pipe", "--force"))
        os.unlink(self.place / "pipe")
        self.assertIn("no stream", self.refused(2, "backup", "-"))
        self.assertIn("in memory", self.refused(2, "backup", "backup.db", DATABASE_URL="sqlite://"))
        self.assertIn("pg_dump", self.refused(2, "backup", "backup.db", DATABASE_URL="postgresql://a:b@localhost/c"))
        self.assertEqual(self.files(), ["folder", "school.db"])

    def test_a_damaged_database_is_not_backed_up_over_a_good_backup(self):
        self.small_school()
        self.done("backup", "backup.db")
        before = (self.place / "backup.db").read_bytes()
        with open(self.place / "school.db", "r+b") as file:
            file.seek(4096 * 20)
            file.write(b"\xa5" * 4096 * 30)
        self.assertIn("is damaged", self.refused(69, "backup", "backup.db", "--force"))
        self.assertEqual((self.place / "backup.db").read_bytes(), before)
        self.assertEqual(self.files(), ["backup.db", "school.db"])

    def test_restore_says_what_is_wrong_and_leaves_the_database(self):
        self.small_school()
        before = digests(self.place / "school.db")
        self.done("backup", "good.db")
        self.assertIn("absent.db does not exist", self.refused(66, "restore", "absent.db", "--force"))
        (self.place / "text").write_text("nothing but text " * 300)
        self.assertIn("text is no backup of a school", self.refused(65, "restore", "text", "--force"))
        (self.place / "empty").touch()
        self.assertIn("empty is no backup of a school", self.refused(65, "restore", "empty", "--force"))
        self.query("alien.db", "CREATE TABLE a (b)")
        self.assertIn("schema_migrations", self.refused(65, "restore", "alien.db", "--force"))
        shutil.copy(self.place / "good.db", self.place / "cut.db")
        os.truncate(self.place / "cut.db", 4096 * 30)
        self.assertIn("cut.db is no backup", self.refused(65, "restore", "cut.db", "--force"))
        shutil.copy(self.place / "good.db", self.place / "newer.db")
        self.query("newer.db", "INSERT INTO schema_migrations VALUES (9999, 'from_the_future', 'abc', 999000000, 0)")
        self.assertIn("newer release (migration 9999, from_the_future)", self.refused(69, "restore", "newer.db", "--force"))
        self.done("backup", "copy.db", "--database", "sqlite:///newer.db")  # but it can be kept
        self.assertEqual(digests(self.place / "school.db"), before)
        self.assertEqual(self.parts(), [])

        (self.place / "school.db").write_text("what is left of a school " * 300)
        self.assertIn("Move it away", self.refused(69, "restore", "good.db", "--force"))
        for path in self.place.glob("school.db*"):
            path.unlink()
        (self.place / "school.db-wal").touch()
        self.assertIn("school.db-wal lies there", self.refused(73, "restore", "good.db"))
        os.unlink(self.place / "school.db-wal")
        self.done("restore", "good.db")
        self.assertEqual(digests(self.place / "school.db"), before)

    def test_a_full_disk_leaves_no_half_of_a_backup(self):
        self.small_school()
        disk = self.place / "disk"
        disk.mkdir()
        run = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)], capture_output=True,
                             text=True)
        if run.returncode != 0:
            self.skipTest(f"no file system can be mounted here: {run.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(disk)], check=True)
        self.assertIn("disk/backup.db cannot be written: No space left", self.refused(73, "backup", "disk/backup.db"))
        self.assertEqual(list(disk.iterdir()), [])
        self.done("backup", "backup.db")
        self.assertIn("cannot be written: No space left",
                      self.refused(73, "restore", "backup.db", "--database", "sqlite:///disk/school.db"))
        self.assertEqual(list(disk.iterdir()), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
