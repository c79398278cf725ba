package dev.smallbatch.bench.jmh;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Benchmarks are run seldom and by hand; here each method runs once, so that they work when they are needed. */
class BenchmarksTest {
    @ParameterizedTest
    @EnumSource(Matmul.Layer.class)
    void everyProductRunsAndCountsItsOperations(Matmul.Layer layer) {
        Matmul matmul = new Matmul();
        matmul.model = "tiny";
        matmul.layer = layer;
        matmul.backend = "auto";
        matmul.open();
        Matmul.Work work = new Matmul.Work();
        matmul.forward(work);
        double once = work.gflop;
        matmul.inputGradient(work);
        matmul.weightGradient(work);
        matmul.close();
        assertEquals(3 * once, work.gflop, 1e-12);
    }

    @Test
    void aProductHasTwoOperationsForEachOfItsTerms() {
        Matmul matmul = new Matmul();
        matmul.model = "tiny";
        matmul.layer = Matmul.Layer.DOWN;
        matmul.backend = "none";
        matmul.open();
        Matmul.Work work = new Matmul.Work();
        matmul.forward(work);
        matmul.close();
        assertEquals(2e-9 * 128 * 512 * 128, work.gflop, 1e-12);
    }

    @ParameterizedTest
    @ValueSource(strings = {"sgd", "adamw"})
    void aStepTrainsAndCountsItsTokens(String optimizer) {
        Step step = new Step();
        step.model = "tiny";
        step.optimizer = optimizer;
        step.backend = "auto";
        step.open();
        Step.Work work = new Step.Work();
        double first = step.train(work);
        double second = step.train(work);
        step.close();
        assertEquals(256, work.tokens);
        assertTrue(second < first, first + " then " + second);
    }
}
