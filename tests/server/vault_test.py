#!/usr/bin/env python3
"""vault_test.py LMS_SERVER   The real program with secrets from files and from a stand-in of Vault that speaks its HTTP API: a
key-value engine of version 2, the lease of a token, and everything that Vault answers when it does not answer."""
import http.server
import json
import os
import pathlib
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

from running import KEY, LONG, Server, wait_until

PROGRAM = os.path.abspath(sys.argv.pop(1))
TOKEN = "hvs.CAESIJ-a-token-for-tests"


class Vault(http.server.ThreadingHTTPServer):
    """Answers as Vault 1.15 does, for one token."""
    daemon_threads = True

    def __init__(self, context=None, **values):
        super().__init__(("127.0.0.1", 0), Answers)
        self.secrets = {"secret/lms": values}
        self.namespace = None
        self.sealed = self.broken = self.forbidden = False
        self.lease = 3600
        self.renewable = True
        self.asked = []
        self.arrived = threading.Event()
        self.hold = None  # what a held answer waits for
        self.scheme = "https" if context else "http"
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)

    def handle_error(self, request, client_address):
        pass  # clients that do not trust this server, or give up

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def url(self, host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.server_port}"

    def count(self, request):
        return self.asked.count(request)


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def refused(self, status, *errors):
        self.answer(status, {"errors": list(errors)})

    def do_GET(self):
        self.respond("GET")

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.respond("POST")

    def respond(self, method):
        vault = self.server
        vault.asked.append(f"{method} {self.path}")
        vault.arrived.set()
        if vault.hold:
            vault.hold.wait(LONG)
        if vault.broken:
            return self.refused(500, "internal error")
        if vault.sealed:
            return self.refused(503, "Vault is sealed")
        if vault.forbidden or self.headers["X-Vault-Token"] != TOKEN or self.headers["X-Vault-Namespace"] != vault.namespace:
            return self.refused(403, "permission denied", f"token {self.headers['X-Vault-Token']}")
        if self.headers["X-Vault-Request"] != "true":
            return self.refused(412, "missing X-Vault-Request")
        shell = {"request_id": "0", "lease_id": "", "renewable": False, "lease_duration": 0, "wrap_info": None, "warnings": None}
        if (method, self.path) == ("GET", "/v1/auth/token/lookup-self"):
            return self.answer(200, {**shell, "auth": None, "data": {
                "accessor": "x", "creation_ttl": vault.lease, "ttl": vault.lease, "id": TOKEN, "policies": ["default", "lms"],
                "renewable": vault.renewable, "type": "service"}})
        if (method, self.path) == ("POST", "/v1/auth/token/renew-self"):
            return self.answer(200, {**shell, "data": None, "auth": {
                "client_token": TOKEN, "accessor": "x", "policies": ["default", "lms"], "lease_duration": vault.lease,
                "renewable": vault.renewable, "token_type": "service"}})
        mount, _, path = self.path.removeprefix("/v1/").partition("/data/")
        values = vault.secrets.get(f"{mount}/{path}")
        if method != "GET" or values is None:
            return self.refused(404)
        self.answer(200, {**shell, "auth": None, "data": {"data": values, "metadata": {
            "created_time": "2026-01-01T00:00:00.0Z", "custom_metadata": None, "deletion_time": "", "destroyed": False,
            "version": 2}}})


