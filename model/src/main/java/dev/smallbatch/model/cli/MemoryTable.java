package dev.smallbatch.model.cli;

import dev.smallbatch.model.run.MemoryPlan;
import dev.smallbatch.optim.train.StepMemory;
import java.util.Locale;
import java.util.stream.Collectors;

/** What a run takes, and what it would take otherwise. */
final class MemoryTable {
    private MemoryTable() {}

    /** The options that differ most, as they are given. */
    static String label(MemoryPlan.Choice choice) {
        return "--optimizer " + choice.optimizer().option() + " --dtype " + choice.dtype().name().toLowerCase(Locale.ROOT)
                + (choice.recompute() ? " --recompute" : "");
    }

    /** What the plan takes, and what other options would. */
    static void write(Console console, MemoryPlan plan) {
        total(console, plan);
        console.row("instead", plan.neighbours().entrySet().stream()
                .map(other -> other.getKey() + " " + Format.bytes(other.getValue().memory().total()))
                .collect(Collectors.joining(", ")));
    }

    /** What the plan takes. */
    static void total(Console console, MemoryPlan plan) {
        StepMemory memory = plan.memory();
        console.row("memory", "%s: weights %s, optimizer %s (%.2f bytes for each parameter), gradients %s, activations %s;"
                + " and the JVM about %s",
                Format.bytes(memory.total()), Format.bytes(memory.parameters()), Format.bytes(memory.optimizerState()),
                plan.statePerParameter(),
                memory.gradients() == 0 ? "not kept" : Format.bytes(memory.gradients()),
                Format.bytes(memory.step() + memory.data()), Format.bytes(MemoryPlan.JVM_BYTES));
    }
}
