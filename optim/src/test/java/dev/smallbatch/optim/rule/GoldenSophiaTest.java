package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.io.SafeTensors;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.rule.Sophia.Form;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Eight updates of Sophia as released and as in optax, with four estimates between them: the squares of other gradients of the
 * collection.
 */
@ExtendWith(LeakCheck.class)
class GoldenSophiaTest {
    private static final int STEPS = 8;

    /**
     * A golden case.
     *
     * @param factor of the estimates; the curvature of the release lacks it, and every step multiplies by it
     * @param states names of state, ours and theirs
     */
    private record Case(String name, Sophia rule, double factor, Map<String, String> states) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Sophia sophia(Form form, double eps, double weightDecay) {
        return new Sophia(new Constant(1e-3), new Decay.PerStep(0.965), new Decay.PerStep(0.99), form, 0.05, eps, 2, weightDecay);
    }

    private static Stream<Arguments> casesOnBackends() {
        return Stream.of(new Case("sophiag", sophia(Form.G, 1e-15, 0.2), 64, Map.of("m", "exp_avg", "h", "hessian")),
                        new Case("sophia_optax", sophia(Form.OPTAX, 1e-8, 0.1), 1, Map.of("m", "mu", "h", "nu")))
                .flatMap(c -> Stream.of(Arguments.of(c, "scalar"), Arguments.of(c, "vector")));
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("casesOnBackends")
    void isFollowed(Case golden, String backend) throws Exception {
        for (String tensor : new String[] {"w_small", "w_big", "b"}) {
            try (Workbench bench = new Workbench(backend, 1);
                    SafeTensors inputs = GoldenTrajectory.open("inputs");
                    SafeTensors expected = GoldenTrajectory.open(golden.name)) {
                Tensor indices = inputs.read("idx/w_big", bench.region());
                SingleParameter p = new SingleParameter(bench, golden.rule,
                        new Parameter(tensor, inputs.read("p0/" + tensor, bench.region()), Role.MATRIX));
                Region.Mark mark = bench.region().mark();
                for (int t = 0; t < STEPS; t++) {
                    bench.region().release(mark);
                    p.update(inputs.read("g/t" + (t + 1) + "/" + tensor, bench.region()));
                    if (golden.rule.isDue(t)) {
                        Tensor estimate = inputs.read("g/t" + ((t + 3) % STEPS + 1) + "/" + tensor, bench.region());
                        golden.rule.observe(estimate, estimate, golden.factor, p.state, new StepContext(t, 64), bench.kernels());
                    }
                    String key = golden.name + "/t" + (t + 1) + "/" + tensor;
                    compare(key, expected.read(key, bench.region()), p.parameter.value(), 1, indices);
                }
                for (Map.Entry<String, String> state : golden.states.entrySet()) {
                    String key = golden.name + "/state/" + tensor + "/" + state.getValue();
                    compare(key, expected.read(key, bench.region()), p.state.get(state.getKey()),
                            state.getKey().equals("h") ? golden.factor : 1, indices);
                }
            }
        }
    }

    /** Of the big matrix the files keep the elements at {@code indices} alone. */
    private static void compare(String what, Tensor expected, Tensor actual, double factor, Tensor indices) {
        boolean sampled = expected.numel() < actual.numel();
        for (int i = 0; i < expected.numel(); i++) {
            long at = sampled ? (long) indices.getFlat(i) : i;
            double value = expected.getFlat(i);
            assertEquals(value, actual.getFlat(at) / factor, 1e-6 + 1e-5 * Math.abs(value), what + " element " + at);
        }
    }
}
