package dev.smallbatch.optim.checkpoint;

import dev.smallbatch.optim.batch.BatchController;

/**
 * What a checkpoint says beside its tensors.
 *
 * @param step updates made
 * @param tokens tokens seen
 * @param batch how far the batch has grown; null if it does not
 * @param run the run that wrote it
 */
public record CheckpointState(long step, long tokens, BatchController.State batch, RunIdentity run) {}
