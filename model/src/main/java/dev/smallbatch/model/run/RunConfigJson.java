package dev.smallbatch.model.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.smallbatch.core.io.AtomicFiles;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.gpt.GptConfigJson;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.train.Accumulation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** {@code config.json} of a run: a {@link RunConfig} as JSON. */
final class RunConfigJson {
    private static final int FORMAT = 1;
    private static final JsonMapper JSON = JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    private final Path file;

    private RunConfigJson(Path file) {
        this.file = file;
    }

    static void write(RunConfig config, Path file) throws IOException {
        ObjectNode node = identity(config);
        node.set("intervals", intervals(config.intervals()));
        node.put("recompute", config.recompute());
        ObjectNode text = (ObjectNode) node.get("text");
        config.text().paths().forEach(text.putArray("paths")::add);
        text.put("glob", config.text().glob());
        AtomicFiles.writeText(file, JSON.writerWithDefaultPrettyPrinter().writeValueAsString(node) + "\n");
    }

    /** Everything that decides the weights of every step: what must be the same for a run to go on. */
    static ObjectNode identity(RunConfig config) {
        ObjectNode node = JSON.createObjectNode().put("format", FORMAT);
        node.set("model", GptConfigJson.write(config.model()));
        node.put("dtype", lowerCase(config.weights().dtype()));
        if (config.weights().dtype() == DType.BF16) {
            node.put("rounding", lowerCase(config.weights().rounding()));
        }
        RunConfig.Text text = config.text();
        node.putObject("text")
                .put("validation_fraction", text.validationFraction())
                .put("tokenizer", text.tokenizer())
                .put("tokenizer_fingerprint", text.tokenizerFingerprint())
                .put("training_tokens", text.trainingTokens())
                .put("validation_tokens", text.validationTokens());
        node.put("batch_size", config.batchSize()).put("steps", config.steps()).put("seed", config.seed());
        node.set("update", update(config.update()));
        Accumulation accumulation = config.accumulation();
        if (accumulation.microBatches() > 1) {
            node.putObject("accumulation")
                    .put("micro_batches", accumulation.microBatches())
                    .put("by", lowerCase(accumulation.weighting()));
        }
        if (config.growth() != null) {
            RunConfig.Growth growth = config.growth();
            node.putObject("growth").put("test", growth.test()).put("interval", growth.interval()).put("max", growth.max())
                    .put("lr_scaling", growth.lrScaling());
        }
        return node;
    }

    private static ObjectNode update(RunConfig.Update update) {
        ObjectNode node = JSON.createObjectNode().put("optimizer", update.optimizer().option()).put("lr", update.lr());
        if (update.optimizer().hasBeta1()) {
            node.put("beta1", update.beta1());
        }
        switch (update.beta2()) {
            case null -> { }
            case Decay.PerStep(double beta) -> node.put("beta2", beta);
            case Decay.HalfLife(double tokens) -> node.put("beta2_half_life", tokens);
        }
        for (Setting setting : update.optimizer().settings()) {
            String value = update.settings().values().get(setting.name());
            if (value != null && setting.range() == Setting.Range.WORD) {
                node.put(key(update.optimizer(), setting), value);
            } else if (value != null) {
                node.put(key(update.optimizer(), setting), Double.parseDouble(value));
            }
        }
        if (update.settings().values().containsKey(OptimizerKind.EMA.name())) {
            node.put(OptimizerKind.EMA.name(), update.settings().number(OptimizerKind.EMA.name()));
        }
        return node.put("weight_decay", update.weightDecay())
                .put("clip_norm", update.clipNorm())
                .put("schedule", lowerCase(update.schedule()))
                .put("warmup_frac", update.warmupFraction());
    }

    /** For example {@code muon_beta}. */
    private static String key(OptimizerKind optimizer, Setting setting) {
        return (optimizer.option() + "_" + setting.name()).replace('-', '_');
    }

    private static ObjectNode intervals(RunConfig.Intervals intervals) {
        return JSON.createObjectNode()
                .put("log_every", intervals.log())
                .put("eval_every", intervals.eval())
                .put("eval_sequences", intervals.evalSequences())
                .put("checkpoint_every", intervals.checkpoint());
    }

    /**
     * Reads what {@link #write} made.
     *
     * @throws IOException if there is no such file, or it is damaged or of a newer format
     */
    static RunConfig read(Path file) throws IOException {
        return new RunConfigJson(file).read();
    }

