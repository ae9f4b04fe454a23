"""The audit: its arithmetic, what it refuses, and that a failed gate ends it with status 1."""
from __future__ import annotations

import json
import random

import pytest
from conftest import ROOT

from rlvr_utils.errors import UserError
from rlvr_utils.pocket import audit
from rlvr_utils.pocket.answers import Answers, held_out, same, stated
from rlvr_utils.pocket.audit import Gate, by, check_named, design_effect, failed, table
from rlvr_utils.study.reproduce import check_audit


@pytest.mark.parametrize(("text", "answer"), [
    ("So 3+4=7. The answer is \\boxed{\\frac{1}{2}}.", "\\frac{1}{2}"), ("Thus the answer is $7x+12$.", "7x+12"),
    ("The answer is (3,8).", "(3,8)"), ("We get 3*4=3*4+0=12, then 12-5=7", "7"), ("Hence the answer is -7.", "-7."),
    ("\\boxed{1}. Wait. The answer is \\boxed{2}.", "2"), ("Who knows?", "")])
def test_what_a_text_states(text, answer):
    assert same(stated(text), answer.rstrip("."))


def test_the_design_effect_is_that_of_the_intraclass_correlation():
    rng = random.Random(0)
    whole = [(cell, hit) for cell in range(200) for hit in [rng.random() < 0.5] * 4]
    alone = [(cell, rng.random() < 0.5) for cell in range(500) for _ in range(4)]
    assert design_effect(*zip(*whole), 4) == pytest.approx(4)
    assert design_effect(*zip(*alone), 4) == pytest.approx(1, abs=0.15)


def test_held_out_problems_are_of_the_split_and_may_cover_every_wording():
    problems = held_out(2, seed=0, kinds=["linear", "shopping"], wordings=True)
    assert len({(problem.kind, problem.wording) for problem in problems}) >= 40 and len(problems) >= 80
    assert by([problem.kind for problem in problems], [1.0] * len(problems)) == {"linear": 1, "shopping": 1}


def test_answers_that_begin_in_no_known_style_are_named():
    answers = Answers([], [], [], ["Once upon a time."] * 3 + ["Let's guess."] * 97, [], 0.6)
    with pytest.raises(UserError, match="3 of 100 .*Once upon a time"):
        check_named(answers)


@pytest.fixture
def audited(tmp_path, monkeypatch):
    """A model folder whose audit has one gate of this value, between 0 and 1."""
    def run(value: float):
        monkeypatch.setattr(audit, "run", lambda folder: [Gate("room", "share", value, 0, 1)])
        monkeypatch.setattr(audit, "write_styles", lambda folder: None)
        with pytest.raises(SystemExit) as ended:
            audit.main([str(tmp_path)])
        return ended.value.code, tmp_path
    return run


def test_a_base_that_passes_ends_well(audited, tiny_config):
    code, folder = audited(0.5)
    assert code == 0 and failed(folder) == []
    check_audit(tiny_config.changed(model=str(folder)))


def test_a_base_that_fails_is_named_and_refused(audited, tiny_config, capsys):
    code, folder = audited(2)
    assert code == 1 and failed(folder) == ["room"] and "FAIL  room" in capsys.readouterr().out
    with pytest.raises(UserError, match="room.*--ignore-audit"):
        check_audit(tiny_config.changed(model=str(folder)))


def test_a_model_without_an_audit_is_not_refused(tmp_path, tiny_config):
    check_audit(tiny_config.changed(model=str(tmp_path)))


def test_bounds_belong_to_a_gate():
    assert Gate("a", "", 0.4, 0.4, 0.6).passed and Gate("a", "", 0.6, 0.4, 0.6).passed
    assert not Gate("a", "", 0.61, 0.4, 0.6).passed and "FAIL" in table([Gate("a", "", 0.3, 0.4, 0.6)])


def test_the_model_cards_gates_by_tokens_are_those_on_record():
    """The last column is the audit of the base itself."""
    card = (audit.BASE / "README.md").read_text(encoding="utf-8").partition("## Gates by tokens read")[2]
    lines = [line.strip("|").split("|") for line in card.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line] for line in lines]
    files = [*(ROOT / "results" / "pretraining" / f"{tokens}M-tokens.jsonl" for tokens in (16.5, 24.8)),
             audit.BASE / audit.RECORD]
    for place, file in enumerate(files, start=2):
        gates = {row["name"]: row for row in map(json.loads, file.read_text(encoding="utf-8").splitlines())}
        for row in rows[2:]:
            gate = gates[row[0]]
            assert row[place] == f"{gate['value']:.3f}" + ("" if gate["passed"] else ", fails"), row
    assert len(rows) > 10
