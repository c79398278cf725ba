package dev.smallbatch.model.run;

import dev.smallbatch.core.io.AtomicFiles;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendInfo;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.model.data.Corpus;
import dev.smallbatch.model.data.CorpusBuilder;
import dev.smallbatch.model.data.CorpusProgress;
import dev.smallbatch.model.data.NGramEntropy;
import dev.smallbatch.model.data.PreparedCorpus;
import dev.smallbatch.model.gpt.ModelDirectory;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.checkpoint.CheckpointState;
import dev.smallbatch.optim.checkpoint.CheckpointStore;
import dev.smallbatch.optim.checkpoint.RunIdentity;
import dev.smallbatch.optim.train.NonFiniteLossException;
import dev.smallbatch.optim.train.StepListener;
import dev.smallbatch.optim.train.StepStats;
import dev.smallbatch.optim.train.StopReason;
import dev.smallbatch.optim.train.TrainLoop;
import dev.smallbatch.optim.train.TrainState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.module.ModuleDescriptor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * A training run in a directory: prepares the text, makes every choice that was left open, trains, writes metrics, checkpoints
 * and the model. Resuming gives the same bits as never having stopped.
 *
 * <pre>{@code
 * try (TrainingRun run = TrainingRun.open(options, (stage, done, total) -> { })) {
 *     run.train(List.of(stats -> log(stats.step(), stats.loss())));
 * }
 * }</pre>
 *
 * Owns backend, native memory and a lock on the directory until closed. One thread, but for {@link #requestStop}.
 */
public final class TrainingRun implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(TrainingRun.class.getName());
    /** Part of the time given that may go into measuring the speed. */
    private static final double MEASURED_SHARE = 0.25;
    /** Part of the remaining time that is planned for; the rest is for checkpoints and a machine that slows down. */
    private static final double PLANNED_SHARE = 0.95;
    private static final double FORWARD_SHARE = 0.35;

    private final RunDirectory directory;
    private final RunDirectory.Lock lock;
    private final RunConfig config;
    private final PreparedCorpus corpus;
    private final Backend backend;
    private final MemoryPlan memory;
    private final List<MemoryPlan> rejected;
    private final Workspace workspace;
    private final CheckpointStore checkpoints;
    private final TrainState start;
    private volatile TrainLoop loop;
    private volatile boolean stopRequested;

    /** What the constructor needs, collected while something may still fail. */
    private record Prepared(RunDirectory directory, RunConfig config, PreparedCorpus corpus, List<MemoryPlan> rejected,
            boolean resume) {}

    private TrainingRun(Prepared prepared, Backend backend, RunDirectory.Lock lock) throws IOException {
        this.directory = prepared.directory;
        this.lock = lock;
        this.config = prepared.config;
        this.corpus = prepared.corpus;
        this.backend = backend;
        this.memory = config.memory();
        this.rejected = prepared.rejected;
        this.workspace = new Workspace(config, corpus, backend.kernels());
        this.checkpoints = new CheckpointStore(directory.checkpoint(),
                new RunIdentity(config.seed(), RunConfigJson.identity(config), backend.info().toString(), codeVersion()));
        try {
            this.start = prepared.resume && checkpoints.exists() ? loadCheckpoint() : TrainState.start();
        } catch (IOException | RuntimeException e) {
            workspace.close();
            throw e;
        }
    }

    /**
     * Prepares a run, or the continuation of one; reading the text and learning a vocabulary may take a while.
     *
     * @param progress hears of that
     * @throws UsageException if options contradict each other, the model is impossible, or the directory holds something else
     * @throws IOException if text or checkpoint cannot be used, there is too little memory, files cannot be written, or another
     *     run is training in the directory
     * @throws IllegalStateException if the backend that was asked for is unusable
     */
    public static TrainingRun open(TrainingOptions options, CorpusProgress progress) throws IOException {
        options.check();
        RunDirectory directory = new RunDirectory(options.out);
        RunPlanner planner = new RunPlanner(options);
        if (options.resume) {
            directory.requireRun();
        } else {
            planner.model(1);
            directory.create();
        }
        BackendOptions threads = options.threads == null ? BackendOptions.defaults() : new BackendOptions(options.threads);
        RunDirectory.Lock lock = directory.lock();
        Backend backend = null;
        try {
            backend = Backends.open(options.backend, threads);
            Prepared prepared = options.resume ? continuation(options, planner, directory)
                    : beginning(options, planner, directory, backend, progress);
            return begun(new TrainingRun(prepared, backend, lock));
        } catch (IOException | RuntimeException | Error e) {
            if (backend != null) {
                backend.close();
            }
            lock.close();
            throw e;
        }
    }

    /** From here on the directory holds a run. */
    private static TrainingRun begun(TrainingRun run) throws IOException {
        try {
            // First what makes it a run: whatever a kill leaves behind can be resumed, and resuming writes both again.
            RunConfigJson.write(run.config, run.directory.config());
            run.corpus.tokenizer().save(run.directory.root());
            return run;
        } catch (IOException | RuntimeException e) {
            run.workspace.close();
            throw e;
        }
    }

    private static Prepared beginning(TrainingOptions options, RunPlanner planner, RunDirectory directory, Backend backend,
            CorpusProgress progress) throws IOException {
        long bytes;
        try {
            bytes = Corpus.of(options.data, options.glob).bytes();
        } catch (IllegalArgumentException e) {
            throw new UsageException("train: " + e.getMessage());
        }
        int seqLen = planner.model(1).seqLen();
        CorpusBuilder builder =
                new CorpusBuilder(directory.data(), planner.tokenizer(bytes), planner.validationFraction(), seqLen);
        PreparedCorpus corpus = builder.build(options.data, options.glob, progress);
        Recipe recipe = planner.recipe(corpus, MachineMemory.available());
        RunConfig config = planner.plan(corpus, planner.tokenizerName(bytes), recipe);
        MemoryCheck.require(config.memory().memory(), config, MachineMemory.available());
        if (options.seconds != null) {
            Prepared trial = new Prepared(directory, config, corpus, List.of(), false);
            config = planner.withSteps(config, stepsIn(options.seconds, planner, trial, backend, progress));
        }
        return new Prepared(directory, config, corpus, recipe.rejected(), false);
    }

    private static Prepared continuation(TrainingOptions options, RunPlanner planner, RunDirectory directory) throws IOException {
        RunConfig stored = RunConfigJson.read(directory.config());
        planner.requireSame(stored);
        RunConfig config = stored.continued(planner.intervals(stored.intervals()), planner.recompute(stored.recompute()));
        MemoryCheck.require(config.memory().memory(), config, MachineMemory.available());
        PreparedCorpus corpus = CorpusBuilder.open(directory.data());
        String fingerprint = corpus.tokenizer().fingerprint();
        if (!fingerprint.equals(config.text().tokenizerFingerprint())
                || corpus.training().size() != config.text().trainingTokens()
                || corpus.validation().size() != config.text().validationTokens()) {
            throw new IOException("train --resume: " + directory.data() + " holds " + corpus.training().size() + " and "
                    + corpus.validation().size() + " tokens of vocabulary " + fingerprint.substring(0, 8) + ", the run had "
                    + config.text().trainingTokens() + " and " + config.text().validationTokens() + " of "
                    + config.text().tokenizerFingerprint().substring(0, 8) + "; restore it, or start a new run");
        }
        return new Prepared(directory, config, corpus, List.of(), true);
    }

    private static long stepsIn(double seconds, RunPlanner planner, Prepared prepared, Backend backend, CorpusProgress progress) {
        double longest = seconds * MEASURED_SHARE;
        long begin = System.nanoTime();
        double perStep;
        try (Workspace trial = new Workspace(prepared.config, prepared.corpus, backend.kernels())) {
            perStep = trial.measureSecondsPerStep(longest, done ->
                    progress.report("measure the speed", (long) (1000 * done), (long) (1000 * longest)));
        }
        double left = Math.max(0, seconds - (System.nanoTime() - begin) * 1e-9);
        double planned = left * PLANNED_SHARE / perStep;
        RunConfig whole = planner.withSteps(prepared.config, Math.max(1, (long) planned));
        long evaluations = whole.intervals().eval() == 0 ? 0 : Math.ceilDiv(whole.steps(), whole.intervals().eval());
        double evaluating = evaluations * FORWARD_SHARE * whole.intervals().evalSequences() / whole.batchSize();
        return Math.max(1, (long) (planned - evaluating));
    }

    private TrainState loadCheckpoint() throws IOException {
        CheckpointState state = checkpoints.load(workspace.optimizer());
        if (!state.run().backend().equals(backend.info().toString())) {
            LOG.log(System.Logger.Level.WARNING, "the run was computed by backend " + state.run().backend() + " so far, now by "
                    + backend.info() + "; results can differ in their last digits");
        }
        workspace.restore(state.batch());
        return new TrainState(state.step(), state.tokens());
    }

    /** Every choice that was made. */
    public RunConfig config() {
        return config;
    }

    /** Where the files are. */
    public RunDirectory directory() {
        return directory;
    }

    /** Vocabulary and tokens. */
    public PreparedCorpus corpus() {
        return corpus;
    }

    /** What computes. */
    public BackendInfo backend() {
        return backend.info();
    }

    /** What the run takes. */
    public MemoryPlan memory() {
        return memory;
    }

    /** What the recipe would rather have chosen but for the memory; empty if it was not limited, and for a run that goes on. */
    public List<MemoryPlan> rejected() {
        return rejected;
    }

    /** Where {@link #train} will begin: at step 0, or at the checkpoint. */
    public TrainState start() {
        return start;
    }

    /** What counting tokens achieves on the same text, for comparison; reads the text. */
    public NGramEntropy entropy() {
        return NGramEntropy.of(corpus.training(), corpus.validation(), corpus.tokenizer());
    }

    /**
     * How a run ended.
     *
     * @param reason all steps are done, or it was asked to stop
     * @param last the last step that was made here; empty if there was none
     * @param evalLoss the last validation loss in nats per token, if there was one
     * @param evalTokens validation tokens it is the mean of
     * @param warning what is wrong and what to do, if the loss is above that of the untrained model
     */
    public record Result(StopReason reason, Optional<StepStats> last, OptionalDouble evalLoss, long evalTokens,
            Optional<String> warning) {}

    /**
     * Trains to the end, or until a stop is requested; both write a checkpoint, the end writes the model as well. Call once.
     *
     * @param listeners hear of every step
     * @throws NonFiniteLossException if training diverged; the last checkpoint stays
     * @throws IOException if a file cannot be written; the last checkpoint stays
     */
    public Result train(List<? extends StepListener> listeners) throws IOException {
        Last last = new Last();
        Divergence divergence;
        StopReason reason;
        try (MetricsFile metrics = MetricsFile.open(directory.metrics(), start.step())) {
            divergence = new Divergence(config, metrics.firstLoss());
            List<StepListener> all = new ArrayList<>(List.of(metrics, last, divergence));
            all.addAll(listeners);
            loop = workspace.loop(checkpoints, all);
            if (stopRequested) {
                loop.requestStop();
            }
            reason = loop.run(start);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        } finally {
            plot();
        }
        if (reason == StopReason.FINISHED) {
            saveModel();
        }
        long sequences = config.intervals().evalSequences();
        return new Result(reason, Optional.ofNullable(last.stats), last.evalLoss, sequences * config.model().seqLen(),
                divergence.warning());
    }

    /** Lets the present step finish; {@link #train} then writes a checkpoint and returns. Any thread may call it. */
    public void requestStop() {
        stopRequested = true;
        if (loop != null) {
            loop.requestStop();
        }
    }

    private void saveModel() throws IOException {
        AtomicFiles.replaceDirectory(directory.model(), files -> {
            try (Optimizer.Evaluation _ = workspace.optimizer().evaluation()) {
                ModelDirectory.save(workspace.model(), files);
            }
            corpus.tokenizer().save(files);
        });
    }

    /** A run is worth more than its plot: without fonts, for example, there is none. */
    private void plot() {
        try {
            if (Files.exists(directory.metrics())) {
                LossPlot.write(directory.plot(), MetricsFile.read(directory.metrics()), title());
            }
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "no plot: " + e.getMessage());
        }
    }

    private String title() {
        Path name = directory.root().toAbsolutePath().normalize().getFileName();
        return "Training of %s: %,d parameters, %s".formatted(name, config.model().parameterCount(),
                config.update().optimizer().name().toLowerCase(Locale.ROOT));
    }

    private static String codeVersion() {
        return Optional.ofNullable(TrainingRun.class.getModule().getDescriptor())
                .flatMap(ModuleDescriptor::rawVersion).orElse("unknown");
    }

    /** Frees memory, threads and the directory. */
    @Override
    public void close() {
        workspace.close();
        backend.close();
        lock.close();
    }

    /** Remembers what happened last. */
    private static final class Last implements StepListener {
        private StepStats stats;
        private OptionalDouble evalLoss = OptionalDouble.empty();

        @Override
        public void onStep(StepStats now) {
            stats = now;
            evalLoss = now.evalLoss().isPresent() ? now.evalLoss() : evalLoss;
        }
    }
}
