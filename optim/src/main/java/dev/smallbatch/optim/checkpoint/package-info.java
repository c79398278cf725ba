/**
 * Checkpoints: everything a run needs to go on with the same bits, in files that are complete at every moment. Knows
 * parameters and optimizer state by name; knows no model and no loop.
 */
package dev.smallbatch.optim.checkpoint;
