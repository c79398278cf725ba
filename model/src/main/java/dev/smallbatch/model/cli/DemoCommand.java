package dev.smallbatch.model.cli;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.model.generate.Sampler;
import dev.smallbatch.model.run.RunDirectory;
import dev.smallbatch.model.run.TrainedModel;
import dev.smallbatch.model.run.TrainingOptions;
import dev.smallbatch.model.run.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code demo}: a language model of Java from the JDK's own sources, in a given time. */
@Command(name = "demo", sortOptions = false, mixinStandardHelpOptions = true,
        description = "Trains a small model on the Java sources of the JDK that runs this, and writes some Java with it.",
        footer = {"", "Example: half a minute", "  smallbatch demo --seconds 30",
            "Example: on a text of your own", "  smallbatch demo --data book.txt"})
final class DemoCommand implements Callable<Integer> {
    /** The classes of java.lang and java.util themselves: 8 MB of text. */
    private static final String GLOB = "java.base/java/{lang,util}/*.java";
    private static final String PROMPT = "/**\n * Returns ";
    private static final double JAVA_VALIDATION = 0.03;
    private static final int SAMPLE_TOKENS = 200;
    /** In a few minutes, many updates from short sequences teach more than few from long ones. */
    private static final int SEQUENCE = 64;

    private final Console console;

    @Option(names = "--seconds", paramLabel = "N", defaultValue = "120",
            description = "How long to train (default: ${DEFAULT-VALUE}).")
    private double seconds;

    @Option(names = "--data", arity = "1..*", paramLabel = "PATH",
            description = "Other text to learn from: files, directories, archives.")
    private List<Path> data;

    @Option(names = "--out", paramLabel = "DIR",
            description = "Where everything is written (default: demo-run, or the next that is free).")
    private Path out;

    DemoCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() throws IOException {
        if (!(seconds >= 1 && seconds <= 1e9)) {
            throw new UsageException("demo: --seconds " + Format.number(seconds) + "; at least 1");
        }
        TrainingOptions options = TrainingOptions.into(out == null ? TrainingSession.fresh("demo-run") : out)
                .preset("tiny").seqLen(SEQUENCE).seconds(seconds);
        if (data == null) {
            options.data(sources()).glob(GLOB).validationFraction(JAVA_VALIDATION);
        } else {
            options.data(data);
        }
        TrainingSession.Outcome outcome = new TrainingSession(console).run(options);
        if (outcome.exitCode() == 0) {
            sample(outcome.directory());
        }
        return outcome.exitCode();
    }

    private static Path sources() throws IOException {
        Path home = Path.of(System.getProperty("java.home"));
        Path zip = home.resolve("lib").resolve("src.zip");
        if (!Files.isReadable(zip)) {
            throw new IOException("demo: the JDK in " + home + " came without its sources (there is no " + zip
                    + "); install them, on Debian and Ubuntu with the package openjdk-" + Runtime.version().feature()
                    + "-source, or give a text of your own with --data");
        }
        return zip;
    }

    private void sample(RunDirectory run) throws IOException {
        try (Backend backend = Backends.open("auto", BackendOptions.defaults());
                TrainedModel model = TrainedModel.load(run.model(), backend)) {
            String prompt = data == null ? PROMPT : "";
            console.out().println();
            console.row("sample", "");
            console.out().print(prompt);
            model.generate(prompt, SAMPLE_TOKENS, new Sampler(0.8, 40, 1, 0), console.out()::print);
            console.out().println();
        }
    }
}
