"""The last resort of the evaluation grader: equality by sympy. Unbounded in time; worker only."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from math import isclose
from typing import Any

from rlvr_utils.grading.symbolic import latex_expression, lenient_latex_expression, python_expression


def _read(text: str) -> Any:
    """First reading that succeeds; the text itself where none does."""
    for reader in (latex_expression, python_expression, lenient_latex_expression):
        for spelling in dict.fromkeys((text.replace("\\\\", "\\"), text)):
            with suppress(Exception):
                return reader(spelling)
    return text


def _same_text(a: Any, b: Any) -> bool:
    return str(a) == str(b) or a == b


def _same_value(a: Any, b: Any) -> bool:
    from sympy import simplify

    return bool(a.equals(b)) or simplify(a - b) == 0


def _same_equation(a: Any, b: Any) -> bool:
    return bool(abs(a.lhs - a.rhs).equals(abs(b.lhs - b.rhs)))


def _close(a: Any, b: Any) -> bool:
    from sympy import N

    return isclose(float(N(a)), float(N(b)), rel_tol=1e-4)


def _same_rounded_matrix(a: Any, b: Any) -> bool:
    rounded = [m.applyfunc(lambda x: round(x, 3)) for m in (a, b)]
    return a.shape == b.shape and bool(rounded[0].equals(rounded[1]))


def symbolic_equal(answer: str, gold: str) -> bool:
    """Equal as read expressions: exactly, as equations, or within a relative 1e-4.

    Text that could not be read equals only itself: given to sympy it would be run as Python.
    """
    a, b = _read(answer), _read(gold)
    if isinstance(a, str) or isinstance(b, str):
        return str(a) == str(b)
    tests: tuple[Callable[[Any, Any], bool], ...] = (
        _same_text, _same_value, _same_equation, _close, _same_rounded_matrix,
    )
    for test in tests:
        with suppress(Exception):
            if test(a, b):
                return True
    return False
