"""The plan: numbers against hand calculations, what must fit and what must not, and its lines."""
from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from rlvr_utils.analysis.published import published
from rlvr_utils.errors import UserError
from rlvr_utils.models.shapes import known
from rlvr_utils.recipe.arms import with_arm
from rlvr_utils.recipe.config import Benchmark, load_profile, local_path, profile_names
from rlvr_utils.scale import costs
from rlvr_utils.scale.hardware import CARDS, CORE, GIB, UNKNOWN_CARD, Hardware
from rlvr_utils.scale.plan import EXPECTED_LENGTH, check_fit, plan, plan_text, preflight

A100 = Hardware("NVIDIA A100-SXM4-80GB", 8, 79.3, 96, 1000.0, 2000.0)
H100 = Hardware("NVIDIA H100 80GB HBM3", 1, 79.1, 26, 200.0, 1000.0)
SMALL_CARD = Hardware("NVIDIA GeForce RTX 4090", 1, 23.6, 16, 64.0, 2000.0)
TINY_CARD = Hardware("NVIDIA GeForce RTX 4080", 1, 15.6, 16, 32.0, 500.0)
LAPTOP = Hardware("", 0, 0.0, 8, 16.0, 50.0)
PARAMETERS = 1480  # 32 x 8 embeddings, tied; two layers of 72 + 36 + 36 + 64 + 3 x 128 + 16; 8 in the last norm


@pytest.fixture
def made_up(tmp_path):
    """Two rows of four tokens and six, a made-up model of 1,480 parameters, and no text to read."""
    (tmp_path / "config.json").write_text(json.dumps({
        "model_type": "qwen2", "vocab_size": 32, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "tie_word_embeddings": True}))
    return load_profile("pocket").changed(
        arm="one-shot", model=str(tmp_path), examples=(1,), prompts_per_step=4, num_generations=2, micro_batch=2,
        max_prompt_tokens=4, max_response_tokens=6, share_prompts=False, steps=10, updates_per_rollout=1, save_every=5,
        eval_every=0, eval_max_tokens=6, eval_batch=3, benchmarks=(Benchmark(name="MATH500", file="not here"),))


@pytest.fixture
def paper():
    """The paper's scale: Qwen2.5-Math-1.5B with float32 weights and bfloat16 arithmetic."""
    sets = {"MATH500": 1, "AIME24": 8, "AMC23": 8, "Minerva": 1, "OlympiadBench": 1, "AIME25": 8}
    return load_profile("pocket").changed(
        arm="one-shot", model="Qwen/Qwen2.5-Math-1.5B", dtype="float32", autocast=True, engine="vllm", micro_batch=8,
        prompts_per_step=128, num_generations=8, max_prompt_tokens=1024, max_response_tokens=3072, share_prompts=False,
        steps=2000, save_every=20, keep_every=20, eval_every=0, eval_max_tokens=3072,
        benchmarks=tuple(Benchmark(name=name, file=f"public:{name}", samples=count) for name, count in sets.items()))


def test_the_work_is_counted_from_the_configuration(made_up):
    costed = plan(made_up.changed(updates_per_rollout=2, eval_every=4, keep_every=5), A100)
    assert costed.parameters == PARAMETERS
    assert (costed.rollouts, costed.updates) == (10 * 4 * 2, 20)
    assert costed.rollout_tokens == pytest.approx((0.3 * 80 * 10, 80 * 10))
    assert (costed.evaluations, costed.answers) == (3 + 2, 500)
    assert costed.evaluation_tokens == pytest.approx((0.3 * 5 * 500 * 10, 5 * 500 * 10))


@pytest.mark.parametrize("steps", range(1, 14))
def test_as_many_evaluations_are_planned_as_training_makes(made_up, steps):
    for every in (0, 1, 4):
        for often, until in ((0, 0), (2, 6), (3, 5)):
            config = made_up.changed(steps=steps, eval_every=every, eval_early_every=often, eval_early_until=until)
            assert plan(config, A100).evaluations == sum(config.evaluated(step) for step in range(1, steps + 1))


