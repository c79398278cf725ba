package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.io.SafeTensors;
import dev.smallbatch.core.spi.DynamicMap;
import dev.smallbatch.core.spi.Quantization;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.TinyRun;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * State in 8 bits against bitsandbytes: its map, its codes of given numbers, and eight updates of tensors of which one is large
 * enough for codes. Codes and scales are compared whole, after the last step.
 */
@ExtendWith(LeakCheck.class)
class GoldenQuantizedTest {
    private static final int STEPS = 8;
    private static final Decay BETA1 = new Decay.PerStep(0.9);
    private static final double RELATIVE = 1e-4;
    private static final double ABSOLUTE = 1e-5;
    /** The one whose reference is not bitsandbytes but a program of the formulas in F32: a value of it lies at a midpoint. */
    private static final String OTHER_REFERENCE = "adam8bit_block2048";

    /**
     * A golden case.
     *
     * @param coupled weight decay that is part of the gradient there; we have none, so the test adds it
     */
    private record Trajectory(String name, UpdateRule rule, List<String> tensors, double coupled) {
        static Trajectory of(String name, UpdateRule rule) {
            return new Trajectory(name, new QuantizedState(rule), List.of("w_small", "w_big", "b"), 0);
        }

        @Override
        public String toString() {
            return name;
        }
    }

    private static List<Trajectory> trajectories() {
        UpdateRule adam = new AdamW(new Constant(0.01), BETA1, new Decay.PerStep(0.999), 1e-8, 0);
        UpdateRule paper = new QuantizedState(adam, new Quantization(2048, false), QuantizedState.SMALLEST, false);
        Trajectory sgd = Trajectory.of("sgd8bit", new Sgd(new Constant(0.1), 0.9, 0));
        return List.of(
                Trajectory.of("adam8bit", adam),
                Trajectory.of("adamw8bit", new AdamW(new Constant(0.01), BETA1, new Decay.PerStep(0.95), 1e-8, 0.1)),
                new Trajectory("adam8bit_block2048", paper, List.of("w_big"), 0),
                new Trajectory(sgd.name, sgd.rule, sgd.tensors, 0.01),
                Trajectory.of("lion8bit", new Lion(new Constant(1e-3), BETA1, new Decay.PerStep(0.99), 0.1)),
                Trajectory.of("rmsprop8bit", new RmsProp(new Constant(0.01), new Decay.PerStep(0.99), 1e-8, 0)),
                Trajectory.of("adagrad8bit", new AdaGrad(new Constant(0.05), 1e-10, 0)));
    }

