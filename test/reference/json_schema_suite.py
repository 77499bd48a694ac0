#!/usr/bin/env python3
"""Joins the JSON Schema Test Suite (MIT, https://github.com/json-schema-org/JSON-Schema-Test-Suite) to one fixture.

python test/reference/json_schema_suite.py path/to/JSON-Schema-Test-Suite > test/fixtures/json-schema-suite.json

Draft 2020-12 without what asks for other documents, which no request has: refRemote, dynamicRef, vocabulary.
"""

import json
import sys
from pathlib import Path

LEFT_OUT = {"refRemote", "dynamicRef", "vocabulary"}


def main(root: str) -> None:
    files = sorted(Path(root, "tests", "draft2020-12").glob("*.json"))
    suite = {file.stem: json.loads(file.read_text()) for file in files if file.stem not in LEFT_OUT}
    json.dump(suite, sys.stdout, ensure_ascii=False, separators=(",", ":"))
    print()


if __name__ == "__main__":
    main(sys.argv[1])
