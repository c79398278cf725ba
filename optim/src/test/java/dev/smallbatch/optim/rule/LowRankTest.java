package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What of a gradient GaLore, Fira and APOLLO use, and how long their steps are. */
@ExtendWith(LeakCheck.class)
class LowRankTest {
    private static final double RATE = 0.1;
    private static final RandomKey KEY = RandomKey.of(6);

    private static LowRank lowRank(int rank) {
        return new LowRank(new AdamW(new Constant(RATE), new Decay.PerStep(0.9), new Decay.PerStep(0.999), 1e-12, 0), rank, 3);
    }

    private static float[] random(int count, String name) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) KEY.fork(name).normal(i);
        }
        return values;
    }

    private static SingleParameter zeros(Workbench bench, UpdateRule rule, int rows, int cols) {
        return new SingleParameter(bench, rule, bench.parameter("p", Shape.of(rows, cols), new float[rows * cols]));
    }

    /** The first steps from 0, the first at {@code RATE}, as a matrix times -1 / RATE. */
    private static double[] firstStep(Workbench bench, UpdateRule rule, Tensor gradient) {
        SingleParameter p = zeros(bench, rule, (int) gradient.shape().rows(), (int) gradient.shape().cols());
        p.update(gradient);
        double[] step = new double[(int) gradient.numel()];
        for (int i = 0; i < step.length; i++) {
            step[i] = -p.values()[i] / RATE;
        }
        return step;
    }

    private static double dot(double[] x, double[] y) {
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            sum += x[i] * y[i];
        }
        return sum;
    }

    /** Adam's first step is a sign in each of its coordinates, and projecting back leaves lengths as they are. */
    @ParameterizedTest
    @CsvSource({"9, 6, 6, 54", "9, 6, 2, 18", "6, 9, 6, 54", "6, 9, 2, 18", "6, 6, 1, 6"})
    void galoresFirstStepHasTheLengthOfItsCoordinatesSigns(int rows, int cols, int rank, double coordinates) {
        try (Workbench bench = new Workbench()) {
            Tensor g = bench.tensor(Shape.of(rows, cols), random(rows * cols, "g"));
            double[] step = firstStep(bench, new GaLore(lowRank(rank), 0.25), g);
            assertEquals(0.25 * Math.sqrt(coordinates), Math.sqrt(dot(step, step)), 1e-4, "seed 6");
        }
    }

    /** With all dimensions it is Adam in coordinates turned by P: the step is P^T sign(P G) of a wide matrix. */
    @Test
    void galoreOfFullRankIsAdamInTurnedCoordinates() {
        try (Workbench bench = new Workbench()) {
            Tensor g = bench.tensor(Shape.of(3, 5), random(15, "g"));
            SingleParameter p = zeros(bench, new GaLore(lowRank(3), 1), 3, 5);
            p.update(g);
            Tensor turn = p.state.get("projector");
            for (int col = 0; col < 5; col++) {
                double[] expected = new double[3];
                for (int k = 0; k < 3; k++) {
                    double along = 0;
                    for (int row = 0; row < 3; row++) {
                        along += turn.get(k, row) * g.get(row, col);
                    }
                    for (int row = 0; row < 3; row++) {
                        expected[row] -= RATE * turn.get(k, row) * Math.signum(along);
                    }
                }
                for (int row = 0; row < 3; row++) {
                    assertEquals(expected[row], p.parameter.value().get(row, col), 1e-6, "seed 6");
                }
            }
        }
    }

    /** Fira adds to GaLore's step what is at right angles to it: row by row a multiple of what P leaves of the gradient. */
    @ParameterizedTest
    @CsvSource({"8, 6", "6, 8"})
    void firaAddsWhatTheProjectorLeavesOfTheGradient(int rows, int cols) {
        try (Workbench bench = new Workbench()) {
            Tensor g = bench.tensor(Shape.of(rows, cols), random(rows * cols, "g"));
            double[] projected = firstStep(bench, new GaLore(lowRank(2), 0.5), g);
            double[] whole = firstStep(bench, new Fira(lowRank(2), 0.5), g);
            double[] added = new double[whole.length];
            for (int i = 0; i < whole.length; i++) {
                added[i] = whole[i] - projected[i];
            }
            assertEquals(0, dot(added, projected), 1e-4, "seed 6");
            double[] rest = rest(bench, g);
            for (int channel = 0; channel < 8; channel++) {
                double[] a = new double[6];
                double[] left = new double[6];
                for (int i = 0; i < 6; i++) {
                    int at = rows > cols ? channel * cols + i : i * cols + channel;
                    a[i] = added[at];
                    left[i] = rest[at];
                }
                double cosine = dot(a, left) / Math.sqrt(dot(a, a) * dot(left, left));
                assertEquals(1, cosine, 1e-4, "seed 6, channel " + channel);
            }
        }
    }

    /** A matrix but for what lies along its first two singular vectors. */
    private static double[] rest(Workbench bench, Tensor g) {
        int rows = (int) g.shape().rows();
        int cols = (int) g.shape().cols();
        int side = Math.min(rows, cols);
        Tensor p = bench.tensor(Shape.of(2, side), new float[2 * side]);
        SingularVectors.top(p, g, KEY, bench.vector(new float[(int) SingularVectors.scratchSize(g.shape(), 2)]), bench.kernels());
        double[] rest = new double[rows * cols];
        for (int i = 0; i < rest.length; i++) {
            rest[i] = g.getFlat(i);
            for (int k = 0; k < 2; k++) {
                double along = 0;
                for (int j = 0; j < side; j++) {
                    along += p.get(k, j) * (rows >= cols ? g.get(i / cols, j) : g.get(j, i % cols));
                }
                rest[i] -= along * p.get(k, rows >= cols ? i % cols : i / cols);
            }
        }
        return rest;
    }

    @Test
    void firaOfFullRankIsGalore() {
        try (Workbench bench = new Workbench()) {
            Tensor g = bench.tensor(Shape.of(4, 7), random(28, "g"));
            assertArrayEquals(firstStep(bench, new GaLore(lowRank(4), 1), g), firstStep(bench, new Fira(lowRank(4), 1), g), 1e-4);
        }
    }

    @ParameterizedTest
    @CsvSource({"8, 3", "3, 8"})
    void apolloScalesEveryChannelOfTheLongerSide(int rows, int cols) {
        try (Workbench bench = new Workbench()) {
            Tensor g = bench.tensor(Shape.of(rows, cols), random(24, "g"));
            double[] step = firstStep(bench, new Apollo(lowRank(2), true, 1), g);
            double first = step[0] / g.getFlat(0);
            boolean same = true;
            for (int channel = 0; channel < 8; channel++) {
                int start = rows > cols ? 3 * channel : channel;
                int apart = rows > cols ? 1 : 8;
                double factor = step[start] / g.getFlat(start);
                assertTrue(factor > 0, "seed 6, channel " + channel);
                for (int i = 1; i < 3; i++) {
                    assertEquals(factor, step[start + i * apart] / g.getFlat(start + i * apart), 1e-4 * factor, "seed 6");
                }
                same &= Math.abs(factor - first) < 1e-3;
            }
            assertFalse(same, "seed 6: one factor for all");
        }
    }

    @Test
    void apolloMiniScalesTheWholeMatrix() {
        try (Workbench bench = new Workbench()) {
            Tensor g = bench.tensor(Shape.of(5, 7), random(35, "g"));
            double[] step = firstStep(bench, Apollo.mini(lowRank(1).adam(), 3), g);
            double factor = step[0] / g.getFlat(0);
            assertTrue(factor > 0);
            for (int i = 1; i < 35; i++) {
                assertEquals(factor, step[i] / g.getFlat(i), 1e-4 * factor, "seed 6");
            }
        }
    }

    @Test
    void apolloDrawsTheSameProjectorUntilItIsTimeForAnother() {
        try (Workbench bench = new Workbench()) {
            LowRank lowRank = lowRank(2);
            WeightRounding rounding = WeightRounding.of(Rounding.STOCHASTIC, 1, bench.parameter("p", Shape.of(1), 0));
            WeightRounding other = WeightRounding.of(Rounding.STOCHASTIC, 1, bench.parameter("q", Shape.of(1), 0));
            long[] keys = new long[6];
            for (int step = 0; step < 6; step++) {
                keys[step] = lowRank.key(new StepContext(step, 64), rounding).bits();
            }
            assertEquals(2, Arrays.stream(keys).distinct().count());
            assertEquals(keys[0], keys[2]);
            assertEquals(keys[3], keys[5]);
            assertFalse(keys[5] == lowRank.key(new StepContext(5, 64), other).bits(), "two parameters with one projector");
        }
    }

    private static List<UpdateRule> limited(int rank) {
        return List.of(new Apollo(lowRank(rank), true, 1), new Apollo(lowRank(1), false, 128), new Fira(lowRank(rank), 1));
    }

    /** Of a gradient that stays the same, Adam's direction without bias correction is a third longer in the second step. */
    @Test
    void stepsGrowByOnePercentAtMost() {
        for (UpdateRule rule : limited(2)) {
            try (Workbench bench = new Workbench()) {
                Tensor gradient = bench.tensor(Shape.of(4, 6), random(24, "g"));
                SingleParameter p = zeros(bench, rule, 4, 6);
                p.update(gradient);
                double first = p.state.get("norm").getFlat(0);
                p.update(gradient);
                assertEquals(1.01 * first, p.state.get("norm").getFlat(0), 1e-5 * first, rule.toString());
            }
        }
    }

    @Test
    void aZeroGradientDoesNotHoldTheNextStepToItsLength() {
        for (UpdateRule rule : limited(2)) {
            try (Workbench bench = new Workbench()) {
                SingleParameter p = zeros(bench, rule, 4, 6);
                p.update(bench.tensor(Shape.of(4, 6), new float[24]));
                assertArrayEquals(new float[24], p.values(), rule.toString());
                p.update(bench.tensor(Shape.of(4, 6), random(24, "g")));
                double squares = 0;
                for (float value : p.values()) {
                    squares += value * value;
                }
                assertTrue(Math.sqrt(squares) > RATE, rule + ": " + Math.sqrt(squares));
            }
        }
    }

    @Test
    void weightsDecayAfterTheStep() {
        for (double decay : new double[] {0, 0.5}) {
            AdamW adam = new AdamW(new Constant(RATE), new Decay.PerStep(0.9), new Decay.PerStep(0.999), 1e-12, decay);
            try (Workbench bench = new Workbench()) {
                SingleParameter p = new SingleParameter(bench, new GaLore(new LowRank(adam, 1, 3), 1),
                        bench.parameter("p", Shape.of(1, 2), 2, -3));
                p.update(bench.tensor(Shape.of(1, 2), 5, -7));
                double kept = 1 - RATE * decay;
                assertEquals(kept * (2 - RATE), p.values()[0], 1e-6);
                assertEquals(kept * (-3 + RATE), p.values()[1], 1e-6);
            }
        }
    }

    /** A parameter whose first gradient comes late, for example of an expert that was not asked. */
    @Test
    void aProjectorThatIsMissingIsMadeAtTheFirstGradient() {
        try (Workbench bench = new Workbench()) {
            GaLore rule = new GaLore(lowRank(2), 1);
            Parameter parameter = bench.parameter("p", Shape.of(4, 3), new float[12]);
            OptimizerState state = rule.init(parameter, bench.region());
            rule.prepare(parameter, bench.tensor(Shape.of(4, 3), random(12, "g")), state, new StepContext(1, 64),
                    bench.vector(new float[(int) rule.scratchSize(parameter)]),
                    WeightRounding.of(Rounding.STOCHASTIC, 1, parameter), bench.kernels());
            assertTrue(state.get("projector").getFlat(0) != 0);
        }
    }

    @Test
    void vectorsAreRefused() {
        try (Workbench bench = new Workbench()) {
            Parameter bias = new Parameter("bias", bench.vector(1, 2), Role.VECTOR);
            for (UpdateRule rule : List.of(new GaLore(lowRank(2), 1), new Fira(lowRank(2), 1), new Apollo(lowRank(2), true, 1))) {
                String message = assertThrows(IllegalArgumentException.class, () -> rule.init(bias, bench.region())).getMessage();
                assertTrue(message.endsWith(": bias f32 (2) is no matrix; put it into a group with another rule"), message);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, -1, Double.NaN})
    void impossibleScalesAreRefused(double scale) {
        assertThrows(IllegalArgumentException.class, () -> new GaLore(lowRank(2), scale));
        assertThrows(IllegalArgumentException.class, () -> new Fira(lowRank(2), scale));
        assertThrows(IllegalArgumentException.class, () -> new Apollo(lowRank(2), true, scale));
        assertThrows(IllegalArgumentException.class, () -> new LowRank(lowRank(1).adam(), (int) scale, 1));
        assertThrows(IllegalArgumentException.class, () -> new LowRank(lowRank(1).adam(), 1, (int) scale));
        assertThrows(IllegalArgumentException.class, () -> new AdaGradNorm(new Constant(1), scale, 0));
    }
}
