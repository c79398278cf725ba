package dev.smallbatch.model.run;

/** The update rules a run can choose from. */
public enum OptimizerKind {
    /** Plain stochastic gradient descent, without momentum or any other state. */
    SGD,
    /** Adam with decoupled weight decay. */
    ADAMW
}
