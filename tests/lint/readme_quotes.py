#!/usr/bin/env python3
"""Sees that code which a page quotes is the code that is compiled.

A fenced block whose line before is `<!-- quotes: PATH -->` must equal that file; --fix copies it.
    readme_quotes.py [ROOT]; readme_quotes.py --self-test
"""
import re
import sys
import tempfile
from pathlib import Path

QUOTE = re.compile(r"(<!-- quotes: (\S+) -->\n```\w*\n)(.*?)(```)", re.DOTALL)


def check(root, pages=("README.md", "docs/guide.md"), at_least=1):
    faults, seen = [], 0
    for page in pages:
        for _, path, quoted, _ in QUOTE.findall((root / page).read_text(encoding="utf-8")):
            seen += 1
            if quoted != (root / path).read_text(encoding="utf-8"):
                faults.append(f"{page} quotes {path} as it is not; run tests/lint/readme_quotes.py --fix")
    if seen < at_least:
        faults.append("no page quotes any file; the marker is <!-- quotes: PATH -->")
    return faults


def fix(root, pages=("README.md", "docs/guide.md")):
    for page in pages:
        text = (root / page).read_text(encoding="utf-8")
        text = QUOTE.sub(lambda match: match[1] + (root / match[2]).read_text(encoding="utf-8") + match[4], text)
        (root / page).write_text(text, encoding="utf-8")


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "a.cpp").write_text("int x;\n", encoding="utf-8")
        wrong = []
        for text, faults in [
            ("<!-- quotes: a.cpp -->\n```cpp\nint x;\n```\n", 0),
            ("<!-- quotes: a.cpp -->\n```cpp\nint y;\n```\n", 1),
            ("no quote\n", 1),
        ]:
            (root / "page.md").write_text(text, encoding="utf-8")
            if len(check(root, ["page.md"])) != faults:
                wrong.append(f"expected {faults} faults for {text!r}")
    return wrong


if __name__ == "__main__":
    here = Path(__file__).resolve().parents[2]
    if sys.argv[1:] == ["--fix"]:
        fix(here)
    problems = self_test() if sys.argv[1:] == ["--self-test"] else check(here)
    print("\n".join(problems) or "every quote is the compiled code")
    sys.exit(1 if problems else 0)
