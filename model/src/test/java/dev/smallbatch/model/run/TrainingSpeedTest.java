package dev.smallbatch.model.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.optim.batch.Throughput;
import dev.smallbatch.tck.LeakCheck;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class TrainingSpeedTest {
    private static MemoryPlan.Choice choice(GptConfig model, OptimizerKind optimizer) {
        return new MemoryPlan.Choice(model, DType.F32, optimizer, false, 1, false);
    }

    private static TrainingSpeed measure(MemoryPlan.Choice choice, OptionalLong available, List<Double> progress) {
        try (Backend backend = Backends.open("vector", new BackendOptions(1))) {
            return TrainingSpeed.measure(choice, backend.kernels(), 1, available, progress::add);
        }
    }

    @Test
    void shortStepsAreMeasuredInFull() {
        List<Double> progress = new ArrayList<>();
        MemoryPlan.Choice tiny = choice(GptConfig.paper(1, 16, 2, 16, 64), OptimizerKind.ADAMW);
        TrainingSpeed speed = measure(tiny, OptionalLong.empty(), progress);
        assertFalse(speed.isEstimated());
        assertEquals(1, speed.measuredBatches().getFirst());
        assertTrue(speed.throughput().stream().allMatch(t -> t.tokensPerSecond() > 0));
        assertEquals(List.of(1, 2, 4, 8, 16, 32, 64), speed.throughput().stream().map(Throughput::batchSize).toList());
        assertFalse(progress.isEmpty());
    }

    @Test
    void aModelThatDoesNotFitIsEstimatedFromOneOfItsBlocks() {
        GptConfig model = GptConfig.paper(12, 64, 2, 512, 5000);
        MemoryPlan.Choice large = choice(model, OptimizerKind.SGD);
        TrainingSpeed speed = measure(large, OptionalLong.of(MemoryPlan.of(large).resident()), new ArrayList<>());
        assertTrue(speed.isEstimated());
        assertEquals(List.of(), speed.measuredBatches());
        MemoryPlan plan = MemoryPlan.of(large);
        assertTrue(speed.tokensPerSecond(plan) > speed.tokensPerSecond(MemoryPlan.of(large.withRecompute(true))));
    }

    @Test
    void whatStandsForALargeModelHasItsBlocksWidthUpToALimit() {
        MemoryPlan.Choice small = TrainingSpeed.scaledDown(choice(GptConfig.preset("gpt3xl"), OptimizerKind.SGD), 128);
        assertEquals(GptConfig.paper(1, 2048, 16, 128, 1024), small.model());
        GptConfig huge = GptConfig.paper(40, 5120, 40, 2048, 50_257);
        assertEquals(GptConfig.paper(1, 2048, 16, 64, 1024),
                TrainingSpeed.scaledDown(choice(huge, OptimizerKind.SGD), 64).model());
        GptConfig tiny = GptConfig.preset("tiny");
        assertEquals(tiny.withSizes(1, 128, 4, 128, 256), TrainingSpeed.scaledDown(choice(tiny, OptimizerKind.SGD), 512).model());
    }

    @Test
    void otherPlansAreEstimatedInProportion() {
        MemoryPlan.Choice tiny = choice(GptConfig.paper(1, 16, 2, 16, 64), OptimizerKind.ADAMW);
        TrainingSpeed speed = measure(tiny, OptionalLong.empty(), new ArrayList<>());
        assertTrue(speed.tokensPerSecond(MemoryPlan.of(tiny.withRecompute(true))) <= speed.tokensPerSecond(MemoryPlan.of(tiny)));
    }
}
