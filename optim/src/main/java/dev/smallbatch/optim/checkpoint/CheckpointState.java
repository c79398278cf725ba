package dev.smallbatch.optim.checkpoint;

/**
 * What a checkpoint says beside its tensors.
 *
 * @param step updates made
 * @param tokens tokens seen
 * @param run the run that wrote it
 */
public record CheckpointState(long step, long tokens, RunIdentity run) {}
