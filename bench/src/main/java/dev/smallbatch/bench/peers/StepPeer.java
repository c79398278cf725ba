package dev.smallbatch.bench.peers;

import dev.smallbatch.bench.measure.Arguments;
import dev.smallbatch.bench.measure.PreparedStep;
import dev.smallbatch.bench.measure.Timings;
import dev.smallbatch.core.io.JsonWriter;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.rule.AdamW;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.rule.UpdateRule;
import dev.smallbatch.optim.schedule.Constant;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * Times a training step of the small-batch paper's decoder on random tokens, as {@code torch_step.py} does. Prints one line of
 * JSON: tokens/s, ms per step, peak resident memory of the process, the last loss, and when the first step was done.
 */
public final class StepPeer {
    private static final Map<String, String> DEFAULTS = Map.ofEntries(
            Map.entry("dim", "384"), Map.entry("layers", "6"), Map.entry("heads", "3"), Map.entry("seq", "512"),
            Map.entry("vocab", "50257"), Map.entry("batch", "1"), Map.entry("opt", "adamw"), Map.entry("threads", "2"),
            Map.entry("backend", "vector"), Map.entry("warmup-steps", "10"), Map.entry("warmup-seconds", "5"),
            Map.entry("steps", "10"), Map.entry("seconds", "10"));

    private final PreparedStep step;
    private double loss;
    private Instant firstStepEnd;

    private StepPeer(PreparedStep step) {
        this.step = step;
    }

    /**
     * {@code --dim --layers --heads --seq --vocab --batch --opt sgd|adamw --threads --backend}, and how long: at least
     * {@code --warmup-steps} and {@code --warmup-seconds}, then timed at least {@code --steps} and {@code --seconds}.
     */
    public static void main(String[] arguments) {
        System.out.println(JsonWriter.write(measure(arguments)));
    }

    static Map<String, Object> measure(String... arguments) {
        Arguments a = Arguments.parse(DEFAULTS, arguments);
        GptConfig config = GptConfig.paper(
                a.integer("layers"), a.integer("dim"), a.integer("heads"), a.integer("seq"), a.integer("vocab"));
        PreparedStep.Setup setup = new PreparedStep.Setup(config, List.of(ParameterGroup.all(rule(a.text("opt")))),
                a.integer("batch"), DType.F32, false);
        try (Backend backend = Backends.open(a.text("backend"), new BackendOptions(a.integer("threads")));
                PreparedStep step = new PreparedStep(setup, backend.kernels())) {
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("peer", "smallbatch");
            line.put("item", "step");
            line.put("backend", backend.info().toString());
            line.put("threads", backend.info().threads());
            line.put("opt", a.text("opt"));
            line.put("params", config.parameterCount());
            new StepPeer(step).time(a, line);
            return line;
        }
    }

    /** With the settings of {@code torch_step.py}. */
    private static UpdateRule rule(String name) {
        return switch (name) {
            case "sgd" -> new Sgd(new Constant(1e-3));
            case "adamw" -> new AdamW(new Constant(1e-4), new Decay.PerStep(0.9), new Decay.PerStep(0.999), 1e-8, 0.01);
            default -> throw new IllegalArgumentException("step: no optimizer '" + name + "'; there are sgd and adamw");
        };
    }

    private void time(Arguments a, Map<String, Object> line) {
        long begin = System.nanoTime();
        Timings.AtLeast warmup = new Timings.AtLeast(a.integer("warmup-steps"), a.number("warmup-seconds"));
        line.put("warmup_steps", Timings.repeat(warmup, step::draw, this::train).count());
        line.put("warmup_s", 1e-9 * (System.nanoTime() - begin));
        Timings.AtLeast timed = new Timings.AtLeast(a.integer("steps"), a.number("seconds"));
        Timings times = Timings.repeat(timed, step::draw, this::train);
        OptionalDouble peak = PeakMemory.mebibytes();

        line.put("steps", times.count());
        line.put("tokens_per_s_median", step.tokens() / times.median());
        line.put("tokens_per_s_best", step.tokens() / times.best());
        line.put("ms_per_step_median", 1e3 * times.median());
        line.put("ms_per_step_best", 1e3 * times.best());
        line.put("peak_rss_mib", peak.isPresent() ? peak.getAsDouble() : null);
        line.put("loss", loss);
        line.put("first_step_epoch_s", firstStepEnd.getEpochSecond() + 1e-9 * firstStepEnd.getNano());
    }

    private void train() {
        loss = step.train();
        if (firstStepEnd == null) {
            firstStepEnd = Instant.now();
        }
    }
}
