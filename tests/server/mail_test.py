#!/usr/bin/python3
"""mail_test.py LMS_SERVER   Mails from the real program to a real SMTP server, read as their recipients' programs read them;
and the servers that must not get one: without TLS, with a certificate that nobody vouches for, in bad moods.

The interpreter is Debian's own, for which python3-aiosmtpd is installed."""
import contextlib
import datetime
import email
import email.policy
import email.utils
import ipaddress
import json
import logging
import os
import pathlib
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
import warnings

from cryptography import x509

from mail_server import SMTP_PASSWORD, Authority, MailServer, free_port
from running import LONG, Server, environment, wait_until

PROGRAM = os.path.abspath(sys.argv.pop(1))
ADMIN = {"ADMIN_EMAIL": "zoe@example.org", "ADMIN_PASSWORD": "learn by doing"}


class RudeServer:
    """Says those lines, one after each that it gets, and then hangs up, or says nothing any more."""

    def __init__(self, *lines, hangs_up=True):
        self.lines, self.hangs_up = lines, hangs_up
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.over = threading.Event()

    def serve(self):
        with contextlib.suppress(OSError):
            client, _ = self.listener.accept()
            with client, client.makefile("rb") as said:
                for line in self.lines:
                    client.sendall(line.encode() + b"\r\n")
                    said.readline()
                    while line.startswith("354") and not self.hangs_up and said.readline() not in (b".\r\n", b""):
                        pass
                if not self.hangs_up:
                    self.over.wait(LONG)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.listener.close()
        self.thread.join(LONG)


