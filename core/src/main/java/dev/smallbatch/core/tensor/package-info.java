/**
 * Memory: typed, shaped, contiguous views of native memory, and the regions that own it. Knows nothing of mathematics,
 * kernels or models.
 */
package dev.smallbatch.core.tensor;
