package dev.smallbatch.bench.peers;

import dev.smallbatch.core.io.JsonWriter;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.rule.AdamW;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.rule.UpdateRule;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.optim.train.Batch;
import dev.smallbatch.optim.train.StepMemory;
import dev.smallbatch.optim.train.TrainStep;
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

    private final GptConfig config;
    private final Batch batch;
    private final TrainStep trainStep;
    private final RandomKey tokens = RandomKey.of(1).fork("tokens");
    private long step;
    private double loss;
    private Instant firstStepEnd;

    private StepPeer(GptConfig config, Batch batch, TrainStep trainStep) {
        this.config = config;
        this.batch = batch;
        this.trainStep = trainStep;
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
        List<ParameterGroup> groups = List.of(ParameterGroup.all(rule(a.text("opt"))));
        int sequences = a.integer("batch");
        StepMemory memory = StepMemory.plan(Gpt.planned(config), groups, Clipping.none(), sequences, config.seqLen(), 1);
        try (Backend backend = Backends.open(a.text("backend"), new BackendOptions(a.integer("threads")));
                Region parameters = Region.create("parameters", Gpt.parameterBytes(config));
                Region state = Region.create("optimizer", memory.optimizer());
                Region activations = Region.create("step", memory.step());
                Region data = Region.create("data", memory.data())) {
            Gpt gpt = Gpt.initialized(config, parameters, 1);
            Optimizer optimizer = new Optimizer(groups, Clipping.none(), gpt.parameters(), backend.kernels(), state);
            TrainStep trainStep = new TrainStep(gpt, optimizer, backend.kernels(), activations, 1);
            StepPeer peer = new StepPeer(config, Batch.allocate(data, sequences, config.seqLen()), trainStep);
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("peer", "smallbatch");
            line.put("item", "step");
            line.put("backend", backend.info().toString());
            line.put("threads", backend.info().threads());
            line.put("opt", a.text("opt"));
            peer.time(a, line);
            return line;
        }
    }

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
        line.put("warmup_steps", Timings.repeat(warmup, this::fill, this::train).count());
        line.put("warmup_s", 1e-9 * (System.nanoTime() - begin));
        Timings.AtLeast timed = new Timings.AtLeast(a.integer("steps"), a.number("seconds"));
        Timings times = Timings.repeat(timed, this::fill, this::train);
        OptionalDouble peak = PeakMemory.mebibytes();

        line.put("params", config.parameterCount());
        line.put("steps", times.count());
        line.put("tokens_per_s_median", batch.tokenCount() / times.median());
        line.put("tokens_per_s_best", batch.tokenCount() / times.best());
        line.put("ms_per_step_median", 1e3 * times.median());
        line.put("ms_per_step_best", 1e3 * times.best());
        line.put("peak_rss_mib", peak.isPresent() ? peak.getAsDouble() : null);
        line.put("loss", loss);
        line.put("first_step_epoch_s", firstStepEnd.getEpochSecond() + 1e-9 * firstStepEnd.getNano());
    }

    private void fill() {
        batch.fill(this::draw, step);
    }

    private void draw(long step, int[] inputs, int[] targets) {
        RandomKey key = tokens.at(step);
        int length = config.seqLen();
        for (int i = 0; i < inputs.length; i++) {
            inputs[i] = token(key, i);
            targets[i] = i % length == length - 1 ? token(key, inputs.length + i) : token(key, i + 1);
        }
    }

    private int token(RandomKey key, int index) {
        return (int) (key.uniform(index) * config.vocabularySize());
    }

    private void train() {
        loss = trainStep.run(batch, step++, false).loss();
        if (firstStepEnd == null) {
            firstStepEnd = Instant.now();
        }
    }
}