class School:
    """A school that is served, asked by its admin."""

    def __init__(self, place, **settings):
        self.place = pathlib.Path(place)
        self.server = Server(PROGRAM, place, **ADMIN, **settings)
        self.api = self.server.api()
        login = {"email": ADMIN["ADMIN_EMAIL"], "password": ADMIN["ADMIN_PASSWORD"]}
        self.token = self.call(200, "POST", "/auth/login", login)["access_token"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.api.__exit__()
        self.server.kill()

    def call(self, status, method, path, body=None):
        answered, _, answer = self.api.call(method, path, getattr(self, "token", None), body)
        assert answered == status, (answered, answer)
        return answer

    def send(self):
        return self.call(202, "POST", "/admin/mail/test")["id"]

    def job(self, job):
        return self.call(200, "GET", "/admin/jobs/" + job)

    def after_an_attempt(self, job, attempts=1):
        wait_until(lambda: self.job(job)["attempts"] >= attempts and self.job(job)["status"] != "running", "an attempt")
        return self.job(job)

    def now_is_the_time(self, job):
        """The job's next attempt is due."""
        with contextlib.closing(sqlite3.connect(self.place / "school.db", timeout=LONG)) as database, database:
            changed = database.execute("UPDATE jobs SET run_at = 0 WHERE id = ?", [job]).rowcount
        assert changed == 1, "no such job in the table"


class Mails(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)
        self.authority = Authority(self.place)
        self.context = self.authority.context(x509.DNSName("localhost"))

    def settings(self, server, **more):
        return {"SMTP_HOST": "localhost", "SMTP_PORT": str(server if isinstance(server, int) else server.port),
                "SMTP_CA_FILE": str(self.authority.file), "EMAIL_FROM": "noreply@school.example", **more}

    def starttls_server(self, **options):
        return MailServer(**{"tls_context": self.context, "require_starttls": True, **options})

    def command(self, code, server, *arguments, to="ada@example.org", **settings):
        """What `send-test-mail` says, on standard error if it fails."""
        run = subprocess.run([PROGRAM, "send-test-mail", "--to", to, *arguments], cwd=self.place, text=True,
                             env=environment(**self.settings(server, **settings)), capture_output=True, timeout=LONG)
        self.assertEqual(run.returncode, code, run.stderr)
        self.assertNotIn(SMTP_PASSWORD, run.stdout + run.stderr)
        if code != 0:
            self.assertEqual(run.stdout, "")
        return run.stderr if code else run.stdout

    # --- what arrives ---

    def test_a_mail_arrives_whole(self):
        with self.starttls_server() as server, School(self.place, PROJECT_NAME="Schule für Übung: „Segeln“",
                                                      **self.settings(server)) as school:
            school.call(200, "PATCH", "/users/me", {"full_name": "Zoë Müller-Lüdenscheidt, M. A.", "language": "de",
                                                    "timezone": "Europe/Berlin"})
            job = school.send()
            wait_until(lambda: server.mails, "the mail")
            self.assertEqual(school.after_an_attempt(job)["result"], {"sent": True, "reply": "250 2.0.0 Ok: queued as 4711"})
        (sender, recipients, source, over_tls), = server.mails
        self.assertEqual((sender, recipients, over_tls), ("noreply@school.example", ["zoe@example.org"], True))
        head = source.split(b"\r\n\r\n")[0].split(b"\r\n")
        self.assertTrue(all(line.isascii() and (len(line) <= 78 or b"boundary=" in line) for line in head), head)
        self.assertNotIn(b"\n", source.replace(b"\r\n", b""))

        mail = email.message_from_bytes(source, policy=email.policy.default)
        self.assertEqual(mail["Subject"], "Eine Testmail von Schule für Übung: „Segeln“")
        (of_sender,), (of_recipient,) = mail["From"].addresses, mail["To"].addresses
        self.assertEqual((of_sender.display_name, of_sender.addr_spec),
                         ("Schule für Übung: „Segeln“", "noreply@school.example"))
        self.assertEqual((of_recipient.display_name, of_recipient.addr_spec),
                         ("Zoë Müller-Lüdenscheidt, M. A.", "zoe@example.org"))
        age = datetime.datetime.now(datetime.timezone.utc) - mail["Date"].datetime
        self.assertLess(abs(age.total_seconds()), LONG)
        self.assertEqual(mail["Message-ID"], f"<{job}@school.example>")
        self.assertEqual((mail["Auto-Submitted"], mail["MIME-Version"], mail["Content-Language"]), ("auto-generated", "1.0", "de"))
        for name in ("Subject", "From", "To", "Date", "Message-ID", "Content-Type", "MIME-Version"):
            self.assertEqual(len(mail.get_all(name)), 1, name)
        self.assertEqual(mail.get_content_type(), "multipart/alternative")
        self.assertEqual([part.get_content_type() for part in mail.iter_parts()], ["text/plain", "text/html"])
        self.assertTrue(all(part["Content-Disposition"] is None for part in mail.iter_parts()))
        text, page = (part.get_content().replace("\r\n", "\n") for part in mail.iter_parts())
        self.assertTrue(text.startswith("Guten Tag Zoë Müller-Lüdenscheidt, M. A.,\n"), text)
        self.assertIn("ob Mails von Schule für Übung: „Segeln“ ankommen", text)
        self.assertIn('<html lang="de">', page)
        self.assertIn("Guten Tag Zoë Müller-Lüdenscheidt, M. A.,", page)

    def test_the_sender_may_have_a_name_of_its_own_and_a_line_may_begin_with_a_dot(self):
        templates = self.place / "templates"
        templates.mkdir()
        (templates / "test.txt").write_text("Subject: Dots\n\n.\n..\n.x {{time}}\n" + "long " * 400 + "\n")
        with self.starttls_server() as server:
            said = self.command(0, server, EMAIL_FROM='"Office, The" <office@school.example>', MAIL_TEMPLATES_DIR=str(templates))
        self.assertEqual(said, "250 2.0.0 Ok: queued as 4711\n")
        mail = email.message_from_bytes(server.mails[0][2], policy=email.policy.default)
        self.assertEqual(mail["From"].addresses[0].display_name, "Office, The")
        text = next(mail.iter_parts()).get_content().replace("\r\n", "\n")
        self.assertTrue(text.startswith(".\n..\n.x "), text)
        self.assertIn("long " * 399, text)
        self.assertTrue(all(len(line) < 998 for line in server.mails[0][2].split(b"\r\n")))

    def test_tls_from_the_first_byte(self):
        with MailServer(ssl_context=self.context) as server:
            self.command(0, server, SMTP_USE_SSL="true")
        self.assertTrue(server.mails)

    def test_plain_text_only_when_both_kinds_of_tls_are_off(self):
        with MailServer() as server:
            self.command(0, server, SMTP_USE_TLS="false")
        self.assertEqual(server.mails[0][3], False)

    def test_languages(self):
        with self.starttls_server() as server:
            for language in ("en", "es", "fr"):
                self.command(0, server, "--language", language)
        subjects = [email.message_from_bytes(mail[2], policy=email.policy.default)["Subject"] for mail in server.mails]
        self.assertEqual(subjects, ["A test mail from LMS", "Un correo de prueba de LMS", "A test mail from LMS"])

    # --- logging in ---

    def test_a_login_where_one_is_required(self):
        login = {"SMTP_USERNAME": "school", "SMTP_PASSWORD": SMTP_PASSWORD}
        with self.starttls_server(login=True) as server:
            self.command(0, server, **login)
            self.assertIn("530", self.command(69, server))
            self.assertEqual(server.logins, [True])
            said = self.command(69, server, **login | {"SMTP_USERNAME": "somebody"})
            self.assertIn("it refused the login: 535", said)
        self.assertEqual(len(server.mails), 1)

    def test_a_wrong_password_is_mended_in_the_settings_and_the_mail_is_not_lost(self):
        with self.starttls_server(login=True) as server:
            settings = self.settings(server, SMTP_USERNAME="school", SMTP_PASSWORD="not " + SMTP_PASSWORD)
            with School(self.place, **settings) as school:
                job = school.send()
                tried = school.after_an_attempt(job)
                self.assertEqual(tried["status"], "waiting")
                self.assertIn("refused the login", tried["error"])
                self.assertNotIn(SMTP_PASSWORD, json.dumps(tried) + school.server.log())
            with School(self.place, **settings | {"SMTP_PASSWORD": SMTP_PASSWORD}) as school:
                school.now_is_the_time(job)
                wait_until(lambda: server.mails, "the mail")
                self.assertEqual(school.after_an_attempt(job, 2)["status"], "succeeded")

    # --- servers that are not there ---

    def test_a_mail_waits_for_a_server_that_is_down(self):
        port = free_port()
        with School(self.place, **self.settings(port)) as school:
            job = school.send()
            tried = school.after_an_attempt(job)
            self.assertEqual((tried["status"], tried["attempts"], tried["max_attempts"]), ("waiting", 1, 78))
            self.assertIn(f"localhost:{port}", tried["error"])
            with self.starttls_server(port=port) as server:
                school.now_is_the_time(job)
                wait_until(lambda: server.mails, "the mail")
                self.assertEqual(school.after_an_attempt(job, 2)["status"], "succeeded")
        self.assertEqual(len(server.mails), 1)

    def test_servers_that_break_off(self):
        greeting, hello = "220 here", "250 here"
        for lines in ([], [greeting], [greeting, hello], [greeting, hello, "250 OK"], [greeting, hello, "250 OK", "250 OK"],
                      [greeting, hello, "250 OK", "250 OK", "354 go on"], ["nonsense"], ["421 busy"], ["554 go away"]):
            with self.subTest(lines), RudeServer(*lines) as server:
                said = self.command(69, server, SMTP_USE_TLS="false", SMTP_HOST="127.0.0.1")
                self.assertIn(f"127.0.0.1:{server.port}", said)

    def test_a_server_that_says_nothing_is_left_after_a_while(self):
        for lines in ([], ["220 here", "250 here", "250 OK"]):
            with self.subTest(lines), RudeServer(*lines, hangs_up=False) as server:
                said = self.command(69, server, SMTP_USE_TLS="false", SMTP_TIMEOUT_SECONDS="1")
                self.assertIn("time", said.lower())

    def test_a_server_that_does_not_say_goodbye_has_taken_the_mail_all_the_same(self):
        lines = ["220 here", "250 here", "250 OK", "250 OK", "354 go on", "250 queued"]
        with RudeServer(*lines, hangs_up=False) as server:
            said = self.command(0, server, SMTP_USE_TLS="false", SMTP_TIMEOUT_SECONDS="2")
        self.assertEqual(said, "250 queued\n")

    def test_an_unknown_host(self):
        self.assertIn("mail.invalid:25", self.command(69, 25, SMTP_HOST="mail.invalid"))

    # --- servers that are not to be trusted ---

    def test_without_starttls_nothing_is_sent(self):
        with MailServer(auth_require_tls=False, login=True) as server:
            said = self.command(69, server, SMTP_USERNAME="school", SMTP_PASSWORD=SMTP_PASSWORD)
        self.assertIn("offers no STARTTLS", said)
        self.assertEqual((server.mails, server.commands, server.logins), ([], [], []))

    def test_a_certificate_that_nobody_vouches_for(self):
        with self.starttls_server() as server:
            self.assertIn("certificate", self.command(69, server, SMTP_CA_FILE=""))
        with MailServer(ssl_context=self.context) as implicit:
            self.assertIn("certificate", self.command(69, implicit, SMTP_CA_FILE="", SMTP_USE_SSL="true"))
        self.assertEqual(server.commands + implicit.commands, [])

    def test_a_certificate_for_another_name(self):
        for name in (x509.DNSName("elsewhere.example"), x509.IPAddress(ipaddress.ip_address("127.0.0.2"))):
            with self.subTest(name), MailServer(tls_context=self.authority.context(name)) as server:
                self.command(69, server)
            self.assertEqual(server.commands, [])

    # --- servers that refuse ---

    def test_a_refused_recipient_makes_a_dead_job_with_that_reason(self):
        answers = {"zoe@example.org": "550 5.1.1 nobody of that name"}
        with self.starttls_server(answers=answers) as server, School(self.place, **self.settings(server)) as school:
            tried = school.after_an_attempt(school.send())
            self.assertEqual((tried["status"], tried["attempts"]), ("dead", 1))
            self.assertEqual(tried["error"], f"localhost:{server.port} refused the recipient: 550 5.1.1 nobody of that name")
            self.assertIn("job is dead", school.server.log())

    def test_what_is_refused_for_good_and_what_for_now(self):
        for answers, code, words in (({"ada@example.org": "553 no"}, 1, "refused the recipient: 553 no"),
                                     ({"ada@example.org": "450 4.2.0 greylisted"}, 69, "put the mail off: 450 4.2.0 greylisted"),
                                     ({"DATA": "554 5.7.1 looks like spam"}, 1, "refused the mail: 554 5.7.1 looks like spam"),
                                     ({"DATA": "452 4.3.1 disk full"}, 69, "put the mail off: 452 4.3.1 disk full")):
            with self.subTest(answers), self.starttls_server(answers=answers) as server:
                self.assertIn(words, self.command(code, server))

    # --- the command and the settings ---

    def test_the_command_without_a_server_or_an_address(self):
        self.assertIn("SMTP_HOST is not set", self.command(78, 25, SMTP_HOST="", EMAIL_FROM=""))
        self.assertIn("address", self.command(1, 25, to="nobody"))
        self.assertIn("SMTP", self.command(78, 25, SMTP_CA_FILE="/nowhere.pem"))
        self.assertNotIn("school.db", os.listdir(self.place))

    def test_a_template_with_faults_is_named_at_start(self):
        (self.place / "password_reset.txt").write_text("Subject: Hi\n\n{{lnik}}\n")
        (self.place / "verify_email.de.txt").write_text("Hallo\n")
        run = subprocess.run([PROGRAM], cwd=self.place, env=environment(MAIL_TEMPLATES_DIR="."), text=True,
                             capture_output=True, timeout=LONG)
        self.assertEqual(run.returncode, 78, run.stderr)
        self.assertEqual(len(run.stderr.splitlines()), 2, run.stderr)
        self.assertIn("password_reset.txt has unknown placeholders: lnik", run.stderr)
        self.assertIn("verify_email.de.txt must begin with a line `Subject: …`", run.stderr)

    def test_without_a_mail_server_the_log_has_the_mail_in_development(self):
        with School(self.place) as school:
            tried = school.after_an_attempt(school.send())
            self.assertEqual(tried["result"]["reply"], "only logged: SMTP_HOST is not set")
            wait_until(lambda: "to see whether mails of LMS arrive" in school.server.log(), "the line of the log")
        with School(self.place, ENVIRONMENT="production", LOG_FORMAT="json") as school:
            school.after_an_attempt(school.send())
            log = school.server.log()[school.server.log().rindex("mails are not sent: SMTP_HOST is not set"):]
            wait_until(lambda: "a mail was not sent: SMTP_HOST is not set" in school.server.log(), "the warning")
            self.assertNotIn("to see whether mails", log)


if __name__ == "__main__":
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # of aiosmtpd, which complains of what is meant to happen
    warnings.filterwarnings("ignore", module="aiosmtpd")
    unittest.main(warnings="ignore")
