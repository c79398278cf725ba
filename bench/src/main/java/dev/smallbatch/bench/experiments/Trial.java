package dev.smallbatch.bench.experiments;

import com.fasterxml.jackson.databind.JsonNode;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.model.cli.Console;
import dev.smallbatch.model.cli.Format;
import dev.smallbatch.optim.train.TrainStep;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.knowm.xchart.internal.chartpart.Chart;

/**
 * An experiment being made: what it may use.
 *
 * @param name of the experiment
 * @param scale sizes and grids
 * @param directory for results and figures
 * @param seeds instead of the configuration's; null for those
 * @param workers runs at a time
 * @param data the user's text; null for the scale's own
 * @param vocabulary directory of a tokenizer for that text; null to learn one
 * @param console for progress
 */
record Trial(String name, Scale scale, Path directory, Integer seeds, int workers, Path data, Path vocabulary, Console console) {
    /** It warns of accumulation, which here is what is studied. Loggers are forgotten unless somebody keeps them. */
    private static final Logger TRAINING_LOG = Logger.getLogger(TrainStep.class.getName());

    /** This experiment's part of the configuration. */
    JsonNode config() {
        return scale.experiments().getOrDefault(name, Json.MAPPER.createObjectNode());
    }

    /** What is learned from, and whether the paper did, too. */
    String dataName() {
        String text = data == null ? scale.data() : data.getFileName().toString();
        return scale.name().equals("paper") ? text : text + "; not the paper's data";
    }

    /** Leaves out that warning. */
    static void quieten() {
        TRAINING_LOG.setLevel(Level.SEVERE);
    }

    /** Runs the grids of the configuration. */
    Losses trainAll() throws IOException {
        quieten();
        List<Cell> cells = Grid.cells(config().path("grids"), seeds != null ? seeds : config().path("seeds").asInt(1));
        LanguageModelRun run = new LanguageModelRun(scale, ExperimentText.open(this));
        console.row("runs", "%d of %s tokens, %d at a time", cells.size(), Format.count(scale.tokens()), workers);
        return new Losses(train(run, cells));
    }

    /** Runs what is missing of some cells. */
    List<Outcome<Cell, LanguageModelRun.Result>> train(LanguageModelRun run, List<Cell> cells) throws IOException {
        return sweep(Cell.class, LanguageModelRun.Result.class)
                .run(directory.resolve("results.jsonl"), cells, run::run, Trial::summary);
    }

    <C, R> Sweep<C, R> sweep(Class<C> cell, Class<R> result) {
        return new Sweep<>(console, workers, threads(), cell, result);
    }

    /** Threads of a run. */
    BackendOptions threads() {
        return scale.threads() == null ? BackendOptions.defaults() : new BackendOptions(scale.threads());
    }

    private static String summary(Outcome<Cell, LanguageModelRun.Result> outcome) {
        Double loss = outcome.result().loss();
        return Format.text("last: %s B=%d lr %s: %s in %s", outcome.cell().optimizer(), outcome.cell().batch(),
                Format.number(outcome.cell().lr()), loss == null ? "diverged" : Format.text("%.3f", loss),
                Format.time(outcome.result().seconds()));
    }

    /** Draws charts into one file, row by row. */
    void figure(String file, int columns, List<? extends Chart<?, ?>> charts) throws IOException {
        Figure.write(directory.resolve(file), columns, charts);
        console.row("figure", directory.resolve(file).toString());
    }
}
