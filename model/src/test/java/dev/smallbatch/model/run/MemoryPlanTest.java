package dev.smallbatch.model.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.MemoryStats;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.tck.LeakCheck;
import java.util.List;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class MemoryPlanTest {
    private static final GptConfig MODEL = GptConfig.preset("small");
    private static final MemoryPlan.Choice CHOICE = new MemoryPlan.Choice(MODEL, DType.F32, OptimizerKind.ADAMW, false, 6, false);

    @Test
    void neighboursDifferInOneOption() {
        SequencedMap<String, MemoryPlan> neighbours = MemoryPlan.of(CHOICE).neighbours();
        assertEquals(List.of("--recompute", "--optimizer sgd", "--optimizer adafactor", "--optimizer muon", "--dtype bf16",
                "--batch-size 3", "--batch-size 12", "--seq-len 128", "--seq-len 512"), List.copyOf(neighbours.keySet()));
        assertEquals(CHOICE.withRecompute(true), neighbours.get("--recompute").choice());
        assertEquals(CHOICE.withOptimizer(OptimizerKind.SGD), neighbours.get("--optimizer sgd").choice());
        assertEquals(CHOICE.withDType(DType.BF16), neighbours.get("--dtype bf16").choice());
        assertEquals(12, neighbours.get("--batch-size 12").choice().batchSize());
        assertEquals(512, neighbours.get("--seq-len 512").choice().model().seqLen());
        assertEquals(MODEL.dim(), neighbours.get("--seq-len 512").choice().model().dim());
    }

    @Test
    void theOtherChoiceIsOfferedWhateverWasChosen() {
        MemoryPlan.Choice other = new MemoryPlan.Choice(MODEL, DType.F32, OptimizerKind.SGD, true, 1, true);
        assertEquals(List.of("--no-recompute", "--optimizer adafactor", "--optimizer muon", "--optimizer adamw", "--dtype bf16",
                "--batch-size 2", "--seq-len 128", "--seq-len 512"),
                List.copyOf(MemoryPlan.of(other).neighbours().keySet()));
    }

    @Test
    void everyNeighbourIsThePlanOfItsChoice() {
        MemoryPlan.of(CHOICE).neighbours().forEach((option, plan) -> assertEquals(MemoryPlan.of(plan.choice()), plan, option));
    }

    @Test
    void whatShouldSaveMemoryDoes() {
        MemoryPlan plan = MemoryPlan.of(CHOICE);
        SequencedMap<String, MemoryPlan> neighbours = plan.neighbours();
        for (String option : List.of("--recompute", "--optimizer sgd", "--optimizer adafactor", "--dtype bf16", "--batch-size 3",
                "--seq-len 128")) {
            assertTrue(neighbours.get(option).resident() < plan.resident(), option);
        }
        for (String option : List.of("--batch-size 12", "--seq-len 512")) {
            assertTrue(neighbours.get(option).resident() > plan.resident(), option);
        }
        assertEquals(plan.memory().step(), neighbours.get("--optimizer sgd").memory().step());
        assertEquals(plan.memory().parameters(), neighbours.get("--recompute").memory().parameters());
    }

    @Test
    void weightsAreCountedWithTheTablesBesideThem() {
        assertEquals(Gpt.parameterBytes(MODEL), MemoryPlan.of(CHOICE).memory().parameters());
    }

    @Test
    void clippingKeepsGradients() {
        assertEquals(0, MemoryPlan.of(CHOICE).memory().gradients());
        MemoryPlan clipped = MemoryPlan.of(new MemoryPlan.Choice(MODEL, DType.F32, OptimizerKind.ADAMW, true, 6, false));
        assertTrue(clipped.memory().gradients() > 4 * MODEL.parameterCount());
    }

    @Test
    void accumulationKeepsGradientsAndNeedsTheActivationsOfOnePart() {
        MemoryPlan whole = MemoryPlan.of(CHOICE);
        MemoryPlan one = MemoryPlan.of(CHOICE.withBatchSize(1));
        MemoryPlan parts = MemoryPlan.of(CHOICE.withAccumulation(6));
        assertEquals(one.memory().step(), parts.memory().step());
        assertTrue(parts.memory().gradients() >= 4 * MODEL.parameterCount());
        assertEquals(List.of("--recompute", "--optimizer sgd", "--optimizer adafactor", "--optimizer muon", "--dtype bf16",
                "--accumulate 1", "--batch-size 12", "--seq-len 128", "--seq-len 512"), List.copyOf(parts.neighbours().keySet()), "half of 6 is not a multiple of 6");
        assertEquals(whole, parts.neighbours().get("--accumulate 1"));
    }

    @Test
    void planningAllocatesNoNativeMemory() {
        long before = MemoryStats.nativeAllocations();
        MemoryPlan.of(CHOICE).neighbours();
        assertEquals(before, MemoryStats.nativeAllocations());
    }
}
