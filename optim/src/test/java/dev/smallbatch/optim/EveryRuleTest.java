package dev.smallbatch.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.MemoryStats;
import dev.smallbatch.optim.checkpoint.CheckpointState;
import dev.smallbatch.optim.checkpoint.CheckpointStore;
import dev.smallbatch.optim.checkpoint.RunIdentity;
import dev.smallbatch.optim.rule.Rules;
import dev.smallbatch.optim.train.Exploding;
import dev.smallbatch.optim.train.TrainStep;
import dev.smallbatch.tck.LeakCheck;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Training a tiny model with every rule, its weights in F32 and in BF16. */
@ExtendWith(LeakCheck.class)
class EveryRuleTest {
    @TempDir
    Path folder;

    private static Stream<Arguments> rulesAndTypes() {
        return Arrays.stream(Rules.values())
                .flatMap(rules -> Stream.of(DType.F32, DType.BF16).filter(rules::takes).map(dtype -> Arguments.of(rules, dtype)));
    }

    private static TinyRun run(Rules rules, DType dtype, Clipping clipping) {
        return new TinyRun(rules.groups(0.01), clipping, 1, 1, dtype, Rounding.STOCHASTIC);
    }

    private CheckpointStore store() {
        return new CheckpointStore(folder.resolve("checkpoint"),
                new RunIdentity(TinyRun.SEED, JsonNodeFactory.instance.objectNode(), "scalar", "0.1"));
    }

    @ParameterizedTest
    @MethodSource("rulesAndTypes")
    void goingOnFromACheckpointGivesTheSameBitsAsNeverHavingStopped(Rules rules, DType dtype) throws IOException {
        float[] uninterrupted;
        try (TinyRun run = run(rules, dtype, Clipping.none())) {
            for (int step = 0; step < 12; step++) {
                run.train(step);
                if (step == 4) {
                    store().save(5, 30, run.optimizer);
                }
            }
            uninterrupted = run.everything();
        }
        try (TinyRun run = run(rules, dtype, Clipping.none())) {
            CheckpointState state = store().load(run.optimizer);
            for (long step = state.step(); step < 12; step++) {
                run.train(step);
            }
            assertArrayEquals(uninterrupted, run.everything());
        }
    }

    @ParameterizedTest
    @MethodSource("rulesAndTypes")
    void updatesInsideBackwardGiveTheBitsOfUpdatesAfterIt(Rules rules, DType dtype) {
        try (TinyRun inside = run(rules, dtype, Clipping.none());
                TinyRun after = run(rules, dtype, new Clipping.GlobalNorm(1e9))) {
            for (int step = 0; step < 5; step++) {
                inside.train(step);
                after.train(step);
            }
            assertArrayEquals(inside.everything(), after.everything());
        }
    }

    @ParameterizedTest
    @MethodSource("rulesAndTypes")
    void gradientsThatAreNotFiniteChangeNothing(Rules rules, DType dtype) {
        for (Clipping clipping : List.of(Clipping.none(), new Clipping.GlobalNorm(1e9))) {
            try (TinyRun run = run(rules, dtype, clipping)) {
                run.train(0);
                float[] before = run.everything();
                TrainStep exploding = new TrainStep(new Exploding(run.model, 0), run.optimizer, run.backend.kernels(), run.step, 1);
                run.batch.fill(run.source, 1);
                assertTrue(exploding.run(run.batch, 1, false).skipped());
                assertArrayEquals(before, run.everything());
                assertFalse(run.train(2).skipped());
            }
        }
    }

    /** The regions have exactly the planned sizes; what is done every fifth step at most is done more than once. */
    @ParameterizedTest
    @EnumSource
    void memoryIsPlannedAndNothingIsAllocatedAfterwards(Rules rules) {
        try (TinyRun run = run(rules, DType.F32, Clipping.none())) {
            run.train(0);
            long allocations = MemoryStats.nativeAllocations();
            for (int step = 1; step < 7; step++) {
                run.train(step);
            }
            assertEquals(allocations, MemoryStats.nativeAllocations());
        }
    }

    @ParameterizedTest
    @MethodSource("rulesAndTypes")
    void learns(Rules rules, DType dtype) {
        try (TinyRun run = run(rules, dtype, Clipping.none())) {
            double before = run.evaluator(8).loss();
            for (int step = 0; step < 150; step++) {
                run.train(step);
            }
            double after = run.evaluator(8).loss();
            assertTrue(after < before - 0.1,
                    () -> rules + " " + dtype + ", seed " + TinyRun.SEED + ": from " + before + " to " + after);
        }
    }
}
