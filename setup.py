"""Compile the matching core; everything else about the package stands in pyproject.toml.

The extension is one translation unit, fxengine/_core.pyx with the parts it includes. Two variables
of the environment choose how it is compiled, which is why it is always compiled anew: time stamps
could not tell that they changed.

    FXENGINE_NATIVE=1   for this machine's processor; such a wheel may not run on another
    FXENGINE_DEBUG=1    bounds checks, asserts, every invariant after every command, no optimisation, symbols
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup

DEBUG = os.environ.get("FXENGINE_DEBUG") == "1"
NATIVE = os.environ.get("FXENGINE_NATIVE") == "1"

# Cython's word for inline functions is a wish; in the core's loop it is to be a fact (docs/performance.md).
INLINE = "-DCYTHON_INLINE=__inline__ __attribute__((always_inline))"

compile_args = ["-O0", "-g", "-DFXENGINE_CHECK_EVERY_COMMAND=1"] if DEBUG else ["-O3", "-DNDEBUG", INLINE]
if NATIVE:
    compile_args.append("-march=native")
if sys.platform == "win32":
    raise SystemExit("fxengine runs on Linux and macOS: its journal needs fdatasync or fsync as POSIX defines them")

directives = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": False,
    "cdivision": True,  # in both builds, or a division of a negative number would differ between them
    "initializedcheck": DEBUG,
}

here = Path(__file__).parent
parts = [*here.glob("fxengine/*.pxd"), *here.glob("fxengine/core/*.px[di]")]

setup(
    ext_modules=[
        Extension(
            "fxengine._core",
            sources=["fxengine/_core.pyx"],
            depends=sorted(str(part.relative_to(here)) for part in parts),
            extra_compile_args=compile_args,
        )
    ],
    options={"build_ext": {"cython_directives": directives, "cython_c_in_temp": True, "force": True}},
)
