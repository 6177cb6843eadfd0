"""A real SMTP server for tests, and an authority for its certificates. Needs Debian's python3-aiosmtpd and -cryptography."""
import datetime
import pathlib
import socket
import ssl

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SMTP_PASSWORD = "a password of the mail server"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Authority:
    """Makes certificates for servers, which those believe who have its own."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "An authority for tests")])
        self.file = self.folder / "ca.pem"
        self.file.write_bytes(self.certificate(self.name, self.key, is_authority=True).public_bytes(serialization.Encoding.PEM))

    def certificate(self, subject, key, names=(), is_authority=False):
        now = datetime.datetime.utcnow()
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(list(names)), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def context(self, *names):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A mail server")])
        file = self.folder / "server.pem"
        file.write_bytes(self.certificate(subject, key, names).public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        return context


class MailServer:
    """Takes mails, but for those that `answers` has another answer to, by recipient; remembers what it was told."""

    def __init__(self, port=None, answers=None, **options):
        self.port = port or free_port()
        self.answers = answers or {}
        self.mails, self.commands, self.logins = [], [], []
        if options.pop("login", False):
            options.update(auth_required=True, auth_require_tls=options.get("auth_require_tls", True),
                           authenticator=self.authenticate)
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)

    def __enter__(self):
        self.controller.start()
        return self

    def __exit__(self, *_):
        self.controller.stop(no_assert=True)

    def authenticate(self, _server, _session, _envelope, _mechanism, data):
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"school", SMTP_PASSWORD.encode())
        self.logins.append(good)
        return AuthResult(success=good, handled=False)

    async def handle_MAIL(self, _server, session, envelope, address, options):
        self.commands.append(("MAIL", address, session.ssl is not None))
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, _server, _session, envelope, address, options):
        self.commands.append(("RCPT", address))
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server, session, envelope):
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.mails.append((envelope.mail_from, list(envelope.rcpt_tos), bytes(envelope.original_content),
                           session.ssl is not None))
        return "250 2.0.0 Ok: queued as 4711"
