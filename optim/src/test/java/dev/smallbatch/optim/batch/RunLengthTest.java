package dev.smallbatch.optim.batch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunLengthTest {
    @ParameterizedTest
    @CsvSource({
        "6, 384, 50257, 29915520, 598310400",
        "6, 512, 32101, 35310080, 706201600",
        "12, 768, 50257, 123532032, 2470640640",
        "2, 32, 128, 28672, 573440"})
    void budgetsAreThePublishedOnes(long layers, long dim, long vocabulary, long active, long tokens) {
        assertEquals(active, RunLength.activeParameters(layers, dim, vocabulary));
        assertEquals(tokens, RunLength.tokens(active));
    }

    @ParameterizedTest
    @CsvSource({"1, 1168575, 58428", "4, 292143, 14607", "16, 73035, 3651", "64, 18258, 912", "256, 4564, 228", "1024, 1141, 57",
        "4096, 285, 14"})
    void stepsAndWarmUpOfThe30MModelAreThePublishedOnes(long batchSize, long steps, long warmup) {
        assertEquals(steps, RunLength.steps(598_310_400, 512 * batchSize));
        assertEquals(warmup, RunLength.warmupSteps(0.05, steps));
    }

    @ParameterizedTest
    @CsvSource({"1, 17920", "4, 4480", "16, 1120", "64, 280", "256, 70"})
    void stepsOfTheLaptopModelAreThoseOfTheSpecification(long batchSize, long steps) {
        assertEquals(steps, RunLength.steps(573_440, 32 * batchSize));
    }

    @Test
    void aBudgetBelowOneUpdateIsOneUpdate() {
        assertEquals(1, RunLength.steps(10, 512));
    }

    @Test
    void nothingIsNoRun() {
        assertThrows(IllegalArgumentException.class, () -> RunLength.steps(0, 1));
        assertThrows(IllegalArgumentException.class, () -> RunLength.steps(1, 0));
        assertThrows(IllegalArgumentException.class, () -> RunLength.warmupSteps(1.5, 10));
    }
}
