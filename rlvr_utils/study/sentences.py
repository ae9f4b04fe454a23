"""What each figure shows, in sentences with the numbers: made from the records, so that they stay true whatever came
out. Every function returns Markdown.

A difference counts as a rise or a fall only if its whole 95 % interval lies on one side of zero.
"""
from __future__ import annotations

import json
from statistics import fmean

from rlvr_utils.analysis.intervals import Interval, mean_interval
from rlvr_utils.analysis.measures import (
    ACCURACY,
    Runs,
    arm_interval,
    by_seed,
    curves,
    followed,
    gap,
    greedy_benchmark,
    main_benchmark,
    math_benchmarks,
    minus,
    over_seeds,
    parts,
    reflecting,
    saturation,
    share_of_gain,
    training_curve,
)
from rlvr_utils.analysis.published import published_model, published_text
from rlvr_utils.recipe.arms import LABELS
from rlvr_utils.records.run import Run
from rlvr_utils.study.study import Study
from rlvr_utils.study.style_shares import STYLES, last_share, named, recorded
from rlvr_utils.study.tables import paper_value
from rlvr_utils.study.walk import Walk

EQUAL = 0.05     # the ledger's margin: differences within it count as about equal
SMALL = 0.1      # below this share of the gradient, the bonus is expected to change nothing that can be measured
LATE = 5         # steps of training whose mean stands for "the end" (or the start) of a run


# words --------------------------------------------------------------------------------------------------------------

def see(*sentences: str) -> str:
    """The sentences as a paragraph with its heading."""
    return "**What we see.** " + " ".join(filter(None, sentences))


def percent(found: Interval) -> str:
    """`37.2 % [35.0, 39.4]`, or without brackets for one seed."""
    bounds = "" if found.low is None else f" [{100 * found.low:.1f}, {100 * found.high:.1f}]"
    return f"{100 * found.mean:.1f} %{bounds}"


def points(found: Interval) -> str:
    """`+3.4 points [1.0, 5.8]`."""
    bounds = "" if found.low is None else f" [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"
    return f"{100 * found.mean:+.1f} points{bounds}"


def direction(found: Interval) -> int | None:
    """1 for a rise and -1 for a fall that the interval tells from zero, 0 for neither, None without an interval."""
    if found.low is None:
        return None
    return 1 if found.low > 0 else -1 if found.high < 0 else 0


def size(found: Interval) -> str:
    """A change without its sign: `3.4 points [1.0, 5.8]`."""
    if found.mean >= 0:
        return points(found).replace("+", "")
    return points(Interval(-found.mean, *(None if side is None else -side for side in (found.high, found.low)),
                           found.n)).replace("+", "")


def moves(found: Interval, up: str = "rises", down: str = "falls") -> str:
    """`rises by 3.4 points [1.0, 5.8]`, or that no change can be told from zero, or that one seed cannot say."""
    told = direction(found)
    if told is None:
        return f"changes by {points(found)} in the one seed, which has no interval"
    if told == 0:
        return f"does not change by more than its interval ({points(found)})"
    return f"{up if told > 0 else down} by {size(found)}"


def compared(found: Interval, first: str, second: str) -> str:
    """A sentence on `first` minus `second`."""
    told, numbers = direction(found), points(found)
    if told is None:
        return f"{first} minus {second} is {numbers} in the one seed."
    if told:
        return f"{first} ends {'above' if told > 0 else 'below'} {second}, by {size(found)}."
    if found.low > -EQUAL and found.high < EQUAL:
        return f"{first} and {second} are about equal: {numbers}, all within {100 * EQUAL:.0f} points."
    return f"{first} and {second} cannot be told apart: {numbers}."