def test_memory_of_training_is_the_sum_of_its_parts(made_up):
    one = replace(A100, gpus=1)
    costed = plan(made_up, one)
    weights = 4 * PARAMETERS
    # 20 tokens: two layers' inputs, one layer's 10 x 8 + 4 x 16 numbers each, the head's tile and its gradients.
    activations = 4 * (2 * 20 * 8 + 20 * (10 * 8 + 4 * 16) + costs.HEAD_TILE + (32 + 20) * 8)
    assert costed.resident * GIB == pytest.approx(costs.GPU_BASE + 4 * weights)  # with two moments and a reference
    assert costed.training * GIB == pytest.approx(costs.GPU_BASE + 5 * weights + activations)
    alone = plan(made_up.changed(kl_coef=0.0), one)
    assert (costed.resident - alone.resident) * GIB == pytest.approx(weights)
    assert plan(made_up.changed(kl_coef=0.0, kl_in_reward=0.001), one).resident == costed.resident
    half = plan(made_up.changed(dtype="bfloat16"), one)
    assert half.resident * GIB == pytest.approx(costs.GPU_BASE + 2 * weights)
    cast = plan(made_up.changed(autocast=True), one)
    assert (cast.training - costed.training) * GIB == pytest.approx(2 * PARAMETERS - 2 * 20 * (10 * 8 + 4 * 16))


def test_shared_prompts_cost_whole_logits_and_fewer_tokens(made_up):
    costed = plan(made_up.changed(share_prompts=True), replace(A100, gpus=1))
    tokens = 2 * 6 + 1 * 4
    activations = 4 * (2 * tokens * (10 * 8 + 4 * 16) + 3 * 2 * 6 * 32)
    assert costed.training * GIB == pytest.approx(costs.GPU_BASE + 5 * 4 * PARAMETERS + activations)


def test_an_adapter_replaces_what_is_trained_and_the_reference(made_up):
    """Rank 2: per layer four attention matrices with inputs and outputs of 8 (keys and values: 4), three of the MLP."""
    one, adapter = replace(A100, gpus=1), 2 * 2 * (2 * (8 + 8) + 2 * (8 + 4) + 3 * (8 + 16))
    config = made_up.changed(lora_rank=2)
    costed = plan(config, one)
    weights, resident = 4 * PARAMETERS, costs.GPU_BASE + 4 * PARAMETERS + 3 * 4 * adapter
    activations = 4 * (2 * 20 * 8 + 20 * (16 * 8 + 5 * 16) + costs.HEAD_TILE + 20 * 8)
    assert (costed.parameters, costed.adapter) == (PARAMETERS, adapter)
    assert costed.resident * GIB == pytest.approx(resident)
    assert costed.training * GIB == pytest.approx(resident + 4 * adapter + activations)
    assert plan(config.changed(kl_coef=0.0), one).resident == costed.resident
    half = plan(config.changed(dtype="bfloat16"), one)
    assert half.resident * GIB == pytest.approx(costs.GPU_BASE + weights / 2 + 3 * 4 * adapter)
    assert costed.disk * GIB == pytest.approx(2 * 3 * 4 * adapter + weights + 11 * costs.RECORDS)
    assert (costed.ram - plan(made_up, one).ram) * GIB == pytest.approx(costs.MERGE_WIDTH * PARAMETERS)
    assert plan(config.changed(lora_targets=("q_proj",)), one).adapter == 2 * 2 * (8 + 8)
    with pytest.raises(UserError, match="rank above 4 adds nothing"):  # of the keys, which have one head of four
        plan(config.changed(lora_rank=5), one)
    assert f"{adapter:,} parameters" in plan_text(costed)
    with pytest.raises(UserError, match="lora_targets.*'query'"):
        plan(config.changed(lora_targets=("query",)), one)


@pytest.mark.parametrize(("profile", "card"), [
    ("qwen2.5-math-1.5b-lora", SMALL_CARD), ("qwen2.5-math-1.5b-lora-16gb", TINY_CARD)])
def test_an_adapters_profile_fits_its_card_with_room_and_full_weights_do_not(profile, card):
    config = with_arm(load_profile(profile), "one-shot", 0)
    check_fit(plan(config, replace(card, gpu_memory=0.85 * card.gpu_memory)))
    with pytest.raises(UserError, match="micro_batch"):
        check_fit(plan(config.changed(micro_batch=32), card))
    with pytest.raises(UserError, match="lora_rank"):
        check_fit(plan(with_arm(load_profile("qwen2.5-math-1.5b"), "one-shot", 0), card))


