#!/usr/bin/env python3
"""crypto_test.py LMS_SERVER   Gives tokens to Python's cryptography and takes them from it, by the command `crypto`, and
tries everything that can be in the way of that."""
import base64
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

import running

try:
    from cryptography.fernet import Fernet, MultiFernet
except ImportError:
    print("needs python3-cryptography (packaging/install-dependencies.sh --tests)")
    sys.exit(77)

PROGRAM = os.path.abspath(sys.argv.pop(1))
KEYS = [Fernet.generate_key().decode() for _ in range(3)]
TEXTS = ["", "x", "hunter2", "fifteen letters", "sixteen letters.", "Contraseña, пароль, 密码 \U0001f511", "a\nb\n", "\n", "  ",
         "line\r\n", "x" * 100_000]


class Crypto(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)

    def run_program(self, *arguments, keys=KEYS[:1], given=b"", **settings):
        environment = running.environment(ENCRYPTION_KEY=",".join(keys), **settings)
        return subprocess.run([PROGRAM, "crypto", *arguments], cwd=self.place, env=environment, input=given,
                              capture_output=True, timeout=running.LONG)

    def done(self, *arguments, **options):
        run = self.run_program(*arguments, **options)
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        if arguments[0] == "decrypt":  # into a pipe: the very bytes, and no line break after them
            return run.stdout.decode()
        self.assertTrue(run.stdout.endswith(b"\n"))
        return run.stdout[:-1].decode()

    def refused(self, code, *arguments, **options):
        run = self.run_program(*arguments, **options)
        self.assertEqual(run.returncode, code, run.stderr)
        self.assertEqual(run.stdout, b"")
        said = run.stderr.decode()
        self.assertRegex(said, r"\Alms-server: [^\n]+\n\Z")
        for key in KEYS:
            self.assertNotIn(key, said)
        return said

    def test_python_reads_what_is_encrypted_here(self):
        for text in TEXTS:
            with self.subTest(text[:20]):
                token = self.done("encrypt", given=text.encode() + b"\n")
                self.assertEqual(Fernet(KEYS[0]).decrypt(token.encode(), ttl=running.LONG).decode(), text)
        self.assertEqual(Fernet(KEYS[0]).decrypt(self.done("encrypt", "as an argument").encode()), b"as an argument")

    def test_what_python_encrypts_is_read_here(self):
        for text in TEXTS:
            with self.subTest(text[:20]):
                token = Fernet(KEYS[0]).encrypt(text.encode())
                self.assertEqual(self.done("decrypt", given=token + b"\n"), text)
        token = Fernet(KEYS[0]).encrypt_at_time(b"long ago", 1).decode()
        self.assertEqual(self.done("decrypt", token), "long ago")

    def test_a_text_that_no_line_break_ends_is_taken_whole(self):
        self.assertEqual(Fernet(KEYS[0]).decrypt(self.done("encrypt", "-", given=b"x\r").encode()), b"x\r")

    def test_bytes_that_are_no_text_pass(self):
        for data in (random.Random(1).randbytes(1000), b"\0\xff\0"):
            self.assertEqual(Fernet(KEYS[0]).decrypt(self.done("encrypt", given=data + b"\n").encode()), data)
            run = self.run_program("decrypt", Fernet(KEYS[0]).encrypt(data).decode())
            self.assertEqual(run.stdout, data)

    def test_of_several_keys_the_first_encrypts_and_all_decrypt(self):
        both = KEYS[1::-1]
        old = Fernet(KEYS[0]).encrypt(b"x").decode()
        self.assertEqual(self.done("decrypt", old, keys=both), "x")
        self.assertEqual(Fernet(KEYS[1]).decrypt(self.done("encrypt", "x", keys=both).encode()), b"x")

    def test_tokens_are_rotated_as_multifernet_does(self):
        old = Fernet(KEYS[0]).encrypt_at_time(b"x", 499162800)
        ours = self.done("rotate", old.decode(), keys=KEYS[1::-1]).encode()
        theirs = MultiFernet([Fernet(KEYS[1]), Fernet(KEYS[0])]).rotate(old)
        for token in (ours, theirs):
            self.assertEqual(Fernet(KEYS[1]).decrypt(token), b"x")
            self.assertEqual(Fernet(KEYS[1]).extract_timestamp(token), 499162800)
        self.assertEqual(self.done("rotate", "-", keys=KEYS[1::-1], given=old + b"\n")[:12], ours.decode()[:12])

    def test_keys_are_made_without_any_setting(self):
        run = subprocess.run([PROGRAM, "crypto", "generate-key"], cwd=self.place, env={"PORT": "nonsense"},
                             capture_output=True, check=True, timeout=running.LONG)
        key = run.stdout.decode().removesuffix("\n")
        self.assertEqual(len(base64.urlsafe_b64decode(key)), 32)
        self.assertEqual(self.done("decrypt", Fernet(key).encrypt(b"x").decode(), keys=[key]), "x")
        self.assertEqual(list(self.place.iterdir()), [])

    def test_what_is_no_token_of_these_keys_ends_with_65(self):
        token = Fernet(KEYS[2]).encrypt(b"x").decode()
        for command in ("decrypt", "rotate"):
            said = {self.refused(65, command, text, keys=KEYS[1::-1]) for text in (token, token[:-4], "x", "", token + "=")}
            self.assertEqual(len(said), 1)
        self.assertIn("no token", said.pop())

    def test_without_a_key_all_but_making_one_ends_with_78(self):
        for arguments in (["encrypt", "x"], ["decrypt", "x"], ["rotate", "x"], ["rotate"]):
            self.assertIn("ENCRYPTION_KEY is not set", self.refused(78, *arguments, keys=[]))
        self.assertEqual(list(self.place.iterdir()), [])

    def test_a_bad_key_is_told_by_its_place(self):
        said = self.refused(78, "encrypt", "x", keys=[KEYS[0], KEYS[1] + "x", KEYS[2]])
        self.assertIn("ENCRYPTION_KEY, key 2 of 3, is no Fernet key", said)
        self.assertIn("lms-server crypto generate-key", said)
        self.assertIn("ENCRYPTION_KEY is no Fernet key", self.refused(78, "encrypt", "x", keys=["your-encryption-key-here"]))

    def test_a_database_is_rotated_and_none_is_made(self):
        self.assertIn("There is no database", self.refused(69, "rotate"))
        self.assertEqual(list(self.place.iterdir()), [])
        subprocess.run([PROGRAM, "migrate"], cwd=self.place, env=running.environment(), check=True, capture_output=True,
                       timeout=running.LONG)
        self.assertRegex(self.done("rotate"), r"\Aschool\.db: \d+ records?, 0 fields renewed\.\Z")
        self.assertRegex(self.done("rotate", "--database", "sqlite:///school.db", DATABASE_URL="sqlite:///absent.db"),
                         r"\Aschool\.db: ")


if __name__ == "__main__":
    unittest.main(verbosity=2)
