#!/usr/bin/python3
# Debian's own Python: cryptography is a package of it.
"""wycheproof.py JWS_VERIFY FILE|FOLDER…   Runs Wycheproof's vectors through what verifies our tokens, and tells each group.
wycheproof.py JWS_VERIFY --self-test    Wrong vectors must be noticed.

The vectors are in `testvectors_v1` of https://github.com/C2SP/wycheproof and not in this repository. Read are those of
JSON Web Signatures, and the bare signatures of Ed25519 and of RSA by PKCS#1 v1.5 with SHA-256; other files are passed
over, and a run that found no vector fails. Exit 1 if an invalid signature was taken or a valid one of our algorithms
was not.
"""
import base64
import collections
import json
import pathlib
import subprocess
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

OURS = {"HS256", "EdDSA", "RS256"}
CURVES = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}

# Taken by Wycheproof, refused here: a `?` within base64url, which RFC 7515 (2) does not let pass.
REFUSED_ON_PURPOSE = {"InvalidCharacterInsertedInHeader", "InvalidCharacterInsertedInPayload"}
# What is refused for what the JWK says of itself, or for how it was generated. Our keys are PEM of the school's own,
# which says nothing of the kind.
ABOUT_THE_JWK = {"rejectWrongUse", "rejectWrongKeyOps", "rejectsWrongUse", "rejectsKeyWithRocaVulnerability", "UsingRS256"}
NOT_JUDGED = {"about the JWK", "acceptable", "no key of ours", "called valid elsewhere"}


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def pem(key):
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def as_key(jwk):
    """The key as our program takes it, or None if there can be none."""
    number = lambda name: int.from_bytes(decode(jwk[name]), "big")
    named = {"kid": jwk.get("kid", "")}
    try:
        if jwk["kty"] == "oct":
            return {**named, "secret": jwk["k"]} if jwk["alg"] == "HS256" else None
        if jwk["kty"] == "RSA":
            return {**named, "pem": pem_of_rsa(number("n"), number("e"))}
        if jwk["kty"] == "OKP":
            return {**named, "pem": pem(ed25519.Ed25519PublicKey.from_public_bytes(decode(jwk["x"])))}
        return {**named, "pem": pem(ec.EllipticCurvePublicNumbers(number("x"), number("y"), CURVES[jwk["crv"]]()).public_key())}
    except (KeyError, ValueError):
        return None


def pem_of_rsa(modulus, exponent):
    """By hand: that library refuses bad keys, and it is ours that shall do it."""
    def tlv(tag, content):
        size = len(content).to_bytes((len(content).bit_length() + 7) // 8 or 1, "big")
        return bytes([tag]) + (size if len(content) < 128 else bytes([0x80 | len(size)]) + size) + content
    integer = lambda number: tlv(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))
    der = tlv(0x30, integer(modulus) + integer(exponent))
    return "-----BEGIN RSA PUBLIC KEY-----\n" + base64.encodebytes(der).decode() + "-----END RSA PUBLIC KEY-----\n"


def algorithm_of(jws):
    try:
        return json.loads(decode(jws.split(".")[0])).get("alg")
    except (AttributeError, ValueError):
        return None


def questions(document):
    """Of each test: its group, itself, the line for our program or None, whether it must be taken, and in which column
    it is counted."""
    for group in document["testGroups"]:
        kind = group["type"]
        good = [test.get("jws") for test in group["tests"] if test["result"] == "valid"]
        for test in group["tests"]:
            valid = test["result"] == "valid"
            if kind in ("JsonWebSignature", "JsonWebKey", "JsonWebCrypto") and "jws" in test:
                given = group.get("public") or group["private"]
                jwks = given.get("keys", [given])
                keys = [as_key(jwk) for jwk in jwks]
                jws = test["jws"] if isinstance(test["jws"], str) else json.dumps(test["jws"])
                line = {"keys": keys, "jws": jws} if None not in keys else None
                ours = valid and algorithm_of(jws) in OURS
                column = ("about the JWK" if test["comment"] in ABOUT_THE_JWK else
                          "refused on purpose" if test["comment"] in REFUSED_ON_PURPOSE else
                          "no key of ours" if line is None else
                          "called valid elsewhere" if not valid and jws in good else  # two of them are the same text
                          "valid, taken" if ours or (valid and algorithm_of(jws) is None) else
                          "other algorithm, refused" if valid else "invalid, refused")
                yield group.get("comment", kind), test, line, column == "valid, taken", column
            elif kind in ("EddsaVerify", "RsassaPkcs1Verify") and group.get("sha", "SHA-256") == "SHA-256":
                line = {"pem": group["publicKeyPem"], "message": encode(bytes.fromhex(test["msg"])),
                        "signature": encode(bytes.fromhex(test["sig"]))}
                column = {"valid": "valid, taken", "invalid": "invalid, refused"}.get(test["result"], "acceptable")
                yield kind, test, line, valid, column


