"""Thin helpers of the course: what chapter 3 builds by hand, later chapters import."""
