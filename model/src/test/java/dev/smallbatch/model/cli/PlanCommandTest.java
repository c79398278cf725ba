package dev.smallbatch.model.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.model.run.SmallRun;
import dev.smallbatch.tck.LeakCheck;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class PlanCommandTest {
    @TempDir
    Path directory;

    private static Invocation plan(String... options) {
        List<String> arguments = new ArrayList<>(List.of("plan", "--threads", "1"));
        arguments.addAll(List.of(options));
        return Invocation.of(arguments);
    }

    /** The output with each entry on a line of its own. */
    private static String unwrapped(Invocation plan) {
        return plan.out().replaceAll("\n {14}", " ");
    }

    private static String entry(Invocation plan, String label) {
        return unwrapped(plan).lines().filter(line -> line.startsWith(label)).findFirst().orElseThrow()
                .substring(label.length()).strip();
    }

    @Test
    void aRecipeHasReasonsACommandAndAlternatives() {
        Invocation plan = plan("--layers", "1", "--dim", "16", "--heads", "2", "--seq-len", "16", "--memory", "1G",
                "--seconds", "4").requireSuccess();
        plan.requireOut("11.3k parameters, 7,168 of them active; 1 layers, dim 16, 2 heads, sequences of 16 tokens");
        assertTrue(entry(plan, "speed").matches("measured: batch 1 \\S+ tokens/s.*larger batches and all with a ~ .*"));
        assertEquals("adamw: it fits, and needs the least tuning", entry(plan, "optimizer"));
        assertTrue(entry(plan, "batch size").contains("with at least 95 % of the highest throughput"));
        assertTrue(entry(plan, "length").contains("for 143,360 tokens (20 for each of 7,168 active parameters)"));
        assertTrue(entry(plan, "memory").endsWith(" bytes for each parameter in the optimizer; of 954 MiB a tenth stays free"));
        List<String> rows = plan.out().lines().dropWhile(line -> !line.startsWith("instead")).skip(1).toList();
        assertTrue(rows.getFirst().startsWith("as recommended"), plan.out());
        assertTrue(rows.stream().anyMatch(row -> row.startsWith("--recompute ")), plan.out());
        assertTrue(rows.stream().anyMatch(row -> row.contains("--accumulate 16 ")), plan.out());
        assertTrue(plan.err().contains("measure the speed ..."), plan.err());
    }

    /** Batches of several sizes, one after the other, each in its own memory. */
    @Test
    void rulesThatMeasureCurvatureAreTimedToo() {
        Invocation plan = plan("--layers", "1", "--dim", "16", "--heads", "2", "--seq-len", "16", "--seconds", "1",
                "--optimizer", "sophia-h").requireSuccess();
        assertTrue(entry(plan, "speed").startsWith("measured: batch 1 "), plan.out());
    }

    @Test
    void theCommandOfARecipeTrainsByIt() throws IOException {
        Invocation plan = plan("--layers", "1", "--dim", "16", "--heads", "2", "--seq-len", "16", "--tokens", "640",
                "--dtype", "bf16", "--batch-size", "2", "--recompute", "--seconds", "0").requireSuccess();
        String command = entry(plan, "run it");
        assertEquals("./smallbatch train --data TEXT --out run --preset small --layers 1 --dim 16 --heads 2 --seq-len 16"
                + " --tokenizer byte --batch-size 2 --optimizer adamw --dtype bf16 --rounding stochastic --recompute --lr 0.0089"
                + " --beta2-half-life 448 --tokens 640", command);
        Path text = SmallRun.text(directory, 6000);
        Path out = directory.resolve("run");
        List<String> arguments = Arrays.stream(command.split(" ")).skip(1)
                .map(word -> word.equals("TEXT") ? text.toString() : word.equals("run") ? out.toString() : word).toList();
        Invocation.of(arguments).requireSuccess().requireOut("adamw, lr 0.0089, beta1 0.9", "half-life 448 tokens",
                "20 steps, 640 tokens", "batches of 2 x 16 tokens");
        Invocation.of("inspect", out.toString()).requireSuccess().requireOut("bf16", "stochastic");
    }

    @Test
    void eightGigabytesAreEnoughForAdamWAt124Million() {
        Invocation plan = plan("--params", "124M", "--memory", "8G", "--seconds", "0").requireSuccess();
        plan.requireOut("162M parameters, 124M of them active; 12 layers, dim 768, 6 heads, sequences of 1,024 tokens");
        assertEquals("adamw: it fits, and needs the least tuning", entry(plan, "optimizer"));
        assertEquals("f32", entry(plan, "weights"));
        assertTrue(entry(plan, "half-life").contains("here beta2 0.99992902"), plan.out());
        assertTrue(entry(plan, "run it").contains("--preset gpt2s --vocab-size 50257 --batch-size 1 --optimizer adamw --dtype f32"
                + " --lr 0.0012 --beta2-half-life 10000000 --tokens 2470640640"), plan.out());
        assertFalse(plan.out().contains("warning"), plan.out());
    }

    @Test
    void twentyFourGigabytesAreTooFewForAdamWAt1300Million() {
        Invocation plan = plan("--params", "1.3B", "--memory", "24G", "--seconds", "0", "--tokens", "10B").requireSuccess();
        plan.requireOut("24 layers, dim 2,048, 16 heads, sequences of 2,048 tokens");
        assertTrue(entry(plan, "optimizer").contains(": adamw f32 would take 2"), plan.out());
        assertTrue(entry(plan, "length").startsWith("4,882,812 steps for 10,000,000,000 tokens (7.6 for each"), plan.out());
        assertTrue(plan.out().lines().anyMatch(row -> row.startsWith("--optimizer adamw") && row.endsWith("does not fit")),
                plan.out());
    }

    @Test
    void batchesThatGrowArePlannedAsTrainMakesThem() throws IOException {
        String[] shape = {"--layers", "1", "--dim", "16", "--heads", "2", "--seq-len", "16", "--tokens", "640", "--seconds", "0",
            "--batch-size", "adaptive", "--batch-initial", "4", "--batch-max", "8", "--batch-test",
            "augmented:nu=3", "--lr-scaling", "sqrt"};
        Invocation plan = plan(shape).requireSuccess();
        assertTrue(entry(plan, "batch size").startsWith("4 to 8 x 16 tokens, as asked for, growing by the test augmented:nu=3;"),
                plan.out());
        assertTrue(entry(plan, "length").startsWith("at most 10 steps"), plan.out());
        String command = entry(plan, "run it");
        assertTrue(command.contains(" --batch-size adaptive --batch-initial 4 --batch-max 8 --batch-test augmented:nu=3"
                + " --batch-interval 1 --lr-scaling sqrt --optimizer adamw"), command);
        Path text = SmallRun.text(directory, 6000);
        Path out = directory.resolve("growing");
        Invocation.of(Arrays.stream(command.split(" ")).skip(1)
                .map(word -> word.equals("TEXT") ? text.toString() : word.equals("run") ? out.toString() : word).toList())
                .requireSuccess().requireOut("batches of 4 to 8 x 16 tokens, growing by the test augmented:nu=3");
        Invocation table = plan("--preset", "tiny", "--batch-size", "adaptive", "--table").requireSuccess();
        assertFalse(table.out().contains("--accumulate"), table.out());
        plan("--batch-size", "adaptive", "--batch-max", "1")
                .requireFailure(2, "--batch-size adaptive", "from 2 to 1 samples");
        plan("--preset", "gpt2s", "--batch-size", "adaptive", "--batch-test", "coordinate-wise")
                .requireFailure(2, "needs the gradient of every sample");
    }

    @Test
    void withoutAMeasurementThereAreNoTimes() {
        Invocation plan = plan("--preset", "tiny", "--seconds", "0").requireSuccess();
        assertFalse(plan.out().lines().anyMatch(line -> line.startsWith("speed") || line.startsWith("time")), plan.out());
        assertEquals("", plan.err());
    }

    @Test
    void aRecipeThatDoesNotFitSaysSo() {
        Invocation plan = plan("--preset", "lm11m", "--memory", "100M", "--seconds", "0").requireSuccess();
        assertTrue(entry(plan, "warning").startsWith("it does not fit: "), plan.out());
    }

    @Test
    void contradictionsAreExitCodeTwo() {
        plan("--preset", "tiny", "--params", "1M").requireFailure(2, "--preset tiny and --params 1000000");
        plan("--params", "3").requireFailure(2, "about 3 parameters");
        plan("--memory", "0").requireFailure(2, "--memory 0");
        plan("--tokens", "-5").requireFailure(2, "--tokens -5");
        plan("--batch-size", "0").requireFailure(2, "--batch-size 0");
        plan("--seconds", "-1").requireFailure(2, "--seconds -1");
        plan("--batch-size", "1G").requireFailure(2, "--batch-size 1000000000");
        plan("--preset", "huge").requireFailure(2, "no preset 'huge'");
    }

    @Test
    void theTableComparesChoices() {
        Invocation plan = plan("--table", "--preset", "lm11m", "--optimizer", "sgd", "--batch-size", "2", "--clip-norm", "1",
                "--layers", "2", "--dim", "256", "--heads", "2", "--seq-len", "64", "--vocab-size", "5k").requireSuccess();
        plan.requireOut("4.1M parameters, 2.9M of them active; 2 layers, dim 256, 2 heads, sequences of 64 tokens",
                "the JVM itself takes about ");
        List<String> rows = plan.out().lines().skip(2).map(line -> line.replaceAll(" {2,}.*", "")).toList();
        assertEquals(List.of("as given", "--recompute", "--optimizer adafactor", "--optimizer muon", "--optimizer adamw",
                "--dtype bf16", "--batch-size 1", "--batch-size 4", "--seq-len 32", "--seq-len 128"), rows.subList(0, 10));
        String given = plan.out().lines().skip(2).findFirst().orElseThrow();
        assertTrue(given.matches("as given +15.8 MiB +256 bytes +15.8 MiB +1\\d.\\d MiB +2.3 KiB +\\d+ MiB"), given);
    }
}