    private static Stream<Arguments> trajectoriesOnBackends() {
        return trajectories().stream().flatMap(t -> Stream.of(Arguments.of(t, "scalar"), Arguments.of(t, "vector")));
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("trajectoriesOnBackends")
    void isFollowed(Trajectory trajectory, String backend) throws Exception {
        for (String name : trajectory.tensors) {
            try (Workbench bench = new Workbench(backend, 1);
                    SafeTensors inputs = GoldenTrajectory.open("inputs");
                    SafeTensors golden = GoldenTrajectory.open(trajectory.name)) {
                float[] indices = TinyRun.floats(inputs.read("idx/w_big", bench.region()));
                SingleParameter p = new SingleParameter(bench, trajectory.rule,
                        new Parameter(name, inputs.read("p0/" + name, bench.region()), Role.MATRIX));
                for (int t = 1; t <= STEPS; t++) {
                    Tensor gradient = inputs.read("g/t" + t + "/" + name, bench.region());
                    addDecay(gradient, trajectory.coupled, p.values());
                    p.update(gradient);
                    String key = trajectory.name + "/t" + t + "/" + name;
                    float[] expected = golden.read(key, bench.region()).toFloatArray();
                    float[] actual = p.values();
                    for (int i = 0; i < expected.length; i++) {
                        float value = actual[expected.length < actual.length ? (int) indices[i] : i];
                        assertEquals(expected[i], value, ABSOLUTE + RELATIVE * Math.abs(expected[i]), key + " element " + i);
                    }
                }
                assertStates(trajectory.name + "/state/" + name + "/", golden, p, bench);
            }
        }
    }

    private static void addDecay(Tensor gradient, double decay, float[] p) {
        float[] values = gradient.toFloatArray();
        for (int i = 0; i < values.length; i++) {
            values[i] += (float) decay * p[i];
        }
        gradient.copyFrom(values);
    }

    /** Their first state is state1, with absmax1, their second state2. */
    private static void assertStates(String prefix, SafeTensors golden, SingleParameter p, Workbench bench) throws Exception {
        int number = 0;
        for (String state : p.state.tensors().keySet()) {
            boolean scale = state.endsWith(".scale");
            number += scale ? 0 : 1;
            String key = prefix + (scale ? "absmax" : "state") + number;
            Tensor expected = golden.read(key, bench.region());
            Tensor actual = p.state.get(state);
            assertEquals(expected.dtype(), actual.dtype(), key);
            if (actual.dtype() == DType.U8) {
                assertCodes(key, TinyRun.floats(expected), TinyRun.floats(actual));
            } else {
                for (int i = 0; i < expected.numel(); i++) {
                    float value = expected.getFlat(i);
                    assertEquals(value, actual.getFlat(i), 1e-6 + 1e-5 * Math.abs(value), key + " element " + i);
                }
            }
        }
        assertTrue(number > 0, prefix);
    }

    private static void assertCodes(String key, float[] expected, float[] actual) {
        int off = 0;
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], actual[i], 1, key + " code " + i);
            off += expected[i] == actual[i] ? 0 : 1;
        }
        assertTrue(off <= (key.startsWith(OTHER_REFERENCE) ? 1 : 0), key + ": " + off + " of " + expected.length
                + " codes are off by one");
    }

    @Test
    void theNumbersOfTheMapAreTheVeryFloats() throws Exception {
        try (Workbench bench = new Workbench(); SafeTensors golden = GoldenTrajectory.open("quant")) {
            for (DynamicMap map : DynamicMap.values()) {
                Tensor expected = golden.read("map/dynamic_" + map.name().toLowerCase(java.util.Locale.ROOT), bench.region());
                for (int code = 0; code <= DynamicMap.LAST; code++) {
                    assertEquals(expected.getFlat(code), map.value(code), map + " " + code);
                }
            }
        }
    }

    /** Codes and scales of numbers, stored as a moment after one step, or as their squares beside it. */
    private static SingleParameter stored(Workbench bench, Quantization how, float[] x) {
        UpdateRule adam = new AdamW(new Constant(0), new Decay.PerStep(0), new Decay.PerStep(0));
        SingleParameter p = new SingleParameter(bench, new QuantizedState(adam, how, 1, true),
                bench.parameter("x", Shape.of(x.length), x));
        p.update(bench.vector(x));
        return p;
    }

    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector"})
    void everyCodeOfAGradientAndItsSquareIsTheSame(String backend) throws Exception {
        for (int block : new int[] {256, 2048}) {
            for (boolean preserveSign : new boolean[] {false, true}) {
                try (Workbench bench = new Workbench(backend, 2);
                        SafeTensors inputs = GoldenTrajectory.open("inputs");
                        SafeTensors golden = GoldenTrajectory.open("quant")) {
                    float[] x = inputs.read("g/t1/w_big", bench.region()).toFloatArray();
                    SingleParameter p = stored(bench, new Quantization(block, preserveSign), x);
                    assertSame(golden, "signed_bs" + block + "/codes" + (preserveSign ? "_sign_repaired" : ""), p, "m", bench);
                    assertSame(golden, "signed_bs" + block + "/absmax", p, "m.scale", bench);
                    assertSame(golden, "unsigned_bs" + block + "/codes", p, "v", bench);
                    assertSame(golden, "unsigned_bs" + block + "/absmax", p, "v.scale", bench);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector"})
    void awkwardNumbersGetTheSameCodes(String backend) throws Exception {
        for (boolean preserveSign : new boolean[] {false, true}) {
            try (Workbench bench = new Workbench(backend, 1); SafeTensors golden = GoldenTrajectory.open("quant")) {
                float[] x = golden.read("edge/x", bench.region()).toFloatArray();
                SingleParameter p = stored(bench, new Quantization(256, preserveSign), x);
                assertSame(golden, preserveSign ? "edge/codes_sign_repaired" : "edge/codes", p, "m", bench);
                assertSame(golden, "edge/absmax", p, "m.scale", bench);
                if (!preserveSign) {
                    assertArrayEquals(golden.read("edge/dequantised", bench.region()).toFloatArray(),
                            read(p, "m", DynamicMap.SIGNED, 256));
                }
            }
        }
    }

    private static void assertSame(SafeTensors golden, String key, SingleParameter p, String state, Workbench bench)
            throws Exception {
        assertArrayEquals(TinyRun.floats(golden.read(key, bench.region())), TinyRun.floats(p.state.get(state)), key);
    }

    private static float[] read(SingleParameter p, String state, DynamicMap map, int block) {
        float[] values = TinyRun.floats(p.state.get(state));
        for (int i = 0; i < values.length; i++) {
            values[i] = map.value((int) values[i]) * p.state.get(state + ".scale").getFlat(i / block);
        }
        return values;
    }

    /** What 8 bits cost, as the specification measured it on the same numbers with another program. */
    @Test
    void theErrorsAreThoseThatWereMeasuredElsewhere() throws Exception {
        double[][] published = {{256, 0.025, 0.049, 0.008}, {2048, 0.032, 0.079, 0.019}};
        for (double[] row : published) {
            try (Workbench bench = new Workbench(); SafeTensors inputs = GoldenTrajectory.open("inputs")) {
                float[] x = inputs.read("g/t1/w_big", bench.region()).toFloatArray();
                int block = (int) row[0];
                SingleParameter p = stored(bench, new Quantization(block, false), x);
                float[] square = new float[x.length];
                for (int i = 0; i < x.length; i++) {
                    square[i] = x[i] * x[i];
                }
                assertEquals(row[1], relativeError(x, read(p, "m", DynamicMap.SIGNED, block)), 5e-4, "of the moment");
                float[] stored = read(p, "v", DynamicMap.UNSIGNED, block);
                assertEquals(row[2], relativeError(square, stored), 5e-4, "of the squares");
                assertEquals(row[3], lost(square, stored), 5e-4, "squares that became 0");
            }
        }
    }

    /** The mean over all numbers but 0. */
    private static double relativeError(float[] x, float[] stored) {
        double sum = 0;
        int count = 0;
        for (int i = 0; i < x.length; i++) {
            if (x[i] != 0) {
                sum += Math.abs((double) stored[i] - x[i]) / Math.abs(x[i]);
                count++;
            }
        }
        return sum / count;
    }

    private static double lost(float[] x, float[] stored) {
        int zeros = 0;
        int count = 0;
        for (int i = 0; i < x.length; i++) {
            count += x[i] != 0 ? 1 : 0;
            zeros += x[i] != 0 && stored[i] == 0 ? 1 : 0;
        }
        return (double) zeros / count;
    }
}
