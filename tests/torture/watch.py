"""Telling when a process does what no answer may make it do: an audit hook that writes down each such deed.

Harmless are reading files, importing modules, and evaluating expressions made of numbers and known functions.
"""
from __future__ import annotations

import os
import sys
from types import CodeType

# What sympy turns the tokens and operators of an answer into, and the elementary functions.
NAMES = {"Symbol", "Function", "Integer", "Float", "Rational", "factorial", "Add", "Mul", "Pow", "sqrt", "pi", "ln",
"log",
         "exp", "sin", "cos", "tan", "E", "I", "oo"}
DEEDS = ("subprocess.", "socket.", "shutil.", "ctypes.", "urllib.", "tempfile.", "pty.", "os.system", "os.exec",
"os.fork",
         "os.posix_spawn", "os.spawn", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.chown",
         "os.link",
         "os.symlink", "os.truncate", "os.utime", "os.putenv", "os.unsetenv", "os.kill", "os.chdir", "builtins.input",
         "builtins.breakpoint", "code.__new__", "sys.addaudithook")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def _is_importing() -> bool:
    """A module that is being imported may write functions for itself, as data classes do."""
    frame = sys._getframe()
    while frame and "importlib._bootstrap" not in frame.f_code.co_filename:
        frame = frame.f_back
    return frame is not None


def _is_harmless_code(code: CodeType) -> bool:
    if _is_importing() or os.path.isfile(code.co_filename) or code.co_filename.startswith("<frozen"):
        return True
    if code.co_names == ("sympy",) or all(name.startswith("monomial_") for name in code.co_names) and code.co_names:
        return True  # `from sympy import *` and the arithmetic of monomials: sympy's own texts
    return set(code.co_names) <= NAMES and not any(isinstance(part, CodeType) for part in code.co_consts)


def is_deed(event: str, arguments: tuple) -> bool:
    """Whether an audit event is the execution of foreign code, or reaches outside the process."""
    if event == "exec":
        return not _is_harmless_code(arguments[0])
    if event == "open":
        path, _, flags = arguments
        return bool((flags or 0) & WRITING) and not isinstance(path, int) and path != os.devnull
    return event.startswith(DEEDS)


class Watch:
    """Writes every deed of this process to `path` while `armed`. It cannot be taken away again."""

    def __init__(self, path: str) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.armed = False
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple) -> None:
        if self.armed and is_deed(event, arguments):
            names = arguments[0].co_names if event == "exec" else ""
            os.write(self.file, f"{event} {arguments!r} {names}\n"[:500].encode("utf-8", "backslashreplace"))


def watch_worker(path: str) -> None:
    """Watch this process, a worker, once the graders have imported what they need."""
    from rlvr_utils.grading.verdicts import GRADERS

    for grader in GRADERS.values():
        grader.full(r"\boxed{x+1}", r"\frac{x}{2}+y")
    Watch(path).armed = True
