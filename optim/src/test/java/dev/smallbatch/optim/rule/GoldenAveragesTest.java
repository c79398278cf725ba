package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.io.SafeTensors;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Rules whose weights to evaluate are averages, against their authors' code and PyTorch. */
@ExtendWith(LeakCheck.class)
class GoldenAveragesTest {
    private static final double BETA = 0.9;
    private static final Decay BETA1 = new Decay.PerStep(BETA);

    /** The weights of these files are those to train, of which our state is the distance from those to evaluate. */
    private static List<GoldenTrajectory> scheduleFree() {
        return List.of(
                GoldenTrajectory.of("sgd_schedule_free", new ScheduleFree(new Constant(0.5), BETA, 0.01), Map.of()),
                GoldenTrajectory.of("adamw_schedule_free",
                        new ScheduleFree(new Constant(0.0025, 4), BETA, new Decay.PerStep(0.999), 1e-8, 0.01),
                        Map.of("v", "exp_avg_sq")));
    }

    /** The weights of this file are those to evaluate. */
    private static List<GoldenTrajectory> averages() {
        AdamW adamW = new AdamW(new Constant(0.01), BETA1, new Decay.PerStep(0.95), 1e-8, 0.1);
        return List.of(GoldenTrajectory.of("ema_of_adamw", new WeightAverage(adamW, BETA1, false, 1), Map.of()));
    }

    private static Stream<Arguments> scheduleFreeOnBackends() {
        return GoldenTrajectory.onBackends(scheduleFree());
    }

    private static Stream<Arguments> averagesOnBackends() {
        return GoldenTrajectory.onBackends(averages());
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("scheduleFreeOnBackends")
    void weightsToTrainAreFollowed(GoldenTrajectory trajectory, String backend) throws Exception {
        trajectory.assertFollowed(backend);
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("scheduleFreeOnBackends")
    void averageAndIterateAreFollowed(GoldenTrajectory trajectory, String backend) throws Exception {
        for (String tensor : trajectory.tensors()) {
            try (Workbench bench = new Workbench(backend, 1);
                    SafeTensors inputs = GoldenTrajectory.open("inputs");
                    SafeTensors expected = GoldenTrajectory.open(trajectory.name())) {
                SingleParameter p = parameter(bench, trajectory, inputs, tensor);
                for (int t = 1; t <= 8; t++) {
                    p.update(inputs.read("g/t" + t + "/" + tensor, bench.region()));
                }
                float[] y = p.values();
                float[] m = p.state.get("m").toFloatArray();
                float[] z = new float[y.length];
                for (int i = 0; i < z.length; i++) {
                    z[i] = (float) (y[i] + m[i] * BETA / (1 - BETA));
                }
                compare(trajectory, "state/" + tensor + "/x", p.evaluated(), bench, inputs, expected);
                compare(trajectory, "state/" + tensor + "/z", z, bench, inputs, expected);
            }
        }
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("averagesOnBackends")
    void averagesAreFollowed(GoldenTrajectory trajectory, String backend) throws Exception {
        for (String tensor : trajectory.tensors()) {
            try (Workbench bench = new Workbench(backend, 1);
                    SafeTensors inputs = GoldenTrajectory.open("inputs");
                    SafeTensors expected = GoldenTrajectory.open(trajectory.name())) {
                SingleParameter p = parameter(bench, trajectory, inputs, tensor);
                for (int t = 1; t <= 8; t++) {
                    Region.Mark mark = bench.region().mark();
                    p.update(inputs.read("g/t" + t + "/" + tensor, bench.region()));
                    float[] trained = p.values();
                    compare(trajectory, "t" + t + "/" + tensor, p.evaluated(), bench, inputs, expected);
                    assertArrayEquals(trained, p.values(), "to evaluate and back");
                    bench.region().release(mark);
                }
            }
        }
    }

    private static SingleParameter parameter(Workbench bench, GoldenTrajectory trajectory, SafeTensors inputs, String tensor)
            throws Exception {
        return new SingleParameter(bench, trajectory.rule(),
                new Parameter(tensor, inputs.read("p0/" + tensor, bench.region()), Role.MATRIX));
    }

    private static void compare(GoldenTrajectory trajectory, String key, float[] actual, Workbench bench, SafeTensors inputs,
            SafeTensors expected) throws Exception {
        Tensor reference = expected.read(trajectory.name() + "/" + key, bench.region());
        trajectory.compare(key, reference, bench.vector(actual), inputs.read("idx/w_big", bench.region()));
    }
}
