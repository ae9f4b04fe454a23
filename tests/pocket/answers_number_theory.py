"""The answers to the kinds of number theory, from their numbers by another way than their steps."""
from math import lcm

ANSWERS = {
    "remainder": lambda a, b, c, m: str(next(r for r in range(m) if (a * b + c - r) / m == (a * b + c - r) // m)),
    "common_divisor": lambda a, b: str(max(n for n in range(1, b + 1) if a % n == b % n == 0)),
    "common_multiple": lambda a, b: str(lcm(a, b)),
    "digit_sum": lambda a, b, c: str(sum(map(int, str(a * b + c)))),
    "divisor_count": lambda p, a, q, b: str(len({p ** i * q ** j for i in range(a + 1) for j in range(b + 1)})),
    "other_base": lambda base, *digits: str(sum(x * base ** i for i, x in enumerate(reversed(digits)))
                                            if base > 10 else int("".join(map(str, digits)), base)),
}
