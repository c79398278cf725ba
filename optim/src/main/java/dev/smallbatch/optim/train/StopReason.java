package dev.smallbatch.optim.train;

/** Why {@link TrainLoop#run} returned. */
public enum StopReason {
    /** All steps are done. */
    FINISHED,
    /** {@link TrainLoop#requestStop} was called; the run can be resumed from its checkpoint. */
    STOP_REQUESTED
}
