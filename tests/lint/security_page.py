#!/usr/bin/env python3
"""Sees that docs/security.md has a row for every requirement of OWASP ASVS 4.0.3 up to level 2, and that the tests it
names are there.

    security_page.py [ROOT]        checks a checkout; exit 1 if the page says what is not so
    security_page.py --self-test   makes each mistake once and sees that it is noticed

A row is `| id | what is asked | state | how | tests |`. Its tests are `folder/file` “a name” “another”, below tests/, or
`no test`; files of lint, fuzz and vectors are one test each and need no name. What does not apply stands as
`Does not apply: id, id. Reason`.
"""
import re
import sys
import tempfile
from pathlib import Path

PAGE = "docs/security.md"

# The requirements of levels 1 and 2 by their numbers, those that 4.0.3 has deleted left out.
REQUIREMENTS = """
    1.1:1-7 1.2:1-4 1.4:1,4-5 1.5:1-4 1.6:1-4 1.7:1-2 1.8:1-2 1.9:1-2 1.10:1 1.11:1-2 1.12:2 1.14:1-6
    2.1:1-12 2.2:1-3 2.3:1-3 2.4:1-5 2.5:1-7 2.6:1-3 2.7:1-6 2.8:1-7 2.9:1-3 2.10:1-4
    3.1:1 3.2:1-4 3.3:1-4 3.4:1-5 3.5:1-3 3.7:1
    4.1:1-3,5 4.2:1-2 4.3:1-3
    5.1:1-5 5.2:1-8 5.3:1-10 5.4:1-3 5.5:1-4
    6.1:1-3 6.2:1-6 6.3:1-2 6.4:1-2
    7.1:1-4 7.2:1-2 7.3:1,3-4 7.4:1-3
    8.1:1-4 8.2:1-3 8.3:1-8
    9.1:1-3 9.2:1-4
    10.2:1-2 10.3:1-3
    11.1:1-8
    12.1:1-3 12.2:1 12.3:1-6 12.4:1-2 12.5:1-2 12.6:1
    13.1:1,3-5 13.2:1-3,5-6 13.3:1-2 13.4:1-2
    14.1:1-4 14.2:1-6 14.3:2-3 14.4:1-7 14.5:1-4
"""
STATES = ("met", "partly", "not met", "operator's")
WHOLE_FILES = ("lint/", "fuzz/", "vectors/")

ID = re.compile(r"\d+\.\d+\.\d+")
LEFT_OUT = re.compile(r"Does not apply: ((?:\d+\.\d+\.\d+(?:, )?)+)\. \S")
REFERENCE = re.compile(r"`([\w./]+)`((?: “[^”]+”)*)")
LITERAL = r'"((?:[^"\\]|\\.)*)"'
CASES = re.compile(r"\b(?:TEST_CASE|TEST_CASE_TEMPLATE|SUBCASE)\(\s*((?:" + LITERAL + r"\s*)+)")
METHODS = re.compile(r"^ +def (test_\w+)\(", re.MULTILINE)


def requirements(table=REQUIREMENTS):
    ids = []
    for section, numbers in (entry.split(":") for entry in table.split()):
        for span in numbers.split(","):
            first, _, last = span.partition("-")
            ids += [f"{section}.{number}" for number in range(int(first), int(last or first) + 1)]
    return ids


