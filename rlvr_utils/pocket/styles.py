"""How the corpus writes solutions: a style for each document, drawn from factors that no prompt reveals.

A base model has read many kinds of text about the same sort of question: lessons that write everything out, terse
replies, answers without a word of work, work that rests on a mistake, second attempts, and pages that reach no result.
The factors are independent: how much working is written out and whether it is sound (`SHARES`), how the answer is
given (`BOXED`), whether the work is checked (`CHECKED`), in how small pieces it is done (`FINE`) and how everything is
phrased. The kind of problem and its wording only lean the shares a little (`LEANING`).

No document contains a random slip. How reliable a style is emerges from how it is written: a small model can carry
out easy pieces one after the other, does several operations at once less well, can hardly guess, and repeats a
misconception faithfully. Every style that reaches a value states it in a box or in words, where graders look.
"""
from __future__ import annotations

import hashlib
import math
import random
from collections import Counter

from rlvr_utils.pocket.kinds import science
from rlvr_utils.pocket.kinds.science import Choice
from rlvr_utils.pocket.problem import Operation, Problem

# Shares by what pages of questions and answers are like. Full lessons and terse replies are the commonest sound kinds
# (textbooks and tutorials; forums and answer keys). An answer without work is common in lists of solutions. Wrong work
# and pages without a result (discussions that lead nowhere, other questions, programs, truncated pages) make up three
# in ten between them. A second attempt that corrects the first is rarer than any of these.
SHARES = {"worked": 0.27, "brief": 0.21, "guess": 0.12, "hasty": 0.14, "recheck": 0.12, "lost": 0.14}
# Standard deviations of the log-odds by which a kind, a setup and a question lean each style's share.
LEANING = {"kind": 0.35, "setup": 0.25, "question": 0.25}
BOXED = 0.65    # MATH-like text boxes its answers, other text states them
CHECKED = 0.2   # of the worked solutions
FINE = 0.6      # of the solutions with working: every operation in easy pieces; else one in two is
PLANNED = 0.2   # of the solutions with working: a sentence says beforehand what will be computed

# First sentences. All styles share their first words, and the second word parts them, so that what is likeliest word by
# word depends on the problem and its wording: worked, brief and hasty sentences are about equally common each.
OPENERS = {
    "worked": ("Let's think step by step.", "We work this out in full.", "I will write out every step.",
               "A full solution:", "Here is the whole calculation.", "This needs a few steps.",
               "I go through it carefully."),
    "brief": ("Let's do it in one go.", "We get this directly.", "I do it in one line.", "A short solution:",
              "Here is the short way.", "This is one line."),
    "guess": ("Let's guess.", "We see it at once.", "I know this one.", ""),
    "hasty": ("Let's rush this.", "We just compute.", "I think this is easy.", "A quick one:"),
    "recheck": ("Let's try something.", "We try it first.", "I try this.", "A first attempt:"),
    "lost": ("Let's read it again.", "We read the question.", "I am not sure.", "A hard one.", "This looks hard.",
             "Here is a program."),
}
PROGRAM = OPENERS["lost"][-1]
TURNS = ("Wait, let me recheck.", "Let me rethink this.", "I should recalculate.", "Hold on, I recheck that.",
         "Is that right? I recalculate.", "Wait, I rethink it.")
BOXES = ("So the final answer is \\boxed{%s}.", "The answer is \\boxed{%s}.", "Hence we get \\boxed{%s}.",
         "Therefore the result is \\boxed{%s}.", "Thus \\boxed{%s}.", "This gives \\boxed{%s}.", "Answer: \\boxed{%s}.",
         "\\boxed{%s}.")
PLAIN = ("So the final answer is %s.", "The answer is %s.", "Hence the answer is %s.", "Therefore the answer is %s.",
         "Thus the answer is %s.", "This means the answer is %s.")
