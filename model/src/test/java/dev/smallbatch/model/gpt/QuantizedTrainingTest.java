package dev.smallbatch.model.gpt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.rule.AdamW;
import dev.smallbatch.optim.rule.QuantizedState;
import dev.smallbatch.optim.rule.UpdateRule;
import dev.smallbatch.optim.schedule.WarmupCosine;
import dev.smallbatch.optim.train.Batch;
import dev.smallbatch.optim.train.BatchSource;
import dev.smallbatch.optim.train.Evaluator;
import dev.smallbatch.optim.train.StepMemory;
import dev.smallbatch.optim.train.TrainStep;
import dev.smallbatch.tck.LeakCheck;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A small decoder trained with AdamW and with its 8-bit form, from the same weights on the same data. */
@ExtendWith(LeakCheck.class)
class QuantizedTrainingTest {
    private static final GptConfig CONFIG = GptConfig.paper(2, 64, 2, 16, 48);
    private static final int STEPS = 150;
    private static final int BATCH = 8;
    private static final UpdateRule ADAMW = new AdamW(new WarmupCosine(0.005, STEPS, STEPS / 10), new Decay.PerStep(0.9),
            new Decay.PerStep(0.99), 1e-8, 0.01);
    /** At the same seed and rate, as the specification has it. */
    private static final double AT_EQUAL_SEED = 0.05;

    /** Each token is followed by one of four, the likeliest half of the time. */
    private record Text(long seed) implements BatchSource {
        @Override
        public void fill(long step, int[] tokens, int[] targets) {
            RandomKey key = RandomKey.of(seed).at(step);
            for (int i = 0; i < tokens.length; i++) {
                int start = Integer.remainderUnsigned(key.word(3L * i), CONFIG.vocabularySize());
                int before = i % CONFIG.seqLen() == 0 ? start : targets[i - 1];
                int choice = Math.min(3, Integer.numberOfLeadingZeros(key.word(3L * i + 1)));
                tokens[i] = before;
                targets[i] = (before * before + 7 * before + 11 * choice + 3) % CONFIG.vocabularySize();
            }
        }
    }

    private static double loss(UpdateRule rule, DType dtype, long seed) {
        List<ParameterGroup> groups = List.of(ParameterGroup.all(rule));
        StepMemory plan = StepMemory.plan(Gpt.planned(CONFIG, dtype), groups, Clipping.none(), BATCH, CONFIG.seqLen(), 1, false);
        try (Backend backend = Backends.open("vector", new BackendOptions(1));
                Region step = Region.create("step", plan.step());
                Region parameters = Region.create("parameters", Gpt.parameterBytes(CONFIG, dtype));
                Region state = Region.create("optimizer", plan.optimizer());
                Region data = Region.create("data", plan.data())) {
            Gpt model = Gpt.initialized(CONFIG, parameters, seed, dtype);
            Optimizer optimizer = new Optimizer(groups, Clipping.none(), model.parameters(), backend.kernels(), state,
                    Rounding.STOCHASTIC, seed);
            TrainStep trainStep = new TrainStep(model, optimizer, backend.kernels(), step, 1);
            Batch batch = Batch.allocate(data, BATCH, CONFIG.seqLen());
            Text text = new Text(seed);
            for (int number = 0; number < STEPS; number++) {
                batch.fill(text, number);
                trainStep.run(batch, number, false);
            }
            return new Evaluator(model, backend.kernels(), step, batch, new Text(1000), 16).loss();
        }
    }

    @Test
    void adamWIn8BitsLearnsAsMuchAsIn32WithinTheNoiseOfSeeds() {
        double[] full = new double[3];
        double[] coded = new double[3];
        for (int seed = 0; seed < 3; seed++) {
            full[seed] = loss(ADAMW, DType.F32, seed);
            coded[seed] = loss(new QuantizedState(ADAMW), DType.F32, seed);
        }
        String losses = "32 bits " + Arrays.toString(full) + ", 8 bits " + Arrays.toString(coded);
        assertTrue(full[0] < 2.5, "learned too little to compare: " + losses);
        double noise = Arrays.stream(full).max().orElseThrow() - Arrays.stream(full).min().orElseThrow();
        double mean = Arrays.stream(full).average().orElseThrow();
        assertEquals(mean, Arrays.stream(coded).average().orElseThrow(), noise, losses);
        for (int seed = 0; seed < 3; seed++) {
            assertEquals(full[seed], coded[seed], AT_EQUAL_SEED, losses);
        }
    }

    @Test
    void andWithWeightsIn16BitsAsMuchToo() {
        assertEquals(loss(ADAMW, DType.BF16, 0), loss(new QuantizedState(ADAMW), DType.BF16, 0), AT_EQUAL_SEED);
    }
}
