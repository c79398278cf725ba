package dev.smallbatch.optim.train;

import dev.smallbatch.core.autograd.GradientSink;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.batch.BatchController;
import dev.smallbatch.optim.curvature.LearnedSgd;
import dev.smallbatch.optim.curvature.Spectrum;
import dev.smallbatch.optim.rule.StepContext;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.function.IntFunction;

/**
 * Forward, backward, update. By default each parameter is updated inside backward and its gradient's memory reused; with
 * micro-batches or clipping by global norm gradients are kept until the end of the step. Owns its tape; used by one thread.
 */
public final class TrainStep {
    private static final System.Logger LOG = System.getLogger(TrainStep.class.getName());

    private final LossModel model;
    private final Optimizer optimizer;
    private final Tape tape;
    private final Accumulation accumulation;
    private final boolean keepsGradients;
    private final BatchController controller;
    private final NoiseProbe probe;
    private final DiagonalEstimates estimates;
    private Batch present;
    private BatchSpectrum spectrum;

    /**
     * @param kernels of an open back end
     * @param step region of activations and gradients, of the size {@link StepMemory} says
     * @param microBatches equal parts of a batch that go through the model one after the other, usually 1
     */
    public TrainStep(LossModel model, Optimizer optimizer, Kernels kernels, Region step, int microBatches) {
        this(model, optimizer, kernels, step, microBatches, false);
    }

    /**
     * As the other constructor, every target of a batch counting equally.
     *
     * @param recompute whether activations inside blocks are computed again in backward instead of being kept
     */
    public TrainStep(LossModel model, Optimizer optimizer, Kernels kernels, Region step, int microBatches, boolean recompute) {
        this(model, optimizer, kernels, step, new Accumulation(microBatches, Accumulation.Weighting.TOKEN), recompute);
    }

    /**
     * As the other constructors.
     *
     * @param accumulation into how many parts a batch is divided, and how they are weighed
     */
    public TrainStep(LossModel model, Optimizer optimizer, Kernels kernels, Region step, Accumulation accumulation,
            boolean recompute) {
        this(model, optimizer, new Tape(kernels, step, mode(recompute)), accumulation, null);
    }

    /**
     * For batches whose size changes: each is made of as many micro-batches as {@code controller} says, which hears of the
     * noise of their gradients. Memory is that of {@code controller.settings().initial()} sequences in micro-batches.
     */
    public TrainStep(LossModel model, Optimizer optimizer, Kernels kernels, Region step, BatchController controller,
            boolean recompute) {
        this(model, optimizer, new Tape(kernels, step, mode(recompute)), equalParts(controller), controller);
    }

    private TrainStep(LossModel model, Optimizer optimizer, Tape tape, Accumulation accumulation, BatchController controller) {
        this.model = model;
        this.optimizer = optimizer;
        this.tape = tape;
        this.accumulation = accumulation;
        this.controller = controller;
        this.probe = controller == null ? null : new NoiseProbe(optimizer, controller.settings());
        this.keepsGradients = keepsGradients(optimizer.needsAllGradients(), accumulation.microBatches());
        this.estimates = new DiagonalEstimates(model, optimizer, tape, controller == null ? accumulation.microBatches() : 1);
        learn(optimizer.rules().stream().flatMap(rule -> LearnedSgd.of(rule).stream()).toList());
        if (accumulation.microBatches() > 1 && controller == null) {
            LOG.log(System.Logger.Level.WARNING, describe());
        }
    }

    private void learn(List<LearnedSgd> rules) {
        if (rules.isEmpty()) {
            return;
        }
        if (controller != null) {
            throw new IllegalArgumentException("training step: a learned rate goes with the curvature of batches of one size, and"
                    + " these grow; use batches of one size, or another rule");
        }
        rules.forEach(rule -> rule.learnFrom(this::spectrum));
    }

    private Spectrum spectrum(long step) {
        if (spectrum == null) {
            spectrum = new BatchSpectrum(model, optimizer, tape, accumulation.microBatches());
        }
        return spectrum.of(present, step);
    }

    private static Accumulation equalParts(BatchController controller) {
        return new Accumulation(controller.microBatches(), Accumulation.Weighting.MICROBATCH);
    }

    static Tape.Mode mode(boolean recompute) {
        return recompute ? Tape.Mode.RECOMPUTE : Tape.Mode.RECORD;
    }

    static boolean keepsGradients(boolean needsAll, int microBatches) {
        if (microBatches < 1) {
            throw new IllegalArgumentException("training step: " + microBatches + " micro-batches; at least 1");
        }
        return microBatches > 1 || needsAll;
    }

