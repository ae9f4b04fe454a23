"""Is a response right? One grader for the training reward and two for evaluation, because graders can differ by 20
points on the same outputs."""

from rlvr_utils.grading.boxes import boxed_answer, format_reward, has_box
from rlvr_utils.grading.verdicts import Verdict, grade, grade_batch

__all__ = ["Verdict", "boxed_answer", "format_reward", "grade", "grade_batch", "has_box"]
