package dev.smallbatch.model.run;

import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.optim.batch.Throughput;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.DoubleConsumer;

/**
 * How fast this machine trains a model, measured for some seconds: in steps of the model itself where they are short and fit,
 * else in steps of one of its blocks with a small vocabulary and short sequences, from which the model's are estimated.
 */
public final class TrainingSpeed {
    private static final int LARGEST_BATCH = 64;
    /** Widest block and largest vocabulary of a model that stands for a larger one. */
    private static final int SMALL_DIM = 2048;
    private static final int SMALL_VOCABULARY = 1024;
    private static final int SHORT_SEQUENCE = 64;
    /** Parts of the time: at most for the JVM to compile, and of a step that is still measured in full. */
    private static final double WARM_UP_SHARE = 0.4;
    private static final double STEP_SHARE = 0.1;
    /** A doubled batch with less gain than this is followed by no larger one. */
    private static final double GAIN = 1.02;

    private final List<StepCost.Timing> timings;
    private final StepCost cost;
    private final boolean estimated;
    private final MemoryPlan.Choice choice;

    private TrainingSpeed(MemoryPlan.Choice choice, List<StepCost.Timing> timings, boolean estimated) {
        this.choice = choice;
        this.timings = List.copyOf(timings);
        this.cost = StepCost.fit(timings);
        this.estimated = estimated;
    }

    /**
     * Measures.
     *
     * @param choice the model and how it is trained; its batch size does not matter
     * @param kernels of an open back end
     * @param seconds to spend, roughly
     * @param available bytes of memory, if that is known
     * @param progress told the seconds spent
     */
    public static TrainingSpeed measure(MemoryPlan.Choice choice, Kernels kernels, double seconds, OptionalLong available,
            DoubleConsumer progress) {
        long begin = System.nanoTime();
        MemoryPlan.Choice one = choice.withBatchSize(1).withAccumulation(1);
        List<StepCost.Timing> timings = new ArrayList<>();
        timings.add(timeWarm(scaledDown(one, SHORT_SEQUENCE), kernels, seconds * WARM_UP_SHARE, progress));
        Trial trial = new Trial(kernels, begin, seconds, available, progress);
        for (int length = 4 * SHORT_SEQUENCE; length <= choice.model().seqLen(); length *= 2) {
            MemoryPlan plan = MemoryPlan.of(scaledDown(one, length));
            if (!trial.allows(plan, StepCost.fit(timings))) {
                break;
            }
            timings.add(trial.time(plan));
            if (trial.allows(MemoryPlan.of(one), StepCost.fit(timings))) {
                break;
            }
        }
        return trial.allows(MemoryPlan.of(one), StepCost.fit(timings))
                ? new TrainingSpeed(choice, trial.batches(MemoryPlan.of(one)), false)
                : new TrainingSpeed(choice, timings, true);
    }

    private static StepCost.Timing timeWarm(MemoryPlan.Choice small, Kernels kernels, double longest, DoubleConsumer progress) {
        try (TrialRun run = new TrialRun(small, kernels)) {
            return run.time(1, step -> StepTimer.steady(step, longest, progress));
        }
    }

    /** One block, no wider than 2048, with a vocabulary of a thousand and sequences of a length. */
    static MemoryPlan.Choice scaledDown(MemoryPlan.Choice choice, int length) {
        GptConfig model = choice.model();
        int heads = model.dim() <= SMALL_DIM ? model.heads() : Math.max(1, SMALL_DIM / model.headSize());
        int dim = model.dim() <= SMALL_DIM ? model.dim() : heads * model.headSize();
        return choice.withModel(model.withSizes(1, dim, heads, Math.min(length, model.seqLen()),
                Math.min(SMALL_VOCABULARY, model.vocabularySize())));
    }

    /** What is measured within the time that is left. */
    private record Trial(Kernels kernels, long begin, double seconds, OptionalLong available, DoubleConsumer progress) {
        boolean allows(MemoryPlan plan, StepCost cost) {
            boolean fits = available.isEmpty() || plan.resident() <= Recipe.USABLE_MEMORY * available.getAsLong();
            double left = seconds - StepTimer.seconds(begin);
            return fits && cost.seconds(plan) <= Math.min(STEP_SHARE * seconds, left / 2);
        }

        StepCost.Timing time(MemoryPlan plan) {
            try (TrialRun run = new TrialRun(plan.choice(), kernels)) {
                StepCost.Timing timing = run.time(1, step -> StepTimer.fastest(step, STEP_SHARE * seconds));
                progress.accept(StepTimer.seconds(begin));
                return timing;
            }
        }

        /** Batches of 1, 2, 4, ... sequences, until that is no faster or takes too long. */
        List<StepCost.Timing> batches(MemoryPlan one) {
            List<StepCost.Timing> timings = new ArrayList<>();
            try (TrialRun run = new TrialRun(one.choice(), kernels)) {
                double before = 0;
                for (int size = 1; size <= LARGEST_BATCH; size *= 2) {
                    if (size > 1 && !affords(one, size, timings.getLast())) {
                        break;
                    }
                    timings.add(run.time(size, step -> StepTimer.fastest(step, STEP_SHARE * seconds)));
                    progress.accept(StepTimer.seconds(begin));
                    double now = size / timings.getLast().seconds();
                    if (now < GAIN * before) {
                        break;
                    }
                    before = now;
                }
            }
            return timings;
        }

        private boolean affords(MemoryPlan one, int size, StepCost.Timing last) {
            MemoryPlan plan = MemoryPlan.of(one.choice().withBatchSize(size));
            boolean fits = available.isEmpty() || plan.resident() <= Recipe.USABLE_MEMORY * available.getAsLong();
            return fits && StepTimer.seconds(begin) + 4 * last.seconds() <= seconds;
        }
    }

    /** True if smaller steps than the model's were measured, so that every number is an estimate. */
    public boolean isEstimated() {
        return estimated;
    }

    /** Sequences of the batches that were measured in full; empty if all is estimated. */
    public List<Integer> measuredBatches() {
        return estimated ? List.of() : timings.stream().map(timing -> timing.plan().choice().batchSize()).toList();
    }

    /** Batches of 1, 2, 4, ... up to 64 sequences: measured, and beyond that estimated. */
    public List<Throughput> throughput() {
        List<Throughput> all = new ArrayList<>();
        for (int size = 1; size <= LARGEST_BATCH; size *= 2) {
            long tokens = (long) size * choice.model().seqLen();
            if (tokens <= Integer.MAX_VALUE / 2) {
                all.add(new Throughput(size, tokensPerSecond(MemoryPlan.of(choice.withBatchSize(size).withAccumulation(1)))));
            }
        }
        return all;
    }

    /** Tokens per second of any plan of the model: as measured, else estimated in proportion to the closest that was. */
    public double tokensPerSecond(MemoryPlan plan) {
        double factor = 1;
        if (!estimated) {
            StepCost.Timing closest = timings.getLast();
            for (StepCost.Timing timing : timings) {
                if (timing.plan().choice().batchSize() == plan.choice().batchSize()) {
                    closest = timing;
                }
            }
            factor = cost.seconds(closest.plan()) / closest.seconds();
        }
        return factor * cost.tokensPerSecond(plan);
    }
}
