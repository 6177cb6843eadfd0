#!/usr/bin/env python3
"""people_test.py LMS_SERVER   Imports, exports and erases people with the commands of the real program, and looks into the
file of its database for what should be gone."""
import contextlib
import json
import os
import pathlib
import sqlite3
import stat
import subprocess
import sys
import tempfile
import unittest

from running import KEY, LONG

PROGRAM = os.path.abspath(sys.argv.pop(1))
PEOPLE = ("\ufeffemail;full_name;role;password\r\n"
          "zuleika.quandt@example.org;Zuleika Quandt;;\r\n"
          "ada@example.org;\"Byron; Ada\";instructor;correct horse battery\r\n"
          "nobody;No Body;;\r\n")


class People(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)
        self.environment = {"PATH": os.environ["PATH"], "SECRET_KEY": KEY, "DATABASE_URL": "sqlite:///school.db",
                            "ARGON2_MEMORY_KIB": "64", "ARGON2_ITERATIONS": "1"}
        self.run_program(0, "migrate")

    def run_program(self, code, *arguments, given=""):
        run = subprocess.run([PROGRAM, *arguments], cwd=self.place, env=self.environment, input=given, text=True,
                             capture_output=True, timeout=LONG)
        self.assertEqual(run.returncode, code, run.stderr)
        return run

    def users(self):
        with contextlib.closing(sqlite3.connect(self.place / "school.db")) as database:
            return dict(database.execute("SELECT email, full_name FROM users ORDER BY email"))

    def test_a_file_is_tried_imported_and_imported_again(self):
        tried = self.run_program(65, "import-users", "-", "--dry-run", given=PEOPLE)
        self.assertEqual(tried.stdout, "4: invalid  nobody\n    email must be a mail address such as ada@example.org\n"
                         "Nothing was changed. It would be: 2 created, 0 updated, 0 there already, 1 invalid\n")
        self.assertEqual(self.users(), {})
        (self.place / "people.csv").write_text(PEOPLE, encoding="utf-8", newline="")
        done = self.run_program(65, "import-users", "people.csv")
        self.assertIn("2 created, 0 updated, 0 there already, 1 invalid", done.stdout)
        self.assertIn("1 row is invalid; the others were imported.", done.stderr)
        self.assertEqual(self.users(), {"ada@example.org": "Byron; Ada", "zuleika.quandt@example.org": "Zuleika Quandt"})
        good = PEOPLE.replace("nobody;No Body;;\r\n", "").replace("Byron; Ada", "Ada")
        self.assertEqual(self.run_program(0, "import-users", "-", given=good).stdout,
                         "0 created, 0 updated, 2 there already, 0 invalid\n")
        updated = self.run_program(0, "import-users", "-", "--update", "--all", given=good)
        self.assertIn("3: updated  ada@example.org\n", updated.stdout)
        self.assertEqual(self.users()["ada@example.org"], "Ada")

    def test_what_is_no_file_of_people_is_refused(self):
        self.assertIn("people.csv cannot be read", self.run_program(66, "import-users", "people.csv").stderr)
        refused = self.run_program(65, "import-users", "-", given="email,full_name\na@example.org,\"A\n")
        self.assertIn("line 2: a quote is not closed", refused.stderr)
        self.assertEqual(self.users(), {})

    def test_a_person_is_exported_and_erased(self):
        self.run_program(65, "import-users", "-", given=PEOPLE)
        self.run_program(0, "export-user", "Zuleika.Quandt@example.org", "person.json")
        file = self.place / "person.json"
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        document = json.loads(file.read_text(encoding="utf-8"))
        self.assertEqual(document["account"]["full_name"], "Zuleika Quandt")
        self.assertEqual([event["type"] for event in document["events"]], ["user.registered"])
        self.run_program(73, "export-user", document["account"]["id"], "person.json")
        file.unlink()

        self.assertIn("--yes", self.run_program(2, "erase-user", "zuleika.quandt@example.org").stderr)
        self.assertIn("zuleika.quandt@example.org", self.users())
        self.run_program(0, "erase-user", "zuleika.quandt@example.org", "--yes")
        self.assertEqual(self.users()[f"erased-{document['account']['id']}@erased.invalid"], "Erased user")
        for path in self.place.iterdir():
            self.assertNotIn(b"zuleika", path.read_bytes().lower(), path.name)
            self.assertNotIn(b"quandt", path.read_bytes().lower(), path.name)
        self.assertIn("Nobody here", self.run_program(1, "erase-user", "zuleika.quandt@example.org", "--yes").stderr)


if __name__ == "__main__":
    unittest.main()
