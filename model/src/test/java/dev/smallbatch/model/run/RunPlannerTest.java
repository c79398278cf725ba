package dev.smallbatch.model.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.Quantization;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.data.CorpusBuilder;
import dev.smallbatch.model.data.PreparedCorpus;
import dev.smallbatch.model.data.TokenizerChoice;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.model.tokenizer.ByteTokenizer;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.rule.QuantizedState;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What train does where nothing was asked for: what the recipe says. */
class RunPlannerTest {
    private static final GptConfig MODEL = GptConfig.preset("small").withSizes(2, 64, 2, 32, 256);

    @TempDir
    static Path directory;
    private static PreparedCorpus corpus;

    @BeforeAll
    static void prepareText() throws IOException {
        Path text = SmallRun.text(directory, 6000);
        corpus = new CorpusBuilder(directory.resolve("data"), new TokenizerChoice.Existing(new ByteTokenizer()), 0.1, 32)
                .build(List.of(text), null, (stage, done, total) -> { });
    }

    private static RunConfig plan(OptionalLong available, UnaryOperator<TrainingOptions> change) {
        TrainingOptions options = change.apply(TrainingOptions.into(directory.resolve("out")).data(directory).layers(2).dim(64)
                .heads(2).seqLen(32).tokenizer("byte"));
        options.check();
        RunPlanner planner = new RunPlanner(options);
        return planner.plan(corpus, "byte", planner.recipe(corpus, available));
    }

    /** Memory in which a choice just fits. */
    private static OptionalLong enoughFor(OptimizerKind optimizer, DType dtype) {
        MemoryPlan plan = MemoryPlan.of(new MemoryPlan.Choice(MODEL, dtype, optimizer, false, 1, false));
        return OptionalLong.of((long) Math.ceil(plan.resident() / 0.9) + 1);
    }

    @Test
    void withEnoughMemoryItIsAdamWInF32AtBatchSizeOne() {
        for (OptionalLong available : List.of(OptionalLong.empty(), enoughFor(OptimizerKind.ADAMW, DType.F32))) {
            RunConfig config = plan(available, o -> o);
            assertEquals(OptimizerKind.ADAMW, config.update().optimizer());
            assertEquals(DType.F32, config.weights().dtype());
            assertEquals(1, config.batchSize());
            assertEquals(1, config.accumulation().microBatches());
            assertEquals(0.9, config.update().beta1());
            assertEquals(Decay.HalfLife.ofSecondMoment(config.tokens(), config.tokensPerStep()), config.update().beta2());
            assertEquals(List.of(), config.hyperparameters().warnings());
        }
    }

    @Test
    void theEmbeddingIsStableIfThatIsAskedFor() {
        assertTrue(!plan(OptionalLong.empty(), o -> o).model().stableEmbedding());
        assertTrue(plan(OptionalLong.empty(), o -> o.stableEmbedding(true)).model().stableEmbedding());
    }

    /** Eight bits with their settings, which the rule is made of. */
    @Test
    void stateIn8BitsIsAnOptimizerWithSettings() {
        RunConfig config = plan(OptionalLong.empty(), o -> o.optimizer(OptimizerKind.ADAMW_8BIT).set("block", "2048"));
        assertEquals("2048", config.update().settings().values().get("block"));
        QuantizedState rule = (QuantizedState) OptimizerKind.ADAMW_8BIT.atConstantRate(0.1, config.update().settings())
                .getFirst().rule();
        assertEquals(new Quantization(2048, false), rule.how());
        assertEquals(QuantizedState.SMALLEST, rule.smallest());
        assertTrue(!rule.embeddings());
    }

    @Test
    void whereAdamWDoesNotFitItIsAdafactorAndThenBf16() {
        RunConfig f32 = plan(enoughFor(OptimizerKind.ADAFACTOR, DType.F32), o -> o);
        assertEquals(OptimizerKind.ADAFACTOR, f32.update().optimizer());
        assertEquals(DType.F32, f32.weights().dtype());
        assertNull(f32.update().beta2());
        RunConfig bf16 = plan(enoughFor(OptimizerKind.ADAFACTOR, DType.BF16), o -> o);
        assertEquals(new RunConfig.Weights(DType.BF16, Rounding.STOCHASTIC), bf16.weights());
        assertEquals(OptimizerKind.ADAFACTOR, bf16.update().optimizer());
    }

    @Test
    void whatIsAskedForIsNotGivenUp() {
        OptionalLong little = OptionalLong.of(1);
        assertEquals(OptimizerKind.ADAMW, plan(little, o -> o.optimizer(OptimizerKind.ADAMW)).update().optimizer());
        assertEquals(DType.F32, plan(little, o -> o.dtype(DType.F32)).weights().dtype());
        assertTrue(!plan(little, o -> o.recompute(false)).recompute());
        assertEquals(8, plan(little, o -> o.batchSize(8)).batchSize());
    }

    @Test
    void decaysKeepTheOptimizerTheyBelongTo() {
        OptionalLong little = OptionalLong.of(1);
        assertEquals(OptimizerKind.ADAMW, plan(little, o -> o.beta2(0.95)).update().optimizer());
        assertEquals(OptimizerKind.LION, plan(little, o -> o.optimizer(OptimizerKind.LION).beta1(0.8)).update().optimizer());
    }

    @Test
    void aBudgetIsWholeStepsOfIt() {
        assertEquals(3, plan(OptionalLong.empty(), o -> o.batchSize(2).tokens(255L)).steps());
        assertEquals(1, plan(OptionalLong.empty(), o -> o.tokens(5L)).steps());
    }

    @Test
    void aFixedBeta2AtBatchSizeOneIsWarnedOf() {
        List<String> warnings = plan(OptionalLong.empty(), o -> o.beta2(0.95).tokens(1_000_000L)).hyperparameters().warnings();
        assertTrue(warnings.getFirst().startsWith("beta2 0.95 forgets half within 13.5 steps"), warnings.toString());
    }
}
