package dev.smallbatch.model.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.optim.train.Accumulation;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class DefaultsTest {
    private static final GptConfig SMALL = GptConfig.preset("small").withVocabularySize(1024);

    @Test
    void shortTextsAreReadAsBytes() {
        assertEquals("byte", Defaults.tokenizer(199_999));
        assertEquals("bpe", Defaults.tokenizer(200_000));
    }

    @Test
    void vocabulariesGrowWithTheText() {
        assertEquals(512, Defaults.vocabularySize(200_000));
        assertEquals(1024, Defaults.vocabularySize(1_100_000));
        assertEquals(4096, Defaults.vocabularySize(30_000_000));
        assertEquals(16_384, Defaults.vocabularySize(1L << 40));
    }

    @Test
    void runsAreTwentyTokensForAParameterButTheTextFourTimesAtMost() {
        assertEquals(20 * SMALL.activeParameterCount(), Defaults.tokens(SMALL, 1_000_000_000));
        assertEquals(1_600_000, Defaults.tokens(SMALL, 400_000));
    }

    @Test
    void learningRatesFallWithWidthAndRiseALittleWithTheBatch() {
        assertEquals(2e-3, Defaults.lr(OptimizerKind.ADAMW, 256, 1), 1e-12);
        assertEquals(1.2e-3, Defaults.lr(OptimizerKind.ADAMW, 768, 1), 1e-12);
        assertEquals(6.0e-3, Defaults.lr(OptimizerKind.ADAMW, 256, 1024), 1e-12);
        assertEquals(0.2, Defaults.lr(OptimizerKind.SGD, 768, 1));
    }

    @Test
    void intervalsSuitTheLengthOfTheRun() {
        assertEquals(new RunConfig.Intervals(20, 1000, 300, 500), Defaults.intervals(10_000, 1, 1000));
        assertEquals(new RunConfig.Intervals(1, 1, 1, 1), Defaults.intervals(1, 1, 1000));
        assertEquals(new RunConfig.Intervals(2000, 100_000, 100, 1000), Defaults.intervals(1_000_000, 1, 100));
    }

    private static void assertRefused(String part, UnaryOperator<TrainingOptions> change) {
        TrainingOptions options = change.apply(TrainingOptions.into(Path.of("out")).data(Path.of("text")));
        String message = assertThrows(UsageException.class, () -> {
            options.check();
            new RunPlanner(options).model(256);
        }, part).getMessage();
        assertTrue(message.contains(part), message);
    }

    @Test
    void impossibleOptionsAreRefusedBeforeAnythingIsRead() {
        assertRefused("--data", o -> o.data(List.of()));
        assertRefused("twice", o -> o.beta2(0.95).beta2HalfLife(1e6));
        assertRefused("one of --tokens, --steps", o -> o.tokens(5L).steps(5L));
        assertRefused("sgd has none", o -> o.optimizer(OptimizerKind.SGD).beta2(0.9));
        assertRefused("--beta1 belongs to --optimizer momentum, nesterov, learned-sgd, signum, lion, ",
                o -> o.optimizer(OptimizerKind.ADAFACTOR).beta1(0.9));
        assertRefused("; adafactor has none", o -> o.optimizer(OptimizerKind.ADAFACTOR).beta1(0.9));
        assertRefused("--schedule cosine with --optimizer schedule-free-sgd; its average over all steps takes the place of a rate",
                o -> o.optimizer(OptimizerKind.SCHEDULE_FREE_SGD).schedule(ScheduleKind.COSINE));
        assertRefused("--set ema=0.9; --optimizer schedule-free-sgd averages weights itself",
                o -> o.optimizer(OptimizerKind.SCHEDULE_FREE_SGD).set("ema", 0.9));
        assertRefused("--set ema=1; must be at least 0 and below 1", o -> o.set("ema", 1));
        assertRefused("--set matrix-lr=0.1; --optimizer adamw has no such setting, nor any other", o -> o.set("matrix-lr", 0.1));
        assertRefused("--set lr=0.1; --optimizer muon has no such setting. Settings of muon: matrix-lr=0.02 (peak rate of",
                o -> o.optimizer(OptimizerKind.MUON).set("lr", 0.1));
        assertRefused("--set power=0.8 and a second decay", o -> o.optimizer(OptimizerKind.ADAFACTOR).set("power", 0.8).beta2(0.9));
        assertRefused("--set power=0.0; must be above 0. Settings of adafactor: power=0.999",
                o -> o.optimizer(OptimizerKind.ADAFACTOR).set("power", 0.0));
        assertRefused("it is --optimizer sgd", o -> o.optimizer(OptimizerKind.NESTEROV).beta1(0.0));
        assertRefused("--set beta=1; must be at least 0 and below 1", o -> o.optimizer(OptimizerKind.MUON).set("beta", 1));
        assertRefused("--set beta=high", o -> o.optimizer(OptimizerKind.MUON).set("beta", "high"));
        assertRefused("--vocab-size is for", o -> o.tokenizer("byte").vocabularySize(300));
        assertRefused("--steps 0", o -> o.steps(0L));
        assertRefused("--tokens -1", o -> o.tokens(-1L));
        assertRefused("--lr NaN", o -> o.lr(Double.NaN));
        assertRefused("--beta1 1.0", o -> o.beta1(1.0));
        assertRefused("--warmup-frac 1.5", o -> o.warmupFraction(1.5));
        assertRefused("--weight-decay -0.1", o -> o.weightDecay(-0.1));
        assertRefused("--accumulate 0", o -> o.accumulate(0));
        assertRefused("--accumulate 2 divides every batch into equal parts, and --batch-size is 1", o -> o.accumulate(2));
        assertRefused("--batch-size is 6; choose a multiple", o -> o.batchSize(6).accumulate(4));
        assertRefused("--accumulate-by is for --accumulate 2", o -> o.accumulateBy(Accumulation.Weighting.MICROBATCH));
        assertRefused("--threads 0", o -> o.threads(0));
        assertRefused("does not split into 3 heads", o -> o.dim(100).heads(3));
        assertRefused("no preset 'huge'", o -> o.preset("huge"));
        assertRefused("layers is 0", o -> o.layers(0));
    }
}
