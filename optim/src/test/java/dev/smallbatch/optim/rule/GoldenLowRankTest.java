package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.io.SafeTensors;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.util.List;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * GaLore and APOLLO against their authors' code, with the projectors that it used: singular vectors whose signs are a matter of
 * the library, random numbers of another generator. That our own singular vectors span the same is a test of its own.
 */
@ExtendWith(LeakCheck.class)
class GoldenLowRankTest {
    private static final List<String> TENSORS = List.of("w_small", "w_big");
    private static final AdamW ADAM = new AdamW(new Constant(0.01), new Decay.PerStep(0.9), new Decay.PerStep(0.999), 1e-6, 0);

    /** The projector of step t, as rows along the shorter side. */
    private static Tensor projector(SafeTensors expected, String name, int every, String tensor, int t, Workbench bench)
            throws Exception {
        String key = name + "/projection/" + (2 * ((t - 1) / every) + TENSORS.indexOf(tensor));
        Tensor stored = expected.read(key, bench.region());
        if (tensor.equals("w_small")) {
            return stored;
        }
        int side = (int) stored.shape().rows();
        int rank = (int) stored.shape().cols();
        float[] rows = new float[rank * side];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = stored.get(i % side, i / side);
        }
        return bench.tensor(Shape.of(rank, side), rows);
    }

    /** To a relative 1e-5 and 1e-6. */
    private static void follow(String name, LowRankRule rule, String backend) throws Exception {
        try (Workbench bench = new Workbench(backend, 1);
                SafeTensors inputs = GoldenTrajectory.open("inputs");
                SafeTensors expected = GoldenTrajectory.open(name)) {
            Tensor indices = inputs.read("idx/w_big", bench.region());
            for (String tensor : TENSORS) {
                Parameter parameter = new Parameter(tensor, inputs.read("p0/" + tensor, bench.region()), Role.MATRIX);
                OptimizerState state = rule.init(parameter, bench.region());
                Tensor scalars = bench.vector(new float[rule.scalarCount()]);
                Tensor scratch = bench.vector(new float[(int) rule.scratchSize(parameter)]);
                for (int t = 1; t <= 8; t++) {
                    scalars.copyFrom(rule.scalars(new StepContext(t - 1, 64)));
                    Tensor projector = projector(expected, name, rule.lowRank().every(), tensor, t, bench);
                    (state.get("projector") == null ? scratch.rows(0, projector.numel()) : state.get("projector"))
                            .copyFrom(projector.toFloatArray());
                    rule.update(parameter, inputs.read("g/t" + t + "/" + tensor, bench.region()), state, scalars, scratch,
                            new WeightRounding(Rounding.NEAREST_EVEN, 0), bench.kernels());
                    Tensor after = expected.read(name + "/t" + t + "/" + tensor, bench.region());
                    for (int i = 0; i < after.numel(); i++) {
                        long at = after.numel() < parameter.value().numel() ? (long) indices.getFlat(i) : i;
                        assertEquals(after.getFlat(i), parameter.value().getFlat(at), 1e-6 + 1e-5 * Math.abs(after.getFlat(i)),
                                tensor + " step " + t + " element " + at);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector"})
    void galoreIsFollowed(String backend) throws Exception {
        follow("galore_adamw", new GaLore(new LowRank(ADAM, 4, 3), 0.25), backend);
    }

    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector"})
    void apolloIsFollowed(String backend) throws Exception {
        follow("apollo_channel_r4", new Apollo(new LowRank(ADAM, 4, 3), true, 1), backend);
    }

    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector"})
    void apolloMiniIsFollowed(String backend) throws Exception {
        follow("apollo_mini", Apollo.mini(ADAM, 200), backend);
    }

    /** The cosines of the angles between two subspaces of 4 dimensions have squares that add up to 4 if they are one. */
    @ParameterizedTest
    @CsvSource({"w_small, 1", "w_small, 4", "w_small, 7", "w_big, 1", "w_big, 4", "w_big, 7"})
    void ourSingularVectorsSpanWhatTheirsDo(String tensor, int t) throws Exception {
        try (Workbench bench = new Workbench("vector", 1);
                SafeTensors inputs = GoldenTrajectory.open("inputs");
                SafeTensors expected = GoldenTrajectory.open("galore_adamw")) {
            Tensor gradient = inputs.read("g/t" + t + "/" + tensor, bench.region());
            Tensor theirs = projector(expected, "galore_adamw", 3, tensor, t, bench);
            Tensor ours = bench.region().allocate(DType.F32, theirs.shape());
            Tensor scratch = bench.vector(new float[(int) SingularVectors.scratchSize(gradient.shape(), 4)]);
            SingularVectors.top(ours, gradient, RandomKey.of(1), scratch, bench.kernels());
            Tensor cosines = bench.region().allocate(DType.F32, Shape.of(4, 4));
            bench.kernels().matmul().matmul(cosines, ours, Transpose.NO, theirs, Transpose.YES, 1, 0);
            double squares = 0;
            for (int i = 0; i < 4; i++) {
                squares += cosines.get(i, i) * cosines.get(i, i);
                assertTrue(Math.abs(cosines.get(i, i)) > 1 - 1e-5, "vector " + i + ": " + cosines.get(i, i));
            }
            assertEquals(4, squares, 1e-5);
        }
    }
}
