package dev.smallbatch.model.run;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.optim.batch.BatchTest;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.batch.Hyperparameters;
import dev.smallbatch.optim.batch.LearningRateScaling;
import dev.smallbatch.optim.batch.RunLength;
import dev.smallbatch.optim.batch.Throughput;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.SequencedMap;
import java.util.stream.Collectors;

/** Says why a {@link Recipe} is as it is. */
final class RecipeReasons {
    private static final String GIVEN = ", as asked for";

    private final RecipeRequest request;
    private final Recipe recipe;
    private final MemoryPlan memory;
    private final MemoryPlan.Choice choice;
    private final Hyperparameters tuned;

    RecipeReasons(RecipeRequest request, Recipe recipe) {
        this.request = request;
        this.recipe = recipe;
        this.memory = recipe.memory();
        this.choice = recipe.choice();
        this.tuned = recipe.hyperparameters();
    }

    SequencedMap<String, String> all() {
        SequencedMap<String, String> lines = new LinkedHashMap<>();
        lines.put("optimizer", optimizer());
        lines.put("weights", weights());
        lines.put("activations", activations());
        lines.put("batch size", batchSize());
        lines.put("accumulation", accumulation());
        lines.put("learning rate", learningRate());
        if (tuned.beta2HalfLife() > 0) {
            lines.put("half-life", halfLife());
        }
        lines.put("weight decay", tuned.weightDecay() == 0 ? "none, as in the published runs in small batches"
                : digits(tuned.weightDecay(), 2) + ", the usual of " + choice.optimizer().option());
        lines.put("length", length());
        lines.put("memory", text("%s with the JVM, %.2f bytes for each parameter in the optimizer%s", bytes(memory.resident()),
                memory.statePerParameter(),
                request.memoryBytes == null ? "" : "; of " + bytes(request.memoryBytes) + " a tenth stays free"));
        return lines;
    }

    private String optimizer() {
        String name = choice.optimizer().option();
        if (request.optimizer != null) {
            return name + GIVEN;
        }
        return name + switch (choice.optimizer()) {
            case ADAMW -> ": it fits, and needs the least tuning";
            case ADAFACTOR -> tooLarge() + "; it learns as much in small batches, with hardly any state";
            case SGD -> tooLarge() + "; without any state, and at batch size 1 not far behind";
            default -> tooLarge();
        };
    }

    /** What was better but does not fit. */
    private String tooLarge() {
        return recipe.rejected().isEmpty() ? "" : ": " + recipe.rejected().stream().map(plan ->
                label(plan.choice()) + " would take " + bytes(plan.resident())).collect(Collectors.joining(", "));
    }

    private String weights() {
        String given = request.dtype == null ? "" : GIVEN;
        return choice.dtype() == DType.F32 ? "f32" + given
                : "bf16" + given + ", rounded stochastically: nearest rounding would lose the small updates of small batches";
    }

    private String activations() {
        String step = bytes(memory.memory().step());
        String given = request.recompute == null ? "" : GIVEN;
        return choice.recompute() ? text("computed again in backward%s: %s, for a third more computing", given, step)
                : text("kept%s: %s", given, step);
    }

    private String batchSize() {
        if (request.growth != null) {
            return text("%d to %d x %,d tokens%s, growing by the test %s; one sequence goes through the model at a time, so that"
                    + " the largest batch takes %s", choice.batchSize(), request.growth.max(), choice.model().seqLen(), GIVEN,
                    request.growth.test(), BatchTest.of(request.growth.test()).needsSamples()
                            ? bytes(4 * request.growth.max() * choice.model().parameterCount()) + " more, for the test"
                            : "no more memory than the smallest");
        }
        String size = text("%d x %,d = %,d tokens", choice.batchSize(), choice.model().seqLen(), tuned.tokensPerStep());
        if (request.batchSize != null) {
            return size + GIVEN;
        }
        if (request.throughput.isEmpty()) {
            return size + ": the smallest learns most from a token; whether it keeps the machine busy was not measured";
        }
        return size + ": the smallest of " + request.throughput.stream().map(t -> Integer.toString(t.batchSize()))
                .collect(Collectors.joining(", ")) + text(" with at least %.0f %% of the highest throughput; a larger one learns"
                + " no more from a token", 100 * Throughput.ENOUGH);
    }

    private String accumulation() {
        if (request.growth != null) {
            return text("of the sequences of a batch, which keeps %s of gradients", bytes(memory.memory().gradients()));
        }
        if (choice.microBatches() > 1) {
            return text("%d parts%s: it keeps %s of gradients, and every part could be an update of its own",
                    choice.microBatches(), GIVEN, bytes(memory.memory().gradients()));
        }
        return text("none: on one device it would keep %s of gradients and learn no more",
                bytes(4 * choice.model().parameterCount()));
    }

    private String learningRate() {
        return digits(tuned.peakLearningRate(), 2) + " at the peak: by optimizer and width, and by (batch size)^"
                + LearningRateScaling.OBSERVED.exponent() + "; in small batches a factor of 2 either way matters little";
    }

    private String halfLife() {
        boolean shortest = tuned.beta2HalfLife() == Decay.HalfLife.ofSecondMoment(1, tuned.tokensPerStep()).tokens();
        boolean longRun = tuned.beta2HalfLife() == Decay.HalfLife.ofSecondMoment(Long.MAX_VALUE, 1).tokens();
        return text("%,.0f tokens (%s) at every batch size, here beta2 %s; beta1 stays %s", tuned.beta2HalfLife(),
                shortest ? "14 updates, the least that is usual" : longRun ? "the usual for long runs" : "a 50th of a short run",
                digits(tuned.beta2().perStep(tuned.tokensPerStep()), 8), digits(tuned.beta1().perStep(tuned.tokensPerStep()), 3));
    }

    private String length() {
        long active = choice.model().activeParameterCount();
        String budget = request.tokens == null
                ? text("%d for each of %,d active parameters", RunLength.TOKENS_PER_ACTIVE_PARAMETER, active)
                : text("%.1f for each active parameter", (double) tuned.tokens() / active);
        return text("%s%,d steps for %,d tokens (%s), warm-up in the first %,d", request.growth == null ? "" : "at most ",
                tuned.steps(), tuned.tokens(), budget, tuned.warmupSteps());
    }

    /** For example {@code adamw, bf16, --recompute}. */
    static String label(MemoryPlan.Choice choice) {
        return choice.optimizer().option() + " " + lowerCase(choice.dtype()) + (choice.recompute() ? " --recompute" : "");
    }

    private static String lowerCase(Enum<?> constant) {
        return RunConfigJson.lowerCase(constant);
    }

    static String bytes(long bytes) {
        return bytes < 1L << 30 ? text("%.0f MiB", bytes / 1048576.0) : text("%.1f GiB", bytes / 1048576.0 / 1024);
    }

    /** So many significant digits, without zeros at the end. */
    private static String digits(double value, int count) {
        return new BigDecimal(value).round(new MathContext(count)).stripTrailingZeros().toPlainString();
    }

    private static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
