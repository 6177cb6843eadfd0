#!/usr/bin/env python3
"""offline.py INPUT OUTPUT: ReDoc's script without the one thing it would fetch from elsewhere, a logo.

Where the logo cannot be shown, ReDoc leaves it out; an empty picture makes it do so without asking another server.
"""
import pathlib
import sys

LOGO = '"https://cdn.redoc.ly/redoc/logo-mini.svg"'

script = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
if LOGO not in script:
    sys.exit(f"offline.py: {sys.argv[1]} no longer names {LOGO}: look at what this version of ReDoc fetches")
pathlib.Path(sys.argv[2]).write_text(script.replace(LOGO, '"data:,"'), encoding="utf-8")
