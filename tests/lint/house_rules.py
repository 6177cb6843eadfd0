#!/usr/bin/env python3
"""Checks the rules of the house: who may include whom, and what may not stand in which room.

    house_rules.py [ROOT]        checks a checkout; exit 1 if a rule is broken
    house_rules.py --self-test   breaks each rule once and sees that it is noticed

A room is a folder of liblms together with the public headers that belong to it. The tables below are the rules.
"""
import re
import sys
import tempfile
from pathlib import Path

# Each knows those before it.
FEATURES = ["user", "auth", "course", "enrollment", "quiz", "certificate", "package", "admin", "metrics"]
PLATFORM = ["base", "spi", "settings", "audit", "job", "mail", "event", "http"]
BACKENDS = ["backend/memory", "backend/sqlite", "backend/log", "backend/https", "backend/smtp", "backend/vault",
            "backend/redis", "backend/prometheus"]

# Which rooms a room may know besides itself.
SEES = {
    "base": {"spi"},
    "spi": {"base"},
    "settings": {"base", "spi"},
    "event": {"base", "spi"},
    "audit": {"base", "spi"},
    "job": {"base", "spi", "audit"},
    "mail": {"base", "spi", "audit", "job"},
    "http": {"base", "spi", "settings", "audit", "job", "event"},
    **{name: {*PLATFORM, *FEATURES[:i]} for i, name in enumerate(FEATURES)},
    "backend": {"base", "spi"},
    "backend/evaluate": {"base", "spi", "backend"},
    "backend/memory": {"base", "spi", "backend"},
    "backend/sql": {"base", "spi", "backend"},
    "backend/sqlite": {"base", "spi", "backend", "backend/sql"},
    "backend/log": {"base", "spi", "settings"},
    "backend/smtp": {"base", "spi"},
    "backend/https": {"base", "spi"},
    "backend/vault": {"base", "spi"},
    "backend/redis": {"base", "spi"},
    "backend/prometheus": {"base", "spi"},
    "testing": {*PLATFORM, *FEATURES, "lms"},
    "api": {*PLATFORM, *FEATURES, "lms"},  # of lms only the public header: it has the services
    "lms": {*PLATFORM, *FEATURES, "api", "backend/memory"},
    "server": {*PLATFORM, *FEATURES, "lms", *BACKENDS, "server/http1"},
    "server/http1": {"base", "spi", "settings", "http", "lms"},
    "examples": {*PLATFORM, *FEATURES, "lms", *BACKENDS, "testing"},
}
# Public headers whose name is not that of their room.
ROOM_OF_HEADER = {
    **dict.fromkeys("changes error executor export id page principal qr_code rate time totp value schema".split(), "base"),
    **dict.fromkeys("query repository password token fernet field_cipher reencryption signature".split(), "spi"),
    "router": "http",
    "rate_limits": "http",
    "health": "http",
    "kept_answers": "http",
    **dict.fromkeys("access_token accounts lockout mfa".split(), "auth"),
    "course_package": "package",
    "user_import": "user",
    "personal_data": "auth",
}
# These see liblms as any other program does.
OUTSIDERS = {"server", "server/http1", "examples", "testing"}

# Third-party headers by their first characters, and the files that may include them.
THIRD_PARTY = {
    "nlohmann/": ["liblms/base/json.cpp"],
    "openssl/": ["liblms/base/"],
    "argon2.h": ["liblms/base/"],
    "crypt.h": ["liblms/base/"],
    "unicode/": ["liblms/base/"],
    "cmark-gfm": ["liblms/base/"],
    "qrencode.h": ["liblms/base/"],
    "png.h": ["liblms/base/"],
    "kainjow/": ["liblms/mail/"],
    "curl/": ["liblms/backend/https/", "liblms/backend/smtp/"],
    "prometheus/": ["liblms/backend/prometheus/"],
    "hiredis/": ["liblms/backend/redis/"],
    "xxhash.h": ["liblms/base/"],
    "sqlite3.h": ["liblms/backend/sqlite/"],
    "SQLiteCpp/": ["liblms/backend/sqlite/"],
    "pistache/": ["server/http1/", "tests/bench/hello.cpp"],
    "llhttp": ["server/http1/"],
    "spdlog/": ["liblms/backend/log/"],
    "CLI/": ["server/"],
    "doctest/": ["tests/", "examples/unit_test_with_fakes.cpp"],
    "httplib.h": ["examples/embed_httplib.cpp"],
    "benchmark/": ["tests/bench/"],
}
# What the operating system gives; public headers do without.
SYSTEM = re.compile(r"(sys|netinet|arpa|linux)/\w+\.h|\w+\.h")
STANDARD = re.compile(r"[a-z_0-9]+")

