"""Code with tables in SIMD registers, for which Halide has no words: LLVM IR, called by Halide as extern stages."""
