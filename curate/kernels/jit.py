"""How kernels are compiled: cached on disk, without the GIL, and without counting references to arrays.

Numba counts references to every array that is passed on, atomically, even between inlined functions: in a function
called per word that costs more than all the rest. A kernel that allocates nothing needs none of it (`_nrt=False`);
numba refuses to compile one that does allocate. Nor does a kernel raise: division is numpy's, without a check for zero.

What compiling costs is paid by every user at the first run. It grows with the number of functions, and with the depth
of their calls (LLVM works through a callee again in each caller), and numba compiles a function again for each type of
an argument: a literal `0` is a type of its own.
"""

from functools import partial

from numba import njit

kernel = partial(njit, cache=True, nogil=True, _nrt=False, error_model="numpy", no_cfunc_wrapper=True)
"""Called from Python, on arrays that the caller allocated."""
helper = partial(kernel, no_cpython_wrapper=True)
"""Called from kernels only."""
inlined = partial(helper, forceinline=True)
"""Likewise, and small or called in the innermost loop."""
