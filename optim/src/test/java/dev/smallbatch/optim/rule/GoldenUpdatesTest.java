package dev.smallbatch.optim.rule;

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
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Eight updates of three tensors, against what PyTorch and optax make of the same gradients: scales from 1e-10 to 1e3, rows and
 * columns that never get a gradient. Parameters after every step, state after the last.
 */
@ExtendWith(LeakCheck.class)
class GoldenUpdatesTest {
    private static final int STEPS = 8;
    private static final double RELATIVE = 1e-5;
    private static final double ABSOLUTE = 1e-6;

    @Test
    void sgdFollowsTorch() throws Exception {
        check("sgd", new Sgd(new Constant(0.1)), Map.of());
    }

    @Test
    void momentumFollowsTorch() throws Exception {
        check("sgd_momentum", new Sgd(new Constant(0.1), 0.9, 0), Map.of("m", "momentum_buffer"));
    }

    @Test
    void adamFollowsTorch() throws Exception {
        check("adam", adamW(0.999, 1e-8, 0), Map.of("m", "exp_avg", "v", "exp_avg_sq"));
    }

    @Test
    void adamWFollowsTorch() throws Exception {
        check("adamw", adamW(0.95, 1e-8, 0.1), Map.of("m", "exp_avg", "v", "exp_avg_sq"));
    }

    @Test
    void adamWWithALargeEpsilonFollowsTorch() throws Exception {
        check("adamw_bigeps", adamW(0.999, 0.01, 0.01), Map.of("m", "exp_avg", "v", "exp_avg_sq"));
    }

    @Test
    void adamWFollowsOptax() throws Exception {
        check("adamw_optax", adamW(0.95, 1e-8, 0.1), Map.of("m", "mu", "v", "nu"));
    }

    private static AdamW adamW(double beta2, double eps, double weightDecay) {
        return new AdamW(new Constant(0.01), new Decay.PerStep(0.9), new Decay.PerStep(beta2), eps, weightDecay);
    }

    private static void check(String golden, UpdateRule rule, Map<String, String> stateNames) throws Exception {
        for (String tensor : new String[] {"w_small", "w_big", "b"}) {
            try (Workbench bench = new Workbench();
                    SafeTensors inputs = open("inputs.safetensors");
                    SafeTensors expected = open("trajectories.safetensors")) {
                Tensor indices = inputs.read("idx/w_big", bench.region());
                SingleParameter p = new SingleParameter(bench, rule,
                        new Parameter(tensor, inputs.read("p0/" + tensor, bench.region()), Role.MATRIX));
                for (int t = 1; t <= STEPS; t++) {
                    p.update(inputs.read("g/t" + t + "/" + tensor, bench.region()));
                    String key = golden + "/t" + t + "/" + tensor;
                    compare(key, expected.read(key, bench.region()), p.parameter.value(), indices);
                }
                for (Map.Entry<String, String> name : stateNames.entrySet()) {
                    String key = golden + "/state/" + tensor + "/" + name.getValue();
                    compare(key, expected.read(key, bench.region()), p.state.get(name.getKey()), indices);
                }
            }
        }
    }

    /** Of the big matrix the files keep the elements at {@code indices} alone. */
    private static void compare(String what, Tensor expected, Tensor actual, Tensor indices) {
        boolean sampled = expected.numel() < actual.numel();
        for (int i = 0; i < expected.numel(); i++) {
            long at = sampled ? (long) indices.getFlat(i) : i;
            double value = expected.getFlat(i);
            assertEquals(value, actual.getFlat(at), ABSOLUTE + RELATIVE * Math.abs(value), what + " element " + at);
        }
    }

    private static SafeTensors open(String name) throws Exception {
        return SafeTensors.open(Path.of(GoldenUpdatesTest.class.getResource("/dev/smallbatch/optim/golden/" + name).toURI()));
    }
}
