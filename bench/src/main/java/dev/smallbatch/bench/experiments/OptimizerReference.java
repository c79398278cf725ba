package dev.smallbatch.bench.experiments;

import dev.smallbatch.model.cli.Format;
import java.io.IOException;
import java.util.List;

/**
 * Optimizers in the setting, and at the learning rates, in which libraries for Python were measured once: means over seeds
 * beside theirs, which the configuration has.
 */
final class OptimizerReference implements Experiment {
    /** Seeds make twice the mean deviate by so much, and rates come in steps of 3. */
    private static final double MARGIN = 0.05;

    @Override
    public String title() {
        return "optimizers beside reference implementations";
    }

    @Override
    public List<Claim> run(Trial trial) throws IOException {
        Losses all = trial.trainAll();
        return all.cells().stream().map(cell -> {
            double expected = trial.config().path("expected").path(cell.optimizer()).asDouble();
            return Claim.of(cell.optimizer(), Format.text("within %s of %.3f", MARGIN, expected),
                    Math.abs(all.mean(cell) - expected) <= MARGIN, "%.3f, seeds deviate by %.3f", all.mean(cell),
                    all.deviation(cell));
        }).toList();
    }
}
