#!/usr/bin/env python3
"""Writes a C++ source with the bytes of each file.

The source defines `std::span<const EmbeddedFile> NAMESPACE::files()`; the files stand in the order given, named by their
last path component. EmbeddedFile is an aggregate of two `std::string_view`, `name` and `bytes`, that HEADER defines
somewhere around NAMESPACE.
"""
import argparse
import pathlib


def literal(data: bytes) -> str:
    rows = (data[i:i + 64] for i in range(0, len(data), 64))
    return "\n".join('"' + "".join(f"\\{byte:03o}" for byte in row) + '"' for row in rows) or '""'


def main(output: str, namespace: str, paths: list[str], header: str) -> None:
    parts = [f'#include "{header}"\n', "#include <array>", "#include <span>\n", f"namespace {namespace} {{", "namespace {"]
    entries = []
    for number, path in enumerate(paths):
        data = pathlib.Path(path).read_bytes()
        parts.append(f"constexpr char data_{number}[] = {literal(data)};")
        entries.append(f'EmbeddedFile{{"{pathlib.Path(path).name}", {{data_{number}, {len(data)}}}}}')
    parts.append(f"const std::array<EmbeddedFile, {len(entries)}> all{{{', '.join(entries)}}};")
    parts += ["}  // namespace", "std::span<const EmbeddedFile> files() { return all; }", f"}}  // namespace {namespace}", ""]
    pathlib.Path(output).write_text("\n".join(parts))


arguments = argparse.ArgumentParser(description=__doc__)
arguments.add_argument("output")
arguments.add_argument("namespace")
arguments.add_argument("paths", nargs="*")
arguments.add_argument("--header", default="base/embedded.hpp")
main(**vars(arguments.parse_args()))
