"""Slow, plain versions written from the definitions; they share no formula with the kernels."""
