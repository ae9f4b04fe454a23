"""Is a response right? Three graders, since two can differ by 20 points on the same outputs."""

from rlvr_utils.grading.batch import Verdict, grade, grade_batch
from rlvr_utils.grading.boxes import boxed_answer, format_reward, has_box

__all__ = ["Verdict", "boxed_answer", "format_reward", "grade", "grade_batch", "has_box"]
