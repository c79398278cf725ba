package dev.smallbatch.core.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.tck.LeakCheck;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The head fused with its loss against the same in two operations with whole logits. */
@ExtendWith(LeakCheck.class)
class LinearCrossEntropyTest {
    private static final double TOLERANCE = 1e-6;
    /** So many that three chunks are needed: 2^24 logits are the most in one. */
    private static final Sizes THREE_CHUNKS = new Sizes(301, 3, 120_001, 120_000);

    /**
     * @param rows of x, each a token
     * @param dim columns of x
     * @param columns rows of the head
     * @param vocabulary columns of the logits that take part
     */
    private record Sizes(int rows, int dim, int columns, int vocabulary) {}

    /** Losses and gradients of a step: rows of a table, a norm, the head. */
    private static final class Problem implements AutoCloseable {
        private final Sizes sizes;
        private final boolean tied;
        private final Backend backend;
        private final Region memory = Region.create("problem", 32L << 20);
        private final Tensor tokens;
        private final Tensor targets;
        private final Parameter table;
        private final Parameter head;
        private float[] losses;
        private final Map<String, float[]> gradients = new LinkedHashMap<>();
        private long peak;

        Problem(Sizes sizes, boolean tied, String backendName, int threads) {
            this.sizes = sizes;
            this.tied = tied;
            backend = Backends.open(backendName, new BackendOptions(threads));
            tokens = memory.allocate(DType.I32, Shape.of(1, sizes.rows));
            targets = memory.allocate(DType.I32, Shape.of(1, sizes.rows));
            int[] ids = new int[sizes.rows];
            int[] next = new int[sizes.rows];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = (int) (7919L * i % sizes.vocabulary);
                next[i] = i % 5 == 3 ? -1 : (int) ((7919L * i + 13) % sizes.vocabulary);
            }
            tokens.copyFrom(ids);
            targets.copyFrom(next);
            table = parameter("table");
            head = tied ? table : parameter("head");
        }

        private Parameter parameter(String name) {
            Tensor value = memory.allocate(DType.F32, Shape.of(sizes.columns, sizes.dim));
            new Init.Normal(0.8).fill(value, RandomKey.of(3).fork(name));
            return new Parameter(name, value, Role.HEAD);
        }

        private Var loss(Ops ops, boolean fused) {
            Var x = ops.rmsNorm(ops.embed(tokens, table, null), null, 1e-6f);
            return fused ? ops.linearCrossEntropy(x, head, targets, sizes.vocabulary, 0.25f)
                    : ops.crossEntropy(ops.linear(x, head, null), targets, sizes.vocabulary, 0.25f);
        }

        Problem run(boolean fused, Tape.Mode mode) {
            try (Region step = Region.create("step", 4L * sizes.columns * (sizes.rows + 2L * sizes.dim) + (1 << 20))) {
                Tape tape = new Tape(backend.kernels(), step, mode);
                Var loss = loss(tape.ops(), fused);
                losses = loss.value().toFloatArray();
                if (mode != Tape.Mode.FORWARD_ONLY) {
                    tape.backward(loss, (parameter, gradient) -> gradients.put(parameter.name(), gradient.toFloatArray()));
                    assertArrayEquals(losses, loss.value().toFloatArray(), "backward leaves the losses alone");
                }
                peak = step.peak();
                tape.reset();
            }
            return this;
        }

        @Override
        public void close() {
            memory.close();
            backend.close();
        }
    }

    static Stream<Arguments> problems() {
        return Stream.of(new Sizes(1, 3, 2, 2), new Sizes(6, 8, 11, 11), new Sizes(67, 5, 131, 127), new Sizes(97, 33, 1009, 1009),
                        THREE_CHUNKS)
                .flatMap(sizes -> Stream.of(false, true).flatMap(tied -> Stream.of("scalar", "vector")
                        .filter(backend -> backend.equals("vector") || sizes != THREE_CHUNKS)
                        .map(backend -> Arguments.of(sizes, tied, backend))));
    }

    @ParameterizedTest(name = "{0}, tied {1}, {2}")
    @MethodSource("problems")
    void lossesAndGradientsAreThoseOfWholeLogits(Sizes sizes, boolean tied, String backend) {
        try (Problem fused = new Problem(sizes, tied, backend, 2).run(true, Tape.Mode.RECORD);
                Problem whole = new Problem(sizes, tied, backend, 2).run(false, Tape.Mode.RECORD)) {
            assertClose("losses", whole.losses, fused.losses);
            assertEquals(List.copyOf(whole.gradients.keySet()), List.copyOf(fused.gradients.keySet()));
            assertEquals(tied ? List.of("table") : List.of("head", "table"), List.copyOf(fused.gradients.keySet()));
            whole.gradients.forEach((name, gradient) -> assertClose(name, gradient, fused.gradients.get(name)));
        }
    }

    /** Differences are relative to the largest magnitude. */
    private static void assertClose(String what, float[] expected, float[] actual) {
        double largest = 0;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        assertTrue(largest > 0, what + " vanish, nothing is tested");
        assertEquals(expected.length, actual.length, what);
        for (int i = 0; i < expected.length; i++) {
            double difference = Math.abs((double) expected[i] - actual[i]);
            assertTrue(difference <= TOLERANCE * largest, what + " " + i + ": " + expected[i] + " and " + actual[i]
                    + ", the largest is " + largest);
        }
    }

    @Test
    void rowsWithoutATargetHaveNoLoss() {
        try (Problem problem = new Problem(new Sizes(9, 4, 7, 7), false, "scalar", 1).run(true, Tape.Mode.RECORD)) {
            for (int i = 0; i < 9; i++) {
                assertEquals(i % 5 == 3, problem.losses[i] == 0, "row " + i);
            }
        }
    }

    @Test
    void theBitsDoNotDependOnThreads() {
        try (Problem one = new Problem(THREE_CHUNKS, true, "vector", 1).run(true, Tape.Mode.RECORD)) {
            for (int threads : new int[] {2, 3}) {
                try (Problem several = new Problem(THREE_CHUNKS, true, "vector", threads).run(true, Tape.Mode.RECORD)) {
                    assertArrayEquals(one.losses, several.losses);
                    assertArrayEquals(one.gradients.get("table"), several.gradients.get("table"));
                }
            }
        }
    }

    @Test
    void theLogitsOfAllRowsNeverExistTogether() {
        try (Problem problem = new Problem(THREE_CHUNKS, false, "vector", 2).run(true, Tape.Mode.RECORD)) {
            long logits = 4L * THREE_CHUNKS.rows * THREE_CHUNKS.columns;
            long gradient = 4L * THREE_CHUNKS.columns * THREE_CHUNKS.dim;
            assertTrue(problem.peak < 0.36 * logits + gradient, problem.peak + " bytes, the logits alone would take " + logits);
        }
    }

    @Test
    void aForwardPassGivesTheSameLossesWithoutGradients() {
        try (Problem recorded = new Problem(THREE_CHUNKS, false, "vector", 2).run(true, Tape.Mode.RECORD);
                Problem forward = new Problem(THREE_CHUNKS, false, "vector", 2).run(true, Tape.Mode.FORWARD_ONLY)) {
            assertArrayEquals(recorded.losses, forward.losses);
            long gradient = 4L * THREE_CHUNKS.columns * THREE_CHUNKS.dim;
            assertTrue(forward.peak < recorded.peak - gradient, forward.peak + " bytes against " + recorded.peak);
        }
    }
}
