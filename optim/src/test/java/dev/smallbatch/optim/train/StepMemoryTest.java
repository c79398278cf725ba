package dev.smallbatch.optim.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.tensor.MemoryStats;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.optim.ByNorm;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.TinyModel;
import dev.smallbatch.optim.TinyRun;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.rule.UpdateRule;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class StepMemoryTest {
    private static StepMemory plan(UpdateRule rule, Clipping clipping, int batchSize, int microBatches) {
        try (Region counting = Region.counting("parameters")) {
            return StepMemory.plan(new TinyModel(counting, 1), List.of(ParameterGroup.all(rule)), clipping, batchSize, 6,
                    microBatches);
        }
    }

    @Test
    void theStepRegionIsFilledToTheLastByte() {
        try (TinyRun run = new TinyRun()) {
            run.train(0);
            assertEquals(run.plan.step(), run.step.peak());
        }
    }

    @Test
    void evaluationFitsIntoTheStepRegion() {
        try (TinyRun run = new TinyRun()) {
            run.evaluator(2).loss();
            assertTrue(run.step.peak() <= run.plan.step());
        }
    }

    @Test
    void planningAllocatesNoNativeMemory() {
        long before = MemoryStats.nativeAllocations();
        plan(TinyRun.adamW(), Clipping.none(), 2, 1);
        assertEquals(before, MemoryStats.nativeAllocations());
    }

    @Test
    void gradientsTakeMemoryOnlyIfTheyAreKept() {
        assertEquals(0, plan(TinyRun.adamW(), Clipping.none(), 2, 1).gradients());
        StepMemory clipped = plan(TinyRun.adamW(), new Clipping.GlobalNorm(1), 2, 1);
        assertEquals(clipped.parameters(), clipped.gradients());
        assertEquals(clipped.parameters(), plan(TinyRun.adamW(), Clipping.none(), 2, 2).gradients());
        assertEquals(clipped.parameters(), plan(new ByNorm(TinyRun.adamW()), Clipping.none(), 2, 1).gradients());
    }

    @Test
    void microBatchesShrinkTheStepAlone() {
        StepMemory whole = plan(TinyRun.adamW(), new Clipping.GlobalNorm(1), 4, 1);
        StepMemory parts = plan(TinyRun.adamW(), new Clipping.GlobalNorm(1), 4, 4);
        assertTrue(parts.step() < whole.step());
        assertEquals(whole.optimizer(), parts.optimizer());
    }

    @Test
    void sgdNeedsAlmostNoOptimizerMemory() {
        assertTrue(plan(new Sgd(new Constant(1)), Clipping.none(), 1, 1).optimizerState() <= 256);
        StepMemory adam = plan(TinyRun.adamW(), Clipping.none(), 1, 1);
        assertTrue(adam.optimizerState() >= 2 * adam.parameters());
    }

    @Test
    void aBatchThatCannotBeDividedIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> plan(TinyRun.adamW(), Clipping.none(), 3, 2));
        assertThrows(IllegalArgumentException.class, () -> plan(TinyRun.adamW(), Clipping.none(), 3, 0));
    }

    @Test
    void theTableAddsUp() {
        StepMemory plan = new StepMemory(1 << 20, 2 << 20, 4 << 20, 8 << 20, 16 << 20);
        assertEquals(31 << 20, plan.total());
        assertTrue(plan.table().contains("31.0 MiB"), plan.table());
    }
}