# What may not stand in the code: name, pattern, where it is looked for, where it is allowed.
REFUSED = [
    ("SQL belongs to the SQL backends and the migrations",
     re.compile(r'"[^"\n]*\b(SELECT\s[^"\n]*\bFROM|INSERT\s+(OR\s+\w+\s+)?INTO|DELETE\s+FROM|UPDATE\s+\S+\s+SET'
                r'|CREATE\s+(TABLE|(UNIQUE\s+)?INDEX))\b'),
     ["include/", "liblms/", "server/", "examples/"], ["liblms/backend/sql/", "liblms/backend/sqlite/"]),
    ("time comes from the injected Clock", re.compile(r"\b(system_clock|high_resolution_clock)\s*::\s*now\b"),
     ["include/", "liblms/", "server/", "examples/", "tests/"], ["liblms/base/time.cpp"]),
    ("std::regex is slow and recurses", re.compile(r"\bstd\s*::\s*regex\b|#\s*include\s*<regex>"),
     ["include/", "liblms/", "server/", "examples/", "tests/"], []),
    ("the library does not write to the terminal", re.compile(r"#\s*include\s*<iostream>|\bstd\s*::\s*(cout|cerr)\b"),
     ["include/", "liblms/"], []),
    ("catch (...) belongs to drivers, the worker loop and handle", re.compile(r"\bcatch\s*\(\s*\.\.\.\s*\)"),
     ["include/", "liblms/", "server/"], ["liblms/backend/", "liblms/job/", "liblms/base/storage.cpp", "liblms/http/pipeline.cpp", "server/http1/"]),
    ("a backend knows no feature", re.compile(r"\b(course|lesson|enrol|quiz|certificate)", re.IGNORECASE),
     ["liblms/backend/"], ["liblms/backend/https/"]),  # TLS has certificates of its own
    ("tests do not sleep", re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep)\s*\("), ["tests/"], []),
    ("finish it, or say it in an issue", re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"),
     ["include/", "liblms/", "server/", "examples/", "tests/", "packaging/"], []),
]
VAGUE_FOLDERS = {"utils", "util", "common", "helpers", "manager", "misc"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
COMMENT = re.compile(r'//[^\n]*|/\*.*?\*/|("(?:[^"\\\n]|\\.)*")', re.DOTALL)


def room_of(path):
    """The room of a file, by its path from the root."""
    top, *rest = path.split("/")
    if top == "include":
        name = "/".join(rest[1:]).removesuffix(".hpp")
        folder, _, file = name.rpartition("/")
        return {"spi": "spi", "testing": "testing", "backends": f"backend/{file}"}.get(folder, ROOM_OF_HEADER.get(name, name))
    if top == "liblms":
        if rest[0] == "backend" and len(rest) > 2:
            return f"backend/{rest[1]}"
        return Path(rest[0]).stem
    if top == "server" and rest[0] == "http1":
        return "server/http1"
    return top


def starts_with_any(path, places):
    return any(path.startswith(place) for place in places)


def include_fault(root, path, bracket, header):
    """What is wrong with one include, or None."""
    room = room_of(path)
    if header.startswith("lms/"):
        target = f"include/{header}"
        if not (root / target).exists():
            return f"there is no {target}"
    elif bracket == '"':
        if (root / "liblms" / header).exists():
            target = f"liblms/{header}"
            if (room in OUTSIDERS and room_of(target) != room) or path.startswith("include/"):
                return f"{header} is internal to liblms"
            if room in FEATURES and room_of(target) in FEATURES and room_of(target) != room:
                return f"{header} is internal to another feature: use its public header"
        elif path.startswith("server/") and (root / "server" / header).exists():
            target = f"server/{header}"
        elif room == "tests" or (root / path).parent.joinpath(header).exists():
            return None
        else:
            return f"{header} stands nowhere"
    else:
        if STANDARD.fullmatch(header):
            return None
        for prefix, places in THIRD_PARTY.items():
            if header.startswith(prefix):
                return None if starts_with_any(path, places) else f"<{header}> belongs to {', '.join(places)} alone"
        if SYSTEM.fullmatch(header):
            return f"<{header}> in a public header" if path.startswith("include/") else None
        return f"<{header}> has no room; give it one in {Path(__file__).name}"
    if room == "tests":
        return None
    target_room = room_of(target)
    if room not in SEES:
        return f"the room {room} is unknown; say in {Path(__file__).name} what it may know"
    if target_room != room and target_room not in SEES[room]:
        return f"{room} must not know {target_room} ({header})"
    return None


def sources(root):
    for top in ("include", "liblms", "server", "examples", "tests"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in (".cpp", ".hpp", ".sh", ".py") and "node_modules" not in path.parts:
                yield path


def check(root):
    faults = []
    for file in sources(root):
        path = file.relative_to(root).as_posix()
        if path.startswith("tests/lint/"):
            continue
        text = file.read_text(encoding="utf-8")
        for folder in VAGUE_FOLDERS.intersection(file.relative_to(root).parts[:-1]):
            faults.append(f"{path}: a folder called {folder} says nothing")
        code = text
        if file.suffix in (".cpp", ".hpp"):
            for number, line in enumerate(text.splitlines(), 1):
                include = INCLUDE.match(line)
                fault = include and include_fault(root, path, include[1], include[2])
                if fault:
                    faults.append(f"{path}:{number}: {fault}")
            code = COMMENT.sub(lambda match: match[1] or "\n" * match[0].count("\n"), text)
        for name, pattern, places, allowed in REFUSED:
            if not starts_with_any(path, places) or starts_with_any(path, allowed):
                continue
            looked_at = text if "TODO" in pattern.pattern else code
            for match in pattern.finditer(looked_at):
                faults.append(f"{path}:{looked_at.count(chr(10), 0, match.start()) + 1}: {name}")
    return faults


# One breach of every rule: the file, its text, and a part of what must be said about it.
BREACHES = [
    ("liblms/base/a.cpp", "#include <lms/course.hpp>", "base must not know course"),
    ("liblms/course/a.cpp", "#include <lms/quiz.hpp>", "course must not know quiz"),
    ("liblms/quiz/a.cpp", '#include "course/inside.hpp"', "internal to another feature"),
    ("liblms/backend/sqlite/a.cpp", "#include <lms/user.hpp>", "backend/sqlite must not know user"),
    ("liblms/backend/memory/a.cpp", '#include "backend/sql/b.hpp"', "backend/memory must not know backend/sql"),
    ("include/lms/spi/a.hpp", "#include <lms/http.hpp>", "spi must not know http"),
    ("include/lms/user.hpp", '#include "base/b.hpp"', "internal to liblms"),
    ("include/lms/user.hpp", "#include <unistd.h>", "in a public header"),
    ("include/lms/user.hpp", "#include <nlohmann/json.hpp>", "belongs to liblms/base/json.cpp"),
    ("server/a.cpp", '#include "base/b.hpp"', "internal to liblms"),
    ("liblms/testing/a.cpp", '#include "base/b.hpp"', "internal to liblms"),
    ("server/a.cpp", "#include <httplib.h>", "belongs to examples/embed_httplib.cpp"),
    ("examples/a.cpp", "#include <sqlite3.h>", "belongs to liblms/backend/sqlite/"),
    ("server/a.cpp", "#include <boost/asio.hpp>", "has no room"),
    ("liblms/novelty/a.cpp", "#include <lms/error.hpp>", "room novelty is unknown"),
    ("liblms/http/a.cpp", "#include <lms/absent.hpp>", "there is no"),
    ("liblms/http/a.cpp", 'auto x = "SELECT a FROM b";', "SQL belongs"),
    ("server/a.cpp", 'auto x = "INSERT OR IGNORE INTO b";', "SQL belongs"),
    ("liblms/http/a.cpp", "auto x = std::chrono::system_clock::now();", "injected Clock"),
    ("tests/unit/a.cpp", "std::regex r;", "std::regex"),
    ("liblms/http/a.cpp", "#include <iostream>", "terminal"),
    ("liblms/course/a.cpp", "try { f(); } catch (...) {}", "catch (...)"),
    ("liblms/backend/memory/a.cpp", "int courses;", "knows no feature"),
    ("tests/unit/a.cpp", "std::this_thread::sleep_for(1s);", "do not sleep"),
    ("liblms/http/a.cpp", "// TODO later", "finish it"),
    ("liblms/http/utils/a.cpp", "int x;", "says nothing"),
]
# And what must pass.
FINE = [
    ("liblms/quiz/a.cpp", '#include <lms/course.hpp>\n#include "http/b.hpp"\n#include <vector>'),
    ("liblms/base/json.cpp", "#include <nlohmann/json.hpp>"),
    ("liblms/backend/sqlite/a.cpp", '#include <sqlite3.h>\n#include "backend/sql/b.hpp"'),
    ("liblms/backend/sql/a.cpp", 'auto x = "SELECT a FROM b";'),
    ("liblms/http/a.cpp", "// system_clock::now() is refused here, SELECT a FROM b too\nint x;"),
    ("liblms/http/a.cpp", 'throw invalid("Select one FROM these.");'),
    ("server/a.cpp", "#include <lms/course.hpp>\n#include <CLI/CLI.hpp>\n#include <unistd.h>"),
]


def self_test():
    def faults_of(path, text):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for name in ("include/lms/error", "include/lms/course", "include/lms/quiz", "include/lms/user",
                         "include/lms/http", "liblms/base/b", "liblms/course/inside", "liblms/http/b",
                         "liblms/backend/sql/b"):
                file = root / f"{name}.hpp"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.touch()
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            return check(root)

    wrong = []
    for path, text, expected in BREACHES:
        faults = faults_of(path, text)
        if len(faults) != 1 or expected not in faults[0]:
            wrong.append(f"{path} with {text!r}: expected one fault with {expected!r}, got {faults}")
    for path, text in FINE:
        faults = faults_of(path, text)
        if faults:
            wrong.append(f"{path} with {text!r}: expected none, got {faults}")
    return wrong


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        problems = self_test()
    else:
        problems = check(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
    print("\n".join(problems) or "no rule is broken")
    sys.exit(1 if problems else 0)
