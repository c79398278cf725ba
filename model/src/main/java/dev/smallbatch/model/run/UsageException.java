package dev.smallbatch.model.run;

/** Something was asked for that cannot be, whatever the files say: options that contradict each other, impossible sizes. */
public final class UsageException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    /** A message that names what was asked for and what to ask for instead. */
    public UsageException(String message) {
        super(message);
    }
}