    private RunConfig read() throws IOException {
        JsonNode node;
        try {
            node = JSON.readTree(Files.readString(file));
        } catch (NoSuchFileException e) {
            throw new IOException(file + ": there is no such file; is " + file.getParent() + " the directory of a run?", e);
        } catch (JsonProcessingException e) {
            throw damaged("not JSON: " + e.getOriginalMessage());
        }
        if (node.path("format").asInt() > FORMAT) {
            throw new IOException(file + ": format " + node.path("format") + ", this build reads 1.." + FORMAT
                    + "; use a newer build");
        }
        try {
            return new RunConfig(GptConfigJson.read(required(node, "model"), file.toString()), readWeights(node),
                    readText(required(node, "text")),
                    required(node, "batch_size").asInt(), required(node, "steps").asLong(), readUpdate(required(node, "update")),
                    required(node, "seed").asLong(), readIntervals(required(node, "intervals")),
                    node.path("recompute").asBoolean(), readAccumulation(node), readGrowth(node.get("growth")));
        } catch (IllegalArgumentException e) {
            throw damaged(e.getMessage());
        }
    }

    private RunConfig.Weights readWeights(JsonNode node) throws IOException {
        return new RunConfig.Weights(constant(DType.class, required(node, "dtype")),
                node.has("rounding") ? constant(Rounding.class, node.get("rounding")) : Rounding.STOCHASTIC);
    }

    private RunConfig.Text readText(JsonNode node) throws IOException {
        List<String> paths = new ArrayList<>();
        required(node, "paths").forEach(path -> paths.add(path.asText()));
        return new RunConfig.Text(List.copyOf(paths), node.path("glob").textValue(),
                required(node, "validation_fraction").asDouble(),
                required(node, "tokenizer").asText(), required(node, "tokenizer_fingerprint").asText(),
                required(node, "training_tokens").asLong(), required(node, "validation_tokens").asLong());
    }

    private RunConfig.Update readUpdate(JsonNode node) throws IOException {
        OptimizerKind optimizer = constant(OptimizerKind.class, required(node, "optimizer"));
        Decay beta2 = node.has("beta2") ? new Decay.PerStep(node.get("beta2").asDouble())
                : node.has("beta2_half_life") ? new Decay.HalfLife(node.get("beta2_half_life").asDouble()) : null;
        if (optimizer.needsBeta2() && beta2 == null) {
            throw damaged("beta2 is missing");
        }
        Map<String, String> settings = new HashMap<>();
        for (Setting setting : optimizer.settings()) {
            if (node.has(key(optimizer, setting))) {
                settings.put(setting.name(), node.get(key(optimizer, setting)).asText());
            }
        }
        if (node.has(OptimizerKind.EMA.name())) {
            settings.put(OptimizerKind.EMA.name(), node.get(OptimizerKind.EMA.name()).asText());
        }
        return new RunConfig.Update(optimizer, required(node, "lr").asDouble(),
                optimizer.hasBeta1() ? required(node, "beta1").asDouble() : 0, beta2,
                optimizer.settings(settings, beta2 != null), required(node, "weight_decay").asDouble(),
                node.path("clip_norm").isNumber() ? node.get("clip_norm").asDouble() : null,
                constant(ScheduleKind.class, required(node, "schedule")), required(node, "warmup_frac").asDouble());
    }

    private Accumulation readAccumulation(JsonNode node) throws IOException {
        if (!node.has("accumulation")) {
            return Accumulation.none();
        }
        JsonNode accumulation = node.get("accumulation");
        return new Accumulation(required(accumulation, "micro_batches").asInt(),
                constant(Accumulation.Weighting.class, required(accumulation, "by")));
    }

    private RunConfig.Growth readGrowth(JsonNode node) throws IOException {
        return node == null ? null : new RunConfig.Growth(required(node, "test").asText(), required(node, "interval").asLong(),
                required(node, "max").asInt(), required(node, "lr_scaling").asText());
    }

    private RunConfig.Intervals readIntervals(JsonNode node) throws IOException {
        return new RunConfig.Intervals(required(node, "log_every").asLong(), required(node, "eval_every").asLong(),
                required(node, "eval_sequences").asLong(), required(node, "checkpoint_every").asLong());
    }

    private JsonNode required(JsonNode node, String key) throws IOException {
        JsonNode value = node.get(key);
        if (value == null || value.isNull()) {
            throw damaged(key + " is missing");
        }
        return value;
    }

    private <E extends Enum<E>> E constant(Class<E> type, JsonNode value) throws IOException {
        try {
            return Enum.valueOf(type, Names.constant(value.asText()));
        } catch (IllegalArgumentException e) {
            throw damaged(value + " is none of its values");
        }
    }

    private IOException damaged(String problem) {
        return new IOException(file + ": damaged: " + problem + "; restore the file, or start a new run in another directory");
    }

    static String lowerCase(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }
}
