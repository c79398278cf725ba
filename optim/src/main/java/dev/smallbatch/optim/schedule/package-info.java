/**
 * Numbers that change over a run, learning rates above all: pure functions of the step. Knows nothing of optimizers or
 * parameters.
 */
package dev.smallbatch.optim.schedule;
