"""`make audit` fails for a package that is known to be unsafe, and says when nothing could be audited."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parent.parent / ".ci" / "audit.py"
SAFE = {"name": "numpy", "version": "2.4.6", "vulns": []}
UNSAFE = {"name": "left", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
UNSEEN = {"name": "ours", "skip_reason": "not found on the index: ours (0.1)"}


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    found = importlib.util.spec_from_file_location("audit", SCRIPT)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def said(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_a_package_known_to_be_unsafe_fails_the_audit_and_is_named(audit: ModuleType) -> None:
    found = audit.verdict("requirements.txt", said(SAFE, UNSAFE, UNSEEN), "")
    assert found.is_unsafe
    assert found.words.splitlines() == [
        "requirements.txt: 2 packages audited, 1 not, 1 unsafe",
        "  left 1.0: PYSEC-1 (fixed in 1.1)",
    ]


def test_safe_packages_pass(audit: ModuleType) -> None:
    assert audit.verdict("f", said(SAFE), "") == ("f: 1 packages audited, 0 not, 0 unsafe", False)


@pytest.mark.parametrize(
    ("answer", "complaint", "reason"),
    [
        ("", "", "no answer"),
        ("", "Traceback …\nConnectionError: out of reach\n", "ConnectionError: out of reach"),
        ("[]", "odd", "odd"),
        (said(UNSEEN, UNSEEN), "", "the index gives no advisories here (not found on the index: ours (0.1))"),
    ],
)
def test_an_audit_that_could_not_be_made_is_said_and_fails_nothing(
    audit: ModuleType, answer: str, complaint: str, reason: str
) -> None:
    assert audit.verdict("f", answer, complaint) == (f"f: NOT audited: {reason}", False)
