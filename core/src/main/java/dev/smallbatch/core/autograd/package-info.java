/**
 * Reverse-mode differentiation over fused operations: models call {@link dev.smallbatch.core.autograd.Ops}, a
 * {@link dev.smallbatch.core.autograd.Tape} keeps one record per call, and its backward pass hands each finished parameter
 * gradient to a {@link dev.smallbatch.core.autograd.GradientSink}. Knows kernels by contract alone.
 */
package dev.smallbatch.core.autograd;
