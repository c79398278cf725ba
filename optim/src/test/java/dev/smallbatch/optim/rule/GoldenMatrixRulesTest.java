package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.io.SafeTensors;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.optim.schedule.Schedule;
import dev.smallbatch.tck.LeakCheck;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Rules for whole matrices against what others make of the same gradients, as in {@link GoldenUpdatesTest}. */
@ExtendWith(LeakCheck.class)
class GoldenMatrixRulesTest {
    private static final Schedule THOUSANDTH = new Constant(1e-3);

    private static List<GoldenTrajectory> trajectories() {
        return List.of(
                sinkGd("sinkgd_L1", 1),
                sinkGd("sinkgd_L5", 5),
                // Twenty converging steps leave nothing to the exact polar factor.
                swan("swan_exact", 0.5, 20),
                swan("swan_ns_b05_k20", 0.5, 20),
                swan("swan_ns_b08_k10", 0.8, 10),
                scale("scale", "w_big", new Projection.Rows(false), null, 0),
                scale("scale", "w_small", new Projection.Rows(false), new Decay.PerStep(0.9), 0),
                scale("scale_repo", "w_big", new Projection.Rows(false), null, 0.1),
                scale("scale_repo", "w_small", new Projection.Rows(false), new Decay.PerStep(0.9), 0.1),
                scale("scale_repo_embedding", "w_big", new Projection.Columns(), null, 0.1),
                scale("scale_repo_embedding", "w_small", new Projection.Rows(false), new Decay.PerStep(0.9), 0.1),
                muon("muon_optax", 0.02, 0.95, Muon.Average.CORRECTED_NESTEROV, Muon.Length.WIDE, "mu", 2e-6),
                muon("muon_optax_consistent_rms", 0.002, 0.95, Muon.Average.CORRECTED_NESTEROV, Muon.Length.ADAM, "mu", 2e-6),
                // These make their products in bfloat16, which ours do not follow.
                muon("muon_torch", 0.02, 0.95, Muon.Average.NESTEROV, Muon.Length.TALL, "momentum_buffer", 3e-3),
                muon("muon_torch_match_rms", 0.002, 0.95, Muon.Average.NESTEROV, Muon.Length.ADAM, "momentum_buffer", 3e-3),
                muon("muon_torch_no_nesterov", 0.02, 0.9, Muon.Average.PLAIN, Muon.Length.TALL, "momentum_buffer", 3e-3),
                muon("muon_kj_bf16", 0.02, 0.95, Muon.Average.NESTEROV, Muon.Length.TALL, "momentum_buffer", 3e-3));
    }

    private static GoldenTrajectory sinkGd(String name, int rounds) {
        return GoldenTrajectory.ofMatrices(name, MultiNorm.sinkGd(THOUSANDTH, rounds, 0), Map.of(), 1e-5, 1e-6);
    }

    private static GoldenTrajectory swan(String name, double beta, int steps) {
        return GoldenTrajectory.ofMatrices(name, MultiNorm.swan(THOUSANDTH, true, beta, steps, 0), Map.of(), 1e-5, 1e-6);
    }

    private static GoldenTrajectory scale(String name, String tensor, Projection projection, Decay beta, double weightDecay) {
        UpdateRule rule = new MultiNorm(THOUSANDTH, List.of(projection), 1, beta, weightDecay);
        return new GoldenTrajectory(name, rule, List.of(tensor), Map.of("m", name.equals("scale") ? "m" : "moment1"), 1e-5, 1e-6);
    }

    private static GoldenTrajectory muon(String name, double lr, double beta, Muon.Average average, Muon.Length length,
            String state, double absolute) {
        double weightDecay = name.equals("muon_torch_no_nesterov") ? 0 : 0.1;
        UpdateRule rule = new Muon(new Constant(lr), new Decay.PerStep(beta), average, length, weightDecay);
        return GoldenTrajectory.ofMatrices(name, rule, Map.of("m", state), 1e-5, absolute);
    }

