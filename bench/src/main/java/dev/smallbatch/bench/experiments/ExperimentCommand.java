package dev.smallbatch.bench.experiments;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.smallbatch.core.io.AtomicFiles;
import dev.smallbatch.model.cli.Console;
import dev.smallbatch.model.run.UsageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code experiment}: repeats an experiment of the small-batch paper and checks its claims. */
@Command(name = "experiment", sortOptions = false, mixinStandardHelpOptions = true,
        description = "Repeats an experiment of the small-batch paper and says which of its claims hold. If it is stopped, the"
                + " same command goes on.",
        footer = {"", "Example: a second", "  smallbatch experiment toy",
            "Example: some minutes on two cores", "  smallbatch experiment beta2-or-half-life"})
public final class ExperimentCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(paramLabel = "NAME", description = "toy, optimizer-by-batch, beta2-or-half-life, sensitivity,"
            + " learning-rate-by-batch, rounding, accumulation, throughput-by-batch, memory, optimizers, optimizer-reference or"
            + " spectrum; at paper"
            + " scale also sensitivity-124m.")
    private String name;

    @Option(names = "--scale", paramLabel = "NAME", defaultValue = "laptop",
            description = "laptop: minutes; paper: the published grid, which needs their hardware (default: ${DEFAULT-VALUE}).")
    private String scale;

    @Option(names = "--out", paramLabel = "DIR", description = "Where results and figures go (default: experiments/NAME).")
    private Path out;

    @Option(names = "--seeds", paramLabel = "N", description = "Seeds of each setting (default: the experiment's, 1 to 3).")
    private Integer seeds;

    @Option(names = "--workers", paramLabel = "N", description = "Runs at the same time (default: the scale's).")
    private Integer workers;

    @Option(names = "--data", paramLabel = "PATH",
            description = "Text to learn from (default: at laptop scale the JDK's sources).")
    private Path data;

    @Option(names = "--vocabulary", paramLabel = "DIR",
            description = "At paper scale, the tokenizer for --data, such as GPT-2's (default: one learned from it).")
    private Path vocabulary;

    /** Of a console. */
    public ExperimentCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() throws IOException {
        Experiment experiment = experiment();
        Scale sizes = Json.scale(scale, name);
        Path directory = Files.createDirectories(out == null ? Path.of("experiments", name) : out);
        int parallel = workers == null ? sizes.workers() : workers;
        Trial trial = new Trial(name, sizes, directory, seeds, parallel, data, vocabulary, console);
        console.row("experiment", experiment.title());
        List<Claim> claims = experiment.run(trial);
        for (Claim claim : claims) {
            console.out().println();
            console.row(claim.id(), claim.statement());
            console.row("", (claim.holds() ? "holds: " : "does not hold: ") + claim.figures());
        }
        write(trial, claims);
        return 0;
    }

    private Experiment experiment() {
        return switch (name) {
            case "toy" -> new Toy();
            case "optimizer-by-batch" -> new OptimizerByBatch();
            case "beta2-or-half-life" -> new HalfLife();
            case "sensitivity", "sensitivity-124m" -> new Sensitivity();
            case "learning-rate-by-batch" -> new LearningRateByBatch();
            case "rounding" -> new RoundingByBatch();
            case "accumulation" -> new AccumulationCost();
            case "throughput-by-batch" -> new ThroughputByBatch();
            case "optimizers" -> new OptimizerComparison();
            case "optimizer-reference" -> new OptimizerReference();
            case "memory" -> new MemoryByMethod();
            case "spectrum" -> new SpectrumByBatch();
            default -> throw new UsageException("experiment: there is no '" + name + "'; see smallbatch experiment --help");
        };
    }

    private void write(Trial trial, List<Claim> claims) throws IOException {
        ObjectNode verdict = Json.MAPPER.createObjectNode();
        verdict.put("experiment", name).put("scale", scale);
        verdict.put("data", trial.dataName());
        verdict.set("claims", Json.MAPPER.valueToTree(claims));
        byte[] bytes = (verdict.toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8);
        AtomicFiles.write(trial.directory().resolve("verdict.json"), channel -> {
            ByteBuffer rest = ByteBuffer.wrap(bytes);
            while (rest.hasRemaining()) {
                channel.write(rest);
            }
        });
    }
}
