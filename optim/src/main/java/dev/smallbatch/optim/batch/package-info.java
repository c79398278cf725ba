/**
 * How hyperparameters depend on the batch size, and the batch size on the noise of gradients: pure arithmetic in double. Knows
 * nothing of optimizers or parameters.
 */
package dev.smallbatch.optim.batch;
