"""The figures of the essays, each drawn from records and saved under its name. `alt` says in words what they show."""
from __future__ import annotations

from pathlib import Path

from matplotlib.patches import FancyBboxPatch

from rlvr_utils.analysis.intervals import Interval, mean_interval, wilson_interval
from rlvr_utils.analysis.measures import (
    ACCURACY,
    Runs,
    arm_interval,
    curves,
    greedy_benchmark,
    main_benchmark,
    math_benchmarks,
    reflecting,
    saturation,
    steps,
    subject_gains,
    subject_sizes,
    subjects,
)
from rlvr_utils.analysis.published import published, published_model, table_of
from rlvr_utils.recipe.arms import LABELS
from rlvr_utils.records.run import Run
from rlvr_utils.study.figures import (
    LOOKS,
    SHORT,
    Look,
    draw_arms,
    draw_bars,
    draw_dots,
    draw_published,
    draw_seeds,
    draw_training,
    from_zero,
    mark_level,
    mark_step,
    new_figure,
    save_figure,
)
from rlvr_utils.study.study import Study
from rlvr_utils.study.style_shares import STYLES, recorded, style_curves
from rlvr_utils.study.tables import form_value, paper_row, paper_value

TRAINED = ("one-shot", "one-shot-13", "two-shot", "full-set", "format-reward", "format-reward-one-shot")
FORM = ("one-shot", "format-reward-one-shot", "full-set", "format-reward")
STYLE_LOOKS = dict(zip(STYLES, (
    Look("#0072B2", "-", "o"), Look("#C45100", "--", "s"), Look("#CC3377", ":", "v"), Look("#882255", "-.", "^"),
    Look("#00805E", (0, (5, 1, 1, 1)), "D"), Look("#000000", (0, (1, 1)), "X"), Look("#7A7A7A", (0, (3, 3)), "."))))


def of(runs: Runs, arms) -> list[str]:
    """Those of the arms that were run, in their order."""
    return [arm for arm in arms if arm in runs]


def ceiling(ax, study: Study) -> None:
    """The accuracy that the base has when its first words lead it into worked solutions, if that is on record."""
    worked = recorded(study).get("worked")
    if worked:
        mark_level(ax, 100 * worked["accuracy"], "base led into worked solutions")


# 00 and 01 ----------------------------------------------------------------------------------------------------------

def headline(study: Study, runs: Runs, alt: str) -> Path:
    """Base and one example, on the main set and on the average, measured and published."""
    main, six, model = main_benchmark(study.config), math_benchmarks(study.config), published_model(study.config)
    arms = of(runs, ("base", "one-shot"))
    fig, axes = new_figure(2, height=2.7)
    for ax, sets, column, name in ((axes[0], [main], "MATH500", main),
                                   (axes[1], six, "Avg", f"average of {len(six)} sets")):
        draw_bars(ax, {arm: arm_interval(runs[arm], sets) for arm in arms}, "accuracy, %",
                  {arm: paper_value(8, column, arm, model) for arm in arms} if model else None)
        ax.set(title=name, xlim=(0, 100))
    return save_figure(fig, study, "headline", f"Accuracy of the base and after training on one example. {alt}")


def styles(study: Study, alt: str) -> Path:
    """What each style is worth when forced, and how often the base chooses it."""
    rows = recorded(study)
    fig, (left, right) = new_figure(2, height=3.2)
    count = next(iter(rows.values()))["problems"]
    draw_bars(left, {name: wilson_interval(round(count * row["accuracy"]), count) for name, row in rows.items()},
              "right, % of answers led into the style", looks=STYLE_LOOKS)
    draw_bars(right, {name: wilson_interval(round(count * row["share"]), count) for name, row in rows.items()},
              "share, % of sampled answers left alone", looks=STYLE_LOOKS,
              marks={name: [100 * row["corpus"], 100 * row["share_greedy"]] for name, row in rows.items()})
    for place, row in enumerate(rows.values()):
        right.plot(100 * row["corpus"], place, marker="|", markersize=17, markeredgewidth=2.5, color="black", label="_")
        right.plot(100 * row["share_greedy"], place, marker="o", markersize=8, markerfacecolor="white", label="_",
                   markeredgecolor="black", markeredgewidth=1.5)
    left.set(title="how reliable a style is", xlim=(0, 100))
    most = max(row[name] for row in rows.values() for name in ("share", "share_greedy", "corpus"))
    right.set(title="how often the base uses it (| corpus, o greedy)", xlim=(0, 125 * most))
    return save_figure(fig, study, "styles", f"The six styles: accuracy when forced, and share. {alt}",
                       note=f"{count} held-out problems at T = 0.6, one answer each; 95 % Wilson intervals")


