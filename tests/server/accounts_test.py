#!/usr/bin/python3
"""accounts_test.py LMS_SERVER   What people do with their accounts, by the real program, a real mail server and oathtool in
the place of an authenticator app.

The interpreter is Debian's own, for which python3-aiosmtpd is installed."""
import email
import email.policy
import ipaddress
import os
import re
import subprocess
import sys
import tempfile
import unittest

from cryptography import x509

from mail_server import Authority, MailServer
from running import Server, wait_until

PROGRAM = os.path.abspath(sys.argv.pop(1))
ENCRYPTION_KEY = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
ADA = {"email": "ada@example.org", "password": "correct horse battery"}


def code_of_app(secret, *options):
    return subprocess.run(["oathtool", "--totp", "-b", *options, secret], check=True, capture_output=True,
                          text=True).stdout.strip()


class Accounts(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        authority = Authority(place.name)
        context = authority.context(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        self.mail = self.enterContext(MailServer(tls_context=context, require_starttls=True))
        self.server = Server(PROGRAM, place.name, ENCRYPTION_KEY=ENCRYPTION_KEY, SMTP_HOST="127.0.0.1",
                             SMTP_PORT=str(self.mail.port), SMTP_CA_FILE=str(authority.file),
                             EMAIL_FROM="school@example.org", FRONTEND_URL="https://learn.example.org",
                             ADMIN_EMAIL="head@example.org", ADMIN_PASSWORD="the head of this school")
        self.addCleanup(self.server.kill)

    def post(self, status, path, body=None, token=None):
        with self.server.api() as api:
            got, _, answer = api.call("POST", "/auth/" + path, token, body)
        self.assertEqual(got, status, answer)
        return answer

    def mailed(self, count):
        """The newest of so many mails, as its reader sees it."""
        wait_until(lambda: len(self.mail.mails) >= count, f"mail {count}")
        self.assertEqual(len(self.mail.mails), count)
        return self.read(-1)

    def read(self, place):
        return email.message_from_bytes(self.mail.mails[place][2], policy=email.policy.default)

    def token_of(self, mail, page):
        """That of the link, which both forms of the mail have."""
        found = [re.search(rf"https://learn\.example\.org/{page}#token=([\w.-]+)", mail.get_body((form,)).get_content())
                 for form in ("plain", "html")]
        self.assertTrue(all(found), mail)
        self.assertEqual(found[0][1], found[1][1])
        return found[0][1]

    def signed_in(self, **changes):
        return self.post(200, "login", ADA | changes)["access_token"]

    def test_a_life_of_an_account_by_mail(self):
        self.post(201, "register", ADA | {"full_name": "Ada Byron"})
        mail = self.mailed(1)
        self.assertEqual(mail["To"].addresses[0].addr_spec, "ada@example.org")
        # What strangers call themselves is no text for an address that may be somebody else's.
        self.assertNotIn("Ada Byron", mail.as_string())
        token = self.token_of(mail, "verify-email")
        self.post(204, "verify-email", {"token": token})
        self.post(422, "verify-email", {"token": token})

        self.post(202, "request-password-reset", {"email": "nobody@example.org"})
        self.post(202, "request-password-reset", {"email": "ada@example.org"})
        token = self.token_of(self.mailed(2), "reset-password")
        session = self.signed_in()
        self.post(204, "reset-password", {"token": token, "new_password": "a sea of small clouds"})
        self.assertIn("password", self.mailed(3)["Subject"])
        with self.server.api() as api:
            self.assertEqual(api.call("GET", "/users/me", session)[0], 401)

        session = self.signed_in(password="a sea of small clouds")
        self.post(202, "change-email", {"new_email": "ada@example.net", "password": "a sea of small clouds"}, session)
        self.mailed(5)
        to_new, to_old = [next(mail for mail in map(self.read, range(3, 5)) if mail["To"].addresses[0].addr_spec == address)
                          for address in ("ada@example.net", "ada@example.org")]
        self.assertIn("ada@example.net", to_old.get_body(("plain",)).get_content())
        self.post(204, "verify-email", {"token": self.token_of(to_new, "verify-email")})
        self.assertEqual(self.mailed(6)["To"].addresses[0].addr_spec, "ada@example.org")
        self.signed_in(email="ada@example.net", password="a sea of small clouds")

    def test_a_second_factor_from_an_authenticator_app_and_by_mail(self):
        self.post(201, "register", ADA | {"full_name": "Ada Byron"})
        self.mailed(1)
        session = self.signed_in()
        setup = self.post(200, "setup-mfa", {"password": ADA["password"]}, session)
        self.assertIn(f"secret={setup['secret']}", setup["otpauth_uri"])
        codes = self.post(200, "verify-mfa-setup", {"code": code_of_app(setup["secret"])}, session)["recovery_codes"]
        self.assertEqual(len(codes), 10)
        self.mailed(2)

        begun = self.post(200, "login", ADA)
        self.assertTrue(begun["mfa_required"])
        finish = lambda status, **code: self.post(status, "login/mfa", {"challenge_token": begun["challenge_token"], **code})
        finish(401, code=code_of_app(setup["secret"], "--now", "2 minutes ago"))
        done = finish(200, code=code_of_app(setup["secret"], "--now", "30 seconds"))
        self.assertEqual(done["user"]["email"], "ada@example.org")

        begun = self.post(200, "login", ADA)
        finish(401, code=code_of_app(setup["secret"]))  # used, or older than one that was
        self.post(204, "login/mfa/email", {"challenge_token": begun["challenge_token"]})
        text = self.mailed(3).get_body(("plain",)).get_content()
        finish(200, code=re.search(r"\b(\d{6})\b", text)[1], method="email")
        begun = self.post(200, "login", ADA)
        finish(200, code=codes[0].lower(), method="recovery_code")
        self.assertNotIn(setup["secret"].encode(), (self.server.log_file.parent / "school.db").read_bytes())

    def test_a_locked_account_is_told_to_its_owner(self):
        self.post(201, "register", ADA | {"full_name": "Ada Byron"})
        self.mailed(1)
        for _ in range(5):
            self.post(401, "login", ADA | {"password": "wrong"})
        self.assertIn("30 minutes", self.mailed(2).get_body(("plain",)).get_content())
        self.post(401, "login", ADA)


unittest.main(verbosity=2)
