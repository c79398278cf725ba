package dev.smallbatch.model.run;

import dev.smallbatch.core.io.AtomicFiles;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.model.data.Corpus;
import dev.smallbatch.model.generate.Generator;
import dev.smallbatch.model.generate.Sampler;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.model.gpt.GptConfigJson;
import dev.smallbatch.model.gpt.ModelDirectory;
import dev.smallbatch.model.tokenizer.StreamingDecoder;
import dev.smallbatch.model.tokenizer.Tokenizer;
import dev.smallbatch.optim.checkpoint.CheckpointStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/**
 * A model with its vocabulary, ready to write and to judge text.
 *
 * <pre>{@code
 * try (Backend backend = Backends.open("auto", BackendOptions.defaults());
 *         TrainedModel model = TrainedModel.load(Path.of("run/model"), backend)) {
 *     String text = model.generate("To be", 200, new Sampler(0.8, 40, 1, 42), part -> { });
 * }
 * }</pre>
 *
 * Owns its weights until closed; the backend is the caller's. One thread.
 */
public final class TrainedModel implements AutoCloseable {
    private final Gpt model;
    private final Tokenizer tokenizer;
    private final Backend backend;
    private final Region parameters;
    private final String origin;

    private TrainedModel(Gpt model, Tokenizer tokenizer, Backend backend, Region parameters, String origin) {
        this.model = model;
        this.tokenizer = tokenizer;
        this.backend = backend;
        this.parameters = parameters;
        this.origin = origin;
    }

    /**
     * Loads the model of a run, its last checkpoint if it has not ended yet, or any directory with {@code config.json},
     * {@code model.safetensors} and a vocabulary.
     *
     * @param path a run, its model or its checkpoint
     * @throws IOException if there is none of these, or a file is damaged
     */
    public static TrainedModel load(Path path, Backend backend) throws IOException {
        RunDirectory run = new RunDirectory(path);
        if (isModel(run.model())) {
            return loadModel(run.model(), backend);
        }
        if (isCheckpoint(run.checkpoint())) {
            return loadCheckpoint(run.checkpoint(), path, backend);
        }
        if (isCheckpoint(path)) {
            return loadCheckpoint(path, path.toAbsolutePath().getParent(), backend);
        }
        if (!isModel(path)) {
            throw new IOException(path + ": " + (Files.exists(path) ? "holds no model" : "there is no such directory")
                    + "; give the directory of a run, or its model directory");
        }
        return loadModel(path, backend);
    }

    private static boolean isModel(Path path) {
        return Files.exists(located(path).resolve(ModelDirectory.WEIGHTS))
                && Files.exists(located(path).resolve(ModelDirectory.CONFIG));
    }

    private static boolean isCheckpoint(Path path) {
        return Files.exists(located(path).resolve(CheckpointStore.STATE));
    }

    private static Path located(Path path) {
        try {
            return AtomicFiles.locate(path);
        } catch (IOException none) {
            return path;
        }
    }

    private static TrainedModel loadModel(Path directory, Backend backend) throws IOException {
        return load(located(directory).resolve(ModelDirectory.WEIGHTS), ModelDirectory.config(directory), located(directory),
                directory.toString(), backend);
    }

    private static TrainedModel loadCheckpoint(Path checkpoint, Path run, Backend backend) throws IOException {
        var state = CheckpointStore.read(checkpoint);
        GptConfig config = GptConfigJson.read(state.run().config().path("model"), checkpoint + " config");
        return load(located(checkpoint).resolve(ModelDirectory.WEIGHTS), config, run, checkpoint + " of step " + state.step(),
                backend);
    }

    private static TrainedModel load(Path weights, GptConfig config, Path vocabulary, String origin,
            Backend backend) throws IOException {
        Tokenizer tokenizer = Tokenizer.load(vocabulary);
        if (tokenizer.vocabularySize() != config.vocabularySize()) {
            throw new IOException(vocabulary + ": the vocabulary has " + tokenizer.vocabularySize() + " tokens, the model "
                    + config.vocabularySize() + "; they do not belong together");
        }
        DType dtype = ModelDirectory.dtype(weights);
        Region parameters = Region.create("parameters", Gpt.parameterBytes(config, dtype));
        try {
            return new TrainedModel(ModelDirectory.load(weights, config, parameters, dtype), tokenizer, backend, parameters,
                    origin);
        } catch (IOException | RuntimeException e) {
            parameters.close();
            throw e;
        }
    }

    /** The architecture. */
    public GptConfig config() {
        return model.config();
    }

    /** The network itself. */
    public Gpt gpt() {
        return model;
    }

    /** The vocabulary. */
    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /** Where it was loaded from, for logs. */
    public String origin() {
        return origin;
    }

    /**
     * Continues a text, up to a number of tokens or the end of the document.
     *
     * @param prompt may be empty: then a document begins
     * @param maxTokens most new tokens
     * @param sampler chooses them
     * @param onText told each part of the new text as soon as it is complete
     * @return the new text alone
     */
    public String generate(String prompt, int maxTokens, Sampler sampler, Consumer<String> onText) {
        int[] ids = prompt.isEmpty() ? new int[] {tokenizer.documentSeparator()} : tokenizer.encode(prompt);
        int end = tokenizer.documentSeparator();
        StringBuilder text = new StringBuilder();
        Consumer<String> both = part -> {
            text.append(part);
            onText.accept(part);
        };
        StreamingDecoder decoder = new StreamingDecoder(tokenizer);
        try (Generator generator = new Generator(model, backend.kernels())) {
            generator.generate(ids, maxTokens, sampler, id -> {
                if (id == end) {
                    return false;
                }
                both.accept(decoder.push(id));
                return true;
            });
        }
        both.accept(decoder.finish());
        return text.toString();
    }

    /**
     * How well the model predicts texts.
     *
     * @param bytesDone told now and then how far it is, of {@link Corpus#bytes}
     * @throws IOException if they cannot be read or are shorter than two tokens
     */
    public TextLoss evaluate(Corpus corpus, LongConsumer bytesDone) throws IOException {
        return new TextEvaluation(model, tokenizer, backend.kernels()).evaluate(corpus, bytesDone);
    }

    /** Frees the weights. */
    @Override
    public void close() {
        parameters.close();
    }
}
