"""A processor's hint, for compiled loops, that memory will be read soon."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_TO_READ, _IN_ALL_CACHES, _DATA = 0, 3, 1


@intrinsic
def fetch(typing_context: Any, array: Any, position: Any) -> Any:  # noqa: ARG001
    """Ask for the memory at a position of a one-dimensional array, which may lie beyond its end."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        hint = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        address = builder.bitcast(builder.gep(data, [arguments[1]]), byte)
        builder.call(hint, [address, *map(number, (_TO_READ, _IN_ALL_CACHES, _DATA))])
        return context.get_dummy_value()

    return types.void(array, types.uint64), emit
