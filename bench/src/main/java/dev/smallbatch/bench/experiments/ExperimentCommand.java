package dev.smallbatch.bench.experiments;

import dev.smallbatch.model.cli.Console;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code experiment}: repeats an experiment of the small-batch paper and checks its claims. */
@Command(name = "experiment", sortOptions = false, mixinStandardHelpOptions = true,
        description = "Repeats an experiment of the small-batch paper and says which of its claims hold.",
        footer = {"", "Example:", "  smallbatch experiment toy"})
public final class ExperimentCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(paramLabel = "NAME", description = "Which experiment.")
    private String name;

    public ExperimentCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        console.row("experiment", name);
        return 0;
    }
}
