/**
 * The contract between models and back ends: what a back end must compute ({@link dev.smallbatch.core.spi.Kernels}), how
 * one is found ({@link dev.smallbatch.core.spi.BackendProvider}) and opened ({@link dev.smallbatch.core.spi.Backends}).
 * Knows tensors; knows no implementation, no tape and no model.
 */
package dev.smallbatch.core.spi;
