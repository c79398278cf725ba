package dev.smallbatch.model.run;

import dev.smallbatch.optim.train.StepMemory;
import java.io.IOException;
import java.util.Locale;
import java.util.OptionalLong;

/** Compares what a run will need with what the machine has, before anything is allocated. */
final class MemoryCheck {
    private MemoryCheck() {}

    /**
     * Refuses a run that cannot fit.
     *
     * @throws IOException with what is needed, what there is, and what to lower
     */
    static void require(StepMemory memory, RunConfig config, OptionalLong available) throws IOException {
        long needed = memory.total() + MemoryPlan.JVM_BYTES;
        if (available.isPresent() && needed > available.getAsLong()) {
            throw new IOException("train: too little memory: the run needs " + gib(needed)
                    + " (weights " + gib(memory.parameters()) + ", optimizer " + gib(memory.optimizer())
                    + ", activations " + gib(memory.step() + memory.data()) + "), available are "
                    + gib(available.getAsLong()) + "; " + (config.recompute() ? "" : "give --recompute, ")
                    + "lower --batch-size (" + config.batchSize() + "), --seq-len ("
                    + config.model().seqLen() + ") or --dim and --layers, or choose a smaller --preset");
        }
    }

    private static String gib(long bytes) {
        return String.format(Locale.ROOT, bytes < 1L << 30 ? "%.2f GiB" : "%.1f GiB", bytes / (double) (1L << 30));
    }
}
