#!/usr/bin/env python3
"""Holds the #include lines to the layering: which module may include which, and who may include a heavy or dangerous library."""

import pathlib
import re
import subprocess
import sys

# Module -> modules whose headers it may include. The same table as in cmake/Layering.cmake and docs/architecture.md.
BELOW = {
    "base": [],
    "tcg": ["base"],
    "crypto": ["base", "tcg"],
    "eventlog": ["base", "tcg", "crypto"],
    "ima": ["base", "tcg", "crypto"],
    "evidence": ["base", "tcg", "crypto"],
    "policy": ["base", "tcg", "crypto", "eventlog", "ima", "evidence"],
    "appraisal": ["base", "tcg", "crypto", "eventlog", "ima", "evidence", "policy"],
    "kube": ["base"],
    "api": ["base", "tcg", "crypto", "eventlog", "ima", "evidence", "policy", "appraisal", "kube"],
    "http": ["base"],
    "telemetry": ["base"],
    "node-agent": ["base", "tcg", "crypto", "evidence", "http", "telemetry", "kube/transport"],
    "controller": ["base", "tcg", "crypto", "eventlog", "ima", "evidence", "policy", "appraisal", "kube", "api", "http", "telemetry"],
    "kubectl-plugin": ["base", "tcg", "crypto", "eventlog", "ima", "evidence", "policy", "appraisal", "kube", "api"],
}

# Foreign headers -> where they may be included, as path prefixes. An entry that ends in .h is about public headers alone.
RESTRICTED = [
    (re.compile(r"^tss2/tss2_(esys|tctildr|rc|mu)"), ["node-agent/tpm/", "tests/swtpm/"]),
    (re.compile(r"^cpprest/|^pplx/"), ["lib/kube/transport/"]),
    (re.compile(r"^boost/"), ["lib/http/", "lib/kube/transport/", "tests/fuzz/http_request_fuzz.cc"]),
    (re.compile(r"^openssl/"), ["lib/crypto/", "lib/http/", "lib/kube/transport/", "tests/"]),
    (re.compile(r"^prometheus/"), ["lib/telemetry/"]),
    (re.compile(r"^spdlog/"), ["lib/telemetry/"]),
    (re.compile(r"^re2/"), ["lib/ima/"]),
    (re.compile(r"^yaml-cpp/"), ["lib/base/"]),
]

# Libraries that make builds slow: never in a header that another module includes.
HEAVY = re.compile(r"^(nlohmann/json\.hpp|boost/(asio|beast)|cpprest/|tss2/tss2_esys|CLI/CLI\.hpp|simdjson\.h|spdlog/)")

# Sources that look inside a module on purpose and do not count as users of its headers.
INSIDE = {
    "tests/fuzz/http_request_fuzz.cc",  # feeds a connection without a socket of its own
}

INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]')


def module_of(path: str) -> str:
    parts = path.split("/")
    return parts[1] if parts[0] == "lib" else parts[0]


def included_module(name: str) -> str:
    parts = name.split("/")
    if parts[0] in ("node-agent", "controller", "kubectl-plugin"):
        return parts[0]
    return parts[0] if len(parts) > 1 else ""


def main() -> int:
    files = subprocess.run(["git", "ls-files", "*.cc", "*.h"], check=True, capture_output=True, text=True).stdout.split()
    sources = {f: pathlib.Path(f).read_text(encoding="utf-8").splitlines() for f in files if pathlib.Path(f).exists()}
    foreign_users = {}   # header of ours -> modules that include it
    problems = []

    for path, lines in sources.items():
        module = module_of(path)
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            name = match.group(1)
            for pattern, allowed in RESTRICTED:
                if pattern.search(name) and not any(path.startswith(prefix) for prefix in allowed):
                    problems.append(f"{path}:{number}: {name} may be included in {', '.join(allowed)} only")
            target = included_module(name)
            if target not in BELOW:
                continue
            if path not in INSIDE:
                foreign_users.setdefault(name, set()).add(module)
            if module not in BELOW or target == module:
                continue
            if not any(name.startswith(below + "/") for below in BELOW[module]):
                problems.append(f"{path}:{number}: {module} may not include {name}: it stands above or beside it")

    for path, lines in sources.items():
        if not path.endswith(".h") or path.startswith("tests/"):
            continue
        name = path.removeprefix("lib/")
        module = module_of(path)
        shared = any(user != module for user in foreign_users.get(name, set()))
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            if match and shared and HEAVY.search(match.group(1)):
                problems.append(f"{path}:{number}: {match.group(1)} makes every user of this header slow to build")

    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