def run(program, documents):
    """The counts by file and group, and what is wrong."""
    asked = [(name, *question) for name, document in documents for question in questions(document)]
    lines = [json.dumps(line) for _, _, _, line, _, _ in asked if line]
    answers = iter(subprocess.run([program], input="".join(line + "\n" for line in lines), text=True, check=True,
                                  capture_output=True, timeout=600).stdout.splitlines())
    counts, wrong = collections.defaultdict(collections.Counter), []
    for name, group, test, line, must_be_taken, column in asked:
        counts[name, group][column] += 1
        answer = next(answers) if line else "invalid key"
        if column in NOT_JUDGED:
            continue
        taken = answer.split()[0] == "valid"
        if taken and "jws" in test and answer.removeprefix("valid ").removeprefix("valid") != test["jws"].split(".")[1]:
            wrong.append(f"{name} {group} {test['tcId']} ({test['comment']}): another payload")
        if taken != must_be_taken:
            wrong.append(f"{name} {group} {test['tcId']} ({test['comment']}): {test['result']}, but the answer is {answer}")
    return counts, wrong


def self_test(program):
    """A good vector, and four that say what is not true."""
    key = ed25519.Ed25519PrivateKey.generate()
    jwk = {"kty": "OKP", "crv": "Ed25519", "kid": "a", "alg": "EdDSA",
           "x": encode(key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))}
    text = encode(b'{"alg":"EdDSA","kid":"a"}') + "." + encode(b"text")
    good = text + "." + encode(key.sign(text.encode()))
    bad = text + "." + encode(bytes(64))
    raw = lambda signature, result: {"tcId": 1, "comment": "", "msg": b"text".hex(), "sig": signature.hex(), "result": result}
    def wrongs(kind, tests):
        group = {"type": kind, "public": jwk, "publicKeyPem": pem(key.public_key()), "tests": tests}
        return len(run(program, [("self-test", {"testGroups": [group]})])[1])
    jws = lambda token, result: {"tcId": 1, "comment": "", "jws": token, "result": result}
    found = (wrongs("JsonWebSignature", [jws(good, "valid"), jws(bad, "invalid"), jws("a.b.c", "invalid")]),
             wrongs("JsonWebSignature", [jws(good, "invalid"), jws(bad, "valid")]),
             wrongs("EddsaVerify", [raw(key.sign(b"text"), "valid"), raw(bytes(64), "invalid")]),
             wrongs("EddsaVerify", [raw(key.sign(b"text"), "invalid"), raw(bytes(64), "valid")]))
    return found == (0, 2, 0, 2)


def main():
    program, *paths = sys.argv[1:]
    if paths == ["--self-test"]:
        if not self_test(program):
            sys.exit("wrong vectors were not noticed, or good ones were")
        print("wrong vectors are noticed")
        return
    files = [file for path in map(pathlib.Path, paths) for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    counts, wrong = run(program, [(file.name, json.loads(file.read_text())) for file in files])
    for (name, group), columns in counts.items():
        print(f"{name:36} {group:24} " + ", ".join(f"{count} {column}" for column, count in sorted(columns.items())))
    print("\n".join(wrong) or f"{sum(map(collections.Counter.total, counts.values()))} vectors, none answered wrongly")
    sys.exit(1 if wrong or not counts else 0)


if __name__ == "__main__":
    main()
