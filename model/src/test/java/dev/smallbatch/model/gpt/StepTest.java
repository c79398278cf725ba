package dev.smallbatch.model.gpt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.tensor.MemoryStats;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.rule.AdamW;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.rule.UpdateRule;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.optim.train.Batch;
import dev.smallbatch.optim.train.BatchSource;
import dev.smallbatch.optim.train.Evaluator;
import dev.smallbatch.optim.train.StepMemory;
import dev.smallbatch.optim.train.TrainStep;
import dev.smallbatch.tck.LeakCheck;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Training steps of whole models in exactly the memory that was planned, with and without recomputed activations. */
@ExtendWith(LeakCheck.class)
class StepTest {
    private static final int BATCH = 2;
    private static final UpdateRule ADAMW = new AdamW(new Constant(0.01), new Decay.PerStep(0.9), new Decay.PerStep(0.99));
    private static final Clipping CLIPPED = new Clipping.GlobalNorm(0.5);

    static Stream<GptConfig> styles() {
        return Stream.of(GptConfig.paper(3, 16, 2, 12, 29), GptConfig.gpt2(3, 16, 4, 12, 29),
                GptConfig.gpt2(3, 16, 4, 12, 29).withStableEmbedding(true));
    }

    static Stream<Arguments> cases() {
        return styles().flatMap(config -> Stream.of("scalar", "vector").flatMap(backend -> Stream.of(Clipping.none(), CLIPPED)
                .map(clipping -> Arguments.of(config, backend, clipping))));
    }

    /** A model and everything that trains it, in regions of the planned sizes. */
    private static final class Training implements AutoCloseable {
        private final List<Region> regions = new ArrayList<>();
        private final StepMemory plan;
        private final Backend backend;
        private final Region step;
        private final Gpt model;
        private final TrainStep trainStep;
        private final Batch batch;
        private final BatchSource source;

        Training(GptConfig config, String backendName, UpdateRule rule, Clipping clipping, boolean recompute) {
            List<ParameterGroup> groups = List.of(ParameterGroup.all(rule));
            plan = StepMemory.plan(Gpt.planned(config), groups, clipping, BATCH, config.seqLen(), 1, recompute);
            backend = Backends.open(backendName, new BackendOptions(2));
            step = region("step", plan.step());
            model = Gpt.initialized(config, region("parameters", Gpt.parameterBytes(config)), 4);
            var optimizer = new Optimizer(groups, clipping, model.parameters(), backend.kernels(), region("optimizer", plan.optimizer()));
            trainStep = new TrainStep(model, optimizer, backend.kernels(), step, 1, recompute);
            batch = Batch.allocate(region("data", plan.data()), BATCH, config.seqLen());
            source = (number, tokens, targets) -> {
                for (int i = 0; i < tokens.length; i++) {
                    tokens[i] = (int) ((i * 7 + number) % config.vocabularySize());
                    targets[i] = i % 7 == 6 ? -1 : (int) ((i * 7 + 7 + number) % config.vocabularySize());
                }
            };
        }

        private Region region(String label, long bytes) {
            regions.add(Region.create(label, bytes));
            return regions.getLast();
        }

        double step(int number) {
            batch.fill(source, number);
            return trainStep.run(batch, number, number % 2 == 0).loss();
        }

        @Override
        public void close() {
            regions.forEach(Region::close);
            backend.close();
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void recomputingActivationsGivesTheSameBits(GptConfig config, String backend, Clipping clipping) {
        try (Training kept = new Training(config, backend, ADAMW, clipping, false);
                Training recomputed = new Training(config, backend, ADAMW, clipping, true)) {
            double first = kept.step(0);
            assertEquals(first, recomputed.step(0));
            double last = first;
            for (int number = 1; number < 10; number++) {
                last = kept.step(number);
                assertEquals(last, recomputed.step(number), "step " + number);
            }
            assertTrue(last < first, "from " + first + " to " + last + ", nothing was learned");
            for (int i = 0; i < kept.model.parameters().size(); i++) {
                Parameter expected = kept.model.parameters().get(i);
                assertArrayEquals(expected.value().toFloatArray(), recomputed.model.parameters().get(i).value().toFloatArray(),
                        expected.name());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void everyRegionIsFilledToTheLastPlannedByte(GptConfig config, String backend, Clipping clipping) {
        for (UpdateRule rule : List.of(ADAMW, new Sgd(new Constant(0.1)))) {
            for (boolean recompute : new boolean[] {false, true}) {
                try (Training training = new Training(config, backend, rule, clipping, recompute)) {
                    training.step(0);
                    assertEquals(training.plan.step(), training.step.peak());
                    training.regions.stream().filter(region -> !region.label().equals("data")).forEach(region ->
                            assertEquals(region.capacity(), region.peak(), region.label()));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("styles")
    void nothingIsAllocatedNativelyAfterTheFirstStep(GptConfig config) {
        for (boolean recompute : new boolean[] {false, true}) {
            try (Training training = new Training(config, "vector", ADAMW, Clipping.none(), recompute)) {
                training.step(0);
                long allocations = MemoryStats.nativeAllocations();
                for (int number = 1; number < 4; number++) {
                    training.step(number);
                    assertEquals(0, training.step.used());
                }
                assertEquals(allocations, MemoryStats.nativeAllocations());
                assertEquals(training.plan.step(), training.step.peak());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("styles")
    void evaluationFitsIntoTheMemoryOfAStep(GptConfig config) {
        for (boolean recompute : new boolean[] {false, true}) {
            try (Training training = new Training(config, "scalar", ADAMW, Clipping.none(), recompute)) {
                Evaluator evaluator = new Evaluator(training.model, training.backend.kernels(), training.step, training.batch,
                        training.source, 1);
                double before = evaluator.loss();
                assertTrue(training.step.peak() < training.plan.step());
                assertEquals(before, training.step(0), 1e-6);
            }
        }
    }

    @Test
    void aStepOfThePapersSmallModelTakesLittle() {
        GptConfig config = GptConfig.preset("lm11m");
        assertEquals(170.1, stepMebibytes(config, false), 0.05);
        assertEquals(129.5, stepMebibytes(config, true), 0.05);
    }

    private static double stepMebibytes(GptConfig config, boolean recompute) {
        return StepMemory.plan(Gpt.planned(config), List.of(ParameterGroup.all(ADAMW)), Clipping.none(), 1, config.seqLen(), 1,
                recompute).step() / 1048576.0;
    }

    @Test
    void aBlockTakesLittleMoreThanItsInputIfItIsRecomputed() {
        GptConfig few = GptConfig.paper(8, 64, 2, 64, 64);
        GptConfig many = few.withSizes(9, 64, 2, 64, 64);
        double input = 64 * 64 * 4 / 1048576.0;
        assertEquals(input, stepMebibytes(many, true) - stepMebibytes(few, true), 0.01 * input);
        assertEquals(10 * input, stepMebibytes(many, false) - stepMebibytes(few, false), 0.5 * input);
    }
}