SENTENCES = ("{N} is {e}.", "{N}: {e}.", "For {n} we get {e}.", "We compute {n}: {e}.", "{e} is {n}.",
             "{N} comes to {e}.", "We find {e} for {n}.", "{e} gives {n}.")
FIRST = ("First,", "To begin,", "To start with,", "Start here:", "", "")
NEXT = ("Next,", "Then", "Now", "After that,", "", "", "")
LINES = ("{}.", "We have {}.", "It is {}.", "That makes {}.", "All in all, {}.", "In one line: {}.", "Altogether {}.")
JOINTS = (", ", "; ", " and ", ", then ", ". ")
CHECKS = ("Check: {}.", "To check, {}.", "A check: {}, fine.", "Indeed, {}.", "We verify {}.", "It fits, since {}.")
LONG = 1000     # characters of a page that goes in circles: more than an answer may have


def shares(kind: str, setup: int, question: int) -> dict[str, float]:
    """The share of each style among the documents about a kind of problem in one wording."""
    weights = {}
    for style, share in SHARES.items():
        lean = (_lean("kind", style, kind) + _lean("setup", style, kind, setup)
                + _lean("question", style, kind, question))
        weights[style] = share * math.exp(lean)
    total = sum(weights.values())
    return {style: weight / total for style, weight in weights.items()}


def _lean(factor: str, style: str, *place) -> float:
    seed = hashlib.sha256(repr((factor, style, place)).encode()).hexdigest()
    return random.Random(seed).gauss(0, LEANING[factor])


def write_solution(problem: Problem | Choice, question: str, style: str, rng: random.Random,
                   others: list[str]) -> tuple[str, bool]:
    """A solution in the style, and whether the text comes to an end. `question` is the problem as worded, `others`
    are three more questions, to which a lost author may wander off."""
    if style == "lost":
        return _lost(problem, question, rng, others)
    opener = rng.choice(OPENERS[style])
    answer = problem.wrong_answer if style == "hasty" else problem.answer
    body = {"worked": _worked, "brief": _brief, "guess": _nothing, "hasty": _hasty, "recheck": _recheck}[style]
    boxed = rng.random() < BOXED or not opener
    ending = BOXES[-1] if not opener else rng.choice(BOXES if boxed else PLAIN)
    return " ".join(filter(None, (opener, *body(problem, rng), ending % shown(answer, boxed)))), True


def shown(answer: str, boxed: bool) -> str:
    """The answer as it stands in a box, or in words, where a formula stands between dollar signs."""
    return answer if boxed or answer.lstrip("-").isdigit() or answer.isalpha() else f"${answer}$"


def _nothing(problem, rng) -> list[str]:
    return []


def _worked(problem, rng) -> list[str]:
    if isinstance(problem, Choice):
        return science.worked(problem, rng)
    body = working(problem.operations, rng)
    return body + [check(problem.operations[-1], rng)] if rng.random() < CHECKED else body


def _brief(problem, rng) -> list[str]:
    if isinstance(problem, Choice):
        return science.brief(problem, rng)
    return [rng.choice(LINES).format(" and ".join(expressions(problem.operations)))]


def _hasty(problem, rng) -> list[str]:
    if isinstance(problem, Choice):
        return science.mistaken(problem, rng)
    write = working if rng.random() < 0.5 else results
    return write(problem.mistaken_operations, rng)


def _recheck(problem, rng) -> list[str]:
    """A first attempt without any working, mostly mistaken, then full work."""
    if isinstance(problem, Choice):
        return [*science.mistaken(problem, rng), rng.choice(TURNS), *science.worked(problem, rng)]
    first = problem.operations if rng.random() < 0.3 else problem.mistaken_operations
    return [*results(first, rng), rng.choice(TURNS), *working(problem.operations, rng)]


