package dev.smallbatch.model.cli;

import dev.smallbatch.model.run.OptimizerKind;
import dev.smallbatch.model.run.Settings;
import dev.smallbatch.model.run.UsageException;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** Which optimizer, with which settings of its own: options that several commands share. */
final class OptimizerOptions {
    @Option(names = "--optimizer", paramLabel = "NAME", completionCandidates = Names.class,
            description = "${COMPLETION-CANDIDATES}; see 'smallbatch optimizers' (default: adamw, or what fits in memory).")
    OptimizerKind kind;

    @Option(names = "--set", paramLabel = "NAME=VALUE",
            description = "A setting of the optimizer's own; repeat it for others. 'smallbatch optimizers NAME' lists them.")
    Map<String, String> given = new LinkedHashMap<>();

    /** Every optimizer, as it is written. */
    static final class Names implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return Arrays.stream(OptimizerKind.values()).map(OptimizerKind::option).iterator();
        }
    }

    static OptimizerKind kind(String name) {
        try {
            return OptimizerKind.named(name);
        } catch (UsageException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }

    /** All its settings; null if no optimizer is given. */
    Settings settings() {
        if (kind == null && !given.isEmpty()) {
            throw new UsageException("--set " + given.keySet().iterator().next() + ": whose? Give --optimizer as well");
        }
        return kind == null ? null : kind.settings(given, false);
    }
}