def names_in(path):
    """The tests of a file, by name."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return set(METHODS.findall(text))
    joined = ("".join(re.findall(LITERAL, literals)) for literals, _ in CASES.findall(text))
    return {name.replace('\\"', '"') for name in joined}


def reference_faults(root, tests):
    """What is wrong with the last cell of a row."""
    if tests == "no test":
        return
    if REFERENCE.sub("", tests).strip(" ,") or not tests:
        yield f"cannot be read: {tests!r}; write `folder/file` “name”, or no test"
    for file, quoted in REFERENCE.findall(tests):
        path, names = root / "tests" / file, re.findall("“([^”]+)”", quoted)
        if not path.is_file():
            yield f"names tests/{file}, which is not there"
        elif not names and not file.startswith(WHOLE_FILES):
            yield f"names no test of tests/{file}"
        else:
            known = names_in(path) if names else set()
            yield from (f"names “{name}”, which is not in tests/{file}" for name in names if name not in known)


def check(root, wanted=None):
    faults, seen = [], []
    for number, line in enumerate((root / PAGE).read_text(encoding="utf-8").splitlines(), start=1):
        line = re.sub(r"\s*<!--.*?-->\s*", "", line)
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and ID.fullmatch(cells[0]):
            seen.append(cells[0])
            if len(cells) != 5:
                wrong = [f"has {len(cells)} cells instead of 5"]
            else:
                wrong = [] if cells[2] in STATES else [f"is {cells[2]!r}; say one of {', '.join(STATES)}"]
                wrong += reference_faults(root, cells[4])
            faults += [f"{PAGE}:{number}: {cells[0]} {what}" for what in wrong]
        elif line.startswith("Does not apply"):
            match = LEFT_OUT.match(line)
            seen += ID.findall(match[1]) if match else []
            if not match:
                faults.append(f"{PAGE}:{number}: cannot be read; write Does not apply: id, id. Reason")
    wanted = requirements() if wanted is None else wanted
    faults += [f"{PAGE}: nothing is said of {each}" for each in wanted if each not in seen]
    faults += [f"{PAGE}: {each} is no requirement of levels 1 and 2" for each in seen if each not in wanted]
    faults += [f"{PAGE}: {each} stands there twice" for each in sorted(set(seen)) if seen.count(each) > 1]
    return faults


# Each mistake, and a part of what must be said about it.
MISTAKES = [
    ("| 1.1.1 | a | met | b | `unit/gone_test.cpp` “adds” |", "not there"),
    ("| 1.1.1 | a | met | b | `unit/sum_test.cpp` “subtracts” |", "“subtracts”"),
    ("| 1.1.1 | a | met | b | `unit/sum_test.cpp` “adds” “subtracts” |", "“subtracts”"),
    ("| 1.1.1 | a | met | b | `unit/sum_test.cpp` “takes both” |", "“takes both”"),  # only a part of a name
    ("| 1.1.1 | a | met | b | `unit/sum_test.cpp` |", "names no test"),
    ("| 1.1.1 | a | met | b | `server/run_test.py` “test_stops” |", "“test_stops”"),
    ("| 1.1.1 | a | met | b | surely |", "cannot be read"),
    ("| 1.1.1 | a | met | b | |", "cannot be read"),
    ("| 1.1.1 | a | nearly | b | no test |", "'nearly'"),
    ("| 1.1.1 | a | met | no test |", "4 cells"),
    ("Does not apply: 1.1.1.", "cannot be read"),
    ("", "nothing is said of 1.1.1"),
    ("| 1.1.1 | a | met | b | no test |\n| 1.1.2 | a | met | b | no test |", "1.1.2 is no requirement"),
    ("| 1.1.1 | a | met | b | no test |\nDoes not apply: 1.1.1. Because.", "twice"),
]
# And what must pass.
GOOD = [
    "| 1.1.1 | a | met | b | `unit/sum_test.cpp` “adds” “takes both, whole” “an inner one”, `server/run_test.py` “test_runs” |",
    "| 1.1.1 | a | operator's | a \\| b | no test |",
    "| 1.1.1 | a | partly | b | `lint/rules.py` | <!-- to be said anew -->",
    "Does not apply: 1.1.1. There is none.",
]


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for path, text in {
            "tests/unit/sum_test.cpp": 'TEST_CASE("adds") {\n  SUBCASE("an inner one") {}\n}\n'
                                       'TEST_CASE_TEMPLATE(\n    "takes both, "\n    "whole", Number, int, long) {}\n',
            "tests/server/run_test.py": "class Runs:\n    def test_runs(self):\n        pass\n",
            "tests/lint/rules.py": "",
        }.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        (root / "docs").mkdir()

        def faults_of(text):
            (root / PAGE).write_text(text + "\n", encoding="utf-8")
            return check(root, ["1.1.1"])

        wrong = [f"not noticed: {text!r}" for text, said in MISTAKES
                 if not any(said in fault for fault in faults_of(text))]
        wrong += [f"{fault} in {text!r}" for text in GOOD for fault in faults_of(text)]
    if requirements("1.4:1,4-5 9.1:2") != ["1.4.1", "1.4.4", "1.4.5", "9.1.2"]:
        wrong.append("spans of numbers are read wrongly")
    return wrong


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        problems = self_test()
    else:
        problems = check(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
    print("\n".join(problems) or "all is said, and every test is there")
    sys.exit(1 if problems else 0)
