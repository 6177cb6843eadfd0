#!/usr/bin/python3
# Debian's own Python: PyJWT and cryptography are packages of it.
"""tokens_test.py LMS_SERVER   Has PyJWT, an outside judge, verify the server's tokens by the keys it publishes, and forge tokens
that the server must refuse."""
import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

import running

PROGRAM = os.path.abspath(sys.argv.pop(1))
EMAIL = "head@example.org"
ISSUER, AUDIENCE = "https://school.example", "lms"


def new_key(algorithm):
    return ed25519.Ed25519PrivateKey.generate() if algorithm == "EdDSA" else rsa.generate_private_key(65537, 2048)


def pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


def public_pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def encode(part):
    octets = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def by_hand(header, claims, sign):
    """What PyJWT would not do."""
    text = encode(header) + "." + encode(claims)
    return text + "." + encode(sign(text.encode()))


class TokensOfAServer(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = place.name

    def serve(self, **settings):
        return running.Server(PROGRAM, self.place, ADMIN_EMAIL=EMAIL, ADMIN_PASSWORD=running.PASSWORD, **settings)

    def login(self, server):
        with server.api() as api:
            status, _, body = api.call("POST", "/auth/login", body={"email": EMAIL, "password": running.PASSWORD})
        self.assertEqual(status, 200, body)
        return body["access_token"]

    def answer(self, server, token):
        """The status of a request with that token, and the code of what is wrong."""
        with server.api() as api:
            status, _, body = api.call("GET", "/users/me", bearer=token)
        return status, body.get("code")

    def published(self, server):
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/.well-known/jwks.json", timeout=running.LONG) as answer:
            self.assertEqual(answer.headers["Cache-Control"], "public, max-age=900")
            self.assertEqual(answer.headers["Content-Type"].split(";")[0], "application/json")
            return json.load(answer)

    def test_others_verify_the_tokens_and_forged_ones_are_refused(self):
        for algorithm in ("EdDSA", "RS256"):
            with self.subTest(algorithm):
                key = new_key(algorithm)
                settings = {"ALGORITHM": algorithm, "JWT_PRIVATE_KEY": pem(key).replace("\n", "\\n"), "SECRET_KEY": "",
                            "JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE}
                with self.serve(**settings) as server:
                    token = self.login(server)
                    self.verify_as_others_do(server, algorithm, token)
                    self.forge(server, algorithm, key, token)
                self.assertNotIn("PRIVATE KEY", server.log())

    def verify_as_others_do(self, server, algorithm, token):
        client = jwt.PyJWKClient(f"http://127.0.0.1:{server.port}/.well-known/jwks.json")
        found = client.get_signing_key_from_jwt(token)
        check = lambda text: jwt.decode(text, found.key, algorithms=[algorithm], issuer=ISSUER, audience=AUDIENCE,
                                        options={"require": ["exp", "iat", "sub", "iss", "aud"]})
        claims = check(token)
        self.assertEqual((claims["typ"], claims["role"]), ("access", "admin"))
        self.assertEqual(jwt.get_unverified_header(token)["alg"], algorithm)
        self.assertEqual(jwt.get_unverified_header(token)["kid"], found.key_id)
        with self.assertRaises(jwt.InvalidSignatureError):
            check(token[:-10] + ("A" if token[-10] != "A" else "B") + token[-9:])
        for public in self.published(server)["keys"]:
            self.assertEqual(set(public) & {"d", "p", "q", "dp", "dq", "qi", "k"}, set())

    def forge(self, server, algorithm, key, token):
        claims = jwt.decode(token, options={"verify_signature": False})
        kid = jwt.get_unverified_header(token)["kid"]
        [public] = self.published(server)["keys"]
        now = int(time.time())
        signed = lambda changed={}, headers=None, by=key: jwt.encode({**claims, **changed}, by, algorithm=algorithm,
                                                                     headers={"kid": kid, **(headers or {})})
        mac = lambda secret: lambda text: hmac.digest(secret, text, hashlib.sha256)
        hs256, stranger = {"alg": "HS256", "typ": "JWT"}, new_key(algorithm)
        jwk_of_stranger = {**json.loads(jwt.algorithms.get_default_algorithms()[algorithm].to_jwk(stranger.public_key())),
                           "kid": kid}
        raw = base64.urlsafe_b64decode((public.get("x") or public["n"]) + "==")

        # What the key's owner signs is taken, wherever it was signed; all below differs from it in one thing.
        self.assertEqual(self.answer(server, signed())[0], 200)
        forged = {
            "no algorithm": jwt.encode(claims, None, algorithm="none", headers={"kid": kid}),
            "no algorithm, and a signature": by_hand({"alg": "none", "kid": kid}, claims, lambda text: b"a" * 64),
            "the public key as a secret": by_hand(hs256, claims, mac(public_pem(key).encode())),
            "the public key as a secret, named": by_hand({**hs256, "kid": kid}, claims, mac(public_pem(key).encode())),
            "the public key's octets as a secret": by_hand(hs256, claims, mac(raw)),
            "the JWK as a secret": by_hand({**hs256, "kid": kid}, claims, mac(json.dumps(public).encode())),
            "an empty secret": by_hand(hs256, claims, mac(b"")),
            "the secret of another installation": by_hand(hs256, claims, mac(running.KEY.encode())),
            "a stranger's key": signed(by=stranger),
            "a stranger's key brought along": signed(headers={"jwk": jwk_of_stranger}, by=stranger),
            "a key brought along": signed(headers={"jwk": public}),
            "a key to be fetched": signed(headers={"jku": f"http://127.0.0.1:{server.port}/.well-known/jwks.json"}),
            "a certificate to be fetched": signed(headers={"x5u": "https://example.org/chain.pem"}),
            "a critical extension": signed(headers={"crit": ["exp"]}),
            "an unknown name": signed(headers={"kid": "../../dev/null"}),
            "no name": by_hand({"alg": algorithm}, claims, self.signer(algorithm, key)),
            "the algorithm in small letters": by_hand({"alg": algorithm.lower(), "kid": kid}, claims,
                                                      self.signer(algorithm, key)),
            "another issuer": signed({"iss": "https://elsewhere.example"}),
            "another audience": signed({"aud": "elsewhere"}),
            "another type": signed({"typ": "refresh"}),
            "no time of expiry": signed({"exp": None}),
            "a time yet to come": signed({"iat": now + 3600, "exp": now + 7200}),
            "more than any token needs": signed({"role": "x" * 5000}),
            "two headers": by_hand(b'{"alg":"none","alg":"%s","kid":"%s"}' % (algorithm.encode(), kid.encode()), claims,
                                   self.signer(algorithm, key)),
        }
        for what, text in forged.items():
            with self.subTest(what):
                self.assertEqual(self.answer(server, text), (401, "invalid_token"))
        self.assertEqual(self.answer(server, signed({"iat": now - 901, "exp": now - 1})), (401, "token_expired"))

    def signer(self, algorithm, key):
        if algorithm == "EdDSA":
            return key.sign
        return lambda text: key.sign(text, padding.PKCS1v15(), hashes.SHA256())

    def test_keys_are_changed_without_signing_anybody_out(self):
        first, second = new_key("EdDSA"), new_key("RS256")
        kid_of = lambda token: jwt.get_unverified_header(token).get("kid")
        tokens = []
        for settings in ({},
                         {"ALGORITHM": "EdDSA", "JWT_PRIVATE_KEY": pem(first), "SECRET_KEY_PREVIOUS": running.KEY},
                         {"ALGORITHM": "RS256", "JWT_PRIVATE_KEY": pem(second), "JWT_PREVIOUS_KEYS": public_pem(first),
                          "SECRET_KEY_PREVIOUS": running.KEY},
                         {"JWT_PREVIOUS_KEYS": public_pem(first) + public_pem(second)}):
            with self.serve(**settings) as server:
                tokens.append(self.login(server))
                for token in tokens:
                    self.assertEqual(self.answer(server, token)[0], 200)
                published = [key["kid"] for key in self.published(server)["keys"]]
                self.assertEqual({kid_of(token) for token in tokens} - {None}, set(published))
        self.assertEqual([bool(kid_of(token)) for token in tokens], [False, True, True, False])
        with self.serve() as server:
            self.assertEqual([self.answer(server, token)[0] for token in tokens], [200, 401, 401, 200])
            self.assertEqual(self.published(server), {"keys": []})

    def test_keys_that_cannot_be_used_are_named_at_start_and_never_shown(self):
        short = rsa.generate_private_key(65537, 1024)
        elliptic = ec.generate_private_key(ec.SECP256R1())
        for settings, said in (
                ({"ALGORITHM": "EdDSA"}, "JWT_PRIVATE_KEY is not set, but ALGORITHM is EdDSA; it must be"),
                ({"ALGORITHM": "RS256", "JWT_PRIVATE_KEY": pem(short)}, "JWT_PRIVATE_KEY is an RSA key of 1024 bits; it must be"),
                ({"ALGORITHM": "EdDSA", "JWT_PRIVATE_KEY": pem(elliptic)}, "JWT_PRIVATE_KEY is a key of another kind (EC)"),
                ({"ALGORITHM": "EdDSA", "JWT_PRIVATE_KEY": public_pem(new_key("EdDSA"))}, "JWT_PRIVATE_KEY is a public key"),
                ({"JWT_PREVIOUS_KEYS": pem(elliptic)}, "JWT_PREVIOUS_KEYS is a key of another kind (EC)"),
                ({"SECRET_KEY": public_pem(short)}, "SECRET_KEY is a key in PEM")):
            with self.subTest(said):
                run = subprocess.run([PROGRAM, "config"], cwd=self.place, text=True, capture_output=True,
                                     timeout=running.LONG, env=running.environment() | settings | {"PORT": "none"})
                self.assertEqual((run.returncode, run.stdout), (78, ""), run.stderr)
                self.assertIn("PORT in the environment", run.stderr)
                self.assertIn(said, run.stderr)
                for value in settings.values():
                    for line in value.splitlines()[1:-1]:
                        self.assertNotIn(line, run.stderr)


if __name__ == "__main__":
    unittest.main()
