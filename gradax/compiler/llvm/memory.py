"""Masked loads and stores of vectors, and those of lanes that lie apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax.compiler.llvm.writer import Writer, memory_type, vector


def short(type_: str) -> str:
    """Return the name of an element type in an intrinsic's suffix."""
    return {"float": "f32", "double": "f64", "half": "f16", "bfloat": "bf16"}.get(type_, type_)


def only_lane(mask: str) -> int | None:
    """Return the lane of a constant mask with a single one, else None.

    LLVM's own handling of such masks forgets that a narrowing store is narrow.
    """
    if mask.startswith("<i1") and mask.count("true") == 1:
        return mask.strip("<>").split(", ").index("i1 true")
    return None


def masked_load(w: Writer, wide: str, address: str, mask: str, align: int, lanes: int) -> str:
    """Read the active lanes, zero elsewhere."""
    element = wide.split(" x ")[1].rstrip(">")
    lane = only_lane(mask)
    if lane is not None:
        place = w.emit(f"getelementptr {element}, ptr {address}, i64 {lane}")
        one = w.emit(f"load {element}, ptr {place}, align {align}")
        return w.emit(f"insertelement {wide} zeroinitializer, {element} {one}, i64 {lane}")
    name = f"llvm.masked.load.v{lanes}{short(element)}.p0"
    w.declare(f"declare {wide} @{name}(ptr, i32 immarg, <{lanes} x i1>, {wide})")
    return w.emit(
        f"call {wide} @{name}(ptr {address}, i32 {align}, <{lanes} x i1> {mask},"
        f" {wide} zeroinitializer)"
    )


def masked_store(
    w: Writer, wide: str, text: str, address: str, mask: str, align: int, lanes: int
) -> None:
    """Store the active lanes."""
    element = wide.split(" x ")[1].rstrip(">")
    lane = only_lane(mask)
    if lane is not None:
        one = w.emit(f"extractelement {wide} {text}, i64 {lane}")
        place = w.emit(f"getelementptr {element}, ptr {address}, i64 {lane}")
        w.do(f"store {element} {one}, ptr {place}, align {align}")
        return
    name = f"llvm.masked.store.v{lanes}{short(element)}.p0"
    w.declare(f"declare void @{name}({wide}, ptr, i32 immarg, <{lanes} x i1>)")
    w.do(f"call void @{name}({wide} {text}, ptr {address}, i32 {align}, <{lanes} x i1> {mask})")


def gather(w: Writer, places: str, type_: str, mask: str | None, align: int, lanes: int) -> str:
    """Read an element at each address, zero in lanes that are masked out."""
    wide, addresses = vector(lanes, type_), vector(lanes, "ptr")
    active = mask or "splat (i1 true)"
    name = f"llvm.masked.gather.v{lanes}{short(type_)}.v{lanes}p0"
    w.declare(f"declare {wide} @{name}({addresses}, i32 immarg, <{lanes} x i1>, {wide})")
    return w.emit(
        f"call {wide} @{name}({addresses} {places}, i32 {align},"
        f" <{lanes} x i1> {active}, {wide} zeroinitializer)"
    )


def read_each(w: Writer, places: str, type_: str, align: int, lanes: int) -> str:
    """Read an element at each address, one by one."""
    wide, addresses = vector(lanes, type_), vector(lanes, "ptr")
    text = "poison"
    for k in range(lanes):
        place = w.emit(f"extractelement {addresses} {places}, i64 {k}")
        one = w.emit(f"load {type_}, ptr {place}, align {align}")
        text = w.emit(f"insertelement {wide} {text}, {type_} {one}, i64 {k}")
    return text


def scatter(
    w: Writer,
    pointer: str,
    offsets: str,
    text: str,
    dtype: np.dtype[Any],
    mask: str | None,
    lanes: int,
) -> None:
    """Store each lane at its own offset."""
    type_ = memory_type(dtype)
    wide = vector(lanes, type_)
    places = w.emit(f"getelementptr {type_}, ptr {pointer}, <{lanes} x i64> {offsets}")
    name = f"llvm.masked.scatter.v{lanes}{short(type_)}.v{lanes}p0"
    w.declare(f"declare void @{name}({wide}, <{lanes} x ptr>, i32 immarg, <{lanes} x i1>)")
    active = mask or "splat (i1 true)"
    w.do(
        f"call void @{name}({wide} {text}, <{lanes} x ptr> {places}, i32 {dtype.itemsize},"
        f" <{lanes} x i1> {active})"
    )
