package dev.smallbatch.optim.rule;

import static dev.smallbatch.optim.rule.AdaBelief.FirstSteps.CORRECTED;
import static dev.smallbatch.optim.rule.AdaBelief.FirstSteps.RECTIFIED;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.smallbatch.core.io.SafeTensors;
import dev.smallbatch.core.tensor.Shape;
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
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Eight updates of three tensors, against what PyTorch, optax and Muon's own code make of the same gradients: scales from 1e-10
 * to 1e3, rows and columns that never get a gradient. Parameters after every step, state after the last, on every back end.
 */
@ExtendWith(LeakCheck.class)
class GoldenUpdatesTest {
    private static final Decay BETA1 = new Decay.PerStep(0.9);
    private static final Decay BETA2 = new Decay.PerStep(0.999);

    private static List<GoldenTrajectory> trajectories() {
        Constant tenth = new Constant(0.1);
        Constant thousandth = new Constant(1e-3);
        Map<String, String> adaBelief = Map.of("m", "exp_avg", "v", "exp_avg_var");
        Map<String, String> torchRows = Map.of("r", "row_var", "c", "col_var", "v", "variance");
        Map<String, String> torchAdam = Map.of("m", "exp_avg", "v", "exp_avg_sq");
        Muon muon = new Muon(new Constant(0.02), new Decay.PerStep(0.95), Muon.Average.NESTEROV, Muon.Length.TALL, 0.1);
        Adafactor adafactor = new Adafactor(new Constant(0.01), new Adafactor.SecondMoment.Power(0.8), Adafactor.FACTOR_FROM, 0);
        return List.of(
                GoldenTrajectory.of("sgd", new Sgd(tenth), Map.of()),
                // Without momentum it is the same whether the decay is in the gradient or beside it.
                GoldenTrajectory.of("sgd_l2", new Sgd(tenth, 0, 0.01), Map.of()),
                GoldenTrajectory.of("sgd_momentum", new Sgd(tenth, 0.9, 0), Map.of("m", "momentum_buffer")),
                GoldenTrajectory.of("sgd_nesterov_optax", new Sgd(tenth, 0.9, true, 0), Map.of("m", "trace")),
                GoldenTrajectory.of("adam", adamW(0.999, 1e-8, 0), torchAdam),
                GoldenTrajectory.of("adamw", adamW(0.95, 1e-8, 0.1), torchAdam),
                GoldenTrajectory.of("adamw_bigeps", adamW(0.999, 0.01, 0.01), torchAdam),
                GoldenTrajectory.of("adamw_optax", adamW(0.95, 1e-8, 0.1), Map.of("m", "mu", "v", "nu")),
                GoldenTrajectory.of("sign_sgd", new Signum(thousandth, 0, 0), Map.of()),
                // Its state is a moving average, ours is the sum; the signs are the same.
                GoldenTrajectory.of("signum", new Signum(thousandth, 0.9, 0), Map.of()),
                GoldenTrajectory.of("lion", new Lion(thousandth, BETA1, new Decay.PerStep(0.99), 0.1), Map.of("m", "mu")),
                GoldenTrajectory.of("adagrad", new AdaGrad(new Constant(0.05), 1e-10, 0), Map.of("v", "sum")),
                GoldenTrajectory.of("rmsprop", new RmsProp(new Constant(0.01), new Decay.PerStep(0.99), 1e-8, 0),
                        Map.of("v", "square_avg")),
                GoldenTrajectory.of("adafactor_optax", adafactor, Map.of("v", "v", "r", "v_row", "c", "v_col")),
                // Its state is sums over rows and columns, ours their means; the steps are the same.
                GoldenTrajectory.of("adafactor_paper",
                        new Adafactor(new Constant(0.01), new Adafactor.SecondMoment.Power(0.8), 2, 0), Map.of()),
                GoldenTrajectory.of("adafactor_torch", torchAdafactor(0.8, 1e-3, 1, 0), torchRows),
                GoldenTrajectory.of("adafactor_torch_wd", torchAdafactor(0.5, 0.01, 1.5, 0.1), torchRows),
                GoldenTrajectory.of("radam", new RAdam(new Constant(0.01), BETA1, BETA2, 1e-8, 0), torchAdam),
                GoldenTrajectory.of("nadam", new NAdam(new Constant(0.002), BETA1, BETA2, 0.004, 1e-8, 0), torchAdam),
                GoldenTrajectory.of("adabelief", adaBelief(BETA2, 1e-16, CORRECTED, 0.1), adaBelief),
                GoldenTrajectory.of("adabelief_rectify", adaBelief(BETA2, 1e-16, RECTIFIED, 0.1), adaBelief),
                GoldenTrajectory.of("adabelief_rectify_b2_09", adaBelief(BETA1, 1e-12, RECTIFIED, 0), adaBelief),
                GoldenTrajectory.of("adabelief_optax", adaBelief(BETA2, 1e-16, CORRECTED, 0), Map.of("m", "mu", "v", "nu")),
                GoldenTrajectory.of("adabelief_optax_bigeps",
                        new AdaBelief(new Constant(0.01), BETA1, new Decay.PerStep(0.99), 1e-4, 1e-6, CORRECTED, 0),
                        Map.of("m", "mu", "v", "nu")),
                muon("muon_fp32", muon, Map.of("m", "momentum")),
                muon("muon_kj_fp32", muon, Map.of("m", "momentum_buffer")));
    }

    private static Adafactor torchAdafactor(double power, double smallestScale, double largestStep, double weightDecay) {
        return new Adafactor(new Constant(0.01), new Adafactor.SecondMoment.Power(power), 2, Adafactor.Form.TORCH, smallestScale,
                largestStep, weightDecay);
    }

    /** Of matrices alone; five steps of a polynomial lose some digits of a difference in summation. */
    private static GoldenTrajectory muon(String name, UpdateRule rule, Map<String, String> states) {
        return GoldenTrajectory.ofMatrices(name, rule, states, 1e-5, 2e-6);
    }

    private static AdamW adamW(double beta2, double eps, double weightDecay) {
        return new AdamW(new Constant(0.01), BETA1, new Decay.PerStep(beta2), eps, weightDecay);
    }

    private static AdaBelief adaBelief(Decay beta2, double eps, AdaBelief.FirstSteps firstSteps, double weightDecay) {
        return new AdaBelief(new Constant(1e-3), BETA1, beta2, eps, eps, firstSteps, weightDecay);
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
    @ValueSource(strings = {"scalar", "vector"})
    void newtonSchulzFollowsItsReferenceInDouble(String backend) throws Exception {
        for (String tensor : new String[] {"w_small", "w_big"}) {
            try (Workbench bench = new Workbench(backend, 1);
                    SafeTensors inputs = GoldenTrajectory.open("inputs");
                    SafeTensors expected = GoldenTrajectory.open("newton_schulz5")) {
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
                Tensor stack = x.reshape(Shape.of(1, x.shape().rows(), x.shape().cols()));
                Tensor room = bench.vector(new float[(int) NewtonSchulz.squaresSize(x.shape())]);
                Tensor other = bench.vector(values.clone());
                Tensor orthogonal = NewtonSchulz.QUINTIC.orthogonalize(stack, other, room, bench.kernels());
                Tensor reference = expected.read("newton_schulz5/" + tensor, bench.region());
                assertArrayEquals(reference.toFloatArray(), orthogonal.toFloatArray(), 2e-6f, tensor);
            }
        }
    }
}
