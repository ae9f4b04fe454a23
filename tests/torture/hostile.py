r"""Answers written to break a grader: one small generator for each kind of malice.

`answer(kind, rng)` writes an answer of a kind; `items(count, seed)` plants answers of every kind where a
response carries one, against golds of every type, hostile ones included.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

GOLDS = (
    "5", "-3.5", "12.8", "1,234", r"\frac{4}{3}", "3/4", r"8\sqrt{3}", r"\sqrt{x+1}", "x^2+2x+1", "y=x+1", "(2,1)",
    r"\left(-\infty, 2\right]", r"\{1,2,3\}", "1,2", r"\begin{pmatrix}1\\2\end{pmatrix}", r"25\%", "C",
    r"\text{Navin}", r"20\text{ cm}", r"90^\circ", r"\$5", r"\pi", "3+2i", r"\frac{1}{s+a}", "f(x)=x", r"x \ge 2", "e",
)
PLACES = (
    "{}", r"\boxed{{{}}}", r"So it is $\boxed{{{}}}$.", r"\boxed{{1}}, no: \boxed{{{}}}", r"\boxed{{{}", r"\boxed {}",
    "The answer is {}", "The final answer is ${}$. I hope it is correct.", "Hence ${}$", r"\[ x = {} \]",
    r"$$\boxed{{x = {}}}$$", r"\boxed{{\text{{{}}}}}", r"\boxed{{\frac{{{}}}{{2}}}}", r"\boxed{{({}, 1]}}",
)
ENDLESS = ((r"(x+y+z+w)^{99}", r"\frac{x}{y}+z"), (r"\sum_{n=0}^{\infty} n^n", r"\frac{4}{3}"))  # with their golds
MEGABYTE = 1_000_000
_LONG = (
    "7", "{", "}", "{}", "\\", "\\\\", "\\boxed", r"\boxed{", r"\boxed{}", r"\boxed{1}", ",", " ", "\n ", "\t", "$",
    "$1$ ", r"\frac", r"\frac{1}{", r"\frac12", r"\sqrt", r"\sqrt2", r"\text{", r"\text{ ", "(", "[", "1,", "1.", ".",
    "-", "=", "x=", "/", "1/", "^", "2^", "!", "%", r"\%", "he answer is ", "final answer is $", "$. I hope", "boxed",
    "and ", "cm ", "two ", r"\begin{pmatrix}", r"\begin{array}{", r"\mbox{", r"\left(", "&", "|", "_", "a", "sin", "٣",
    "²", "\u0301", "\0", "\ud800",
)
_LOOK_ALIKES = (
    "١٢٫٨", "12٫8", "１２．８", "²", "x²", "¹²", "½", "⅓", "Ⅻ", "𝟏𝟐", "१२", "①", "−5", "5\u200b", "\u202e5",
    "\u200f12", "5\u0301", "é", "x\u0338", "∞", "π", "√2", "×", "5\xa0000", "\ufeff5", "5\0", "\0", "\ud800",
    "\udfff5", "1\u20442", "ｆｒａｃ", "\\ｂｏｘｅｄ{5}", "ᴵ", "ſin", "K", "İ", "ß", "\u2028", "\x1b[31m5", "5\r",
    "\x85", "😀" * 9, "α+β", "٪٢٥",
)
_PYTHON = (
    "__import__('os').system('touch HACKED')", "().__class__.__bases__[0].__subclasses__()", "lambda: 1",
    "(lambda f: f(f))(lambda f: f(f))", "[x for x in range(10**9)]", "f'{open(chr(72))}'", "open('HACKED','w')",
    "exec('import os')", "eval('1+1')", "print(1)", "exit()", "quit", "globals()", "1 if 1 else 2", "x.__dict__",
    "x.subs(x,1).func.__globals__", "'a'*10**10", "b'5'", "1_000", "0x10", "0b1", "5j", "5L", "...", "None", "True",
    "import os; os.system('touch HACKED')", "breakpoint()", "input()", "yield 5", "x:=5", "5 and 6", "not 5", "*5",
    "\n    raise SystemExit", "raise KeyboardInterrupt", "os.kill(os.getppid(),9)", "E.func.__init__", "pi.n",
    "1 .real", r"\mathit{__import__('os').system('touch HACKED')}", r"x_{\mathit{open('HACKED','w')}}",
    r"\operatorname{exec}(1)", r"\mathrm{exit()}+1", r"\text{lambda: 1}x", r"x_{__import__}",
)
_SYMPY = (
    "Integer(10)**10**10", "factorial(10**9)", "Sum(1/x,(x,1,10**9))", "S('__import__(\"os\").getcwd()')", "oo-oo",
    "Symbol('x').args", "sympify('2**9**9')", "Lambda(x,x)(5)", "Integral(exp(x**x),x)", "solve(x**9-x-1,x)", "zoo",
    "nan", "Matrix(999,999,lambda i,j:i)", "prime(10**9)", "primorial(10**6)", "expand((x+y)**9999)", "gamma(10**9)",
    "sqrt(sqrt(sqrt(x)))", "log(log(log(0)))", "exp(exp(exp(9)))", "Float('1e999999999')", "Rational(1,0)",
    "E**E**E**E", "besselj(0,10**9)", "Function('f')(x)", "ln(0)", "tan(pi/2)", "cos(10**22)", "I**I**I", "oo**oo",
    "0**-1", "1/0", "x/0", "sin(x)**9999",
)
_FORMATS = (
    "{0.__class__}", "{0.__class__.__mro__[1].__subclasses__}", "%s%n%s%n", "%999999999d", "{:>999999999}", "{!r}",
    "%(x)s", "${x}", "$(touch HACKED)", "`touch HACKED`", "; touch HACKED", "| cat /etc/passwd", "../../etc/passwd",
    "<script>", "' OR 1=1 --", "\\x41\\u0041", r"\input{/etc/passwd}", r"\write18{touch HACKED}", r"\def\a{\a\a}\a",
    r"\catcode`\@=11", r"\1\2\g<0>", "(?R)", "(a+)+$", "{{7*7}}", '["a", "b", "c"]', '{"answer": 5}', "true", '"',
    "null",
)
_FOREIGN = _PYTHON + _SYMPY + _FORMATS
_BOXES = (
    r"\boxed{5", r"\boxed{\boxed{5}}", r"\boxed{\boxed{5}", r"\boxed{5}}}}", r"\boxed\boxed{5}", r"\boxed", r"\boxed{",
    r"\boxed{}", r"\boxed{{{{5}}}}", r"\fbox{5}", r"\boxed{5}\boxed", "boxed{5}", r"\boxed5", r"\boxed{5}%",
    r"\boxed{5}\%", r"\boxed{ }", r"\boxed{\}", r"\boxed{\{}", r"\boxed{5}\boxed{}", r"\boxed{$5$}",
    r"\boxed{\text{\boxed{5}}}", r"}\boxed{", r"\boxed\n{5}",
)


def _towers(rng: Random) -> str:
    base, height = rng.choice(("9", "2", "10", "e", "x", "(1+x)", r"\pi", "3.7", "-2", "i")), rng.randint(2, 9)
    return rng.choice((
        f"{base}^{{" * height + "9" + "}" * height, "^".join([base] * height), "**".join([base] * height),
        "(" * height + base + "^9)" * height, "{" * height + base + "^9}" * height,
        f"{base}^{{{rng.randint(99, 99999)}}}", f"{base}**{rng.randint(99, 9999)}", f"({base}^{{99}})^{{99}}",
        f"{base}^{{9!}}", f"9999^{{9999}}+{base}", f"({base}+y)^{{{rng.randint(9, 99)}}}", f"{base}^{{9*9*9*9*9}}",
        f"{base}^{{-9999}}", f"{base}^(1/9999)", r"\sqrt{" * height + base + "}" * height,
        f"{base}^{{\\frac{{9999}}{{{height}}}}}", f"9^{{9{base}}}", "exp(" * height + "9" + ")" * height,
    ))


def _factorials(rng: Random) -> str:
    number = rng.choice((5, 20, 99, 999, 1000, 9999, 10**5, 10**9))
    return rng.choice((
        f"{number}!", f"({number}!)!", f"{number}!!!", f"{number}! - {number - 1}!",
        rf"\frac{{{number}!}}{{{number - 1}!}}", rf"\binom{{{number}}}{{{number // 2}}}", f"(9!+{number})!",
        f"({number}/2)!", f"(-{number})!", f"{number}!^{{{number}!}}", f"999!*{number}!", f"{number // 3}!^9",
        f"x!^{{{number}}}", rf"C({number}, {number // 3})", f"factorial({number})",
    ))


def _nesting(rng: Random) -> str:
    opening, closing = rng.choice((
        ("{", "}"), ("(", ")"), ("[", "]"), (r"\frac{1}{", "}"), (r"\sqrt{", "}"), (r"\left(", r"\right)"),
        (r"\text{", "}"), ("-(", ")"), ("|", "|"), (r"\{", r"\}"), ("sin(", ")"), (r"\boxed{", "}"), ("(1+", ")^2"),
        (r"\begin{pmatrix}", r"\end{pmatrix}"), ("2^{", "}"), (r"\frac{", "}{3}"), (r"\lfloor ", r"\rfloor "),
        ("1+(", ",2)"), ("x_{", "}"), (r"\sin ", ""), ("-", ""), (r"\frac", ""),
    ))
    depth = rng.choice((2, 5, 9, 19, 30, 55, 59, 61, 99, 200, 400, 900, 3000))
    return opening * depth + rng.choice(("1", "x", "")) + closing * rng.choice((depth, depth, depth - 1))


def _megabytes(rng: Random) -> str:
    piece = rng.choice(_LONG)
    size = rng.choice((1500, 3000, 3990, 4001, 20_000, MEGABYTE))
    text = piece * (size // len(piece))
    half_and_half = text[: size // 2] + rng.choice(_LONG) * (size // 9)
    return rng.choice((text, text, text + "5", "5" + text, rf"\boxed{{{text}}}", half_and_half))


def _decimals(rng: Random) -> str:
    digits = "".join(rng.choices("0123456789", k=rng.choice((3, 15, 40, 399, 401, 1000, 3900))))
    exponent = rng.choice((3, 99, 308, 309, 9999, 99999, 10**9))
    return rng.choice((
        digits, f"0.{digits}", f"{digits}.{digits}", f"1e{exponent}", f"-1e-{exponent}", rf"1\times 10^{{{exponent}}}",
        rf"10^{{-{exponent}}}", rf"{digits}\%", f"{digits}%", f"{digits}/{digits[::-1]}", rf"\frac{{{digits}}}{{7}}",
        f"{digits},{digits[:3]}", f"0.{digits}\\overline{{{digits[:9]}}}", f"1e{exponent}%", "." + digits,
        digits + ".", f"-{digits}-{digits}", " ".join(digits), f"{exponent}\\%\\%", rf"\$ {digits}", "NaN", "inf",
        "-Infinity", f"1E{exponent}x", f"0x{digits}", f"1_{digits}", rf"{digits[:200]}^{{\circ}}",
        f"{digits[:300]}*{digits[:300]}", f"{digits[:390]}^{{999}}",
    ))


def _structures(rng: Random) -> str:
    size = rng.choice((1, 2, 3, 9, 30))
    cell = rng.choice(("1", "x", "", r"\frac{1}{2}", "9^9", "a_{1}", ",", "&", "1/0"))
    row = "&".join([cell] * size)
    comma = ",".join([cell] * size)
    return rng.choice((
        rf"\begin{{pmatrix}}{(row + chr(92) * 2) * size}\end{{pmatrix}}", rf"\begin{{bmatrix}}{row}\end{{pmatrix}}",
        rf"\begin{{array}}{{{'c' * size}}}{row}\end{{array}}", f"({comma})", f"[{comma})", rf"\{{{comma}\}}",
        f"({comma}", rf"(-\infty, {cell}] \cup [{cell}, \infty)", f"({comma}),({comma})", f"{cell}={cell}",
        "=".join([cell] * size), rf"x \in ({comma})", rf"{cell} \le x < {cell}",
        rf"x = {cell} \text{{ or }} x = {cell}", rf"\begin{{cases}} {row} \end{{cases}}", rf"{cell}:{cell}",
        rf"\{{x \mid {cell}\}}", rf"\begin{{vmatrix}}{row}\\{row}\end{{vmatrix}}",
        rf"\begin{{pmatrix}}{row}\end{{pmatrix}}^{{{size}}}", r"\begin{}\end{}", rf"\langle {comma} \rangle",
        "x<" * size + "x",
    ))


def _calculus(rng: Random) -> str:
    return rng.choice((
        r"\int_0^\infty e^{-x^{x}} dx", r"\sum_{n=1}^{999999999} \frac{1}{n^2}", r"\prod_{n=1}^{9999} n",
        r"\lim_{x \to 0} \frac{\sin x}{x^{99}}", r"\int \sin(x^x) dx", r"\frac{d}{dx} x^{x^{x}}",
        r"\sum_{n=0}^{\infty} n^n", r"(x+y+z+w)^{12}", r"\sin(\sin(\sin(\sin(x))))",
        r"\sqrt{2+\sqrt{2+\sqrt{2+\sqrt{2+\sqrt{3}}}}}", r"\sum_{n=1}^{99} \sqrt{n}", r"\log_{x}(x^{99999})",
        r"|x|+||x|-|y||", r"\arcsin(\sin(99999))", r"\cos(1)^{99}-\sin(2)^{99}", r"\frac{x^{99}-1}{x-1}",
        r"\sqrt[99]{x^{99}}", r"\int_{0}^{1} x^{x} dx", r"\gcd(999, 99999)", r"\lfloor \pi^{99} \rfloor",
        r"\prod_{k=1}^{99}(1+x^{k})", r"x^{y^{z^{w}}}", r"(a+b+c)^{25}-(c+b+a)^{25}",
        r"\frac{1}{1+\frac{1}{1+\frac{1}{1+\frac{1}{x}}}}", r"\sum_{i=1}^{n} \sum_{j=1}^{i} j^{i}",
    ))


def _picked(answers: tuple[str, ...]) -> Callable[[Random], str]:
    return lambda rng: rng.choice(answers)


KINDS: dict[str, Callable[[Random], str]] = {
    "towers": _towers, "factorials": _factorials, "nesting": _nesting, "megabytes": _megabytes, "decimals": _decimals,
    "structures": _structures, "calculus": _calculus, "look-alikes": _picked(_LOOK_ALIKES), "boxes": _picked(_BOXES),
    "Python": _picked(_PYTHON), "sympy": _picked(_SYMPY), "formats": _picked(_FORMATS),
}


def answer(rng: Random, kind: str) -> str:
    return KINDS[kind](rng)


def _damaged(rng: Random, text: str) -> str:
    """A few characters cut out, doubled or put in, or two answers spliced."""
    if rng.random() < 0.3:
        other = answer(rng, rng.choice(list(KINDS)))
        return text[: rng.randrange(len(text) + 1)] + other[rng.randrange(len(other) + 1) :]
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(text) + 1)
        end = start + rng.randint(0, 3)
        put = rng.choice(("", text[start:end] * 2, rng.choice(r"{}()[]\$^_!,.%/*=-+'e 9x")))
        text = text[:start] + put + text[end:]
    return text


def items(count: int, seed: int = 0) -> Iterator[tuple[str, str, str]]:
    """`count` items (kind, response, gold): first what takes for ever and all foreign code as it is, then every kind
    in turn, a third of them damaged, every tenth gold hostile."""
    rng = Random(seed)
    for text, gold in ENDLESS:
        yield "endless", rf"\boxed{{{text}}}", gold
    for text in _FOREIGN:
        yield "foreign code", rf"\boxed{{{text}}}", rng.choice(GOLDS)
    for number in range(count - len(_FOREIGN) - len(ENDLESS)):
        kind = list(KINDS)[number % len(KINDS)]
        text = answer(rng, kind)
        if rng.random() < 0.33:
            text = _damaged(rng, text)
        gold = answer(rng, rng.choice(list(KINDS))) if rng.random() < 0.1 else rng.choice(GOLDS)
        if rng.random() < 0.03:
            gold = text
        yield kind, rng.choice(PLACES).format(text), gold
