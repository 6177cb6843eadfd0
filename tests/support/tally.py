#!/usr/bin/env python3
"""Sums up a run of `meson test` from its testlog.json.

A doctest binary or a unittest script counts for as many tests as its own summary says, any other test for one. One that
did not get as far as a summary, or that failed after it, counts as one failure more. Shows the output of what failed; the
last line is the sum.
"""
import json
import re
import sys

SUMMARY = re.compile(r"test cases: +(\d+) \| +(\d+) passed \| +(\d+) failed \| +(\d+) skipped")
UNITTEST = re.compile(r"^Ran (\d+) tests? in [\d.]+s\n\n(?:OK|FAILED)(?: \(([^)]*)\))?", re.MULTILINE)
TAIL = 200


def doctest_counts(output):
    """(passed, failed, skipped) of each binary that said so."""
    return [tuple(map(int, counts[1:])) for counts in SUMMARY.findall(output)]


def unittest_counts(output):
    """The same of each script."""
    found = []
    for ran, rest in UNITTEST.findall(output):
        others = {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", rest)}
        failed = others.get("failures", 0) + others.get("errors", 0)
        skipped = others.get("skipped", 0)
        found.append((max(int(ran) - failed - skipped, 0), failed, skipped))  # a test of many parts may fail many times
    return found


def count(test):
    """Returns (passed, failed, skipped)."""
    fine = test["result"] in ("OK", "EXPECTEDFAIL")
    summaries = doctest_counts(test.get("stdout", "")) + unittest_counts(test.get("stderr", ""))
    if summaries:
        passed, failed, skipped = (sum(column) for column in zip(*summaries))
        return passed, failed + (0 if fine or failed else 1), skipped
    if test["result"] == "SKIP":
        return 0, 0, 1
    return (1, 0, 0) if fine else (0, 1, 0)


def show(test):
    print(f"\n---- {test['name']}: {test['result'].lower()}, exit code {test['returncode']} ----")
    for stream in ("stdout", "stderr"):
        lines = test.get(stream, "").rstrip().splitlines()
        if len(lines) > TAIL:
            print(f"[the last {TAIL} of {len(lines)} lines]")
        print("\n".join(lines[-TAIL:]))


def main(path):
    try:
        with open(path, encoding="utf-8") as log:
            tests = [json.loads(line) for line in log if line.strip()]
    except FileNotFoundError:
        tests = []
    if not tests:
        print("no test was run")
    counts = [count(test) for test in tests]
    for test, (_, failed, _) in zip(tests, counts):
        if failed:
            show(test)
    passed, failed, skipped = (sum(column) for column in zip(*counts)) if counts else (0, 1, 0)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
