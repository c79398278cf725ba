package dev.smallbatch.model.run;

/** The learning rate after the warm-up. */
public enum ScheduleKind {
    /** Half a cosine down to zero. */
    COSINE,
    /** The peak until the end. */
    CONSTANT
}