class Secrets(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)
        self.environment = {"PATH": os.environ["PATH"], "ARGON2_MEMORY_KIB": "64", "ARGON2_ITERATIONS": "1"}

    def run_program(self, *arguments, **environment):
        return subprocess.run([PROGRAM, *arguments], cwd=self.place, env=self.environment | environment, text=True,
                              capture_output=True, timeout=LONG)

    def config(self, *arguments, **environment):
        """What `config` says of each setting, value and source, and its warnings. No secret stands in it."""
        run = self.run_program("config", *arguments, **environment)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertNotIn(TOKEN, run.stdout + run.stderr)
        self.assertNotIn(KEY, run.stdout + run.stderr)
        rows = (line.split("  # ") for line in run.stdout.splitlines())
        return {row[0].strip().split("=", 1)[0]: (row[0].strip().split("=", 1)[1], row[1]) for row in rows}, run.stderr

    def refused(self, code, *arguments, **environment):
        run = self.run_program(*arguments, **environment)
        self.assertEqual(run.returncode, code, run.stderr)
        self.assertEqual(run.stdout, "")
        self.assertNotIn(TOKEN, run.stderr)
        self.assertNotIn(KEY, run.stderr)
        self.assertFalse((self.place / "school.db").exists())
        return run.stderr

    def with_vault(self, vault, host="127.0.0.1", **environment):
        return {"USE_VAULT": "true", "VAULT_URL": vault.url(host), "VAULT_TOKEN": TOKEN, **environment}

    # --- files ---

    def test_secrets_come_from_files(self):
        for name, text in (("key", KEY + "\n"), ("database", "sqlite:///school.db\n"), ("password", "the head of this school\n")):
            (self.place / name).write_text(text)
        files = {"ENVIRONMENT": "production", "SECRET_KEY_FILE": "key", "DATABASE_URL_FILE": str(self.place / "database"),
                 "ADMIN_EMAIL": "head@example.org", "ADMIN_PASSWORD_FILE": "password"}
        values, said = self.config(**files)
        self.assertEqual(said, "")
        self.assertEqual(values["SECRET_KEY"], ("********", "file"))
        self.assertEqual(values["DATABASE_URL"], ("********", "file"))
        self.assertEqual(values["ADMIN_PASSWORD"], ("********", "file"))
        self.assertEqual(self.run_program("migrate", **files).returncode, 0)
        self.assertTrue((self.place / "school.db").exists())
        values, _ = self.config("--database", "sqlite:///other.db", **files)
        self.assertEqual(values["DATABASE_URL"], ("sqlite:///other.db", "command line"))

    def test_files_that_cannot_be_used_are_told_all_at_once(self):
        (self.place / "empty").write_text("")
        (self.place / "large").write_text("x" * 65537)
        said = self.refused(78, "serve", SECRET_KEY_FILE="absent", ADMIN_PASSWORD_FILE="empty", JWT_ISSUER_FILE="large",
                            HOST_FILE=".", PORT="80", PORT_FILE="absent", DATABASE_URL="sqlite:///school.db")
        self.assertEqual(sorted(said.splitlines()), sorted([
            "lms-server: HOST_FILE in the environment names ., which cannot be read: Is a directory",
            "lms-server: PORT in the environment and PORT_FILE in the environment are both set; keep one of them",
            "lms-server: SECRET_KEY_FILE in the environment names absent, which cannot be read: No such file or directory",
            "lms-server: JWT_ISSUER_FILE in the environment names large, which is larger than 64 KiB",
            "lms-server: ADMIN_PASSWORD_FILE in the environment names empty, which is empty"]))

    # --- Vault at start ---

    def test_settings_of_vault_go_over_all_but_the_command_line(self):
        (self.place / ".env").write_text("DATABASE_URL=sqlite:///of-dotenv.db\nHOST=::1\n")
        with Vault(SECRET_KEY=KEY, DATABASE_URL="sqlite:///school.db", PORT=8001, ALLOWED_HOSTS=["a", "b"], SECRT_KEY="x") as vault:
            asked = self.with_vault(vault, ENVIRONMENT="production", PORT="9000")
            values, said = self.config(**asked)
            self.assertEqual(said, "lms-server: warning: SECRT_KEY in Vault is no known setting; did you mean SECRET_KEY?\n")
            for name in ("SECRET_KEY", "DATABASE_URL", "PORT", "ALLOWED_HOSTS"):
                self.assertEqual(values[name], ("********", "vault"))
            self.assertEqual(values["HOST"], ("::1", ".env"))
            self.assertEqual(values["VAULT_TOKEN"], ("********", "environment"))
            self.assertEqual(vault.asked, ["GET /v1/secret/data/lms"])
            self.assertEqual(self.run_program("migrate", **asked).returncode, 0)
            self.assertTrue((self.place / "school.db").exists())
            self.assertEqual(self.run_program("migrate", "--database", "sqlite:///mine.db", **asked).returncode, 0)
            self.assertTrue((self.place / "mine.db").exists())

    def test_mount_path_namespace_and_token_file_are_taken(self):
        (self.place / "token").write_text(TOKEN + "\n")
        with Vault() as vault:
            vault.secrets = {"kv/schools/north/lms": {"SECRET_KEY": KEY}}
            vault.namespace = "team/a"
            asked = self.with_vault(vault, VAULT_TOKEN_FILE="token", VAULT_MOUNT="kv/schools", VAULT_PATH="north/lms",
                                    VAULT_NAMESPACE="team/a")
            del asked["VAULT_TOKEN"]
            self.assertEqual(self.config(**asked)[0]["SECRET_KEY"], ("********", "vault"))

    def test_production_and_staging_do_not_start_without_vault(self):
        with Vault(SECRET_KEY=KEY) as vault:
            asked = self.with_vault(vault, SECRET_KEY=KEY, DATABASE_URL="sqlite:///school.db")
            for environment in ("production", "staging"):
                asked["ENVIRONMENT"] = environment
                vault.sealed = True
                said = self.refused(69, "serve", **asked)
                self.assertIn(f"Vault gives no settings, and {environment} does not start without: Vault is sealed", said)
                vault.sealed, vault.broken = False, True
                self.assertIn("status 500", self.refused(69, "migrate", **asked))
                vault.broken, vault.forbidden = False, True
                self.assertIn("Vault refuses secret/data/lms", self.refused(78, "serve", **asked))
                vault.forbidden = False
                self.assertIn("Vault has no secret/data/other", self.refused(78, "serve", **asked | {"VAULT_PATH": "other"}))
        self.assertIn("does not start without: http://127.0.0.1:", self.refused(69, "serve", **asked))

    def test_development_goes_on_without_vault(self):
        with Vault(SECRET_KEY=KEY) as vault:
            vault.sealed = True
            values, said = self.config(**self.with_vault(vault, PORT="9000"))
        self.assertEqual(values["PORT"], ("9000", "environment"))
        self.assertIn("warning: Vault gives no settings, so those from elsewhere count: Vault is sealed", said)

    def test_what_vault_needs_is_told(self):
        said = self.refused(78, "serve", USE_VAULT="true", ENVIRONMENT="production", PORT="x")
        self.assertEqual(len(said.splitlines()), 3, said)
        for part in ("VAULT_URL must be set", "VAULT_TOKEN or VAULT_TOKEN_FILE must be set", "PORT in the environment"):
            self.assertIn(part, said)
        said = self.refused(78, "serve", USE_VAULT="1", ENVIRONMENT="production", VAULT_URL="http://vault.example:8200",
                            VAULT_TOKEN=TOKEN)
        self.assertIn("VAULT_URL must begin with https:// in production", said)

    # --- TLS ---

    def certificate(self, name, *names):
        key, certificate = self.place / f"{name}.key", self.place / f"{name}.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                        "1", "-subj", f"/CN={name}", "-addext", "subjectAltName=" + ",".join(names), "-keyout", key, "-out",
                        certificate], check=True, capture_output=True, timeout=LONG)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context, str(certificate)

    def test_only_a_vault_with_a_certificate_for_its_name_gets_the_token(self):
        context, certificate = self.certificate("vault", "DNS:localhost")
        _, other = self.certificate("other", "DNS:localhost")
        with Vault(context, SECRET_KEY=KEY, DATABASE_URL="sqlite:///school.db") as vault:
            asked = self.with_vault(vault, "localhost", ENVIRONMENT="production")
            values, said = self.config(**asked, VAULT_CACERT=certificate)
            self.assertEqual((values["SECRET_KEY"], said), (("********", "vault"), ""))
            vault.asked.clear()
            self.assertIn("certificate", self.refused(69, "serve", **asked, VAULT_CACERT=other))
            self.assertIn("certificate", self.refused(69, "serve", **asked))
            asked["VAULT_URL"] = vault.url("127.0.0.1")  # a name that the certificate does not have
            self.assertIn("127.0.0.1", self.refused(69, "serve", **asked, VAULT_CACERT=certificate))
            self.assertIn("holds no certificates", self.refused(78, "serve", **asked, VAULT_CACERT="absent"))
            self.assertEqual(vault.asked, [])

    # --- the token's lease ---

    def serving(self, vault):
        """A server that has no patience when it is stopped: who keeps it waiting has it end by SIGALRM."""
        return Server(PROGRAM, self.place, SHUTDOWN_TIMEOUT_SECONDS="0", **self.with_vault(vault))

    def stopped(self, server):
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(server.process.wait(LONG), 0)
        self.assertNotIn(TOKEN, server.log())
        return server.log()

    def test_the_server_renews_its_token(self):
        with Vault(SECRET_KEY=KEY) as vault:
            vault.lease = 3  # so that it is renewed each second
            with self.serving(vault) as server:
                wait_until(lambda: vault.count("POST /v1/auth/token/renew-self") >= 2, "two renewals")
                vault.forbidden = True
                wait_until(lambda: "the Vault token can no longer be renewed" in server.log(), "the refusal to be told")
                log = self.stopped(server)
        self.assertEqual(log.count("can no longer be renewed"), 1)
        self.assertEqual(vault.count("GET /v1/secret/data/lms"), 1)

    def test_the_server_stops_while_vault_keeps_it_waiting(self):
        with Vault(SECRET_KEY=KEY) as vault:
            with self.serving(vault) as server:
                wait_until(lambda: vault.count("GET /v1/auth/token/lookup-self") == 1, "the lease to be asked for")
                self.stopped(server)
            vault.lease = 3
            with self.serving(vault) as server:
                wait_until(lambda: vault.count("POST /v1/auth/token/renew-self") >= 1, "a renewal")
                vault.arrived.clear()
                vault.hold = threading.Event()
                self.assertTrue(vault.arrived.wait(LONG))
                log = self.stopped(server)
                vault.hold.set()
        self.assertNotIn("security", log)


if __name__ == "__main__":
    unittest.main(verbosity=2)
