package dev.smallbatch.model.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.gpt.GptConfig;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class StepCostTest {
    private static final GptConfig MODEL = GptConfig.preset("small");
    private static final MemoryPlan ONE =
            MemoryPlan.of(new MemoryPlan.Choice(MODEL, DType.F32, OptimizerKind.ADAMW, false, 1, false));

    private static MemoryPlan batch(int size) {
        return MemoryPlan.of(ONE.choice().withBatchSize(size));
    }

    @Test
    void arithmeticIsThatOfThePapersFormula() {
        assertEquals(256 * MODEL.flopsPerToken(256), StepCost.flops(ONE));
        assertEquals(4 * StepCost.flops(ONE), StepCost.flops(batch(4)));
    }

    @Test
    void recomputingIsAnotherForwardPassOfTheBlocks() {
        double forward = 2.0 * 12 * 4 * 256 * 256 + 4.0 * 4 * 256 * 256;
        assertEquals(StepCost.flops(ONE) + 256 * forward, StepCost.flops(MemoryPlan.of(ONE.choice().withRecompute(true))), 1);
    }

    @Test
    void theBytesOfAStepDoNotGrowWithTheBatchButWithState() {
        assertEquals(StepCost.bytes(ONE), StepCost.bytes(batch(8)));
        double sgd = StepCost.bytes(MemoryPlan.of(ONE.choice().withOptimizer(OptimizerKind.SGD)));
        assertEquals(16.0 * MODEL.parameterCount(), StepCost.bytes(ONE) - sgd, 1e4, "two moments, read and written");
        assertTrue(StepCost.bytes(MemoryPlan.of(batch(4).choice().withAccumulation(4))) > StepCost.bytes(batch(4)));
    }

    @Test
    void aFitFindsTheCostThatMadeTheTimings() {
        StepCost cost = new StepCost(1e-11, 2e-10);
        List<StepCost.Timing> timings = Stream.of(1, 2, 4, 8).map(StepCostTest::batch)
                .map(plan -> new StepCost.Timing(plan, cost.seconds(plan))).toList();
        StepCost found = StepCost.fit(timings);
        assertEquals(1e-11, found.secondsPerFlop(), 1e-17);
        assertEquals(2e-10, found.secondsPerByte(), 1e-16);
        assertEquals(256 / cost.seconds(ONE), found.tokensPerSecond(ONE), 1e-3);
    }

    @Test
    void noPartIsNegativeWhateverWasMeasured() {
        StepCost superlinear = StepCost.fit(List.of(new StepCost.Timing(ONE, 1), new StepCost.Timing(batch(2), 3)));
        assertEquals(0, superlinear.secondsPerByte());
        assertTrue(superlinear.secondsPerFlop() > 0);
        StepCost falling = StepCost.fit(List.of(new StepCost.Timing(ONE, 3), new StepCost.Timing(batch(2), 1)));
        assertEquals(0, falling.secondsPerFlop());
        assertTrue(falling.secondsPerByte() > 0);
    }

    @Test
    void oneTimingIsPutDownToArithmetic() {
        StepCost cost = StepCost.fit(List.of(new StepCost.Timing(ONE, 2)));
        assertEquals(2, cost.seconds(ONE), 1e-9);
        assertEquals(4, cost.seconds(batch(2)), 1e-9);
    }
}
