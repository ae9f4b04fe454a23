"""Geometry: rectangles, boxes, angles, frames, rings and trapezia."""
from __future__ import annotations

from rlvr_utils.pocket.problem import Dice, Problem, Step


def rectangle(d: Dice) -> Problem:
    """Mistake: the perimeter is not halved."""
    a = b = 99
    while a == b or a * (a + 2 * b) > 999:
        a, b = d.int(4, 8, 1), d.int(11, 40, 8)
    around = 2 * (a + b)
    (who,) = d.names(1)
    return Problem((a, around), (
        f"A rectangle is {a} cm wide and its perimeter is {around} cm.",
        f"The fence around a rectangular garden is {around} m long, and one side of the garden is {a} m.",
        f"{who} bends a wire of {around} cm into a rectangle with one side of {a} cm.",
        f"{who} walks once around a rectangular field, {around} m in all. The field is {a} m wide.",
        f"A rectangular carpet has a border of length {around} dm on its four sides. It is {a} dm wide.",
        f"Two opposite sides of a rectangle have length {a} each, and all four sides together have length {around}.",
    ), (
        "What is its area?",
        "Find the area of the rectangle.",
        "Compute the area inside.",
        "How large is the area?",
    ), (
        Step(("half the perimeter", "the sum of two neighbouring sides"), around, "/", 2),
        Step(("the other side", "the length"), "#0", "-", a),
        Step(("the area", "the product of the sides"), a, "*", "#1"),
    ), (
        Step(("the other side", "the length"), around, "-", a),
        Step(("the area", "the product of the sides"), a, "*", "#0"),
    ))


def box_volume(d: Dice) -> Problem:
    """Mistake: the lost height is taken from the volume (a forgotten bracket)."""
    a = b = c = 99
    while a * b * c > 999:
        a, b, c = d.int(4, 8, 1), d.int(4, 8, 1), d.int(6, 8, 1)
    low = d.rng.randint(2, c - 3)
    (who,) = d.names(1)
    return Problem((a, b, c, low), (
        f"A block of ice is {a} cm long, {b} cm wide and {c} cm high. It melts from above until it is {low} cm lower.",
        f"A full tank, {a} cm long, {b} cm wide and {c} cm high, loses water until the level has sunk by {low} cm.",
        f"From the top of a wooden block of {a} by {b} by {c} cm, {who} saws off a layer with a height of {low} cm.",
        f"The base of a box is {a} by {b} cm, its height is {c} cm. The box is then made {low} cm lower.",
        f"A cuboid has edges of {a} cm, {b} cm and {c} cm, and the edges of {c} cm are shortened by {low} cm.",
        f"{who} bakes a cake of {a} by {b} cm that is {c} cm high. It sinks by {low} cm as it cools.",
    ), (
        "What volume is left?",
        "How many cubic centimetres remain?",
        "Find the volume that remains.",
        "What is the volume afterwards?",
    ), (
        Step(("the area of the base", "the base"), a, "*", b),
        Step(("the height that is left", "the new height"), c, "-", low),
        Step(("the volume that is left", "the base times the height"), "#0", "*", "#1"),
    ), (
        Step(("the area of the base", "the base"), a, "*", b),
        Step(("the volume", "the base times the height"), "#0", "*", c),
        Step(("the volume that is left", "the difference"), "#1", "-", low),
    ))


def missing_angle(d: Dice) -> Problem:
    """Mistake: the angles are thought to add up to half a turn, not to a full one."""
    a = b = 99
    while a == b or a + b > 160 or (a + b) % 2:
        a, b = d.int(21, 79, 15), d.int(21, 79, 15)
    (who,), (x,) = d.names(1), d.things(1)
    return Problem((a, b), (
        f"Two angles of a quadrilateral are {a} and {b} degrees, and the other two are equal.",
        f"{who} draws a kite. The angles at its top and bottom are {a} and {b} degrees, and the other two are equal.",
        f"{who} cuts a round cake into four slices. Two have angles of {a} and {b} degrees, the other two are equal.",
        f"Four angles fill the full turn around a point. Two of them are {a} and {b} degrees, the other two are equal.",
        f"A pie chart about {x} has four sectors, one of {a} degrees, one of {b} degrees and two equal ones.",
        f"A field has four straight sides. Two of its angles are {a} and {b} degrees, and the other two are equal.",
    ), (
        "How many degrees is each of the two equal angles?",
        "What is the size of each of the equal angles in degrees?",
        "Find one of the two equal angles in degrees.",
        "How large, in degrees, is each of the equal angles?",
    ), (
        Step(("the sum of the known angles", "the sum of both given angles"), a, "+", b),
        Step(("what is left of the full turn", "the sum of the equal angles"), 360, "-", "#0"),
        Step(("each of the equal angles", "half of the rest"), "#1", "/", 2),
    ), (
        Step(("the sum of the known angles", "the sum of both given angles"), a, "+", b),
        Step(("what is left of half a turn", "the sum of the equal angles"), 180, "-", "#0"),
        Step(("each of the equal angles", "half of the rest"), "#1", "/", 2),
    ))


