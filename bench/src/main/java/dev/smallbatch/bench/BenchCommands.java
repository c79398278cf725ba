package dev.smallbatch.bench;

import dev.smallbatch.bench.experiments.ExperimentCommand;
import dev.smallbatch.bench.quick.BenchCommand;
import dev.smallbatch.model.cli.CommandProvider;
import dev.smallbatch.model.cli.Console;
import java.util.List;

/** The commands of this module. */
public final class BenchCommands implements CommandProvider {
    @Override
    public List<Object> commands(Console console) {
        return List.of(new BenchCommand(console), new ExperimentCommand(console));
    }
}
