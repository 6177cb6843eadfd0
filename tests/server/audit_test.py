#!/usr/bin/env python3
"""audit_test.py LMS_SERVER   Changes the audit log behind the back of a real school, in each way there is, and sees that the
command finds it; and follows the chain by hand, as docs/audit.md says anybody can."""
import contextlib
import hashlib
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import unittest

import running

PROGRAM = os.path.abspath(sys.argv.pop(1))
ROWS = 6
FIELDS = "position time action outcome actor subject address session details previous_hash hash".split()


class AuditLog(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)
        for number in range(ROWS):
            self.done("create-admin", "--email", f"a{number}@example.org", "--name", "Ruth Adeyemi", "--password-stdin",
                      given="correct horse battery\n")

    def run_program(self, *arguments, given="", **settings):
        return subprocess.run([PROGRAM, *arguments], cwd=self.place, env=running.environment(**settings), input=given, text=True,
                              capture_output=True, timeout=running.LONG)

    def done(self, *arguments, **options):
        run = self.run_program(*arguments, **options)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout

    def refused(self, code, *arguments, **options):
        run = self.run_program(*arguments, **options)
        self.assertEqual(run.returncode, code, run.stderr)
        self.assertEqual(run.stdout, "")
        self.assertRegex(run.stderr, r"\Alms-server: [^\n]+\n\Z")
        return run.stderr

    def sql(self, *statements):
        with contextlib.closing(sqlite3.connect(self.place / "school.db")) as database:
            rows = [database.execute(*statement).fetchall() for statement in statements]
            database.commit()
            return rows[-1]

    def listed(self, *options):
        return [json.loads(line) for line in self.done("audit", "list", *options).splitlines()]

    def digest(self, row):
        """The hash of a row as the API shows it."""
        said = {name: value for name, value in row.items() if name != "hash"}
        text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def forge(self, rows):
        """Stores these rows in place of all there are, oldest first, in a chain that holds."""
        before = "0" * 64
        statements = [("DELETE FROM audit_log",)]
        times = dict(self.sql(("SELECT position, time FROM audit_log",)))
        for position, row in enumerate(rows, 1):
            time = times[row["position"]]
            row.update(position=position, previous_hash=before)
            row["hash"] = before = self.digest(row)
            values = row | {"time": time, "details": json.dumps(row["details"])}
            statements.append((f"INSERT INTO audit_log ({', '.join(FIELDS)}) VALUES ({', '.join('?' * len(FIELDS))})",
                               [values[name] for name in FIELDS]))
        statements.append(("UPDATE audit_head SET position = ?, hash = ?", [len(rows), before]))
        self.sql(*statements)

    def test_the_chain_holds_and_its_head_is_printed(self):
        run = self.run_program("audit", "verify")
        self.assertEqual(run.returncode, 0, run.stderr)
        newest = self.listed("--limit", "1")[0]
        self.assertEqual(run.stdout, f"{ROWS}:{newest['hash']}\n")
        self.assertEqual(run.stderr, f"All {ROWS} rows of the audit log are as they were written.\n")
        self.assertEqual(self.done("audit", "verify", "--expect", run.stdout.strip()), run.stdout)

    def test_another_program_can_follow_the_chain(self):
        before = "0" * 64
        rows = self.listed()[::-1]
        self.assertEqual([row["position"] for row in rows], list(range(1, ROWS + 1)))
        for row in rows:
            self.assertEqual(row["previous_hash"], before)
            self.assertEqual(row["hash"], before := self.digest(row))
            self.assertEqual((row["action"], row["actor"], row["details"]), ("user.created", "school", {"role": "admin"}))

    def test_rows_are_listed_by_what_they_say(self):
        rows = self.listed()
        self.assertEqual(len(rows), ROWS)
        self.assertEqual(self.listed("--action", "user.", "--limit", "2"), rows[:2])
        self.assertEqual(self.listed("--subject", rows[3]["subject"]), [rows[3]])
        self.assertEqual(self.listed("--since", rows[1]["time"]), rows[:2])
        self.assertEqual(self.listed("--until", rows[1]["time"]), rows[2:])
        self.assertEqual(self.listed("--actor", "nobody") + self.listed("--refused") + self.listed("--address", "192.0.2.7"), [])
        self.assertIn("did you mean user.created?", self.refused(1, "audit", "list", "--action", "user.create"))
        self.assertIn("--since must be a time", self.refused(2, "audit", "list", "--since", "yesterday"))

    def test_every_kind_of_tampering_is_found(self):
        change = "UPDATE audit_log SET {} WHERE position = ?".format
        move = "UPDATE audit_log SET position = ? WHERE position = ?"
        for what, statements, said in (
                ("changed", [(change("subject = 'x'"), [3])], "row 3 was changed"),
                ("changed in its details", [(change("""details = '{"role":"student"}'"""), [1])], "row 1 was changed"),
                ("made unreadable", [(change("details = '{'"), [4])], "row 4 was changed: it cannot be read"),
                ("given an unknown outcome", [(change("outcome = 'x'"), [4])], "row 4 was changed: it cannot be read"),
                ("given another hash", [(change("hash = previous_hash"), [3])], "row 3 was changed"),
                ("the first removed", [("DELETE FROM audit_log WHERE position = 1",)], "row 1 is missing"),
                ("one in the middle removed", [("DELETE FROM audit_log WHERE position = 3",)], "row 3 is missing"),
                ("the last removed", [("DELETE FROM audit_log WHERE position = ?", [ROWS])], f"row {ROWS} and all behind it were cut off"),
                ("all removed", [("DELETE FROM audit_log",)], "row 1 and all behind it were cut off"),
                ("two swapped", [(move, [99, 2]), (move, [2, 3]), (move, [3, 99])], "row 2 does not hold"),
                ("one inserted", [("UPDATE audit_log SET position = -position WHERE position > 3",),
                                  ("UPDATE audit_log SET position = 1 - position WHERE position < 0",),
                                  (f"INSERT INTO audit_log SELECT 4, {', '.join(FIELDS[1:])} FROM audit_log WHERE position = 3",)],
                 "row 4 does not hold"),
                ("one put at the end", [(f"INSERT INTO audit_log SELECT {ROWS + 1}, {', '.join(FIELDS[1:-2])}, hash, hash "
                                         "FROM audit_log WHERE position = ?", [ROWS])], f"row {ROWS + 1} was changed"),
                ("the head changed", [("UPDATE audit_head SET hash = 'x'",)], "with another hash"),
                ("the head removed", [("DELETE FROM audit_head",)], "row 1 was not written by the school")):
            with self.subTest(what):
                untouched = (self.place / "school.db").read_bytes()
                self.sql(*statements)
                self.assertIn(said, self.refused(1, "audit", "verify"))
                for leftover in self.place.glob("school.db-*"):
                    leftover.unlink()
                (self.place / "school.db").write_bytes(untouched)
        self.done("audit", "verify")

    def test_a_log_written_anew_is_found_by_a_head_that_was_kept(self):
        kept = self.done("audit", "verify").strip()
        second = "{position}:{hash}".format_map(self.listed()[-2])
        rows = self.listed()[::-1]
        rows[3]["subject"] = rows[0]["subject"]
        self.forge(rows)
        forged = self.done("audit", "verify")
        self.assertNotEqual(forged.strip(), kept)
        self.assertEqual(self.done("audit", "verify", "--expect", second), forged)
        self.assertIn(f"row {ROWS} is not the one that was expected", self.refused(1, "audit", "verify", "--expect", kept))
        self.forge(rows[:2])
        self.done("audit", "verify")
        self.assertIn(f"row {ROWS} is not the one that was expected", self.refused(1, "audit", "verify", "--expect", kept))

    def test_wrong_usage(self):
        for expect in (" ", "6", "6:abc", f"-1:{'0' * 64}"):
            with self.subTest(expect):
                self.assertIn("--expect must be", self.refused(2, "audit", "verify", f"--expect={expect}"))
        self.assertEqual(self.run_program("audit").returncode, 2)
        self.assertIn("There is no database other.db", self.refused(69, "audit", "verify", "--database", "sqlite:///other.db"))
        self.assertFalse((self.place / "other.db").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