def frame(d: Dice) -> Problem:
    """Mistake: the sides are subtracted before they are multiplied."""
    a, b = d.int(7, 12), d.int(18, 45, 7)
    c, e = d.rng.randint(3, a - 2), d.rng.randint(11, b - 4)
    (who,) = d.names(1)
    return Problem((a, b, c, e), (
        f"A garden of {a} by {b} m has a rectangular lawn of {c} by {e} m in it, and the rest is paved.",
        f"{who} cuts a rectangle of {c} by {e} cm out of a sheet of {a} by {b} cm and keeps the rest.",
        f"A rectangle with sides {c} and {e} lies inside a rectangle with sides {a} and {b}.",
        f"The outside of a picture frame measures {a} by {b} cm, and its rectangular opening measures {c} by {e} cm.",
        f"{who} paints a rectangular board of {a} by {b} cm but leaves out a rectangle of {c} by {e} cm.",
        f"On a plan, a rectangular pool of {c} by {e} mm lies within a rectangular park of {a} by {b} mm.",
    ), (
        "What is the area between the two rectangles?",
        "Find the area of the large rectangle without the small one.",
        "By how much does the area of the large rectangle exceed that of the small one?",
        "What area of the large rectangle lies outside the small one?",
    ), (
        Step(("the area of the large rectangle", "the outer area"), a, "*", b),
        Step(("the area of the small rectangle", "the inner area"), c, "*", e),
        Step(("the area between them", "the difference of the areas"), "#0", "-", "#1"),
    ), (
        Step(("the difference of the short sides", "the first difference"), a, "-", c),
        Step(("the difference of the long sides", "the second difference"), b, "-", e),
        Step(("the area between them", "the product"), "#0", "*", "#1"),
    ))


def rings(d: Dice) -> Problem:
    """Mistake: the difference of the radii is squared."""
    large, small, count = 99, 1, 1
    while (large * large - small * small) * count > 999:
        large, count = d.int(5, 8, 1), d.int(2, 12)
        small = d.rng.randint(2, large - 1)
    (who,) = d.names(1)
    return Problem((large, small, count), (
        f"{who} stamps {count} flat rings out of tin, each with an outer radius of {large} cm and an inner radius of {small} cm.",
        f"{count} rings are drawn. Each of them lies between two circles with the same centre and with radii {small} and {large}.",
        f"There are {count} round ponds with a radius of {small} m, each within a ring of grass that reaches {large} m from the centre.",
        f"{count} wooden discs of radius {large} cm become rings when a disc of radius {small} cm is cut from the middle of each.",
        f"A pattern shows {count} equal rings. The inner circle of each has radius {small}, the outer one has radius {large}.",
        f"{who} paints {count} equal rings on a wall, from {small} dm to {large} dm away from the centre of each ring.",
    ), (
        "What is the total area of the rings?",
        "Find the area of all the rings together in terms of \\pi.",
        "Which multiple of \\pi is the area of all the rings together?",
        "What area do the rings have in all? Leave \\pi in the answer.",
    ), (
        Step(("the square of the outer radius", "the outer square"), large, "*", large),
        Step(("the square of the inner radius", "the inner square"), small, "*", small),
        Step(("the area of one ring in units of pi", "the difference of the squares"), "#0", "-", "#1"),
        Step(("the total area in units of pi", "the number before pi"), "#2", "*", count),
    ), (
        Step(("the width of a ring", "the difference of the radii"), large, "-", small),
        Step(("the area of one ring in units of pi", "the square of the difference"), "#0", "*", "#0"),
        Step(("the total area in units of pi", "the number before pi"), "#1", "*", count),
    ), f"{(large * large - small * small) * count}\\pi", f"{(large - small) ** 2 * count}\\pi")


def trapezium(d: Dice) -> Problem:
    """Mistake: only one of the parallel sides is multiplied by the height (a forgotten bracket)."""
    a = b = c = 99
    while (a + c) * b > 999 or a == c:
        a, c, b = d.int(11, 45, 9), d.int(11, 45, 9), d.one((6, 8, 10, 12))
    (who,) = d.names(1)
    return Problem((a, c, b), (
        f"The parallel sides of a trapezium are {a} cm and {c} cm long, and they are {b} cm apart.",
        f"A field with four straight sides has sides of {a} m and {c} m along two parallel roads that are {b} m apart.",
        f"A flat roof face with four straight edges has a lower edge of {a} dm and, parallel to it and {b} dm away, an upper one of {c} dm.",
        f"{who} cuts a piece of cloth with four straight sides. Two are parallel, {a} cm and {c} cm long and {b} cm apart.",
        f"Two parallel segments of lengths {a} and {c} at a distance of {b} are joined at their ends to make a trapezium.",
        f"A wall has a level base of {a} dm, a level top of {c} dm, straight slanting sides and a height of {b} dm.",
    ), (
        "What is its area?",
        "Find the area of this trapezium.",
        "Compute its area.",
        "How large is the area?",
    ), (
        Step(("the sum of the parallel sides", "the length of both parallel sides"), a, "+", c),
        Step(("the sum times the height", "twice the area"), "#0", "*", b),
        Step(("the area", "half of the product"), "#1", "/", 2),
    ), (
        Step(("one side times the height", "the product"), c, "*", b),
        Step(("half of the product", "half of it"), "#0", "/", 2),
        Step(("the area", "the sum with the other side"), a, "+", "#1"),
    ))


KINDS = (rectangle, box_volume, missing_angle, frame, rings, trapezium)
