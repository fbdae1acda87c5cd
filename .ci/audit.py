"""`make audit`: the locked packages against published advisories, with pip-audit. Fails when one is known to be unsafe.

The advisories come from the public package index itself. Where it is out of reach, one line says that nothing was
audited, and nothing fails: a check must not hang on a network.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import NamedTuple

SECONDS = 300  # for one file
FILES = ("requirements.txt", "requirements-dev.txt")


class Verdict(NamedTuple):
    """What the audit of a file came to."""

    words: str  #: for people; one line for each package that is not safe
    is_unsafe: bool


def verdict(file: str, said: str, complaint: str) -> Verdict:
    """What pip-audit's JSON says of a file. `complaint`: what it wrote beside it."""
    try:
        packages = json.loads(said)["dependencies"]
    except (ValueError, KeyError, TypeError):
        reason = (complaint.strip().splitlines() or ["no answer"])[-1]
        return Verdict(f"{file}: NOT audited: {reason[:300]}", False)
    unsafe = [_told(package) for package in packages if package.get("vulns")]
    skipped = [package for package in packages if "skip_reason" in package]
    if packages and len(skipped) == len(packages):
        return Verdict(f"{file}: NOT audited: the index gives no advisories here ({skipped[0]['skip_reason']})", False)
    words = [
        f"{file}: {len(packages) - len(skipped)} packages audited, {len(skipped)} not, {len(unsafe)} unsafe",
        *unsafe,
    ]
    return Verdict("\n".join(words), bool(unsafe))


def _told(package: dict[str, object]) -> str:
    vulnerabilities = package["vulns"]
    assert isinstance(vulnerabilities, list)
    told = [f"{each['id']} (fixed in {', '.join(each['fix_versions']) or 'no version'})" for each in vulnerabilities]
    return f"  {package['name']} {package['version']}: {'; '.join(told)}"


def audited(file: str) -> Verdict:
    """Asks pip-audit about a file of locked packages; installs nothing."""
    options = ("--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json")
    command = [sys.executable, "-m", "pip_audit", *options, "-r", file]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return verdict(file, "", f"no answer within {SECONDS} s")
    return verdict(file, done.stdout, done.stderr)


def main() -> int:
    """Audits both files; the exit status."""
    found = [audited(file) for file in FILES]
    print("\n".join(each.words for each in found))
    return int(any(each.is_unsafe for each in found))


if __name__ == "__main__":
    sys.exit(main())
