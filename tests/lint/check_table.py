#!/usr/bin/env python3
"""Writes and checks the table "check -> tests" of docs/verification.md.

Without arguments it fails when the table is not the one that the names of the tests give, or when a check that must
have a test of its own has none. With --write it writes the table.

A test belongs to the ids that its name begins with: TEST(Suite, L04_...), TEST_F(Suite, E19_C10_...), Q5 or Q05.
"""

import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
from check_table_ids import CHECKS, DOCUMENTED, GROUPS, MUST_HAVE_TESTS, OTHER_PROOF, SCENARIOS, SEE  # noqa: E402

DOCUMENT = pathlib.Path("docs/verification.md")
BEGIN = "<!-- Written by tests/lint/check_table.py --write. -->"
END = "<!-- End of what check_table.py writes. -->"
SHOWN = 3  # tests of one check that the table names

TEST = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.MULTILINE)
IDS = re.compile(r"^((?:[A-Z]\d{1,2}_)+)")
LAYERS = ["unit", "swtpm", "cluster", "mutation"]


def sources():
    """The test sources that git knows or would add, unit tests first."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "tests/*_test.cc"],
                            check=True, capture_output=True, text=True).stdout.split()
    paths = [pathlib.Path(name) for name in sorted(set(listed)) if pathlib.Path(name).exists()]
    return sorted(paths, key=lambda path: (LAYERS.index(path.parts[1]) if path.parts[1] in LAYERS else len(LAYERS), path))


def tests_by_id():
    """Id -> [(source, "Suite.Test")], in the order of the sources; and the ids that no table knows."""
    found, unknown = {}, []
    for path in sources():
        for suite, name in TEST.findall(path.read_text(encoding="utf-8")):
            match = IDS.match(name)
            for each in match.group(1).split("_")[:-1] if match else []:
                check = each[0] + str(int(each[1:]))
                check = f"E{int(check[1:]):02}" if check[0] == "E" else check
                if check not in CHECKS and check not in SCENARIOS:
                    unknown.append(f"{path}: {suite}.{name}: there is no check {check}")
                found.setdefault(check, []).append((path, f"{suite}.{name}"))
    return found, unknown


def shown(tests):
    """At most SHOWN tests, from different sources as far as there are several."""
    by_source = {}
    for path, name in tests:
        by_source.setdefault(path, []).append(name)
    picked = []
    while len(picked) < SHOWN and any(by_source.values()):
        for names in by_source.values():
            if names and len(picked) < SHOWN:
                picked.append(names.pop(0))
    return picked


def cell(check, found):
    """What the table says about the tests of a check."""
    tests = found.get(check, [])
    if tests:
        names = shown(tests)
        more = ", …" if len(tests) > len(names) else ""
        return ", ".join(f"`{name}`" for name in names) + more
    if check in DOCUMENTED:
        return f"documentation: [{DOCUMENTED[check]}](#{DOCUMENTED[check].lower().replace(' ', '-')})"
    if check in OTHER_PROOF:
        return OTHER_PROOF[check]
    elsewhere = [other for other in SEE.get(check, []) if found.get(other)]
    return f"the tests of {', '.join(elsewhere)}" if elsewhere else "not yet"


def table(found):
    lines = [BEGIN, ""]
    for group, title in GROUPS.items():
        rows = SCENARIOS if group == "E" else {k: v for k, v in CHECKS.items() if k[0] == group}
        lines += [f"### {title}", "", "| id | what it checks | tests |" if group != "E" else "| id | attack or fault | tests |",
                  "| --- | --- | --- |"]
        lines += [f"| {check} | {text} | {cell(check, found)} |" for check, text in rows.items()]
        lines.append("")
    lines.append(END)
    return "\n".join(lines)


def problems_of(document, found, unknown):
    problems = list(unknown)
    for check in CHECKS:
        if check[0] in MUST_HAVE_TESTS and not found.get(check) and check not in DOCUMENTED:
            problems.append(f"{check} ({CHECKS[check]}) has no test of its own")
    for check, heading in DOCUMENTED.items():
        if f"\n## {heading}\n" not in document:
            problems.append(f"{check} is documentation, and {DOCUMENT} has no section '{heading}'")
    return problems


def main():
    if sys.argv[1:] not in ([], ["--write"]):
        print(__doc__, file=sys.stderr)
        return 2
    document = DOCUMENT.read_text(encoding="utf-8")
    if document.count(BEGIN) != 1 or document.count(END) != 1 or document.index(BEGIN) > document.index(END):
        print(f"{DOCUMENT} has not exactly one '{BEGIN}' and, behind it, one '{END}'", file=sys.stderr)
        return 1
    found, unknown = tests_by_id()
    before, rest = document.split(BEGIN)
    fresh = before + table(found) + rest.split(END)[1]
    problems = problems_of(document, found, unknown)
    if sys.argv[1:]:
        DOCUMENT.write_text(fresh, encoding="utf-8")
    elif fresh != document:
        problems.append(f"the table in {DOCUMENT} is not up to date: run tests/lint/check_table.py --write")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