def test_plain_data_parallel_repeats_everything_and_sharding_divides_it(made_up):
    one, eight = plan(made_up, replace(A100, gpus=1)), plan(made_up, A100)
    sharded = plan(made_up, A100, layout="sharded")
    weights, gathered = 4 * PARAMETERS, 4 * (32 * 8 + (PARAMETERS - 32 * 8) / 2)
    assert eight.resident == one.resident
    assert (eight.training - one.training) * GIB == pytest.approx(weights)  # the buckets
    assert sharded.resident * GIB == pytest.approx(costs.GPU_BASE + 4 * weights / 8)
    assert (one.training - sharded.training) * GIB == pytest.approx(5 * weights * 7 / 8 - gathered)


def test_responses_need_their_cache_or_the_engines_share(made_up):
    one = replace(A100, gpus=1)
    row = 10 * (2 * 2 * 1 * 4 * 4) + 3 * 32 * 4  # ten tokens in two layers of one head of four; logits
    extra = lambda config, hardware: (plan(config, hardware).generation - plan(config, hardware).resident) * GIB  # noqa: E731
    assert extra(made_up, one) == pytest.approx(8 * row)
    assert extra(made_up, A100) == pytest.approx(1 * row)
    assert extra(made_up.changed(eval_every=5), A100) == pytest.approx(3 * row)  # an evaluation's batch is larger
    assert extra(made_up.changed(engine="vllm", engine_memory=0.25), one) == pytest.approx(0.25 * 79.3 * GIB)
    assert extra(made_up.changed(engine="vllm-server"), one) == 0
    needed = plan(made_up.changed(engine="vllm"), one).engine_minimum * GIB
    assert needed == pytest.approx(2 * PARAMETERS + 8 * 10 * (2 * 2 * 1 * 4 * 2))


def test_without_a_gpu_a_run_takes_ram_and_keeps_all_activations(made_up):
    costed = plan(made_up, LAPTOP)
    activations = 4 * (2 * 20 * (10 * 8 + 4 * 16) + costs.HEAD_TILE + (32 + 20) * 8)
    assert costed.training * GIB == pytest.approx(costs.PROCESS_BASE + 5 * 4 * PARAMETERS + activations)
    assert costed.ram == costed.training


def test_disk_holds_checkpoints_kept_and_final_weights_and_records(made_up):
    weights, records = 4 * PARAMETERS, 11 * costs.RECORDS
    disk = lambda **keywords: plan(made_up.changed(**keywords), A100).disk * GIB  # noqa: E731
    assert disk() == pytest.approx(2 * 3 * weights + weights + records)  # steps 5 and 10
    assert disk(save_every=1) == pytest.approx(3 * 3 * weights + weights + records)
    assert disk(keep_every=5) == pytest.approx(2 * 3 * weights + 4 * weights + records)  # two kept, one as it is saved
    assert disk(keep_every=5, eval_dtype="bfloat16") == pytest.approx(2 * 3 * weights + 3 * weights + records)
    assert disk(save_every=20) == pytest.approx(weights + records)


def test_time_is_work_over_the_cards_rates(made_up):
    """One A100, everything at full length: 80 tokens a step, of 8 responses written at once."""
    def by_hand(passes, rate, steps=6):
        width, cache = 4, 8 * 6 * (4 + 3) * (2 * 2 * 1 * 4 * 4)
        writing = (steps * 1e-3 * 2 + (steps * width * PARAMETERS + cache) / (0.6 * 2039e9)
                   + 2 * PARAMETERS * 80 / rate)
        return 10 * (2 * passes * PARAMETERS * 80 / rate + writing) / 3600

    one = replace(A100, gpus=1)
    slow, fast = 0.35 * 19.5e12, 0.35 * 312e12
    assert plan(made_up, one).training_hours[1] == pytest.approx(by_hand(5, slow))  # float32 skips the matrix units
    assert plan(made_up.changed(autocast=True), one).training_hours[1] == pytest.approx(by_hand(5, fast))
    assert plan(made_up.changed(kl_coef=0.0), one).training_hours[1] == pytest.approx(by_hand(4, slow))
    assert plan(made_up.changed(updates_per_rollout=2), one).training_hours[1] == pytest.approx(by_hand(6, slow))
    assert plan(made_up.changed(lora_rank=2), one).training_hours[1] == pytest.approx(by_hand(4, slow))


