package dev.smallbatch.model.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.MemoryStats;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.optim.batch.Hyperparameters;
import dev.smallbatch.optim.batch.Throughput;
import java.util.List;
import org.junit.jupiter.api.Test;

class RecipeTest {
    private static final GptConfig LM11M = GptConfig.preset("lm11m");
    private static final Recipe AMPLE = Recipe.forModel(LM11M);

    private static MemoryPlan.Choice choice(GptConfig model, OptimizerKind optimizer, DType dtype, boolean recompute) {
        return new MemoryPlan.Choice(model, dtype, optimizer, false, 1, recompute);
    }

    /** Just enough memory for a plan, with the tenth that stays free. */
    private static long enoughFor(MemoryPlan.Choice choice) {
        return (long) Math.ceil(MemoryPlan.of(choice).resident() / 0.9) + 1;
    }

    @Test
    void withEnoughMemoryItIsAdamWInF32AtBatchSizeOneWithoutAccumulation() {
        assertEquals(choice(LM11M, OptimizerKind.ADAMW, DType.F32, false), AMPLE.choice());
        assertEquals(1, AMPLE.choice().microBatches());
        assertEquals(List.of(), AMPLE.rejected());
        assertEquals(List.of(), AMPLE.warnings());
    }

    @Test
    void theNumbersOfTheThirtyMillionModelAreThePublishedOnes() {
        Hyperparameters tuned = AMPLE.hyperparameters();
        assertEquals(1_168_575, tuned.steps());
        assertEquals(58_428, tuned.warmupSteps());
        assertEquals(10e6, tuned.beta2HalfLife());
        assertEquals(0.9999645114941, tuned.beta2().perStep(tuned.tokensPerStep()), 5e-14);
        assertEquals(0.9, tuned.beta1().perStep(tuned.tokensPerStep()));
        assertEquals(0, tuned.weightDecay());
        assertEquals(0.0017, tuned.peakLearningRate(), 1.5e-4, "tuned: 0.0017");
    }

    @Test
    void eightGigabytesHoldThe124MModelWithAdamW() {
        Recipe recipe = Recipe.forModel(GptConfig.preset("gpt2s")).onMemory(8_000_000_000L);
        assertEquals(choice(GptConfig.preset("gpt2s"), OptimizerKind.ADAMW, DType.F32, false), recipe.choice());
        assertEquals(List.of(), recipe.warnings());
    }

    @Test
    void twentyFourGigabytesHoldThe1300MModelWithAdafactor() {
        GptConfig model = GptConfig.preset("gpt3xl");
        Recipe recipe = Recipe.forModel(model).onMemory(24_000_000_000L);
        assertEquals(choice(model, OptimizerKind.ADAFACTOR, DType.F32, false), recipe.choice());
        assertEquals(0.0032, recipe.hyperparameters().peakLearningRate(), 5e-4, "tuned: 0.0032");
        assertEquals(List.of(), recipe.warnings());
    }

    @Test
    void whatDoesNotFitGoesDownTheLadder() {
        List<MemoryPlan.Choice> ladder = List.of(choice(LM11M, OptimizerKind.ADAMW, DType.F32, false),
                choice(LM11M, OptimizerKind.ADAFACTOR, DType.F32, false),
                choice(LM11M, OptimizerKind.ADAFACTOR, DType.BF16, false),
                choice(LM11M, OptimizerKind.ADAFACTOR, DType.BF16, true), choice(LM11M, OptimizerKind.SGD, DType.BF16, true));
        for (int i = 0; i < ladder.size(); i++) {
            Recipe recipe = AMPLE.onMemory(enoughFor(ladder.get(i)));
            assertEquals(ladder.get(i), recipe.choice());
            assertEquals(ladder.subList(0, i), recipe.rejected().stream().map(MemoryPlan::choice).toList());
            assertTrue(recipe.memory().resident() <= 0.9 * enoughFor(ladder.get(i)));
        }
    }

    @Test
    void bf16WeightsAreRoundedStochastically() {
        assertEquals(Rounding.STOCHASTIC, AMPLE.withDType(DType.BF16).rounding());
    }

    @Test
    void whereNothingFitsItIsTheSmallestWithAWarning() {
        Recipe recipe = AMPLE.onMemory(1_000_000);
        assertEquals(choice(LM11M, OptimizerKind.SGD, DType.BF16, true), recipe.choice());
        assertEquals(1, recipe.warnings().size());
        assertTrue(recipe.warnings().getFirst().startsWith("it does not fit: "), recipe.warnings().getFirst());
        assertEquals(4, recipe.rejected().size());
    }

    @Test
    void whatIsAskedForIsKeptAndTheRestFollows() {
        long little = enoughFor(choice(LM11M, OptimizerKind.SGD, DType.F32, true));
        Recipe recipe = AMPLE.withDType(DType.F32).onMemory(little);
        assertEquals(choice(LM11M, OptimizerKind.SGD, DType.F32, true), recipe.choice());
        assertEquals(OptimizerKind.SGD, AMPLE.withOptimizer(OptimizerKind.SGD).choice().optimizer());
        assertEquals(DType.F32, AMPLE.withOptimizer(OptimizerKind.SGD).choice().dtype());
        assertTrue(AMPLE.withRecompute(true).choice().recompute());
        assertEquals(16, AMPLE.withBatchSize(16).choice().batchSize());
        assertTrue(AMPLE.withClipping(true).memory().memory().gradients() > 0);
        assertEquals(4, AMPLE.withBatchSize(16).withAccumulation(4).choice().microBatches());
    }

