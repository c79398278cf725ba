package dev.smallbatch.model.run;

import java.util.Locale;

/** Constants as they are written on the command line and in files. */
final class Names {
    private Names() {}

    /** {@code SCHEDULE_FREE} is {@code schedule-free}. */
    static String option(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** The way back. */
    static String constant(String option) {
        return option.toUpperCase(Locale.ROOT).replace('-', '_');
    }
}