def test_hours_of_eight_gpus_count_eight_times_in_training_and_once_in_evaluation(paper):
    costed = plan(paper, A100)
    expected = [8 * train + test for train, test in zip(costed.training_hours, costed.evaluation_hours)]
    assert costed.gpu_hours == pytest.approx(expected)
    assert plan(paper, replace(A100, gpus=1)).gpu_hours[1] == pytest.approx(costed.gpu_hours[1], rel=0.2)


def test_without_steps_there_is_one_evaluation_and_no_training(made_up):
    costed = plan(made_up.changed(steps=0), A100)
    assert (costed.rollouts, costed.evaluations, costed.training, costed.training_hours) == (0, 1, 0, (0, 0))
    assert costed.disk * GIB == costs.RECORDS and costed.evaluation_hours[0] > 0
    assert "while training" not in plan_text(costed)


@pytest.mark.parametrize(("field", "value", "grows"), [
    ("steps", 20, ["rollouts", "updates", "training_hours", "rollout_tokens"]),
    ("prompts_per_step", 8, ["rollouts", "generation", "training_hours", "rollout_tokens"]),
    ("num_generations", 4, ["rollouts", "generation", "training_hours", "rollout_tokens"]),
    ("micro_batch", 4, ["training"]), ("max_prompt_tokens", 8, ["training", "generation", "training_hours"]),
    ("max_response_tokens", 12, ["training", "generation", "training_hours"]), ("save_every", 2, ["disk"]),
    ("keep_every", 2, ["disk", "evaluations", "evaluation_hours"]), ("eval_every", 2, ["evaluations"]),
    ("eval_max_tokens", 12, ["evaluation_tokens", "evaluation_hours"])])
def test_more_of_a_field_costs_more(made_up, field, value, grows):
    config = made_up.changed(keep_every=10)
    before, after = plan(config, replace(A100, gpus=1)), plan(config.changed(**{field: value}), replace(A100, gpus=1))
    for number in grows:
        assert getattr(after, number) > getattr(before, number), number
    for number in ("resident", "training", "generation", "disk", "rollouts", "training_hours", "evaluation_hours"):
        assert getattr(after, number) >= getattr(before, number), number


def test_the_expected_is_never_more_than_the_longest(paper, made_up):
    for config, hardware in [(paper, A100), (paper, H100), (made_up, LAPTOP)]:
        costed = plan(config, hardware)
        for pair in (costed.rollout_tokens, costed.training_hours, costed.evaluation_hours, costed.gpu_hours):
            assert pair[0] <= pair[1]


def test_the_expected_length_is_the_published_one():
    shares = [row["values"]["Avg"] / 3072 for row in published(19)]
    assert min(shares) - 0.05 < EXPECTED_LENGTH < max(shares)
    assert sum(shares) / len(shares) == pytest.approx(EXPECTED_LENGTH, abs=0.03)


def test_sizes_of_benchmarks_come_from_their_files_and_else_from_the_paper(made_up, write_rows):
    file = write_rows([{"id": i, "problem": f"{i}?", "answer": "1"} for i in range(7)], "seven.jsonl")
    a, mine = Benchmark(name="a", file=str(file)), Benchmark(name="mine", file="not here")
    math, aime = (Benchmark(name=name, file=f"public:{name}") for name in ("MATH500", "AIME24"))
    sizes = {a: 7, a.model_copy(update={"limit": 3}): 3, a.model_copy(update={"samples": 4}): 28,
             aime.model_copy(update={"samples": 8}): 240, mine.model_copy(update={"stands_for": "Minerva"}): 272,
             mine: 500, math.model_copy(update={"limit": 100}): 100,
             mine.model_copy(update={"scoring": "likelihood"}): 0}
    for benchmark, size in sizes.items():
        assert plan(made_up.changed(benchmarks=(benchmark,)), LAPTOP).answers == size


