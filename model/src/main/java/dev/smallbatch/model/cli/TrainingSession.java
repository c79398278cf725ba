package dev.smallbatch.model.cli;

import dev.smallbatch.model.data.NGramEntropy;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.model.run.RunConfig;
import dev.smallbatch.model.run.RunDirectory;
import dev.smallbatch.model.run.TrainingOptions;
import dev.smallbatch.model.run.TrainingRun;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.train.StepStats;
import dev.smallbatch.optim.train.StopReason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** A training run on the console: what was chosen, how it goes, what came out. */
final class TrainingSession {
    private static final int INTERRUPTED = 130;

    private final Console console;

    TrainingSession(Console console) {
        this.console = console;
    }

    /**
     * What is left when it is over.
     *
     * @param exitCode 0, or 130 if it was interrupted
     * @param directory its files
     */
    record Outcome(int exitCode, RunDirectory directory) {}

    Outcome run(TrainingOptions options) throws IOException {
        Progress progress = new Progress(console);
        try (progress; TrainingRun run = TrainingRun.open(options, progress)) {
            progress.end();
            NGramEntropy entropy = run.entropy();
            describe(run, entropy);
            if (run.start().step() > 0) {
                console.row("goes on", "at " + position(run, run.start().step(), run.start().tokens()));
            }
            StopOnInterrupt stop = new StopOnInterrupt(run, console);
            try {
                boolean grows = run.config().growth() != null;
                progress.begin(grows ? run.start().tokens() : run.start().step(),
                        grows ? run.config().tokens() : run.config().steps(), grows);
                TrainingRun.Result result = run.train(List.of(progress));
                progress.end();
                console.out().println();
                return new Outcome(report(run, result, entropy), run.directory());
            } finally {
                stop.end();
            }
        }
    }

    private void describe(TrainingRun run, NGramEntropy entropy) {
        RunConfig config = run.config();
        RunConfig.Text text = config.text();
        GptConfig model = config.model();
        run.corpus().notes().forEach(note -> console.row("data", note + (run.corpus().reused() ? " (prepared before)" : "")));
        console.row("vocabulary", "%s, %,d tokens, %.2f bytes each", text.tokenizer(), model.vocabularySize(),
                entropy.bytesPerToken());
        console.row("model", "%d layers, dim %d, %d heads, sequences of %,d: %s parameters, %s of them active", model.layers(),
                model.dim(), model.heads(), model.seqLen(), Format.count(model.parameterCount()),
                Format.count(model.activeParameterCount()));
        console.row("update", update(config));
        console.row("schedule", "%s, %s%% warm-up; %s", lowerCase(config.update().schedule()),
                Format.number(100 * config.update().warmupFraction()), batches(config));
        if (config.accumulation().microBatches() > 1 && config.growth() == null) {
            console.row("accumulate", accumulation(run));
        }
        console.row("length", "%s%,d steps, %s tokens: the text %.1f times, %.1f tokens for each active parameter",
                config.growth() == null ? "" : "at most ", config.steps(),
                Format.count(config.tokens()), (double) config.tokens() / text.trainingTokens(),
                (double) config.tokens() / model.activeParameterCount());
        console.row("every", "%s a checkpoint, %s", every(config, config.intervals().checkpoint()), evaluations(config));
        console.row("backend", run.backend().toString());
        if (config.growth() == null) {
            MemoryTable.write(console, run.memory());
        } else {
            MemoryTable.total(console, run.memory());
        }
        run.rejected().forEach(plan -> console.row("too large", "%s would be better, but takes %s with the JVM",
                MemoryTable.label(plan.choice()), Format.bytes(plan.resident())));
        config.hyperparameters().warnings().forEach(warning -> console.row("warning", warning));
        console.row("to beat", "unigrams %.3f, bigrams %.3f nats per validation token (by counting the training text)",
                entropy.unigramCrossEntropy(), entropy.bigramCrossEntropy());
        console.row("files", run.directory().root().toString());
    }

    /** What accumulating costs on this one device, against an update for each part. */
    private static String accumulation(TrainingRun run) {
        RunConfig config = run.config();
        int parts = config.accumulation().microBatches();
        return Format.text("%d micro-batches of %d make an update, each %s counting equally; this keeps %s of gradients, and the"
                + " same tokens in batches of %d would be %,d updates instead of %,d, in less memory", parts,
                config.batchSize() / parts, lowerCase(config.accumulation().weighting()).replace("microbatch", "micro-batch"),
                Format.bytes(run.memory().memory().gradients()), config.batchSize() / parts, parts * config.steps(),
                config.steps());
    }

