/**
 * The readable specification of every kernel: textbook loops over rows, sums in double, each result rounded to float once,
 * forward next to backward. Slow on purpose; the other back ends are compared with it. Knows nothing of vectors.
 */
package dev.smallbatch.core.cpu.scalar;
