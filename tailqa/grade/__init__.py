"""Answers become grades: seven graders behind one door."""

from tailqa.grade.base import Grader
from tailqa.grade.registry import GRADERS, check_grader, make_grader

__all__ = ["GRADERS", "Grader", "check_grader", "make_grader"]
