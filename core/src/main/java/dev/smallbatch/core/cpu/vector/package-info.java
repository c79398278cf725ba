/**
 * The fast CPU back end, and the only package that may import the Vector API. Kernels have three layers: the outer one cuts
 * work into tasks from shapes alone, the panel packs and handles edges, the tile is straight-line vector code.
 *
 * <p>Two rules keep vectors in registers. A loop starts from fresh vectors ({@code FloatVector.zero(S)} once per accumulator,
 * never one zero shared by several), and a vector never comes out of a branch: the compiler boxes both, and the loop gets
 * five to ten times slower without any error. Hence loops over whole vectors are followed by one masked tail, behind an
 * {@code if} where it only stores: what never runs does not count against the size up to which the compiler inlines.
 */
package dev.smallbatch.core.cpu.vector;
