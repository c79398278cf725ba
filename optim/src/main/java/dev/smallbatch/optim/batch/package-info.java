/**
 * How hyperparameters depend on the batch size: pure arithmetic in double. Knows nothing of optimizers or parameters.
 */
package dev.smallbatch.optim.batch;
