package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.io.SafeTensors;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Workbench;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;

/**
 * Eight updates that somebody else's program made of the same gradients, and the rule that follows it. The file
 * {@code golden/NAME.safetensors} has the parameters after every step and the state after the last.
 *
 * @param name of the golden case
 * @param tensors those that it is of
 * @param states names of state, ours and theirs; what is not among them is not compared
 * @param relative permitted difference
 * @param absolute permitted difference in addition
 */
record GoldenTrajectory(String name, UpdateRule rule, List<String> tensors, Map<String, String> states, double relative,
        double absolute) {
    private static final int STEPS = 8;

    /** Of two matrices and a vector, followed to a relative 1e-5 and 1e-6. */
    static GoldenTrajectory of(String name, UpdateRule rule, Map<String, String> states) {
        return new GoldenTrajectory(name, rule, List.of("w_small", "w_big", "b"), states, 1e-5, 1e-6);
    }

    /** Of matrices alone. */
    static GoldenTrajectory ofMatrices(String name, UpdateRule rule, Map<String, String> states, double relative, double absolute) {
        return new GoldenTrajectory(name, rule, List.of("w_small", "w_big"), states, relative, absolute);
    }

    /** Each on both backends: the arguments of a parameterized test. */
    static Stream<Arguments> onBackends(List<GoldenTrajectory> trajectories) {
        return trajectories.stream().flatMap(t -> Stream.of(Arguments.of(t, "scalar"), Arguments.of(t, "vector")));
    }

    void assertFollowed(String backend) throws Exception {
        for (String tensor : tensors) {
            try (Workbench bench = new Workbench(backend, 1);
                    SafeTensors inputs = open("inputs");
                    SafeTensors expected = open(name)) {
                Tensor indices = inputs.read("idx/w_big", bench.region());
                SingleParameter p = new SingleParameter(bench, rule,
                        new Parameter(tensor, inputs.read("p0/" + tensor, bench.region()), Role.MATRIX));
                for (int t = 1; t <= STEPS; t++) {
                    p.update(inputs.read("g/t" + t + "/" + tensor, bench.region()));
                    String key = name + "/t" + t + "/" + tensor;
                    compare(key, expected.read(key, bench.region()), p.parameter.value(), indices);
                }
                for (String state : p.state.tensors().keySet()) {
                    if (states.containsKey(state)) {
                        String key = name + "/state/" + tensor + "/" + states.get(state);
                        compare(key, expected.read(key, bench.region()), p.state.get(state), indices);
                    }
                }
            }
        }
    }

    /** Of the big matrix the files keep the elements at {@code indices} alone. */
    void compare(String what, Tensor expected, Tensor actual, Tensor indices) {
        boolean sampled = expected.numel() < actual.numel();
        for (int i = 0; i < expected.numel(); i++) {
            long at = sampled ? (long) indices.getFlat(i) : i;
            double value = expected.getFlat(i);
            assertEquals(value, actual.getFlat(at), absolute + relative * Math.abs(value), what + " element " + at);
        }
    }

    /** A file of the golden directory, without its ending. */
    static SafeTensors open(String name) throws Exception {
        return SafeTensors.open(path(name + ".safetensors"));
    }

    private static Path path(String file) throws URISyntaxException {
        return Path.of(GoldenTrajectory.class.getResource("/dev/smallbatch/optim/golden/" + file).toURI());
    }

    @Override
    public String toString() {
        return name;
    }
}
