"""What comes in from outside and what must not get in: no network in tests, no secrets in files."""
from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ATTEMPTS, OFFLINE, ROOT

REACHES_OUT = "import socket\ntry:\n    socket.{call}\nexcept OSError as error:\n    print(error)\n"
# A token begins a word, which keeps pictures in notebooks out.
TOKENS = re.compile(
    rb"(?<![\w+/])(hf_[A-Za-z0-9]{30,}|gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{22,}|glpat-[\w-]{20}|AKIA[0-9A-Z]{16}"
    rb"|AIza[\w-]{35}|sk-[\w-]{32,}|xox[abprs]-[\w-]{10,}|pypi-AgE[\w-]{50,}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.)"
    rb"|-----BEGIN [A-Z ]*PRIVATE KEY-----|://[^\s/:@'\"{}]+:[^\s/:@'\"{}]+@")


def test_a_test_reaches_nothing():
    with pytest.raises(OSError, match="a test may not reach 203.0.113.1"):
        socket.create_connection(("203.0.113.1", 80), 5)
    assert ATTEMPTS.read_text() == "socket.getaddrinfo 203.0.113.1\n"
    ATTEMPTS.write_text("")


@pytest.mark.parametrize(("event", "call"), [
    ("connect", "socket().connect(('203.0.113.1', 80))"), ("getaddrinfo", "getaddrinfo('203.0.113.1', 443)"),
    ("sendto", "socket(type=socket.SOCK_DGRAM).sendto(b'?', ('203.0.113.1', 53))")])
def test_a_process_that_a_test_starts_reaches_nothing_and_is_told_of(event, call):
    done = subprocess.run([sys.executable, "-c", REACHES_OUT.format(call=call)], capture_output=True, text=True)
    assert done.stdout == "a test may not reach 203.0.113.1\n"
    assert ATTEMPTS.read_text() == f"socket.{event} 203.0.113.1\n"
    ATTEMPTS.write_text("")


@pytest.mark.slow
def test_an_attempt_that_is_swallowed_in_a_child_fails_its_test(tmp_path):
    tests = tmp_path / "tests"
    shutil.copytree(OFFLINE, tests / "offline")
    shutil.copy(ROOT / "tests" / "conftest.py", tests)
    child = REACHES_OUT.format(call="socket().connect(('203.0.113.1', 80))")
    (tests / "test_child.py").write_text(f"import subprocess, sys\ndef test_child():\n"
                                         f"    subprocess.run([sys.executable, '-c', {child!r}], check=True)\n")
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", str(tests)], capture_output=True, text=True)
    assert done.returncode == 1 and "1 passed, 1 error" in done.stdout
    assert "the test tried to reach the network: socket.connect 203.0.113.1" in done.stdout


def tracked() -> list[Path]:
    """The files under version control; in a copy without it, those of the folders that hold them."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True)
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for part in ("rlvr_utils", "tests", "launch", "notebooks") for path in (ROOT / part).rglob("*")]


def with_tokens(paths: list[Path]) -> list[str]:
    """The names of files that hold what looks like a token, a password in an address or a private key."""
    return [path.name for path in paths if path.is_file() and TOKENS.search(path.read_bytes())]


def test_no_file_holds_a_secret():
    paths = tracked()
    assert OFFLINE / "sitecustomize.py" in paths and with_tokens(paths) == []


@pytest.mark.parametrize("parts", [
    ("hf_", "aB3" * 12), ("ghp_", "aB3" * 12), ("github_pat_", "a1_" * 20), ("glpat-", "aB3-" * 5),
    ("AKIA", "B3C4" * 4), ("AIza", "aB3-_" * 7), ("sk-", "ant-" + "aB3" * 12), ("xoxb-", "123456-abcdef"),
    ("pypi-", "AgE" + "aB3" * 20), ("eyJ", "a" * 20 + ".eyJ" + "b" * 20 + ".c"),
    ("-----BEGIN RSA ", "PRIVATE KEY-----"), ("-----BEGIN ", "PRIVATE KEY-----"),
    ("https://name:", "word@example.org/simple")], ids=lambda parts: parts[0])
def test_a_planted_secret_is_found(parts, tmp_path):
    harmless, planted = tmp_path / "harmless", tmp_path / "planted"
    harmless.write_bytes(f"{parts[0]} / {parts[1]}".encode())
    planted.write_bytes(b"\x00key = '" + "".join(parts).encode() + b"'\n")
    assert with_tokens([harmless, planted]) == ["planted"]
