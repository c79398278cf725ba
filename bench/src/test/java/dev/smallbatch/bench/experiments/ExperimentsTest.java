package dev.smallbatch.bench.experiments;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.model.cli.Console;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class ExperimentsTest {
    @TempDir
    Path directory;

    @Test
    void theToyHasThePublishedQuartiles() {
        for (Toy.Panel panel : Toy.PANELS) {
            double[] losses = Toy.paths(panel, 5000).losses();
            double[] found = {Toy.quantile(losses, 0.25), Toy.quantile(losses, 0.5), Toy.quantile(losses, 0.75)};
            for (int i = 0; i < found.length; i++) {
                assertEquals(1, found[i] / panel.expected()[i], 0.15, panel.name() + ": " + Arrays.toString(found));
            }
        }
    }

    @Test
    void theToysVerdictIsPrintedAndWrittenWithItsFigure() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Console console = new Console(new PrintStream(out, true), new PrintStream(out, true), false, 80, "smallbatch");
        int exit = new CommandLine(new ExperimentCommand(console)).execute("toy", "--out", directory.toString());
        assertEquals(0, exit, out.toString());
        assertTrue(out.toString().contains("holds: "), out.toString());
        assertFalse(out.toString().contains("does not hold"), out.toString());
        assertEquals(7, Json.MAPPER.readTree(directory.resolve("verdict.json").toFile()).path("claims").size());
        assertEquals(1280, ImageIO.read(directory.resolve("toy.png").toFile()).getWidth());
    }

    @Test
    void meansAreOverSeedsAndTheBestIsTheLowestMean() {
        Cell cell = GridTest.sgd(0.1);
        Cell other = GridTest.sgd(0.2);
        Losses losses = new Losses(List.of(outcome(cell, 2.0), outcome(cell.withSeed(1), 3.0), outcome(other, 1.0),
                outcome(other.withSeed(1), null)));
        assertEquals(2.5, losses.mean(cell.withSeed(1)));
        assertEquals(Double.POSITIVE_INFINITY, losses.mean(other), "a diverged run is no good one");
        assertEquals(cell, losses.best());
    }

    private static Outcome<Cell, LanguageModelRun.Result> outcome(Cell cell, Double loss) {
        return new Outcome<>(cell, new LanguageModelRun.Result(loss, loss, 1, 1, 1));
    }

    @Test
    void theBestRateIsTheLowestPointOfAParabola() {
        Losses losses = new Losses(IntStream.rangeClosed(-2, 2).mapToObj(i ->
                outcome(GridTest.sgd(Math.pow(2, i)), Math.pow(i - 0.25, 2))).toList());
        assertEquals(Math.pow(2, 0.25), LearningRateByBatch.bestRate(losses), 1e-12);
    }

    @Test
    void theGoodRegionIsMeasuredBetweenGridPoints() {
        double[] above = {0.2, 0, 0, 0.4};
        Losses losses = new Losses(IntStream.range(0, 4).mapToObj(i ->
                outcome(GridTest.sgd(Math.pow(2, i)), 1 + above[i])).toList());
        assertEquals(0.5 + 1 + 0.25, LearningRateByBatch.octaves(losses), 1e-12);
    }

    @Test
    void descentOnARandomMatrixTurnsAtItsKnownEdge() {
        double[] noise = new RandomMatrix(400, 1, RandomKey.of(1)).measure();
        assertEquals(2.91, noise[0], 0.15, "(1 + sqrt(200 / 400))^2");
        assertTrue(noise[1] < 1 && noise[2] > 1, Arrays.toString(noise));
        assertEquals(11.07, new RandomMatrix(3200, RandomMatrix.SPIKE, RandomKey.of(1)).measure()[0], 1, "11 (1 + 20 / 3200)");
    }

    @Test
    void theSpectrumAndTheLargestStableRateOfFreshWeightsAreMeasured() throws IOException {
        Scale scale = Json.scale("laptop", "spectrum");
        TextBlocks text = new TextBlocks(JavaSources.read(), scale.seqLen(), 400, 16, true);
        CurvatureRun run = new CurvatureRun(scale, text, List.of());
        try (Backend backend = Backends.open("auto", new BackendOptions(1))) {
            CurvatureRun.Seen seen = run.measure(new CurvatureRun.Spot("largest", 4, 10, 0), backend.kernels());
            assertEquals(10, seen.values().length);
            assertEquals(1, Arrays.stream(seen.weights()).sum(), 1e-9);
            double rate = run.measure(new CurvatureRun.Spot("stable", 4, 0, 0), backend.kernels()).values()[0];
            assertTrue(rate > 0.1 && rate < 100, "largest stable rate " + rate);
        }
    }

    @Test
    void licencesAreRemovedAndBlocksHaveOneTargetLessThanTokens() throws IOException {
        assertEquals("\npackage a;", JavaSources.withoutLicence("/* (c) */\npackage a;"));
        Path text = Files.writeString(directory.resolve("text"), "abcdefghij\u00e9");
        TextBlocks blocks = new TextBlocks(JavaSources.read(text), 4, 2, 1, true);
        int[] tokens = new int[8];
        int[] targets = new int[8];
        blocks.training(2, 1, 5).fill(0, tokens, targets);
        assertEquals(-1, targets[3]);
        assertEquals(tokens[2], targets[1]);
        int[] validation = new int[4];
        blocks.validation(1, 1, 5).fill(0, validation, new int[4]);
        assertEquals("abcdefghij??", IntStream.concat(Arrays.stream(tokens), Arrays.stream(validation)).sorted()
                .filter(c -> c != '?').mapToObj(Character::toString).reduce("", String::concat) + "??", "every token once");
    }

    @Test
    void blocksOfAStreamArePermutedInGroups() {
        TextBlocks blocks = new TextBlocks(new TextBlocks.Stream(64, (from, into, offset, length) -> {
            for (int i = 0; i < length; i++) {
                into[offset + i] = (int) from + i;
            }
        }), 4, 12, 4, false);
        int[] tokens = new int[16];
        for (int step = 0; step < 3; step++) {
            blocks.training(4, 4, 1).fill(step, tokens, new int[16]);
            assertEquals(0, tokens[0] % 16);
            assertEquals(tokens[0] + 15, tokens[15], "a batch is adjacent blocks");
        }
    }

    /** Rates of 1/2.5, 1 and 2.5 times the usual, further while the best is at an end, then the other seed at the best. */
    @Test
    void optimizersAreTunedOnTheSameTokensAndCompared() throws IOException {
        ObjectNode small = Json.MAPPER.valueToTree(Json.scale("laptop", "optimizers"));
        small.put("dim", 16).put("seqLen", 16).put("tokens", 4096).put("validationTokens", 1024);
        ObjectNode config = (ObjectNode) small.path("experiments").path("optimizers");
        config.putArray("with").add("sgd").add("adamw").add("muon");
        config.putArray("batch").add(4);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Console console = new Console(new PrintStream(out, true), new PrintStream(out, true), false, 80, "smallbatch");
        Trial trial = new Trial("optimizers", Json.value(small, Scale.class), directory, 2, 2, null, null, console);
        List<Claim> claims = new OptimizerComparison().run(trial);
        assertEquals(List.of("B=4: muon is more than 0.1 below adamw"), claims.stream().map(Claim::statement).toList());
        for (String row : List.of("| `sgd` | ", "| `adamw` | ", "| `muon` | ", " | 8.")) {
            assertTrue(Files.readString(directory.resolve("table.md")).contains(row), row);
        }
        List<Cell> cells = Files.readAllLines(directory.resolve("results.jsonl")).stream().map(ExperimentsTest::cell).toList();
        List<Cell> sgd = cells.stream().filter(cell -> cell.optimizer().equals("sgd")).toList();
        assertTrue(sgd.stream().map(Cell::lr).toList().containsAll(List.of(0.08, 0.2, 0.5)), sgd.toString());
        assertEquals(1, sgd.stream().filter(cell -> cell.seed() == 1).count());
        assertTrue(cells.stream().anyMatch(cell -> cell.optimizer().equals("muon")
                && cell.settings().equals(Map.of("matrix-lr", "0.05"))), "all rates are multiplied: " + cells);
    }

    private static Cell cell(String line) {
        try {
            return Json.value(Json.MAPPER.readTree(line).path("cell"), Cell.class);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The paper's core in two runs of seconds: the half-life rule against beta2 = 0.95 at batch size 1. */
    @Test
    void aFixedHalfLifeBeatsAFixedBeta2AtBatchSizeOne() throws IOException {
        Scale scale = Json.scale("laptop", "beta2-or-half-life");
        LanguageModelRun run = new LanguageModelRun(scale, new TextBlocks(JavaSources.read(), scale.seqLen(),
                (int) scale.tokens() / scale.seqLen(), (int) scale.validationTokens() / scale.seqLen(), true));
        Cell rule = new Cell("adam", 1, 0.004, 0.9, null, null, scale.t2(), null, null, null, null, null, null, null, 0);
        Cell fixed = new Cell("adam", 1, 0.004, 0.9, null, 0.95, null, null, null, null, null, null, null, null, 0);
        Console console = new Console(System.out, System.err, false, 80, "smallbatch");
        Losses losses = new Losses(new Sweep<>(console, 2, new BackendOptions(1), Cell.class, LanguageModelRun.Result.class)
                .run(directory.resolve("results.jsonl"), List.of(rule, fixed), run::run, outcome -> ""));
        assertTrue(losses.mean(rule) <= losses.mean(fixed) - 0.03, losses.mean(rule) + " against " + losses.mean(fixed));
    }
}