def base_by_subject(study: Study, found: dict[str, Interval], paper: dict[str, float], alt: str) -> Path:
    """The base's accuracy by subject, published numbers as open markers."""
    fig, (ax,) = new_figure(1, height=4.2)
    draw_dots(ax, {"base": found}, "accuracy, %", {"base": paper}, {"base": Look(LOOKS["base"].colour, "-", "o")})
    ax.set(xlim=(0, 100), title=f"{main_benchmark(study.config)}, base model")
    return save_figure(fig, study, "base_by_subject", f"Accuracy of the base model by subject. {alt}",
                       note=f"measured here: profile {study.config.profile}, one seed; 95 % Wilson intervals")


def subject_accuracy(run: Run, benchmark: str) -> dict[str, Interval]:
    """The run's last accuracy by subject, with the Wilson interval of that many problems; samples of one problem do
    not count as several."""
    samples = next(b.samples for b in run.config.benchmarks if b.name == benchmark)
    asked = {name: size // samples for name, size in subject_sizes(run, benchmark).items()}
    return {name: wilson_interval(round(accuracy * asked[name]), asked[name])
            for name, accuracy in subjects(run, benchmark).items()}


# 02 -----------------------------------------------------------------------------------------------------------------

def loop(study: Study) -> Path:
    """One step of training as a loop of six boxes."""
    fig, (ax,) = new_figure(1, height=3.3)
    fig.set_figwidth(11)
    config = study.config
    boxes = {
        "prompt": (0.0, 0.62, "1  prompt\none problem, repeated"),
        "roll": (0.36, 0.62, f"2  rollouts\n{config.num_generations} responses at T = {config.temperature:g}"),
        "reward": (0.72, 0.62, "3  rewards\n1 if the last box is right, else 0"),
        "advantage": (0.72, 0.08, "4  advantages\nreward minus the group's mean,\nover its standard deviation"),
        "loss": (0.36, 0.08, "5  one loss\nlog-probabilities × advantages\n+ KL − entropy"),
        "update": (0.0, 0.08, f"6  update\nAdamW, lr {config.learning_rate:g}:\na new policy"),
    }
    for x, y, text in boxes.values():
        ax.add_patch(FancyBboxPatch((x, y), 0.28, 0.28, boxstyle="round,pad=0.015", facecolor="white",
                                    edgecolor="#0072B2", linewidth=1.6))
        ax.text(x + 0.14, y + 0.14, text, ha="center", va="center", fontsize=11, linespacing=1.4)
    arrow = {"arrowstyle": "-|>", "color": "black", "lw": 1.6}
    for start, end in (((0.3, 0.76), (0.34, 0.76)), ((0.66, 0.76), (0.7, 0.76)), ((0.86, 0.6), (0.86, 0.38)),
                       ((0.7, 0.22), (0.66, 0.22)), ((0.34, 0.22), (0.3, 0.22)), ((0.14, 0.38), (0.14, 0.6))):
        ax.annotate("", end, start, arrowprops=arrow)
    ax.text(0.16, 0.49, "the new policy answers the next prompt", fontsize=10.5, va="center")
    ax.set(xlim=(-0.03, 1.03), ylim=(0.02, 0.96))
    ax.set_axis_off()
    return save_figure(fig, study, "loop", "A loop of six boxes: prompt, rollouts, rewards, advantages, one loss, "
                       "update; an arrow leads from the update back to the prompt.", note="")


def variance(study: Study, spread: dict[str, float], alt: str) -> Path:
    """How much each problem's training accuracy varied, with the chosen examples marked."""
    fig, (ax,) = new_figure(1)
    ax.hist(list(spread.values()), bins=24, range=(0, 0.5), color="#A9C6DC", edgecolor="#0072B2", linewidth=0.8)
    for rank, row in study.config.ranking.items():
        if row in spread and rank in (1, 13):
            mark_step(ax, spread[row], rf"$\pi_{{{rank}}}$", "#C45100")
    ax.set(xlabel="standard deviation of the problem's accuracy over training", ylabel="problems", xlim=(0, 0.5))
    ax.set_title("half right and half wrong would be 0.5")
    return save_figure(fig, study, "variance", f"Histogram of the standard deviations of training accuracy. {alt}",
                       note="from a run on the whole pool, with a seed of its own")


def training(study: Study, runs: Runs, alt: str) -> Path:
    """Reward and length of the rollouts by step."""
    arms = of(runs, TRAINED)
    fig, (left, right) = new_figure(2, height=4.2)
    draw_training(left, runs, arms, "outcome", window=5, factor=100)
    draw_training(right, runs, arms, "response_length", window=5)
    left.set(title="rollouts whose box is right", ylabel="training accuracy, % (mean of 5 steps)", ylim=(0, 101))
    mark_level(left, 95, "saturated: 95 %")
    right.set_title("length of the rollouts")
    from_zero(right, "tokens (mean of 5 steps)")
    return save_figure(fig, study, "training_curves", f"Training accuracy and response length by step. {alt}")


def comparison(study: Study, runs: Runs, alt: str) -> Path:
    """Figure 1: test accuracy by step, and after the last step beside the published numbers."""
    main, six, model = main_benchmark(study.config), math_benchmarks(study.config), published_model(study.config)
    arms = of(runs, TRAINED[:4])
    fig, axes = new_figure(4, height=3.7)
    for top, bottom, sets, column, name in ((axes[0], axes[2], [main], "MATH500", main),
                                            (axes[1], axes[3], six, "Avg", f"average of {len(six)} sets")):
        draw_arms(top, runs, arms, sets)
        if sets == [main]:
            ceiling(top, study)
        top.set_title(f"{name}, by step")
        top.set(ylim=(0, 100), ylabel="accuracy, %")
        shown = ["base", *arms]
        draw_bars(bottom, {arm: arm_interval(runs[arm], sets) for arm in shown}, "accuracy, %",
                  {arm: paper_value(8, column, arm, model) for arm in shown} if model else None)
        bottom.set(title=f"{name}, after the last step", xlim=(0, 100))
    return save_figure(fig, study, "figure1_comparison", "Test accuracy of one example, two examples and the full set, "
                       f"by step and at the end. {alt}")


def form(study: Study, runs: Runs, alt: str) -> Path:
    """Form and outcome on one example and on the full set: boxed answers, accuracy by step, and the end."""
    main, greedy, model = main_benchmark(study.config), greedy_benchmark(study.config), published_model(study.config)
    arms = of(runs, FORM)
    fig, axes = new_figure(4 if greedy else 3, height=3.7)
    draw_arms(axes[0], runs, arms, [main], "boxed")
    draw_arms(axes[1], runs, arms, [main])
    axes[0].set(title=f"{main}: boxed answers", ylabel="boxed, %", ylim=(0, 101))
    axes[1].set(title=f"{main}: accuracy", ylabel="accuracy, %", ylim=(0, 100))
    for ax, name in zip(axes[2:], filter(None, (main, greedy))):
        paper = {arm: form_value(arm, model) for arm in ("base", *arms)} if name == main else None
        draw_bars(ax, {arm: arm_interval(runs[arm], [name]) for arm in ("base", *arms)}, "accuracy, %", paper)
        ax.set(title=f"{name}, after the last step", xlim=(0, 100))
    return save_figure(fig, study, "figure13_format",
                       f"Outcome and format reward on one example and on the full set. {alt}")


def subject_intervals(study: Study, runs: Runs, arms) -> dict[str, dict[str, Interval]]:
    """Each arm's gain over the base by subject of the main set, over seeds; no arms where it names no subjects."""
    main = main_benchmark(study.config)
    gains = {arm: [subject_gains(run, base, main) for run, base in zip(runs[arm], runs["base"])]
             for arm in of(runs, arms)}
    return {arm: {name: mean_interval([gain[name] for gain in seeds]) for name in sorted(seeds[0])}
            for arm, seeds in gains.items() if seeds[0]}


def by_subject(study: Study, found: dict[str, dict[str, Interval]], own: str, alt: str) -> Path:
    """Table 3 as a figure: gains by subject, published ones as open markers."""
    model = published_model(study.config)
    start = paper_row(3, "base", model)
    paper = {arm: {name: value - start[name] for name, value in paper_row(3, arm, model).items() if name in start}
             for arm in found}
    fig, (ax,) = new_figure(1, height=5.6)
    fig.set_figwidth(8.5)
    draw_dots(ax, found, "gain over the base, points", paper)
    ax.axvline(0, color="black", linewidth=1)
    ax.set_title(f"{main_benchmark(study.config)}; " + rf"$\pi_1$ is from {own}")
    return save_figure(fig, study, "table3_subjects", f"Gain over the base by subject. {alt}")


# 03 and 04 ----------------------------------------------------------------------------------------------------------

ENTROPY = ("entropy-only", "one-shot-no-entropy", "one-shot", "one-shot-entropy-x3", "entropy-only-x10")


def entropy_terms(study: Study, runs: Runs, alt: str) -> Path:
    """Entropy, reward and gradient norm of the arms that differ in the bonus."""
    arms = of(runs, ENTROPY)
    fig, axes = new_figure(4, height=3.6)
    draw_training(axes[0], runs, arms, "entropy", window=5)
    draw_training(axes[1], runs, arms, "outcome", window=5, factor=100)
    draw_training(axes[3], runs, arms, "response_length", window=5)
    axes[3].set_title("length of the rollouts")
    from_zero(axes[3], "tokens (mean of 5 steps)")
    draw_training(axes[2], runs, arms, "grad_norm", window=5)
    axes[0].set_title("entropy of the rollouts")
    from_zero(axes[0], "nats a token (mean of 5 steps)")
    axes[1].set(title="rollouts whose box is right", ylabel="training accuracy, %", ylim=(0, 101))
    axes[2].set(title="gradient norm", ylabel="norm before clipping (log scale)")
    if any(line.get_ydata().max() > 0 for line in axes[2].get_lines() if len(line.get_ydata())):
        axes[2].set_yscale("log")
    return save_figure(fig, study, "entropy_terms", f"Entropy, training accuracy and gradient norm by step. {alt}")


def entropy_only(study: Study, runs: Runs, alt: str) -> Path:
    """Figure 12: accuracy sampled and greedy, boxed answers, and the published peak."""
    main, greedy, arms = main_benchmark(study.config), greedy_benchmark(study.config), of(runs, ENTROPY)
    model = published_model(study.config)
    fig, axes = new_figure(4 if greedy else 3, height=3.7)
    panels = [(name, ACCURACY, "accuracy, %") for name in filter(None, (main, greedy))] + [(main, "boxed", "boxed, %")]
    draw_arms(axes[-1], runs, arms, [main], "length", factor=1)
    axes[-1].set_title(f"{main}: length of the answers")
    from_zero(axes[-1], "tokens")
    for ax, (name, measure, what) in zip(axes, panels):
        draw_arms(ax, runs, arms, [name], measure)
        ax.set(title=f"{name}: {'boxed answers' if measure == 'boxed' else 'accuracy'}", ylabel=what, ylim=(0, 101))
    peak = next(iter(published(6, model=model, condition="entropy-only")), None) if table_of(model, 6) else None
    if peak and "step" in peak:
        axes[0].plot(peak["step"], peak["values"]["MATH500"], marker="*", markersize=13, markerfacecolor="white",
                     markeredgecolor=LOOKS["entropy-only"].colour, markeredgewidth=1.5, label="_", zorder=5)
        axes[0].annotate(f"published, step {peak['step']}", (peak["step"], peak["values"]["MATH500"]), xytext=(0, 13),
                         textcoords="offset points", fontsize=9.5, color=LOOKS["entropy-only"].colour)
    return save_figure(fig, study, "figure12_entropy_only", f"Accuracy without any reward, by step. {alt}")


def transfer(study: Study, runs: Runs, arc: list[str], alt: str) -> Path:
    """Table 1 as a figure: multiple choice after the last step and by step, with chance."""
    arms, model = of(runs, TRAINED[:4]), published_model(study.config)
    stands = {benchmark.name: benchmark.stands_for for benchmark in study.config.benchmarks}
    fig, axes = new_figure(4, height=3.5)
    for ax, name in zip(axes, arc[:2]):
        draw_bars(ax, {arm: arm_interval(runs[arm], [name]) for arm in ("base", *arms)}, "accuracy, %",
                  {arm: paper_value(1, stands[name], arm, model) for arm in ("base", *arms)} if model else None)
        ax.axvline(25, color="black", linestyle=(0, (1, 2)), linewidth=1.2)
        ax.set(title=f"{name}, after the last step (dotted: chance)", xlim=(0, 100))
    axes[1].set_visible(len(arc) > 1)
    draw_arms(axes[2], runs, arms, arc)
    mark_level(axes[2], 25, "chance")
    axes[2].set(title=f"mean of {' and '.join(arc[:2])}", ylabel="accuracy, %", ylim=(0, 100))
    draw_arms(axes[3], runs, arms, arc, "boxed")
    axes[3].set(title="boxed answers", ylabel="boxed, %", ylim=(0, 101))
    return save_figure(fig, study, "table1_arc", f"Multiple choice outside mathematics. {alt}")


# 05 -----------------------------------------------------------------------------------------------------------------

LATE = ("one-shot", "one-shot-13", "full-set", "one-shot-no-entropy")


def saturated(study: Study, runs: Runs, alt: str) -> Path:
    """Figure 2: training and test accuracy, with the steps at which training saturates."""
    arms = of(runs, LATE)
    fig, (left, right) = new_figure(2, height=4.2)
    draw_training(left, runs, arms, "outcome", window=5, factor=100)
    draw_arms(right, runs, arms, math_benchmarks(study.config))
    mark_level(left, 95, "saturated: 95 %")
    for height, arm in zip((0.14, 0.06), of(runs, LATE[:2])):
        at = [step for run in runs[arm] if (step := saturation(run)) is not None]
        if at:
            mark_step(right, sum(at) / len(at), f"{LABELS[arm]} saturates", LOOKS[arm].colour, height)
    left.set(title="training accuracy", ylabel="rollouts right, % (mean of 5 steps)", ylim=(0, 101))
    right.set_title(f"test, average of {len(math_benchmarks(study.config))} sets")
    from_zero(right, "accuracy, %", 100)
    return save_figure(fig, study, "figure2_saturation", f"Training and test accuracy by step. {alt}")


def signal(study: Study, runs: Runs, alt: str) -> Path:
    """What still moves the weights: groups that disagree, and the norm of the gradient."""
    arms = of(runs, LATE)
    fig, (left, right) = new_figure(2, height=4.0)
    draw_training(left, runs, arms, "zero_std_groups", window=10, factor=100)
    draw_training(right, runs, arms, "grad_norm", window=10)
    left.set(title="groups in which all rewards agree", ylabel="groups without a signal, % (mean of 10 steps)",
             ylim=(0, 101))
    right.set_title("gradient norm")
    from_zero(right, "norm before clipping (mean of 10 steps)")
    return save_figure(fig, study, "figure16_signal", f"Groups without a signal and gradient norm by step. {alt}")


def own_outputs(study: Study, runs: Runs, alt: str) -> Path:
    """Figure 3: divergence and length on the training rollouts."""
    arms = of(runs, LATE)
    fig, (left, right) = new_figure(2, height=4.0)
    draw_training(left, runs, arms, "kl", window=5)
    draw_training(right, runs, arms, "response_length", window=5)
    mark_level(left, 1.0, "the ledger's bound")
    left.set_title("distance from the base on training rollouts")
    from_zero(left, "k3 estimate of the KL, nats a token")
    left.set_ylim(0, max(1.2, left.get_ylim()[1]))
    right.set_title("length of the training rollouts")
    from_zero(right, "tokens (mean of 5 steps)")
    return save_figure(fig, study, "figure3_own_outputs", f"Divergence and length on the training example. {alt}")


def reflection(study: Study, runs: Runs, alt: str) -> Path:
    """Figure 4: entropy, length of test responses, and those that reflect."""
    arms, six = of(runs, LATE), math_benchmarks(study.config)
    fig, axes = new_figure(4, height=3.6)
    rollouts = study.config.prompts_per_step * study.config.num_generations
    draw_training(axes[0], runs, arms, "entropy", window=5)
    draw_training(axes[3], runs, arms, "reflecting", window=5, factor=100 / rollouts)
    axes[3].set_title("training rollouts that reflect")
    from_zero(axes[3], "rollouts, % (mean of 5 steps)", 100)
    draw_arms(axes[1], runs, arms, six, "length", factor=1)
    for arm in arms:
        draw_seeds(axes[2], [[(0, 100 * reflecting(base, six, 0))]
                             + [(step, 100 * reflecting(run, six, step)) for step in steps(run)]
                             for run, base in zip(runs[arm], runs["base"])], SHORT[arm], LOOKS[arm])
    axes[0].set_title("entropy of the rollouts")
    from_zero(axes[0], "nats a token (mean of 5 steps)")
    axes[1].set_title("length of test responses")
    from_zero(axes[1], "tokens")
    axes[2].set(title="test responses that reflect", xlabel="rollout step")
    from_zero(axes[2], "responses, %", 100)
    return save_figure(fig, study, "figure4_reflection", f"Entropy, length and words of self-reflection by step. {alt}")


def style_shares(study: Study, runs: Runs, alt: str) -> Path:
    """Shares of the styles by step, a panel an arm."""
    main = main_benchmark(study.config)
    arms = of(runs, LATE) or ["base"]
    fig, axes = new_figure(len(arms), height=3.7)
    for ax, arm in zip(axes, arms):
        for style, seeds in style_curves(runs, arm, main).items():
            if max(value for points in seeds for _, value in points) >= 0.02:
                draw_seeds(ax, [[(step, 100 * value) for step, value in points] for points in seeds], style,
                           STYLE_LOOKS[style])
        ax.set(title=LABELS[arm], xlabel="rollout step", ylabel=f"answers to {main}, %", ylim=(0, 100))
    return save_figure(fig, study, "styles_by_step", f"Shares of the styles by step, a panel for each arm. {alt}")


def published_points(study: Study) -> tuple[list, list]:
    """(step, accuracy) and (step, boxed answers) of the paper's first example on MATH500, in percent (Table 15); empty
    for a model that the table does not have."""
    model = published_model(study.config)
    rows = [(row["step"], row["values"]) for row in published(15, dataset="{pi_1}", model=model)] if model else []
    return [(step, row["acc_qwen_eval"]) for step, row in rows], [(step, row["boxed_ratio"]) for step, row in rows]


def published_curves(study: Study, runs: Runs, alt: str) -> Path:
    """The paper's accuracy and boxed ratio by step (Table 15) beside ours."""
    main, arms = main_benchmark(study.config), of(runs, LATE[:2])
    fig, (left, right) = new_figure(2, height=4.0)
    for ax, theirs, measure in zip((left, right), published_points(study), (ACCURACY, "boxed")):
        if theirs:
            draw_published(ax, theirs, r"$\{\pi_1\}$, paper", Look("#000000", ":", "o"))
        for arm in arms:
            draw_seeds(ax, [[(step, 100 * value) for step, value in points]
                            for points in curves(runs, arm, [main], measure)], SHORT[arm], LOOKS[arm])
        ax.set_xscale("symlog", linthresh=20)
        ax.set_xlim(0, 2600)
        ax.set_xticks([0, 10, 20, 60, 200, 600, 2000], ["0", "10", "20", "60", "200", "600", "2,000"])
        ax.set(xlabel="rollout step (linear to 20, then logarithmic)", ylim=(0, 101))
    left.set(title=f"{main} here, MATH500 in the paper", ylabel="accuracy, %")
    right.set(title="boxed answers", ylabel="boxed, %")
    return save_figure(fig, study, "published_curves", f"The paper's curve of one example beside ours. {alt}")
