package dev.smallbatch.model.cli;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.model.data.Corpus;
import dev.smallbatch.model.run.TextLoss;
import dev.smallbatch.model.run.TrainedModel;
import dev.smallbatch.model.run.UsageException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code eval}: how well a model predicts a text. */
@Command(name = "eval", sortOptions = false, mixinStandardHelpOptions = true,
        description = "Says how well a trained model predicts a text.",
        footer = {"", "Example:", "  smallbatch eval --model run --data unseen.txt"})
final class EvalCommand implements Callable<Integer> {
    private final Console console;

    @Option(names = "--model", required = true, paramLabel = "DIR", description = "A run, its model or its checkpoint.")
    private Path model;

    @Option(names = "--data", required = true, arity = "1..*", paramLabel = "PATH",
            description = "Text, UTF-8: files, directories, archives.")
    private List<Path> data;

    @Option(names = "--glob", paramLabel = "GLOB", description = "Which files of directories and archives (default: all text).")
    private String glob;

    @Mixin
    private final BackendOptionGroup backends = new BackendOptionGroup();

    EvalCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() throws IOException {
        Corpus corpus = corpus();
        try (Backend backend = backends.open();
                TrainedModel trained = TrainedModel.load(model, backend);
                Progress progress = new Progress(console)) {
            TextLoss loss = trained.evaluate(corpus, done -> progress.report("evaluate", done, corpus.bytes()));
            progress.end();
            console.row("model", trained.origin());
            console.row("text", "%,d tokens, %,d bytes", loss.tokens(), loss.bytes());
            console.row("loss", "%.4f nats per token", loss.perToken());
            console.row("per byte", "%.4f bits", loss.bitsPerByte());
            console.row("perplexity", "%.2f", loss.perplexity());
            return 0;
        }
    }

    private Corpus corpus() throws IOException {
        try {
            return Corpus.of(data, glob);
        } catch (IllegalArgumentException e) {
            throw new UsageException("eval: " + e.getMessage());
        }
    }
}