@pytest.mark.parametrize("hardware", [A100, H100])
def test_the_papers_run_fits_the_papers_cards(paper, hardware):
    check_fit(plan(paper, hardware))


def test_the_pocket_profile_fits_a_laptop():
    for arm in ("base", "one-shot", "full-set"):
        check_fit(plan(with_arm(load_profile("pocket"), arm, 0), LAPTOP))


def test_seven_billion_parameters_fit_only_in_shards(paper):
    seven = paper.changed(model="Qwen/Qwen2.5-Math-7B", steps=1000)
    for hardware in (replace(H100, disk=2000.0), A100):
        with pytest.raises(UserError, match="launch/eight-gpus-fsdp.yaml"):
            check_fit(plan(seven, hardware))
    check_fit(plan(seven, A100, layout="sharded"))


@pytest.mark.parametrize(("changes", "hardware", "line"), [
    ({}, SMALL_CARD, "24.5 GiB on each NVIDIA GeForce RTX 4090, .* 22.4 .*one-24gb-gpu.yaml, .*lora_rank.*dtype"),
    ({"micro_batch": 64}, H100, r"training needs .*lower micro_batch \(now 64\)"),
    ({"share_prompts": True, "micro_batch": 16}, H100, "training needs .*set share_prompts to false"),
    ({"engine_memory": 0.8}, H100, r"generation needs .*lower engine_memory \(now 0.8\)"),
    ({"engine": "transformers"}, H100, "generation needs .*set engine to vllm, or lower prompts_per_step"),
    ({"engine_memory": 0.02}, H100, r"vLLM needs 3.8 GiB .* 1.6; raise engine_memory \(now 0.02\)"),
    ({}, replace(A100, ram=64.0), "needs 78.0 GiB of RAM, .* 60.8 .*fewer GPUs"),
    ({"engine": "transformers"}, LAPTOP, r"GiB of RAM, .*lower micro_batch \(now 8\), prompts_per_step or eval_batch$"),
    ({}, replace(A100, disk=600.0),
     r"need 638.4 GiB of disk, .* 600.0 .*keep_every \(now 20\) or save_every \(now 20\).*--results"),
    ({"keep_every": 0}, replace(A100, disk=50.0), "GiB of disk, .* 50.0 .*save_every")])
def test_what_cannot_fit_is_one_line_with_the_field_to_change(paper, changes, hardware, line):
    with pytest.raises(UserError, match=line) as caught:
        check_fit(plan(paper.changed(**changes), hardware))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("changes", "hardware"), [
    ({"micro_batch": 8}, H100), ({"share_prompts": False, "micro_batch": 16}, H100), ({"engine_memory": 0.5}, H100),
    ({"keep_every": 0}, replace(A100, disk=100.0)), ({"keep_every": 200}, replace(A100, disk=150.0))])
def test_what_the_lines_advise_helps(paper, changes, hardware):
    check_fit(plan(paper.changed(**changes), hardware))


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_has_a_plan(name, made_up, tmp_path, monkeypatch):
    config, source = load_profile(name), local_path(load_profile(name).model)
    if not source.startswith("/") and source not in known():  # a folder that the user is to fetch
        monkeypatch.chdir(tmp_path)
        config = config.changed(model=made_up.model)
    for hardware in (A100, LAPTOP):
        text = plan_text(plan(config, hardware))
        assert name in text and f"{config.steps:,} steps" in text
        assert all(len(line) <= 130 for line in text.splitlines())
        assert ("GPU-hours" in text) == bool(hardware.gpus)


def test_the_text_has_the_numbers(paper):
    text = plan_text(plan(paper, A100))
    for words in ("1,543,714,304 parameters in float32, replicated on every GPU", "8 x NVIDIA A100-SXM4-80GB, 79 GiB",
                  "48.8 GiB while training", "638.4 GiB, of 2000.0 GiB that are free", "2,048,000 rollouts",
                  "100 x 2,247 answers", "GPU-hours: ", " h of evaluation on one GPU",
                  "30% of the allowed length"):
        assert words in text, words
    assert "sharded over the GPUs" in plan_text(plan(paper, A100, layout="sharded"))


