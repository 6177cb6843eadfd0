#!/usr/bin/env python3
"""Compiles every public header by itself, with warnings as errors, and sees that meson installs all of them.

    headers_alone.py [ROOT]        uses $CXX, or g++
    headers_alone.py --self-test   sees that a header which needs another first, warns, or is not installed is noticed
"""
import os
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

COMPILER = shlex.split(os.environ.get("CXX", "g++"))
# The warnings of the build (meson.build): a host that has them on must not get any from our headers.
FLAGS = ["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow",
         "-Wno-missing-field-initializers", "-Werror"]


def compile_alone(root, header):
    source = f'#include <lms/{header}>\n#include <lms/{header}>\n'
    run = subprocess.run([*COMPILER, *FLAGS, "-I", root / "include", "-x", "c++", "-"], input=source, text=True,
                         capture_output=True)
    return "" if run.returncode == 0 else f"{header} does not compile alone:\n{run.stderr}"


def check(root):
    folder = root / "include/lms"
    headers = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.hpp"))
    installed = (folder / "meson.build").read_text(encoding="utf-8")
    faults = [f"{header} is not in include/lms/meson.build" for header in headers if f"'{header}'" not in installed]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        faults += filter(None, pool.map(lambda header: compile_alone(root, header), headers))
    return faults


def self_test():
    wrong = []
    for text, list_it, expected in [
        ("#pragma once\ninline std::string f();", True, "does not compile alone"),
        ("inline int f() { return 1; }", True, "does not compile alone"),
        ("#pragma once\ninline int f(long x) { return x; }", True, "conversion from"),
        ("#pragma once\ninline int f() { return 1; }", False, "is not in"),
        ("#pragma once\ninline int f() { return 1; }", True, None),
    ]:
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            (root / "include/lms").mkdir(parents=True)
            (root / "include/lms/a.hpp").write_text(text, encoding="utf-8")
            (root / "include/lms/meson.build").write_text("'a.hpp'" if list_it else "", encoding="utf-8")
            faults = check(root)
        if (len(faults) != 1 or expected not in faults[0]) if expected else faults:
            wrong.append(f"{text!r}: expected {expected}, got {faults}")
    return wrong


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        problems = self_test()
    else:
        problems = check(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
    print("\n".join(problems) or "all headers stand alone")
    sys.exit(1 if problems else 0)
