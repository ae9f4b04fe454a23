"""The answers of the Geometry kinds, worked out from their numbers alone by other ways than the steps."""
from __future__ import annotations

import sympy


def area(*corners: tuple[int, int]) -> sympy.Expr:
    """Lets sympy measure a polygon."""
    return abs(sympy.Polygon(*corners).area)


def box(width: int, height: int) -> sympy.Expr:
    return area((0, 0), (width, 0), (width, height), (0, height))


def rectangle(a: int, around: int) -> str:
    """Solves for the other side."""
    side = sympy.Symbol("side")
    (other,) = sympy.solve(2 * a + 2 * side - around, side)
    return str(box(a, other))


def equal_angle(a: int, b: int) -> str:
    angle = sympy.Symbol("angle")
    return str(sympy.solve(a + b + 2 * angle - 360, angle)[0])


def ring_areas(large: int, small: int, count: int) -> str:
    """Integrates the circumference from the inner to the outer radius."""
    radius = sympy.Symbol("radius")
    ring = sympy.integrate(2 * sympy.pi * radius, (radius, small, large))
    return str(count * ring).replace("*pi", "\\pi")


ANSWERS = {
    "rectangle": rectangle,
    "box_volume": lambda a, b, c, low: str(a * b * c - a * b * low),
    "missing_angle": equal_angle,
    "frame": lambda a, b, c, e: str(box(a, b) - box(c, e)),
    "rings": ring_areas,
    "trapezium": lambda a, c, b: str(area((0, 0), (a, 0), (a + c, b), (a, b))),
}