def test_an_unknown_card_is_guessed_and_the_guess_is_told(paper):
    strange = replace(A100, gpu="Graphcard 9000")
    assert strange.rates() == UNKNOWN_CARD and not strange.known
    assert "RTX 3090" in plan_text(plan(paper, strange)) and "RTX 3090" not in plan_text(plan(paper, A100))


def test_the_longest_name_names_the_card():
    for name, card in {"NVIDIA A100-SXM4-80GB": "A100", "NVIDIA A10": "A10", "NVIDIA L40S": "L40S", "NVIDIA L4": "L4",
                       "NVIDIA RTX A6000": "A6000", "NVIDIA GeForce RTX 4090": "RTX 4090", "Tesla T4": "T4"}.items():
        assert replace(A100, gpu=name).rates() == CARDS[card], name
    assert LAPTOP.rates() == CORE


def test_a_machine_without_a_gpu_is_found(tmp_path, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    hardware = Hardware.detect(tmp_path / "not" / "yet" / "there")
    assert (hardware.gpu, hardware.gpus, hardware.gpu_memory) == ("", 0, 0.0)
    assert hardware.cores >= 1 and hardware.ram > 0 and hardware.disk > 0
    assert not (tmp_path / "not").exists()


def test_the_smallest_of_several_gpus_counts(tmp_path, monkeypatch):
    import torch

    cards = [SimpleNamespace(name="NVIDIA H200", total_memory=140 * GIB),
             SimpleNamespace(name="NVIDIA A100", total_memory=80 * GIB)]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", cards.__getitem__)
    found = Hardware.detect(tmp_path)
    assert (found.gpu, found.gpus, found.gpu_memory) == ("NVIDIA A100", 2, 80.0)


# ---- advice, not a barrier -----------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["gpt2", "mamba", "bloom", "opt", "mixtral", "qwen3_next", "deepseek_v3",
                                  "gemma3_text", "gpt_neo", "falcon", "mpt", "recurrent_gemma"])
def test_models_of_other_types_have_a_plan(made_up, tmp_path, kind):
    from architectures import tiny

    tiny(kind).config.save_pretrained(tmp_path)
    estimate = plan(made_up, A100)
    assert estimate.training > 0 and estimate.generation > 0 and plan_text(estimate)


def test_gpt2_has_the_inner_size_that_it_leaves_out(made_up, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({
        "model_type": "gpt2", "vocab_size": 32, "n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 64}))
    short = plan(made_up, replace(A100, gpus=1))
    (tmp_path / "config.json").write_text(json.dumps({
        "model_type": "gpt2", "vocab_size": 32, "n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 64,
        "n_inner": 32}))
    assert plan(made_up, replace(A100, gpus=1)) == short


def test_a_model_whose_shape_is_not_known_is_a_warning(paper, tmp_path):
    warning, = preflight(paper.changed(model="someone/unknown"), A100, "replicated", force=False)
    assert "someone/unknown" in warning
    with pytest.raises(UserError, match="nowhere"):  # no folder, and no hub id either
        preflight(paper.changed(model="./nowhere"), A100, "replicated", force=True)


def test_force_overrides_an_estimate_and_nothing_certain(paper):
    little = replace(A100, disk=600.0)
    with pytest.raises(UserError, match="disk.*--force"):
        preflight(paper, little, "replicated", force=False)
    warning, = preflight(paper, little, "replicated", force=True)
    assert "disk" in warning and preflight(paper, A100, "replicated", force=False) == []
    with pytest.raises(UserError, match="weights alone.*--results"):
        preflight(paper, replace(A100, disk=5.0), "replicated", force=True)


def test_a_hub_model_gets_as_far_as_being_loaded(capsys, tmp_path):
    from rlvr_utils.cli import main

    assert main(["train", "--model", "Qwen/Qwen3-0.6B", "--results", str(tmp_path)]) == 2
    error, = capsys.readouterr().err.splitlines()
    assert "could not be loaded" in error and "HF_HUB_OFFLINE" in error
    assert not list(tmp_path.glob("**/*.json"))
