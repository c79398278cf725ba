package dev.smallbatch.model.cli;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.model.generate.Sampler;
import dev.smallbatch.model.run.TrainedModel;
import dev.smallbatch.model.run.UsageException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code generate}: continues a text. */
@Command(name = "generate", sortOptions = false, mixinStandardHelpOptions = true,
        description = "Continues a text with a trained model. Standard output gets the prompt and what follows, nothing else.",
        footer = {"", "Example:", "  smallbatch generate --model run --prompt 'Once upon a time' --max-tokens 300 --stream"})
final class GenerateCommand implements Callable<Integer> {
    private final Console console;

    @Option(names = "--model", required = true, paramLabel = "DIR", description = "A run, its model or its checkpoint.")
    private Path model;

    @Option(names = "--prompt", paramLabel = "TEXT", defaultValue = "",
            description = "What to continue (default: the beginning of a text).")
    private String prompt;

    @Option(names = "--max-tokens", paramLabel = "N", defaultValue = "200",
            description = "Most new tokens (default: ${DEFAULT-VALUE}).")
    private int maxTokens;

    @Option(names = "--temperature", paramLabel = "T", defaultValue = "0.8",
            description = "0: always the most likely token; 1: as the model says (default: ${DEFAULT-VALUE}).")
    private double temperature;

    @Option(names = "--top-k", paramLabel = "K", defaultValue = "40",
            description = "Of the K most likely tokens, 0 for all (default: ${DEFAULT-VALUE}).")
    private int topK;

    @Option(names = "--top-p", paramLabel = "P", defaultValue = "1",
            description = "Of the most likely that hold probability P together (default: ${DEFAULT-VALUE}).")
    private double topP;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "0",
            description = "Another seed, another text (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--stream", description = "Print each part as soon as it is there.")
    private boolean stream;

    @Mixin
    private final BackendOptionGroup backends = new BackendOptionGroup();

    GenerateCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() throws IOException {
        Sampler sampler = sampler();
        try (Backend backend = backends.open(); TrainedModel trained = TrainedModel.load(model, backend)) {
            if (stream) {
                console.out().print(prompt);
                console.out().flush();
            }
            String text = trained.generate(prompt, maxTokens, sampler, part -> {
                if (stream) {
                    console.out().print(part);
                    console.out().flush();
                }
            });
            console.out().println(stream ? "" : prompt + text);
            return 0;
        }
    }

    private Sampler sampler() {
        if (maxTokens < 0) {
            throw new UsageException("generate: --max-tokens " + maxTokens + "; at least 0");
        }
        try {
            return new Sampler(temperature, topK, topP, seed);
        } catch (IllegalArgumentException e) {
            throw new UsageException("generate: " + e.getMessage());
        }
    }
}
