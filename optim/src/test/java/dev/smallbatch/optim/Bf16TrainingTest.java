package dev.smallbatch.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.io.SafeTensors;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.optim.checkpoint.CheckpointException;
import dev.smallbatch.optim.checkpoint.CheckpointStore;
import dev.smallbatch.optim.checkpoint.RunIdentity;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.rule.UpdateRule;
import dev.smallbatch.optim.rule.WeightRounding;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Training with BF16 matrices and tables. */
@ExtendWith(LeakCheck.class)
class Bf16TrainingTest {
    @TempDir
    Path folder;

    private static TinyRun run(UpdateRule rule, Rounding rounding) {
        return new TinyRun(rule, Clipping.none(), 1, 1, DType.BF16, rounding);
    }

    private CheckpointStore store() {
        return new CheckpointStore(folder.resolve("checkpoint"),
                new RunIdentity(TinyRun.SEED, JsonNodeFactory.instance.objectNode(), "scalar", "0.1"));
    }

    @Test
    void aCheckpointKeepsWeightsInTheirTypeAndStateInF32() throws IOException {
        try (TinyRun run = run(TinyRun.adamW(), Rounding.STOCHASTIC)) {
            store().save(0, 0, run.optimizer);
        }
        try (SafeTensors weights = SafeTensors.open(folder.resolve("checkpoint/model.safetensors"));
                SafeTensors state = SafeTensors.open(folder.resolve("checkpoint/optimizer.safetensors"))) {
            assertEquals("BF16", weights.header().entry("table").dtype());
            assertEquals("F32", weights.header().entry("bias").dtype());
            assertTrue(state.header().entries().values().stream().allMatch(entry -> entry.dtype().equals("F32")));
        }
    }

    @Test
    void aCheckpointOfTheOtherTypeIsRefusedWithTheRemedy() throws IOException {
        try (TinyRun run = run(TinyRun.adamW(), Rounding.STOCHASTIC)) {
            store().save(0, 0, run.optimizer);
        }
        try (TinyRun run = new TinyRun()) {
            float[] before = run.everything();
            String message = assertThrows(CheckpointException.class, () -> store().load(run.optimizer)).getMessage();
            assertTrue(message.contains("table is BF16 [13, 8] in the checkpoint, F32 [13, 8] in this run"), message);
            assertTrue(message.contains("Use the build and the options it was written with"), message);
            assertArrayEquals(before, run.everything());
        }
    }

    /** Steps of a fraction of a unit in the last place, against a run with F32 weights. */
    @Test
    void smallStepsAreLostByNearestRoundingAndKeptOnAverageByStochasticRounding() {
        float[] f32 = displacement(DType.F32, Rounding.NEAREST_EVEN, 300);
        double nearest = projection(displacement(DType.BF16, Rounding.NEAREST_EVEN, 300), f32);
        double stochastic = projection(displacement(DType.BF16, Rounding.STOCHASTIC, 300), f32);
        assertTrue(nearest < 0.1, "nearest rounding moved " + nearest + " of the way");
        assertEquals(1, stochastic, 0.1, "part of the way that stochastic rounding moved");
    }

    /** How far every element of matrices and tables moved. */
    private static float[] displacement(DType dtype, Rounding rounding, int steps) {
        try (TinyRun run = new TinyRun(new Sgd(new Constant(5e-5)), Clipping.none(), 1, 1, dtype, rounding)) {
            float[] moved = weights(run);
            for (int step = 0; step < steps; step++) {
                run.train(step, false);
            }
            float[] after = weights(run);
            for (int i = 0; i < moved.length; i++) {
                moved[i] = after[i] - moved[i];
            }
            return moved;
        }
    }

    private static float[] weights(TinyRun run) {
        List<float[]> parts = run.model.parameters().stream().filter(p -> p.role() != Role.VECTOR)
                .map(p -> TinyRun.floats(p.value())).toList();
        return TinyRun.joined(parts);
    }

    /** The part of {@code whole} that {@code a} covers: {@code a whole / whole^2}. */
    private static double projection(float[] a, float[] whole) {
        double product = 0;
        double squares = 0;
        for (int i = 0; i < a.length; i++) {
            product += (double) a[i] * whole[i];
            squares += (double) whole[i] * whole[i];
        }
        return product / squares;
    }

    @Test
    void learnsAboutAsWellAsWithF32Weights() {
        double[] losses = new double[2];
        for (DType dtype : List.of(DType.F32, DType.BF16)) {
            try (TinyRun run = new TinyRun(TinyRun.adamW(), Clipping.none(), 2, 1, dtype, Rounding.STOCHASTIC)) {
                for (int step = 0; step < 40; step++) {
                    run.train(step);
                }
                losses[dtype.ordinal()] = run.evaluator(8).loss();
            }
        }
        assertEquals(losses[0], losses[1], 0.05 * losses[0]);
    }

    @Test
    void matricesAndTablesTakeHalfThePlannedMemory() {
        try (TinyRun half = run(TinyRun.adamW(), Rounding.STOCHASTIC); TinyRun full = new TinyRun(TinyRun.adamW(), Clipping.none(), 1, 1)) {
            long saved = full.model.parameters().stream().map(Parameter::value).filter(value -> value.shape().rank() == 2)
                    .mapToLong(value -> Region.bytesFor(DType.F32, value.shape()) - Region.bytesFor(DType.BF16, value.shape())).sum();
            assertEquals(saved, full.plan.parameters() - half.plan.parameters());
            assertEquals(full.plan.optimizer(), half.plan.optimizer());
        }
    }

    @Test
    void findsTheParameterThatIsNotFinite() {
        try (TinyRun run = run(TinyRun.adamW(), Rounding.STOCHASTIC)) {
            assertFalse(run.optimizer.findNonFinite().isPresent());
            run.parameter("down").value().segment().setAtIndex(ValueLayout.JAVA_SHORT, 3, (short) 0x7F80);
            assertEquals("down", run.optimizer.findNonFinite().orElseThrow().name());
        }
    }

    @Test
    void randomBitsDependOnSeedAndName() {
        try (Workbench bench = new Workbench()) {
            Parameter a = bench.parameter("a", Shape.of(1), 0);
            Parameter b = bench.parameter("b", Shape.of(1), 0);
            WeightRounding rounding = WeightRounding.of(Rounding.STOCHASTIC, 1, a);
            assertEquals(rounding, WeightRounding.of(Rounding.STOCHASTIC, 1, a));
            assertNotEquals(rounding.key(), WeightRounding.of(Rounding.STOCHASTIC, 1, b).key());
            assertNotEquals(rounding.key(), WeightRounding.of(Rounding.STOCHASTIC, 2, a).key());
        }
    }

    @Test
    void anOptimizerWithoutRoundingRefusesBf16() {
        try (Workbench bench = new Workbench()) {
            Parameter p = new Parameter("p", bench.region().allocate(DType.BF16, Shape.of(3)), Role.MATRIX);
            String message = assertThrows(IllegalArgumentException.class,
                    () -> new Optimizer(List.of(ParameterGroup.all(TinyRun.adamW())), Clipping.none(), List.of(p), bench.kernels(),
                            bench.region())).getMessage();
            assertEquals("optimizer: p bf16 (3) is rounded with every update; say how, by a Rounding and a seed", message);
        }
    }
}
