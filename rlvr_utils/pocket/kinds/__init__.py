"""Kinds of problems: one file per subject of MATH, one function per kind; science beside them."""
