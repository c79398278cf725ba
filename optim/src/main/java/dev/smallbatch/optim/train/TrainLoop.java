package dev.smallbatch.optim.train;

import com.google.common.collect.ImmutableList;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.checkpoint.CheckpointStore;
import java.io.IOException;
import java.util.List;
import java.util.OptionalDouble;

/**
 * The training run. Everything it needs is passed in; it owns nothing. Runs in one thread, except for
 * {@link #requestStop}.
 */
public final class TrainLoop {
    /** So many skipped steps in a row are no bad luck. */
    static final int MOST_SKIPPED = 10;

    private final TrainConfig config;
    private final BatchSource source;
    private final Batch batch;
    private final TrainStep trainStep;
    private final Evaluator evaluator;
    private final CheckpointStore checkpoints;
    private final List<StepListener> listeners;
    private volatile boolean stopRequested;
    private long savedStep = -1;

    /**
     * @param batch is filled from {@code source} for every step; if the batch size changes, with every micro-batch
     * @param evaluator null for none
     * @param checkpoints null for none
     * @param listeners hear of every step, in this order
     */
    public TrainLoop(TrainConfig config, BatchSource source, Batch batch, TrainStep trainStep, Evaluator evaluator,
            CheckpointStore checkpoints, List<StepListener> listeners) {
        this.config = config;
        this.source = source;
        this.batch = batch;
        this.trainStep = trainStep;
        this.evaluator = evaluator;
        this.checkpoints = checkpoints;
        this.listeners = ImmutableList.copyOf(listeners);
    }

    /**
     * Trains from {@code start} until all is done or a stop is requested. Skipped steps count as steps, with their tokens.
     *
     * @param start {@link TrainState#start}, or where the loaded checkpoint was
     * @throws NonFiniteLossException if ten steps in a row were skipped, or the validation loss or a parameter to be saved is not
     *     finite; the last checkpoint is not touched
     * @throws IOException if a checkpoint cannot be written
     */
    public StopReason run(TrainState start) throws IOException {
        TrainState state = start;
        Speed speed = new Speed();
        Skipped skipped = new Skipped();
        while (!config.isDone(state)) {
            if (stopRequested) {
                save(state);
                return StopReason.STOP_REQUESTED;
            }
            TrainState before = state;
            long tokens = trainStep.tokens(batch);
            state = before.advance(tokens);
            boolean selected = config.logs(before, state);
            speed.begin();
            StepResult result = trainStep.run(source, batch, before, selected);
            speed.end(tokens);
            skipped.count(result, before.step());
            boolean logged = selected || result.skipped() || trainStep.tokens(batch) != tokens;
            double lr = trainStep.optimizer().learningRate(before.context(tokens));
            StepStats stats = new StepStats(state.step(), state.tokens(), tokens, result.loss(), lr, result.gradNorm(),
                    speed.tokensPerSecond(), speed.elapsedSeconds(), evaluate(before, state), logged, result.winRate(),
                    skipped.all);
            listeners.forEach(listener -> listener.onStep(stats));
            if (logged) {
                speed.restart();
            }
            if (config.checkpoints(before, state)) {
                save(state);
            }
        }
        return StopReason.FINISHED;
    }

    /** Lets the present step finish, then writes a checkpoint and ends {@link #run}. Any thread may call it. */
    public void requestStop() {
        stopRequested = true;
    }

    private OptionalDouble evaluate(TrainState before, TrainState state) {
        if (evaluator == null || !config.evaluates(before, state)) {
            return OptionalDouble.empty();
        }
        double loss;
        try (Optimizer.Evaluation _ = trainStep.optimizer().evaluation()) {
            loss = evaluator.loss();
        }
        NonFiniteLossException.check(state.step() - 1, "validation loss", loss);
        return OptionalDouble.of(loss);
    }

    private void save(TrainState state) throws IOException {
        if (checkpoints == null || state.step() == savedStep) {
            return;
        }
        Optimizer optimizer = trainStep.optimizer();
        optimizer.findNonFinite().ifPresent(parameter -> {
            throw new NonFiniteLossException(state.step() - 1, "parameter " + parameter.name(), Double.NaN);
        });
        checkpoints.save(state.step(), state.tokens(), trainStep.batchState(), optimizer);
        savedStep = state.step();
    }

    /** Skipped steps: all since the start, and those without another between. */
    private static final class Skipped {
        private long all;
        private int inARow;

        void count(StepResult result, long step) {
            inARow = result.skipped() ? inARow + 1 : 0;
            all += result.skipped() ? 1 : 0;
            if (inARow == MOST_SKIPPED) {
                String what = " of the " + MOST_SKIPPED + "th step in a row that was skipped";
                NonFiniteLossException.check(step, "loss" + what, result.loss());
                throw new NonFiniteLossException(step, "norm of the gradients" + what, result.gradNorm().orElse(Double.NaN));
            }
        }
    }

    /** Time spent in steps alone, so that evaluations and checkpoints do not show as slow training. */
    private static final class Speed {
        private final long start = System.nanoTime();
        private long begin;
        private long nanos;
        private long tokens;

        void begin() {
            begin = System.nanoTime();
        }

        void end(long batchTokens) {
            nanos += System.nanoTime() - begin;
            tokens += batchTokens;
        }

        void restart() {
            nanos = 0;
            tokens = 0;
        }

        double tokensPerSecond() {
            return tokens * 1e9 / Math.max(1, nanos);
        }

        double elapsedSeconds() {
            return (System.nanoTime() - start) * 1e-9;
        }
    }
}