def listing(items: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else "none"


def lacking(runs: Runs, *arms: str) -> str:
    """A sentence naming the arms that were not run; empty if all were."""
    missing = [LABELS[arm] for arm in arms if arm not in runs]
    return f"Not run here: {listing(missing)}." if missing else ""


def has(runs: Runs, *arms: str) -> bool:
    """Were these arms run?"""
    return set(arms) <= runs.keys()


def verdicts(study: Study, *claims: str) -> str:
    """What the ledger says of these claims: verdict, deciding quantity and bound."""
    path = study.results / "claims.json"
    rows = {row["id"]: row for row in (json.loads(path.read_text()) if path.exists() else [])}
    found = [verdict(rows[claim]) for claim in claims if claim in rows]
    return "**Ledger.** " + (" ".join(found) or "Not written yet; `python -m rlvr_utils reproduce` writes it.")


def verdict(row: dict) -> str:
    """One row of the ledger as a sentence."""
    said = f"{row['id']}, “{row['statement']}”: *{row['verdict']}*"
    found = row["measured"]
    if found["mean"] is None or not row.get("deciding"):
        return f"{said} ({row.get('reason', 'no number')})."
    above = next((part["above"] for part in row["quantities"] if part["name"] == row["deciding"]), 0.0)
    bounds = "" if found["low"] is None else f" [{found['low']:+.1f}, {found['high']:+.1f}]"
    return f"{said}. It turns on {row['deciding']}, {found['mean']:+.1f}{bounds}, which has to lie above {above:g}."


def on(study: Study, runs: Runs, arm: str, benchmarks: list[str], name: str) -> str:
    """`accuracy on X goes from 37 % to 60 %: it rises by ...` for an arm."""
    first, last = arm_interval(runs["base"], benchmarks), arm_interval(runs[arm], benchmarks)
    return (f"With {LABELS[arm]}, accuracy on {name} goes from {percent(first)} to {percent(last)}: it "
            f"{moves(gap(runs, arm, 'base', benchmarks))}.")


def ends(runs: list[Run], metric: str) -> tuple[float, float]:
    """A training metric's mean over the first and over the last `LATE` steps, averaged over seeds; NaN without any."""
    values = [[value for _, value in training_curve(run, metric)] for run in runs]
    values = [some for some in values if some]
    if not values:
        return float("nan"), float("nan")
    return fmean(fmean(some[:LATE]) for some in values), fmean(fmean(some[-LATE:]) for some in values)


# 00 and 01 ----------------------------------------------------------------------------------------------------------

def headline(study: Study, runs: Runs) -> str:
    """One example against the base, on the main set and on the average."""
    main, six = main_benchmark(study.config), math_benchmarks(study.config)
    if not has(runs, "one-shot"):
        return see(lacking(runs, "one-shot"))
    more = []
    if len(six) > 1:
        more.append(f"On the average of {len(six)} sets it {moves(gap(runs, 'one-shot', 'base', six))}.")
    model = published_model(study.config)
    paper = [paper_value(8, "MATH500", arm, model) for arm in ("base", "one-shot")]
    if None not in paper:
        more.append(f"The paper's step is {paper[1] - paper[0]:+.1f} points, from {paper[0]} to {paper[1]} on MATH500 "
                    f"({model}).")
    return see(on(study, runs, "one-shot", [main], main), *more)


def claims(rows: list[dict]) -> str:
    """How many claims came out how, and which were contradicted."""
    if not rows:
        return "No ledger here yet: `python -m rlvr_utils reproduce` writes it."
    by_verdict: dict[str, list[str]] = {}
    for row in rows:
        by_verdict.setdefault(row["verdict"], []).append(row["id"])
    order = ("contradicted", "reproduced", "inconclusive", "not testable here", "not measured")
    found = [f"{len(by_verdict[name])} {name} ({', '.join(by_verdict[name])})" for name in order if name in by_verdict]
    return see(f"Of {len(rows)} claims, {listing(found)}.")


def styles(study: Study) -> str:
    """What the styles are worth, and what the base makes of them."""
    rows = recorded(study)
    if not rows:
        return "There is no record of styles beside this model's weights, so there is nothing to show."
    best, most = (max(rows.values(), key=lambda row: row[name]) for name in ("accuracy", "share"))
    common = max(rows.values(), key=lambda row: row["share_greedy"])
    free = sum(row["share"] * row["accuracy"] for row in rows.values())
    return see(
        f"Led into *{best['style']}*, the base is right in {100 * best['accuracy']:.0f} % of its answers; left alone "
        f"it writes that way in {100 * best['share']:.0f} %. Its commonest style is *{most['style']}* "
        f"({100 * most['share']:.0f} % of sampled answers, right in {100 * most['accuracy']:.0f} %), and greedy "
        f"decoding takes *{common['style']}* in {100 * common['share_greedy']:.0f} %.",
        f"Accuracy and share together give {100 * free:.0f} %; answering everything in *{best['style']}* would give "
        f"{100 * best['accuracy']:.0f} %. That gap can be closed without learning any mathematics.")


def subjects(found: dict[str, Interval], published: dict[str, float]) -> str:
    """The base by subject: the best and the worst."""
    ranked = sorted(found, key=lambda name: found[name].mean)
    if len(ranked) < 2:
        return see("The questions are of one subject, or name none.")
    low, high = ranked[0], ranked[-1]
    apart = found[low].high is not None and found[low].high < found[high].low
    return see(f"The base does best in {high}, {percent(found[high])}, and worst in {low}, {percent(found[low])}; "
               f"{'their intervals do not overlap' if apart else 'their intervals overlap'}.",
               f"In the paper the extremes are {max(published, key=published.get)} ({max(published.values())}) and "
               f"{min(published, key=published.get)} ({min(published.values())})." if published else "")


def graders(runs: list[Run], main: str) -> str:
    """Do the two graders agree?"""
    one, two, boxed = (arm_interval(runs, [main], measure)
                       for measure in (ACCURACY, "accuracy.math-verify", "boxed"))
    return see(f"On {main} the two graders count {percent(one)} and {percent(two)} of the same answers as right, "
               f"{100 * abs(one.mean - two.mean):.1f} points apart.",
               f"{100 * boxed.mean:.0f} % of the answers are boxed; the other {100 - 100 * boxed.mean:.0f} % cannot "
               "earn the training reward, whatever they say.")


# 02 -----------------------------------------------------------------------------------------------------------------

def variance(spread: dict[str, float], ranking: dict[int, str]) -> str:
    """The distribution of historical standard deviations, and where the chosen examples stand in it."""
    values = sorted(spread.values(), reverse=True)
    still = sum(value == 0 for value in values) / len(values)
    chosen = [f"$\\pi_{{{rank}}}$ (row {ranking[rank]}) has {spread[ranking[rank]]:.2f}"
              for rank in (1, 13) if ranking.get(rank) in spread]
    return see(f"Over {len(values):,} problems the standard deviation of training accuracy runs from {values[-1]:.2f} "
               f"to {values[0]:.2f}, with a median of {values[len(values) // 2]:.2f}; {100 * still:.0f} % of the "
               "problems never changed.", f"{listing(chosen)}." if chosen else "")


def walked(step: Walk) -> str:
    """What one update on eight rollouts does to them."""
    right = [change for change, reward in zip(step.pushed, step.rewards) if reward]
    wrong = [change for change, reward in zip(step.pushed, step.rewards) if not reward]
    terms = ", ".join(f"{name} {value:+.5f}" for name, value in step.loss.items() if name != "sum")
    said = [f"{len(right)} of {len(step.rewards)} rollouts are right.",
            f"The terms of the loss are {terms}; together {step.loss['sum']:+.5f}, with a gradient of norm "
            f"{step.gradient_norm:.3f}."]
    if not right or not wrong:
        said.append("The group agrees, so every advantage is zero and the rewards move nothing.")
    else:
        said.append(f"After one update a right rollout's tokens have gained {fmean(right):+.4f} nats on average and a "
                    f"wrong one's {fmean(wrong):+.4f}; {sum(change > 0 for change in right)} of the {len(right)} right "
                    f"ones became likelier, and {sum(change < 0 for change in wrong)} of the {len(wrong)} wrong "
                    "ones less likely.")
    return see(*said)


def training(study: Study, runs: Runs) -> str:
    """How fast the example is learned, and what happens to the length."""
    found = []
    for arm in [arm for arm in ("one-shot", "one-shot-13", "two-shot") if arm in runs]:
        at = [saturation(run) for run in runs[arm]]
        first, last = ends(runs[arm], "outcome")
        known = [step for step in at if step is not None]
        when = (f"saturates (95 % over five steps) at step{'s' if len(known) > 1 else ''} "
                f"{listing([*map(str, known)])}" if known else "does not saturate")
        some = f" in {len(known)} of {len(at)} seeds" if 0 < len(known) < len(at) else ""
        found.append(f"{LABELS[arm]} {when}{some}; its reward goes from {100 * first:.0f} to {100 * last:.0f} %.")
    if has(runs, "one-shot"):
        first, last = ends(runs["one-shot"], "response_length")
        found.append(f"The responses to $\\pi_1$ go from {first:.0f} to {last:.0f} tokens.")
    return see(*found, lacking(runs, "one-shot", "one-shot-13", "two-shot", "full-set"))


def comparison(study: Study, runs: Runs) -> str:
    """Figure 1: one example, two, and the whole set."""
    main, six = main_benchmark(study.config), math_benchmarks(study.config)
    found = [on(study, runs, "one-shot", [main], main)] if has(runs, "one-shot") else []
    for first, second in (("one-shot", "full-set"), ("two-shot", "one-shot"), ("one-shot-13", "one-shot")):
        if has(runs, first, second):
            found.append(f"On the average, {compared(gap(runs, first, second, six), LABELS[first], LABELS[second])}")
    worked, last = recorded(study).get("worked"), None
    if has(runs, "one-shot") and worked:
        last = arm_interval(runs["one-shot"], [main]).mean
        found.append(f"The base led into *worked* by its first words is right in {100 * worked['accuracy']:.0f} %, so "
                     f"{LABELS['one-shot']} ends {100 * abs(last - worked['accuracy']):.0f} points "
                     f"{'below' if last < worked['accuracy'] else 'above'} what a change of style alone could give.")
    return see(*found, lacking(runs, "one-shot", "one-shot-13", "two-shot", "full-set"))


FORMS = (("format-reward", "full-set", "the full set"), ("format-reward-one-shot", "one-shot", r"$\pi_1$"))


def form(study: Study, runs: Runs) -> str:
    """Form and outcome on the same data: how much of the gain a reward for the box alone explains."""
    main, greedy = main_benchmark(study.config), greedy_benchmark(study.config)
    found = []
    for reward, whole, data in FORMS:
        if not has(runs, reward, whole):
            continue
        share = share_of_gain(runs, reward, whole, [main])
        gained = gap(runs, whole, "base", [main])
        part = (f", {100 * share.mean:.0f} % of the gain with the outcome reward" if share and direction(gained) == 1
                else "")
        found.append(f"On {data}, accuracy on {main} with the format reward {moves(gap(runs, reward, 'base', [main]))}"
                     f"{part}; outcome minus format is {points(gap(runs, whole, reward, [main]))}.")
        if greedy:
            found.append(f"Decoded greedily, that difference is {points(gap(runs, whole, reward, [greedy]))}.")
    boxed = [f"{LABELS[arm]} {100 * arm_interval(runs[arm], [main], 'boxed').mean:.0f} %"
             for arm in ("base", "one-shot", "full-set", "format-reward", "format-reward-one-shot") if arm in runs]
    return see(*found, f"Boxed at the end: {listing(boxed)}.",
               lacking(runs, *(arm for pair in FORMS for arm in pair[:2])))


def gains(study: Study, runs: Runs, found: dict[str, dict[str, Interval]], own: str) -> str:
    """Gains by subject: the example's own, and how many of the others rise."""
    said = []
    for arm, rows in found.items():
        others = {name: i for name, i in rows.items() if name != own}
        rising = [name for name, i in others.items() if direction(i) == 1]
        falling = [name for name, i in others.items() if direction(i) == -1]
        ranked = sorted(rows, key=lambda name: -rows[name].mean)
        first = f"{own} is number {ranked.index(own) + 1} of {len(ranked)}" if own in rows else "no subject is its own"
        said.append(f"{LABELS[arm]}: {len(rising)} of {len(others)} other subjects rise and {len(falling)} fall beyond "
                    f"their intervals; by gain, {first}.")
    return see(*said) if said else see("Nothing was trained that could gain, or the set names no subjects.")


# 03 -----------------------------------------------------------------------------------------------------------------

def bonus_share(runs: Runs) -> float | None:
    """The bonus's gradient norm at the start as a share of the whole gradient's of 1-shot training; None where either
    was not recorded."""
    if not has(runs, "entropy-only", "one-shot"):
        return None
    alone, whole = (ends(runs[arm], "grad_norm")[0] for arm in ("entropy-only", "one-shot"))
    return alone / whole if whole > 0 else None


def predictions(study: Study, runs: Runs) -> str:
    """Two predictions from the gradients of the first steps, made before any accuracy is looked at."""
    share = bonus_share(runs)
    if share is None:
        return f"**Prediction.** None can be made from these records. {lacking(runs, 'entropy-only', 'one-shot')}"
    small = share < SMALL
    return (f"**Prediction 1.** In the first {LATE} steps the bonus alone has {share:.2g} times the gradient norm of "
            f"the whole 1-shot loss. That is {'small' if small else 'not small'}: beside the reward, "
            f"removing the bonus "
            f"or tripling it should {'not move' if small else 'move'} the accuracy by more than the intervals.\n\n"
            "**Prediction 2.** Alone, the same small gradient is not small: AdamW divides by its running size. The "
            "entropy of the entropy-only runs should rise from the first steps on, and keep rising, since nothing "
            "pulls it back.")


def entropy_terms(study: Study, runs: Runs) -> str:
    """Entropy at the start and at the end of each arm."""
    found = []
    for arm in [arm for arm in runs if arm != "base"]:
        first, last = ends(runs[arm], "entropy")
        if first == first:
            found.append(f"{LABELS[arm]} from {first:.2f} to {last:.2f}")
    return see(f"Entropy of the rollouts in nats a token, first {LATE} steps to last {LATE}: {listing(found)}.",
               lacking(runs, "entropy-only", "one-shot-no-entropy", "one-shot-entropy-x3"))


def answers(study: Study, runs: Runs) -> str:
    """What became of the two predictions."""
    main, share = [main_benchmark(study.config)], bonus_share(runs)
    if share is None:
        return "**Answer.** Without a prediction there is nothing to answer."
    said, told = [], []
    for first, second in (("one-shot", "one-shot-no-entropy"), ("one-shot-entropy-x3", "one-shot")):
        if has(runs, first, second):
            found = gap(runs, first, second, main)
            told.append(direction(found))
            said.append(compared(found, LABELS[first], LABELS[second]))
    moved, expected = any(told), share >= SMALL
    one = ("cannot be answered: the arms were not run" if not told else
           "cannot be answered with one seed" if None in told else
           "held" if moved == expected else "did not hold")
    first, last = ends(runs["entropy-only"], "entropy")
    two = "held" if last > 1.1 * first else "did not hold"
    return (f"**Answer 1.** The first prediction {one}. {' '.join(said)}\n\n**Answer 2.** The second prediction {two}: "
            f"entropy went from {first:.2f} to {last:.2f} nats a token.")


def entropy_only(study: Study, runs: Runs) -> str:
    """Figure 12: does accuracy rise without a reward, and does it collapse?"""
    main, greedy = main_benchmark(study.config), greedy_benchmark(study.config)
    if not has(runs, "entropy-only"):
        return see(lacking(runs, "entropy-only"))
    found = []
    for name in filter(None, (main, greedy)):
        tops = [max(curve, key=lambda point: point[1]) for curve in curves(runs, "entropy-only", [name])]
        last = moves(gap(runs, "entropy-only", "base", [name]), "lies above the base", "lies below the base")
        found.append(f"On {name} the highest point of the seeds' curves lies at step{'s' if len(tops) > 1 else ''} "
                     f"{listing([str(step) for step, _ in tops])} (step 0 is the base), and the last step {last}.")
    return see(*found)


# 04 -----------------------------------------------------------------------------------------------------------------

def transfer(study: Study, runs: Runs, arc: list[str]) -> str:
    """Table 1: gains outside mathematics."""
    if not arc:
        return see("Nothing: the profile has no set outside mathematics.")
    found = [f"{LABELS[arm]} {moves(gap(runs, arm, 'base', arc))}" for arm in runs if arm != "base"]
    more = []
    if has(runs, "one-shot", "full-set"):
        more.append(compared(gap(runs, "one-shot", "full-set", arc), LABELS["one-shot"], LABELS["full-set"]))
    base = arm_interval(runs["base"], arc)
    chance = ("above chance" if base.low is not None and base.low > 0.25 else
              "below chance" if base.high is not None and base.high < 0.25 else "not clear of chance")
    return see(f"The base starts at {percent(base)}, {chance} (25 %).",
               f"On the mean of {listing(arc)}, {'; '.join(found)}." if found else "", *more)


def pair(runs: Runs, arc: list[str]) -> str:
    """How often the kept answers before and after name their letter in a box, and rightly."""
    said = []
    for arm in [arm for arm in ("base", "one-shot") if arm in runs]:
        boxed, right = (arm_interval(runs[arm], arc, measure) for measure in ("boxed", ACCURACY))
        length = arm_interval(runs[arm], arc, "length").mean
        said.append(f"{LABELS[arm]} boxes {100 * boxed.mean:.0f} % of its answers on {listing(arc)}, is right in "
                    f"{100 * right.mean:.0f} %, and takes {length:.0f} tokens")
    return see(f"One pair proves nothing; over all questions, {'; '.join(said)}.")


# 05 -----------------------------------------------------------------------------------------------------------------

def after_saturation(study: Study, runs: Runs) -> str:
    """Figure 2: what test accuracy does once training accuracy has saturated, counted from saturation itself."""
    six, found = math_benchmarks(study.config), []
    for arm in [arm for arm in ("one-shot", "one-shot-13") if arm in runs]:
        usable = [run for run in runs[arm] if followed(run)]
        if not usable:
            when = listing([f"at step {at}" if (at := saturation(run)) else "never" for run in runs[arm]])
            found.append(f"Training on {LABELS[arm]} saturates {when}. Fewer than two evaluations follow, so the rise "
                         "after saturation cannot be told from the rise before it.")
            continue
        rise = over_seeds(by_seed(usable, lambda run: minus(parts(run, six), parts(run, six, saturation(run)))))
        some = "" if len(usable) == len(runs[arm]) else f" (in {len(usable)} of {len(runs[arm])} seeds)"
        found.append(f"Training on {LABELS[arm]} saturates at step{'s' if len(usable) > 1 else ''} "
                     f"{listing([str(saturation(run)) for run in usable])}{some}; from there to the last step the "
                     f"test average {moves(rise)}.")
    paper = published_text("gain_after_saturation")
    found.append(f"The paper has {paper['{pi_1}']:+.1f} points for $\\pi_1$ and {paper['{pi_13}']:+.1f} for "
                 "$\\pi_{13}$ (Qwen2.5-Math-1.5B).")
    return see(*found, lacking(runs, "one-shot", "one-shot-13"))


def signal(study: Study, runs: Runs) -> str:
    """How often a step has a policy gradient at all after saturation."""
    found = []
    for arm in [arm for arm in ("one-shot", "one-shot-13") if arm in runs]:
        late = [[value for step, value in training_curve(run, "zero_std_groups") if step > (saturation(run) or step)]
                for run in runs[arm]]
        shares = [sum(value < 1 for value in some) / len(some) for some in late if some]
        if shares:
            found.append(f"after saturation on {LABELS[arm]}, rewards differ within some group in "
                         f"{percent(mean_interval(shares))} of the steps")
    said = listing(found) + "." if found else "No run went on after saturation."
    return see(said[0].upper() + said[1:], "In all other steps the policy gradient is exactly zero, and only the "
               "bonus, the KL term and weight decay move the weights.")


def own_outputs(study: Study, runs: Runs) -> str:
    """Figure 3: how far the policy strays on its own training example, and what that does to the test."""
    found = []
    for arm in [arm for arm in ("one-shot", "one-shot-13", "full-set") if arm in runs]:
        found.append(f"{LABELS[arm]} ends {ends(runs[arm], 'kl')[1]:.2f} nats a token from the base")
    return see(f"On their own rollouts, {listing(found)}. The ledger calls it straying from 1 nat on.",
               lacking(runs, "one-shot", "one-shot-13", "full-set"))


def reflection(study: Study, runs: Runs) -> str:
    """Figure 4: words of self-reflection, and length."""
    six = math_benchmarks(study.config)
    starts = {run.config.seed: reflecting(run, six, 0) for run in runs["base"]}
    found = []
    for arm in [arm for arm in ("one-shot", "one-shot-13", "full-set") if arm in runs]:
        change = mean_interval([reflecting(run, six) - starts[run.config.seed] for run in runs[arm]])
        found.append(f"with {LABELS[arm]} the share of test responses that reflect {moves(change)}")
    length = [f"{LABELS[arm]} {arm_interval(runs[arm], six, 'length').mean:.0f}" for arm in runs]
    base = fmean(starts.values())
    return see(f"The base reflects in {100 * base:.1f} % of its test responses; {'; '.join(found)}." if found else "",
               f"Mean length of test responses at the end, in tokens: {listing(length)}.")


def style_shares(study: Study, runs: Runs) -> str:
    """Shares of styles: which grows most and which shrinks most, by arm."""
    main = main_benchmark(study.config)
    if not named(runs, main):
        return see("No styles are told apart here: what this model has read is not known in styles.")
    start = {style: last_share(runs, "base", style, main).mean for style in STYLES}
    found = []
    for arm in [arm for arm in ("one-shot", "one-shot-13", "full-set", "entropy-only", "format-reward") if arm in runs]:
        end = {style: last_share(runs, arm, style, main) for style in STYLES}
        up, down = (pick(STYLES, key=lambda style: end[style].mean - start[style]) for pick in (max, min))
        found.append(f"With {LABELS[arm]}, *{up}* grows most, from {100 * start[up]:.0f} to {percent(end[up])}, and "
                     f"*{down}* shrinks most, from {100 * start[down]:.0f} to {percent(end[down])}.")
    return see(*found)


def published_curves(study: Study, runs: Runs, theirs: list[tuple[int, float]]) -> str:
    """The published curve of the first example beside ours: how much of the gain comes early."""
    said = []
    if theirs:
        start, whole = theirs[0][1], theirs[-1][1] - theirs[0][1]
        early, value = next(point for point in theirs if point[1] - start >= 0.8 * whole)
        said.append(f"In the paper, {100 * (value - start) / whole:.0f} % of the gain from step 0 to step "
                    f"{theirs[-1][0]:,} is there at step {early}.")
    if has(runs, "one-shot"):
        seeds = curves(runs, "one-shot", [main_benchmark(study.config)])
        shared = sorted(set.intersection(*({step for step, _ in curve} for curve in seeds)))
        ours = [(step, fmean(dict(curve)[step] for curve in seeds)) for step in shared]
        total = ours[-1][1] - ours[0][1]
        if total > 0:
            there = next(step for step, value in ours if value - ours[0][1] >= 0.8 * total)
            said.append(f"Here 80 % of the gain of {LABELS['one-shot']} is there at step {there} of {ours[-1][0]}.")
        else:
            said.append(f"Here {LABELS['one-shot']} ends {100 * total:+.1f} points from the base.")
    return see(*said)
