package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.io.SafeTensors;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Eight updates of three tensors, against what PyTorch, optax and Muon's own code make of the same gradients: scales from 1e-10
 * to 1e3, rows and columns that never get a gradient. Parameters after every step, state after the last, on every back end.
 */
@ExtendWith(LeakCheck.class)
class GoldenUpdatesTest {
    private static final int STEPS = 8;
    private static final Decay BETA1 = new Decay.PerStep(0.9);

    /**
     * A trajectory and the rule that follows it.
     *
     * @param golden its name in the files
     * @param tensors those that it is of
     * @param states names of state, ours and theirs
     * @param relative permitted difference
     * @param absolute permitted difference in addition
     */
    private record Trajectory(String golden, UpdateRule rule, List<String> tensors, Map<String, String> states, double relative,
            double absolute) {
        static Trajectory of(String golden, UpdateRule rule, Map<String, String> states) {
            return new Trajectory(golden, rule, List.of("w_small", "w_big", "b"), states, 1e-5, 1e-6);
        }

        /** Of matrices alone; five steps of a polynomial lose some digits of a difference in summation. */
        static Trajectory ofMuon(String golden, UpdateRule rule, Map<String, String> states) {
            return new Trajectory(golden, rule, List.of("w_small", "w_big"), states, 1e-5, 2e-6);
        }

        @Override
        public String toString() {
            return golden;
        }
    }

    private static List<Trajectory> trajectories() {
        Constant tenth = new Constant(0.1);
        Constant thousandth = new Constant(1e-3);
        Map<String, String> torchAdam = Map.of("m", "exp_avg", "v", "exp_avg_sq");
        Muon muon = new Muon(new Constant(0.02), new Decay.PerStep(0.95), true, 0.1);
        Adafactor adafactor = new Adafactor(new Constant(0.01), new Adafactor.SecondMoment.Power(0.8), Adafactor.FACTOR_FROM, 0);
        return List.of(
                Trajectory.of("sgd", new Sgd(tenth), Map.of()),
                Trajectory.of("sgd_momentum", new Sgd(tenth, 0.9, 0), Map.of("m", "momentum_buffer")),
                Trajectory.of("sgd_nesterov_optax", new Sgd(tenth, 0.9, true, 0), Map.of("m", "trace")),
                Trajectory.of("adam", adamW(0.999, 1e-8, 0), torchAdam),
                Trajectory.of("adamw", adamW(0.95, 1e-8, 0.1), torchAdam),
                Trajectory.of("adamw_bigeps", adamW(0.999, 0.01, 0.01), torchAdam),
                Trajectory.of("adamw_optax", adamW(0.95, 1e-8, 0.1), Map.of("m", "mu", "v", "nu")),
                Trajectory.of("sign_sgd", new Signum(thousandth, 0, 0), Map.of()),
                // Its state is a moving average, ours is the sum; the signs are the same.
                Trajectory.of("signum", new Signum(thousandth, 0.9, 0), Map.of()),
                Trajectory.of("lion", new Lion(thousandth, BETA1, new Decay.PerStep(0.99), 0.1), Map.of("m", "mu")),
                Trajectory.of("adagrad", new AdaGrad(new Constant(0.05), 1e-10, 0), Map.of("v", "sum")),
                Trajectory.of("rmsprop", new RmsProp(new Constant(0.01), new Decay.PerStep(0.99), 1e-8, 0),
                        Map.of("v", "square_avg")),
                Trajectory.of("adafactor_optax", adafactor, Map.of("v", "v", "r", "v_row", "c", "v_col")),
                Trajectory.ofMuon("muon_fp32", muon, Map.of("m", "momentum")),
                Trajectory.ofMuon("muon_kj_fp32", muon, Map.of("m", "momentum_buffer")));
    }

    private static AdamW adamW(double beta2, double eps, double weightDecay) {
        return new AdamW(new Constant(0.01), BETA1, new Decay.PerStep(beta2), eps, weightDecay);
    }

    private static Stream<Arguments> trajectoriesOnBackends() {
        return trajectories().stream().flatMap(t -> Stream.of(Arguments.of(t, "scalar"), Arguments.of(t, "vector")));
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("trajectoriesOnBackends")
    void isFollowed(Trajectory trajectory, String backend) throws Exception {
        for (String tensor : trajectory.tensors) {
            try (Workbench bench = new Workbench(backend, 1);
                    SafeTensors inputs = open("inputs.safetensors");
                    SafeTensors expected = open("trajectories.safetensors")) {
                Tensor indices = inputs.read("idx/w_big", bench.region());
                SingleParameter p = new SingleParameter(bench, trajectory.rule,
                        new Parameter(tensor, inputs.read("p0/" + tensor, bench.region()), Role.MATRIX));
                for (int t = 1; t <= STEPS; t++) {
                    p.update(inputs.read("g/t" + t + "/" + tensor, bench.region()));
                    String key = trajectory.golden + "/t" + t + "/" + tensor;
                    compare(trajectory, key, expected.read(key, bench.region()), p.parameter.value(), indices);
                }
                for (String name : p.state.tensors().keySet()) {
                    if (trajectory.states.containsKey(name)) {
                        String key = trajectory.golden + "/state/" + tensor + "/" + trajectory.states.get(name);
                        compare(trajectory, key, expected.read(key, bench.region()), p.state.get(name), indices);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector"})
    void newtonSchulzFollowsItsReferenceInDouble(String backend) throws Exception {
        for (String tensor : new String[] {"w_small", "w_big"}) {
            try (Workbench bench = new Workbench(backend, 1);
                    SafeTensors inputs = open("inputs.safetensors");
                    SafeTensors expected = open("trajectories.safetensors")) {
                Tensor x = inputs.read("g/t1/" + tensor, bench.region());
                float[] values = x.toFloatArray();
                double squares = 0;
                for (float value : values) {
                    squares += (double) value * value;
                }
                for (int i = 0; i < values.length; i++) {
                    values[i] /= (float) Math.sqrt(squares);
                }
                x.copyFrom(values);
                Tensor scratch = bench.vector(new float[(int) NewtonSchulz.scratchSize(x.shape())]);
                NewtonSchulz.orthogonalize(x, scratch, bench.kernels());
                Tensor reference = expected.read("newton_schulz5/" + tensor, bench.region());
                assertArrayEquals(reference.toFloatArray(), x.toFloatArray(), 2e-6f, tensor);
            }
        }
    }

    /** Of the big matrix the files keep the elements at {@code indices} alone. */
    private static void compare(Trajectory trajectory, String what, Tensor expected, Tensor actual, Tensor indices) {
        boolean sampled = expected.numel() < actual.numel();
        for (int i = 0; i < expected.numel(); i++) {
            long at = sampled ? (long) indices.getFlat(i) : i;
            double value = expected.getFlat(i);
            double permitted = trajectory.absolute + trajectory.relative * Math.abs(value);
            assertEquals(value, actual.getFlat(at), permitted, what + " element " + at);
        }
    }

    private static SafeTensors open(String name) throws Exception {
        return SafeTensors.open(Path.of(GoldenUpdatesTest.class.getResource("/dev/smallbatch/optim/golden/" + name).toURI()));
    }
}
