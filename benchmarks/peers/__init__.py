"""Workloads as users of other libraries write them.

A file's table maps a workload's name to the same computation on the same data: the arguments are
those that the workload itself makes (see plain.py), as arrays of the file's library. Missing are
the workloads that nobody would write with that library.
"""