    /** Tokens of the next step, {@code batch} being the memory it goes through. */
    public long tokens(Batch batch) {
        return controller == null ? batch.tokenCount() : controller.microBatches() * batch.tokenCount();
    }

    /**
     * Reads and makes the next update of a run.
     *
     * @param batch is filled from {@code source}: at the state's step; if a controller decides the batch size with each
     *     micro-batch, which are numbered over the whole run; estimates of curvature then see the last one
     */
    public StepResult run(BatchSource source, Batch batch, TrainState state, boolean measureNorm) {
        if (controller == null) {
            batch.fill(source, state.step());
            return run(batch, state, measureNorm);
        }
        boolean tests = controller.isDue(state.step());
        long first = state.tokens() / batch.tokenCount();
        Accumulation parts = equalParts(controller);
        probe.begin(parts.microBatches());
        StepContext context = state.context(tokens(batch));
        StepResult result = run(i -> {
            batch.fill(source, first + i);
            return batch;
        }, parts, context, tests, tests || measureNorm);
        if (tests && !result.skipped()) {
            controller.observe(probe.noise(result.gradNorm().orElseThrow()));
        }
        return estimated(result, batch, context);
    }

    /** Makes one update of a run whose batches all have this one's size; {@code step} of them were made before. */
    public StepResult run(Batch batch, long step, boolean measureNorm) {
        return run(batch, new TrainState(step, step * batch.tokenCount()), measureNorm);
    }

    /**
     * Makes one update, or skips it: if the loss is not finite, before anything has changed; if a gradient is not finite, as
     * {@link Optimizer} says.
     *
     * @param batch filled; its size is a multiple of the number of micro-batches
     * @param state what was done before
     * @param measureNorm whether the result has the gradients' norm
     */
    public StepResult run(Batch batch, TrainState state, boolean measureNorm) {
        StepContext context = state.context(batch.tokenCount());
        present = batch;
        return estimated(run(i -> batch.part(i, accumulation.microBatches()), accumulation, context, false, measureNorm), batch,
                context);
    }

    private StepResult run(IntFunction<Batch> batches, Accumulation parts, StepContext context, boolean probed,
            boolean measureNorm) {
        GradientSink sink = keepsGradients ? optimizer.accumulate() : optimizer.applyDuringBackward(context, measureNorm);
        double loss = 0;
        for (int i = 0; i < parts.microBatches(); i++) {
            loss += forwardBackward(batches.apply(i), parts, probed ? probe.part(i, sink) : sink);
            if (!Double.isFinite(loss)) {
                return new StepResult(loss, OptionalDouble.empty(), true);
            }
        }
        if (keepsGradients) {
            optimizer.apply(context, measureNorm);
        }
        boolean skipped = optimizer.hasSkipped();
        return new StepResult(loss, measureNorm || skipped ? optimizer.gradientNorm() : OptionalDouble.empty(), skipped);
    }

    /** The result of a step after the estimates that are due, on its batch. */
    private StepResult estimated(StepResult result, Batch batch, StepContext context) {
        if (!result.skipped()) {
            estimates.make(batch, context);
        }
        return result.withWinRate(estimates.winRate());
    }

    /** The part's share of the mean loss; its gradient, scaled alike, goes to the sink. */
    private double forwardBackward(Batch part, Accumulation parts, GradientSink sink) {
        try {
            long divisor = parts.divisor(part);
            Var losses = model.loss(tape.ops(), part, (float) (1.0 / divisor));
            double sum = Losses.sum(losses.value());
            if (Double.isFinite(sum)) {
                tape.backward(losses, sink);
            }
            return sum / divisor;
        } finally {
            tape.reset();
        }
    }

    /** What a checkpoint keeps of the batch size; null if it does not change. */
    public BatchController.State batchState() {
        return controller == null ? null : controller.state();
    }

    /** What makes the updates. */
    public Optimizer optimizer() {
        return optimizer;
    }

    /** One line: whether parameters are updated inside backward, and if not, why and what it costs. */
    public String describe() {
        if (!keepsGradients) {
            return "each parameter is updated inside backward; no gradients are kept";
        }
        String reason = controller != null
                ? "the noise of micro-batches decides how many make an update"
                : accumulation.microBatches() == 1
                ? (optimizer.clipping().needsAllGradients() ? "clipping by global norm" : "the update rule")
                        + " needs all of them before the first update"
                : accumulation.microBatches() + " micro-batches are accumulated. On one device that is wasteful: smaller"
                        + " batches with an update each need no such memory and learn at least as much from the same tokens";
        return String.format(Locale.ROOT, "gradients are kept until the end of the step (%.1f MiB), because %s",
                Optimizer.gradientBytes(model.parameters()) / 1048576.0, reason);
    }
}