    private static Stream<Arguments> trajectoriesOnBackends() {
        return GoldenTrajectory.onBackends(trajectories());
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("trajectoriesOnBackends")
    void isFollowed(GoldenTrajectory trajectory, String backend) throws Exception {
        trajectory.assertFollowed(backend);
    }

    @ParameterizedTest
    @CsvSource({"sinkgd_L1, 1, scalar", "sinkgd_L1, 1, vector", "sinkgd_L5, 5, scalar", "sinkgd_L5, 5, vector"})
    void theFirstDirectionOfSinkGd(String name, int rounds, String backend) throws Exception {
        for (String tensor : List.of("w_small", "w_big")) {
            assertDirection(name + "/update1", tensor, MultiNorm.sinkGd(new Constant(1), rounds, 0), backend);
        }
    }

    @ParameterizedTest
    @CsvSource({"scalar", "vector"})
    void gradNormOfTheFirstGradient(String backend) throws Exception {
        for (String tensor : List.of("w_small", "w_big")) {
            UpdateRule gradNorm = new MultiNorm(new Constant(1), List.of(new Projection.Rows(true)), 1, null, 0);
            assertDirection("swan_exact/gradnorm1", tensor, gradNorm, backend);
        }
    }

    private static void assertDirection(String key, String tensor, UpdateRule rule, String backend) throws Exception {
        try (Workbench bench = new Workbench(backend, 1);
                SafeTensors inputs = GoldenTrajectory.open("inputs");
                SafeTensors stored = GoldenTrajectory.open(key.substring(0, key.indexOf('/')))) {
            float[] direction = direction(bench, inputs, tensor, rule);
            Tensor expected = stored.read(key + "/" + tensor, bench.region());
            Tensor indices = inputs.read("idx/w_big", bench.region());
            for (int i = 0; i < expected.numel(); i++) {
                int at = expected.numel() < direction.length ? (int) indices.getFlat(i) : i;
                double value = expected.getFlat(i);
                assertEquals(value, direction[at], 1e-6 + 1e-5 * Math.abs(value), key + "/" + tensor + " element " + at);
            }
        }
    }

    /** What a rule subtracts from zeros at rate 1, given the first gradient. */
    private static float[] direction(Workbench bench, SafeTensors inputs, String tensor, UpdateRule rule) throws IOException {
        Tensor gradient = inputs.read("g/t1/" + tensor, bench.region());
        SingleParameter p = new SingleParameter(bench, rule,
                new Parameter(tensor, bench.tensor(gradient.shape(), new float[(int) gradient.numel()]), Role.MATRIX));
        p.update(gradient);
        float[] direction = p.values();
        for (int i = 0; i < direction.length; i++) {
            direction[i] = -direction[i];
        }
        return direction;
    }

    /** The whitened matrix before it is scaled; exact, those of directions that the gradient has are 1. */
    @ParameterizedTest
    @CsvSource({"swan_exact, 0.5, 20", "swan_ns_b05_k20, 0.5, 20", "swan_ns_b08_k10, 0.8, 10"})
    void singularValuesOfTheWhitenedFirstGradient(String name, double beta, int steps) throws Exception {
        for (String tensor : List.of("w_small", "w_big")) {
            for (String backend : List.of("scalar", "vector")) {
                try (Workbench bench = new Workbench(backend, 1);
                        SafeTensors inputs = GoldenTrajectory.open("inputs");
                        SafeTensors stored = GoldenTrajectory.open(name)) {
                    UpdateRule whitening = new MultiNorm(new Constant(1),
                            List.of(new Projection.Rows(true), new Projection.Spectral(beta, steps)), 1, null, 0);
                    float[] w = direction(bench, inputs, tensor, whitening);
                    int cols = tensor.equals("w_small") ? 5 : 140;
                    double length = Math.sqrt(Math.max(cols, w.length / cols));
                    double[] actual = singularValues(w, cols);
                    float[] expected = stored.read(name + "/singular_values1/" + tensor, bench.region()).toFloatArray();
                    // A direction that the gradient has not got, rounding gives it, and every step makes it 3 beta times as much.
                    double rounding = 0x1p-24 * Math.pow(3 * beta, steps);
                    for (int i = 0; i < expected.length; i++) {
                        assertEquals(expected[i], actual[actual.length - 1 - i] / length, expected[i] < 0.1 ? rounding : 1e-4,
                                tensor + " on " + backend + ", value " + i);
                    }
                }
            }
        }
    }

    /** The lengths of the rows once rotations have made them orthogonal; ascending. */
    private static double[] singularValues(float[] values, int cols) {
        double[][] rows = new double[values.length / cols][cols];
        for (int i = 0; i < values.length; i++) {
            rows[i / cols][i % cols] = values[i];
        }
        for (int sweep = 0; sweep < 12; sweep++) {
            for (int p = 0; p < rows.length; p++) {
                for (int q = p + 1; q < rows.length; q++) {
                    rotate(rows[p], rows[q]);
                }
            }
        }
        return Arrays.stream(rows).mapToDouble(row -> Math.sqrt(dot(row, row))).sorted().toArray();
    }

    private static void rotate(double[] p, double[] q) {
        double product = dot(p, q);
        double zeta = (dot(q, q) - dot(p, p)) / (2 * product);
        if (Math.abs(product) < 1e-14) {
            return;
        }
        double t = Math.copySign(1, zeta) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
        double cosine = 1 / Math.sqrt(1 + t * t);
        for (int i = 0; i < p.length; i++) {
            double x = p[i];
            p[i] = cosine * (x - t * q[i]);
            q[i] = cosine * (t * x + q[i]);
        }
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }
}
