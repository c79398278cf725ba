package dev.smallbatch.model.run;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.train.StepMemory;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.SequencedMap;

/**
 * The memory that training takes, found by going through a step without computing or allocating anything.
 *
 * @param choice what it depends on
 * @param memory the native memory, exactly
 */
public record MemoryPlan(Choice choice, StepMemory memory) {
    /**
     * What the JVM takes besides, about: 25 MiB of heap, the rest for classes, machine code and the compilers that make it.
     * Measured while {@code train} ran on Linux (x86-64, JDK 25, the options of {@code etc/jvm.options}). A program that only
     * trains takes 40 MiB less, learning a vocabulary from a large text more.
     */
    public static final long JVM_BYTES = 144L << 20;

    /** Those of the small-batch study; every other one takes as much as one of these, or half of AdamW's state. */
    private static final List<OptimizerKind> COMPARED =
            List.of(OptimizerKind.SGD, OptimizerKind.ADAFACTOR, OptimizerKind.MUON, OptimizerKind.ADAMW);

    /**
     * What memory depends on.
     *
     * @param model the architecture; its longest sequence is the one trained with
     * @param dtype of matrices and tables, F32 or BF16
     * @param optimizer the update rule
     * @param settings its own
     * @param clipped whether gradients are clipped by their norm, and therefore kept
     * @param batchSize sequences per update
     * @param recompute whether activations inside blocks are computed again in backward instead of being kept
     * @param microBatches parts of a batch whose gradients are accumulated, 1 for none
     */
    public record Choice(GptConfig model, DType dtype, OptimizerKind optimizer, Settings settings, boolean clipped, int batchSize,
            boolean recompute, int microBatches) {
        /** With the usual settings and without accumulation. */
        public Choice(GptConfig model, DType dtype, OptimizerKind optimizer, boolean clipped, int batchSize, boolean recompute) {
            this(model, dtype, optimizer, optimizer.defaults(), clipped, batchSize, recompute, 1);
        }

        Choice withModel(GptConfig other) {
            return new Choice(other, dtype, optimizer, settings, clipped, batchSize, recompute, microBatches);
        }

        Choice withSeqLen(int seqLen) {
            return withModel(model.withSizes(model.layers(), model.dim(), model.heads(), seqLen, model.vocabularySize()));
        }

        /** With its usual settings. */
        Choice withOptimizer(OptimizerKind other) {
            return new Choice(model, dtype, other, other.defaults(), clipped, batchSize, recompute, microBatches);
        }

        Choice withDType(DType other) {
            return new Choice(model, other, optimizer, settings, clipped, batchSize, recompute, microBatches);
        }

        Choice withBatchSize(int other) {
            return new Choice(model, dtype, optimizer, settings, clipped, other, recompute, microBatches);
        }

        Choice withAccumulation(int parts) {
            return new Choice(model, dtype, optimizer, settings, clipped, batchSize, recompute, parts);
        }

        Choice withRecompute(boolean other) {
            return new Choice(model, dtype, optimizer, settings, clipped, batchSize, other, microBatches);
        }
    }

    /**
     * Plans a choice.
     *
     * @throws UsageException if the optimizer does not train weights of that type
     */
    public static MemoryPlan of(Choice choice) {
        if (!choice.optimizer.takes(choice.dtype)) {
            throw new UsageException("--optimizer " + choice.optimizer.option() + " with --dtype " + Names.option(choice.dtype)
                    + "; it moves weights by thousandths of their size, which rounded ones cannot hold. Use --dtype f32");
        }
        StepMemory memory = StepMemory.plan(Gpt.planned(choice.model, choice.dtype), groups(choice), clipping(choice),
                choice.batchSize, choice.model.seqLen(), choice.microBatches, choice.recompute);
        return new MemoryPlan(choice, memory.withParameters(Gpt.parameterBytes(choice.model, choice.dtype)));
    }

    /** Groups with as much state as training's, at learning rates that hardly change anything. */
    static List<ParameterGroup> groups(Choice choice) {
        return choice.optimizer.atConstantRate(1e-9, choice.settings);
    }

    static Clipping clipping(Choice choice) {
        return choice.clipped ? new Clipping.GlobalNorm(1) : Clipping.none();
    }

    /** Plans of what differs in one option, by that option as it is given on the command line. */
    public SequencedMap<String, MemoryPlan> neighbours() {
        SequencedMap<String, MemoryPlan> plans = new LinkedHashMap<>();
        plans.put(choice.recompute ? "--no-recompute" : "--recompute", of(choice.withRecompute(!choice.recompute)));
        for (OptimizerKind other : COMPARED) {
            if (other != choice.optimizer) {
                plans.put("--optimizer " + other.option(), of(choice.withOptimizer(other)));
            }
        }
        DType otherType = choice.dtype == DType.F32 ? DType.BF16 : DType.F32;
        if (choice.optimizer.takes(otherType)) {
            plans.put("--dtype " + otherType.name().toLowerCase(Locale.ROOT), of(choice.withDType(otherType)));
        }
        if (choice.microBatches > 1) {
            plans.put("--accumulate 1", of(choice.withAccumulation(1)));
        }
        for (int size : halfAndTwice(choice.batchSize)) {
            if (size % choice.microBatches == 0) {
                plans.put("--batch-size " + size, of(choice.withBatchSize(size)));
            }
        }
        for (int length : halfAndTwice(choice.model.seqLen())) {
            plans.put("--seq-len " + length, of(choice.withSeqLen(length)));
        }
        return plans;
    }

    private static int[] halfAndTwice(int value) {
        return value == 1 ? new int[] {2} : new int[] {value / 2, 2 * value};
    }

    /** Bytes that the optimizer needs for each parameter of the model: state, and room to work in. */
    public double statePerParameter() {
        return (double) memory.optimizerState() / choice.model.parameterCount();
    }

    /** What the process will take at its peak: native memory and the JVM. */
    public long resident() {
        return memory.total() + JVM_BYTES;
    }
}