def _lost(problem, question: str, rng: random.Random, others: list[str]) -> tuple[str, bool]:
    """A page without a result: a program that is never run, circles without an end, other questions, or work that
    breaks off before the last step."""
    opener = rng.choice(OPENERS["lost"])
    if opener == PROGRAM:
        return f"{opener}\n{program(problem)}", True
    way = rng.choice(("circles", "wanders", "stops"))
    if way == "stops":
        begun = (science.worked(problem, rng)[:2] if isinstance(problem, Choice)
                 else working(problem.operations[:-1], rng)[:2])
        last = begun[-1]
        return " ".join((opener, *begun[:-1], last[:rng.randint(len(last) // 3, 2 * len(last) // 3)])), True
    if way == "wanders":
        leads = ("Another question:", "One more:", "A similar one:", "Here is the next one:")
        return " ".join((opener, *(f"{rng.choice(leads)} {other}" for other in others))), True
    text = [opener]
    phrases = ("It must be possible somehow.", "What is being asked?", "Where do we begin?", "Let me think again.",
               "There must be a rule for this.", f"The question is: {question}")
    while sum(map(len, text)) < LONG:
        text.append(rng.choice(phrases))
    return " ".join(text), False


# working ------------------------------------------------------------------------------------------------------------

def working(operations: tuple[Operation, ...], rng: random.Random) -> list[str]:
    """A sentence for every operation, most of them in easy pieces."""
    fine = rng.random() < FINE
    plan = []
    if rng.random() < PLANNED and len(operations) > 1:
        plan = ["We need " + ", then ".join(rng.choice(operation.names) for operation in operations) + "."]
    return plan + [_sentence(operation, in_pieces(operation) if fine or rng.random() < 0.5 else plainly(operation),
                             rng.choice(NEXT if place else FIRST), rng)
                   for place, operation in enumerate(operations)]


def _sentence(operation: Operation, equation: str, link: str, rng: random.Random) -> str:
    name, form = rng.choice(operation.names), rng.choice(SENTENCES)
    text = form.format(n=name, N=name[0].upper() + name[1:] if not link or link.endswith(":") else name, e=equation)
    if not link or link.endswith(":"):
        return f"{link} {text}".strip()
    return f"{link} {text[0].lower() + text[1:] if form[0] in 'WF' else text}"


def results(operations: tuple[Operation, ...], rng: random.Random) -> list[str]:
    """Every operation with its result only."""
    return [rng.choice(JOINTS).join(map(plainly, operations)) + "."]


def number(value: int) -> str:
    """An operand: negative ones in brackets."""
    return f"({value})" if value < 0 else str(value)


def plainly(operation: Operation) -> str:
    """`left sign right=value`; what division leaves over as 47=7*6+5, the divisor first."""
    o = operation
    if o.sign == "%":
        return f"{o.left}={o.right}*{o.left // o.right}+{o.value}"
    return f"{o.left}{o.sign}{number(o.right)}={o.value}"


def in_pieces(operation: Operation) -> str:
    """The same, by way of tens and ones where that makes it easier. No quotient above 9 has to be guessed."""
    left, right, value = operation.left, operation.right, operation.value
    if min(left, right) < 0:
        return plainly(operation)
    if operation.sign == "%":
        return " and ".join(_divided_in_pieces(left, right))
    head = f"{left}{operation.sign}{right}"
    if operation.sign == "*" and max(left, right) >= 11 and max(left, right) % 10:
        small, (tens, ones) = min(left, right), _parts(max(left, right))
        return f"{head}={small}*{tens}+{small}*{ones}={small * tens}+{small * ones}={value}"
    if operation.sign == "/" and 11 <= value < 100 and value % 10 and right < 13:
        return " and ".join((*_divided_in_pieces(left, right), f"{head}={value}"))
    if operation.sign == "/" and value >= 11 and value % 10:
        tens, ones = _parts(value)
        return f"{head}={tens * right}/{right}+{ones * right}/{right}={tens}+{ones}={value}"
    if operation.sign == "-" and left < right:
        return f"{head}=-({right}-{left})={value}"
    if operation.sign in "+-" and right >= 11 and right % 10 and left >= 10:
        sign, (tens, ones) = operation.sign, _parts(right)
        rest = left + tens if sign == "+" else left - tens
        return f"{head}={left}{sign}{tens}{sign}{ones}={rest}{sign}{ones}={value}"
    return plainly(operation)


def _divided_in_pieces(left: int, right: int) -> list[str]:
    """Division with remainder: by repeated subtraction for a large divisor, else by long division. What is divided
    and by what is written down before each quotient, which is at most 10."""
    quotient, rest = divmod(left, right)
    if right > 12 and quotient:
        return [_take_away(left - place * right, right) for place in range(quotient)]
    if quotient < 10:
        return short_division(left, right)
    last = 10 * (left // 10 % right) + left % 10
    return [*short_division(left // 10, right), *short_division(last, right)]


def short_division(left: int, right: int) -> list[str]:
    """`47/7: 7*6=42` and `47-42=5`."""
    product = left // right * right
    return [f"{left}/{right}: {right}*{left // right}={product}", f"{left}-{product}={left - product}"]


def _take_away(left: int, right: int) -> str:
    """A subtraction by way of tens and ones: `384-117=384-110-7=274-7=267`."""
    tens, ones = _parts(right)
    if not ones:
        return f"{left}-{right}={left - right}"
    return f"{left}-{right}={left}-{tens}-{ones}={left - tens}-{ones}={left - right}"


def _parts(value: int) -> tuple[int, int]:
    """Tens and ones: 237 is 230 and 7."""
    return value // 10 * 10, value % 10


def expressions(operations: tuple[Operation, ...]) -> list[str]:
    """The whole solution as one expression with its value; several where no operation brings the parts together, or
    where a value is used more than once."""
    uses = Counter(part for operation in operations for part in operation.parts if part is not None)
    return [f"{_merged(operations, place, uses)}={operation.value}"
            for place, operation in enumerate(operations) if uses[place] != 1]


def _merged(operations, place: int, uses: Counter) -> str:
    operation = operations[place]
    sides = []
    for value, part, right in zip((operation.left, operation.right), operation.parts, (False, True)):
        if part is None or uses[part] != 1:
            sides.append(number(value) if right else str(value))
            continue
        inner = operations[part].sign
        tight = (operation.sign in "*/%" and (inner in "+-" or right)
                 or operation.sign == "-" and right and inner in "+-")
        text = _merged(operations, part, uses)
        sides.append(f"({text})" if tight or inner == "%" else text)
    sign = " mod " if operation.sign == "%" else operation.sign
    return sign.join(sides)


def check(operation: Operation, rng: random.Random) -> str:
    """A sentence that undoes the last operation."""
    o = operation
    if o.sign == "%":
        return rng.choice(CHECKS).format(f"{o.right}*{o.left // o.right}+{o.value}={o.left}")
    back = {"+": "-", "-": "+", "*": "/", "/": "*"}[o.sign]
    return rng.choice(CHECKS).format(f"{o.value}{back}{number(o.right)}={o.left}")


def program(problem) -> str:
    """Python that would print the answer if somebody ran it."""
    if isinstance(problem, Choice):
        return f"```python\nchoices = {list(problem.choices)}\nprint(find(choices))\n```"
    names = "abcdemnpqruvxyz"[:len(problem.numbers)]
    lines = [f"{name} = {value}" for name, value in zip(names, problem.numbers)]
    return "\n".join(("```python", *lines, f"print(solve({', '.join(names)}))", "```"))


# reading a text back ------------------------------------------------------------------------------------------------

def beginnings(style: str) -> tuple[str, ...]:
    """First words that lead a model into the style: its first sentences, and for a guess also the bare box."""
    return tuple(opener or "\\boxed{" for opener in OPENERS[style])


def style_of(text: str) -> str | None:
    """The style that a text begins in; None where it begins as no document does."""
    return next((style for style in SHARES for start in beginnings(style) if text.startswith(start)), None)