    @Test
    void theBatchIsTheSmallestThatIsFast() {
        List<Throughput> measured = List.of(new Throughput(1, 700), new Throughput(2, 930), new Throughput(4, 980),
                new Throughput(8, 1000));
        Recipe recipe = AMPLE.withThroughput(measured);
        assertEquals(4, recipe.choice().batchSize());
        assertEquals(292_143, recipe.hyperparameters().steps());
        assertEquals(10e6, recipe.hyperparameters().beta2HalfLife(), "the half-life stays");
        assertEquals(4, MemoryPlan.of(recipe.choice()).choice().batchSize());
        assertEquals(1, recipe.withBatchSize(1).choice().batchSize(), "what is asked for counts more");
    }

    @Test
    void aFastBatchThatDoesNotFitIsNotTaken() {
        List<Throughput> measured = List.of(new Throughput(1, 100), new Throughput(2, 600), new Throughput(64, 1000));
        long enough = enoughFor(choice(LM11M, OptimizerKind.ADAMW, DType.F32, false).withBatchSize(2));
        assertEquals(2, AMPLE.withThroughput(measured).onMemory(enough).choice().batchSize());
    }

    @Test
    void sgdHasNoHalfLives() {
        Recipe recipe = AMPLE.withOptimizer(OptimizerKind.SGD);
        assertEquals(0, recipe.hyperparameters().beta2HalfLife());
        assertEquals(0.2, recipe.hyperparameters().peakLearningRate());
        assertFalse(recipe.explain().containsKey("half-life"));
    }

    @Test
    void everyOptimizerHasARecipeWithoutWarnings() {
        for (OptimizerKind kind : OptimizerKind.values()) {
            Recipe recipe = AMPLE.withOptimizer(kind).onMemory(8_000_000_000L);
            assertEquals(kind, recipe.choice().optimizer());
            assertEquals(List.of(), recipe.warnings(), kind.toString());
            assertTrue(recipe.explain().get("optimizer").endsWith(", as asked for"), kind.toString());
        }
        assertEquals("0.0001, the usual of muon", AMPLE.withOptimizer(OptimizerKind.MUON).explain().get("weight decay"));
        assertFalse(AMPLE.withOptimizer(OptimizerKind.LION).explain().containsKey("half-life"), "its averages are no squares");
    }

    @Test
    void askingMakesAnotherRecipeAndLeavesThisOne() {
        Recipe recipe = Recipe.forModel(LM11M);
        recipe.onMemory(1_000_000).withBatchSize(7).forTokens(3);
        assertEquals(AMPLE.toString(), recipe.toString());
    }

    @Test
    void everyChoiceIsExplained() {
        assertEquals(List.of("optimizer", "weights", "activations", "batch size", "accumulation", "learning rate", "half-life",
                "weight decay", "length", "memory"), List.copyOf(AMPLE.explain().keySet()));
        assertEquals("""
                optimizer: adamw: it fits, and needs the least tuning
                weights: f32
                activations: kept: %s
                batch size: 1 x 512 = 512 tokens: the smallest learns most from a token; whether it keeps the machine busy was \
                not measured
                accumulation: none: on one device it would keep 188 MiB of gradients and learn no more
                learning rate: 0.0016 at the peak: by optimizer and width, and by (batch size)^0.158; in small batches a \
                factor of 2 either way matters little
                half-life: 10,000,000 tokens (the usual for long runs) at every batch size, here beta2 0.99996451; beta1 stays 0.9
                weight decay: none, as in the published runs in small batches
                length: 1,168,575 steps for 598,310,400 tokens (20 for each of 29,915,520 active parameters), warm-up in the first \
                58,428
                memory: %s with the JVM, 8.00 bytes for each parameter in the optimizer""".formatted(RecipeReasons.bytes(AMPLE.memory().memory().step()),
                RecipeReasons.bytes(AMPLE.memory().resident())), AMPLE.toString());
    }

    @Test
    void whatWasGivenUpIsExplainedWithItsMemory() {
        String optimizer = AMPLE.onMemory(490_000_000).explain().get("optimizer");
        assertTrue(optimizer.matches("adafactor: adamw f32 would take \\d+ MiB, adafactor f32 would take \\d+ MiB; it learns .*"),
                optimizer);
        String batch = AMPLE.withThroughput(List.of(new Throughput(1, 10), new Throughput(2, 20))).explain().get("batch size");
        assertTrue(batch.startsWith("2 x 512 = 1,024 tokens: the smallest of 1, 2 with at least 95 % of the highest throughput"),
                batch);
    }

    @Test
    void alternativesAreOtherWaysToTrainTheSameModel() {
        List<MemoryPlan.Choice> others = AMPLE.alternatives().stream().map(MemoryPlan::choice).toList();
        assertFalse(others.contains(AMPLE.choice()));
        assertEquals(others.size(), others.stream().distinct().count());
        assertTrue(others.contains(choice(LM11M, OptimizerKind.SGD, DType.BF16, true)));
        assertTrue(others.contains(AMPLE.choice().withRecompute(true)));
        assertTrue(others.contains(AMPLE.choice().withBatchSize(16).withAccumulation(16)));
        assertTrue(others.stream().allMatch(other -> other.model().equals(LM11M)));
    }

    @Test
    void plainSgdInLargeBatchesIsWarnedOf() {
        Recipe sgd = AMPLE.withOptimizer(OptimizerKind.SGD);
        assertEquals(List.of(), sgd.warnings());
        assertTrue(sgd.withBatchSize(16).warnings().getFirst().startsWith("plain SGD falls behind as the batch grows"));
    }

    @Test
    void recipesAllocateNoNativeMemory() {
        long before = MemoryStats.nativeAllocations();
        Recipe.forModel(LM11M).onMemory(1_000_000).alternatives();
        assertEquals(before, MemoryStats.nativeAllocations());
    }

    @Test
    void noMemoryIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> AMPLE.onMemory(0));
    }
}
