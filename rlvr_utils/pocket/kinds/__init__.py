"""Kinds of problems: one file a subject of MATH, one function a kind; science beside them."""