    /** How far a run is. */
    private static String position(TrainingRun run, long step, long tokens) {
        return run.config().growth() == null ? Format.text("step %,d of %,d", step, run.config().steps())
                : Format.text("step %,d, token %,d of %,d", step, tokens, run.config().tokens());
    }

    private static String batches(RunConfig config) {
        return config.growth() == null ? Format.text("batches of %d x %,d tokens", config.batchSize(), config.model().seqLen())
                : Format.text("batches of %d to %d x %,d tokens, growing by the test %s; lr scaling %s",
                        config.batchSize(), config.growth().max(), config.model().seqLen(), config.growth().test(),
                        config.growth().lrScaling());
    }

    private static String every(RunConfig config, long steps) {
        return config.growth() == null ? Format.text("%,d steps", steps)
                : Format.text("%,d tokens", steps * config.tokensPerStep());
    }

    private static String evaluations(RunConfig config) {
        long sequences = config.intervals().evalSequences();
        return config.intervals().eval() == 0 ? "no evaluation"
                : Format.text("%s an evaluation on %,d of %,d validation tokens",
                every(config, config.intervals().eval()), sequences * config.model().seqLen(), config.text().validationTokens());
    }

    private static String update(RunConfig config) {
        RunConfig.Update update = config.update();
        StringBuilder line = new StringBuilder(update.optimizer().option()).append(", lr ").append(Format.number(update.lr()));
        line.append(update.beta1() == 0 ? "" : ", beta1 " + Format.number(update.beta1()));
        if (update.beta2() != null) {
            double beta2 = update.beta2().perStep(config.tokensPerStep());
            double halfLife = Decay.toHalfLife(beta2, config.tokensPerStep());
            line.append(", beta2 ").append(Format.number(beta2))
                    .append(" (half-life ").append(Format.count(halfLife)).append(" tokens)");
        }
        line.append(update.settings().values().isEmpty() ? "" : ", " + update.settings());
        line.append(update.weightDecay() == 0 ? ", no weight decay" : ", weight decay " + Format.number(update.weightDecay()));
        return line.append(update.clipNorm() == null ? "" : ", gradients clipped to "
                + Format.number(update.clipNorm())).toString();
    }

    private static String lowerCase(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    private int report(TrainingRun run, TrainingRun.Result result, NGramEntropy entropy) {
        String directory = run.directory().root().toString();
        if (result.reason() == StopReason.STOP_REQUESTED) {
            long step = result.last().map(StepStats::step).orElse(run.start().step());
            long tokens = result.last().map(StepStats::tokens).orElse(run.start().tokens());
            console.row("stopped", "after %s; the checkpoint is written", position(run, step, tokens));
            console.row("go on", console.command() + " train --out " + quoted(directory) + " --resume");
            return INTERRUPTED;
        }
        if (result.last().isPresent()) {
            StepStats last = result.last().get();
            double seconds = Math.max(last.elapsedSeconds(), 1e-3);
            long tokens = last.tokens() - run.start().tokens();
            console.row("trained", "%s tokens in %s (%s tokens/s)", Format.count(tokens), Format.time(seconds),
                    Format.count(tokens / seconds));
            if (run.config().growth() != null) {
                console.row("batches", "%,d updates, the last of %,d tokens", last.step(), last.batchTokens());
            }
        } else {
            RunConfig config = run.config();
            console.row("trained", "already: all %,d %s were done before", config.growth() == null ? config.steps()
                    : config.tokens(), config.growth() == null ? "steps" : "tokens");
        }
        if (result.evalLoss().isPresent()) {
            double loss = result.evalLoss().getAsDouble();
            console.row("validation", "loss %.3f nats per token, %.3f bits per byte; unigrams have %.3f, bigrams %.3f nats",
                    loss, entropy.perByte(loss) / Math.log(2), entropy.unigramCrossEntropy(), entropy.bigramCrossEntropy());
        }
        result.warning().ifPresent(warning -> console.row("warning", warning));
        console.row("model", run.directory().model().toString());
        console.row("loss curve", run.directory().plot().toString());
        console.row("try", console.command() + " generate --model " + quoted(directory) + " --prompt \"...\" --stream");
        console.row("", console.command() + " inspect " + quoted(directory));
        return 0;
    }

    /** As a shell takes it. */
    static String quoted(String path) {
        return path.matches("[\\w./~@%+=:,-]+") ? path : "'" + path.replace("'", "'\\''") + "'";
    }

    /** A directory that does not exist yet: {@code name}, {@code name-2}, {@code name-3}, ... */
    static Path fresh(String name) {
        Path path = Path.of(name);
        for (int i = 2; Files.exists(path); i++) {
            path = Path.of(name + "-" + i);
        }
        return path;
    }
}
