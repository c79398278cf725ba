package dev.smallbatch.tck;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.MemoryStats;
import dev.smallbatch.core.tensor.Region;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A whole model through the kernels: it trains like its oracle, the same on any number of threads, and allocates nothing. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class TinyGptCases {
    private static final int STEPS = 10;
    private static final double LOSS_TOLERANCE = 1e-4;
    private static final double GRADIENT_TOLERANCE = 2e-5;
    private static final double HALF_TOLERANCE = 0.02;
    private static final double SGD_RATE = 0.5;
    private static final double ADAM_RATE = 0.02;
    private static final double BETA1 = 0.9;
    private static final double BETA2 = 0.99;
    private static final double EPSILON = 1e-8;
    private static final double DECAY = 0.1;
    private static final long CAPACITY_BYTES = 4 << 20;
    private static final int ROUND_STEPS = 100;
    /** An object kept in every step of a round. */
    private static final long KEPT_BYTES = 16 * ROUND_STEPS;
    private static final int ROUNDS = 8;
    /** Of so many collections the serial collector compacts everything once; the others leave holes that count as used. */
    private static final int COLLECTIONS = 4;

    private final BackendConformance suite;
    private Region region;

    TinyGptCases(BackendConformance suite) {
        this.suite = suite;
    }

    @BeforeEach
    void create() {
        region = Region.create("tiny gpt", CAPACITY_BYTES);
    }

    @AfterEach
    void release() {
        region.close();
    }

    private Kernels kernels() {
        return suite.backend(1).kernels();
    }

    @Test
    void gradientsOfEveryParameterAgreeWithTheOracle() {
        TinyGptOracle oracle = new TinyGptOracle();
        TinyGpt model = new TinyGpt(region);
        model.load(0);
        model.forwardBackward(kernels());
        assertEquals(oracle.loss(0), model.loss(), LOSS_TOLERANCE * oracle.loss(0));
        Map<String, String> failures = new TreeMap<>();
        oracle.gradients().forEach((name, expected) -> {
            double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
            double[] bound = new double[expected.length];
            Arrays.fill(bound, GRADIENT_TOLERANCE * largest);
            String failure = suite.tolerance().compare(name, Data.toDoubles(model.gradients().get(name).toFloatArray()),
                    new Expected(expected, bound));
            if (failure != null) {
                failures.put(name, failure);
            }
        });
        assertEquals(Map.of(), failures);
    }

    @Test
    void lossesOfTenSgdStepsAgreeWithTheOracle() {
        TinyGptOracle oracle = new TinyGptOracle();
        TinyGpt model = new TinyGpt(region);
        double[] expected = new double[STEPS];
        double[] actual = new double[STEPS];
        for (int step = 0; step < STEPS; step++) {
            expected[step] = oracle.loss(step);
            oracle.sgd(SGD_RATE);
            actual[step] = sgdStep(model, kernels(), step);
        }
        assertAgree(expected, actual);
        assertAgree(oracle, model);
    }

    @Test
    void lossesOfTenAdamWStepsAgreeWithTheOracle() {
        TinyGptOracle oracle = new TinyGptOracle();
        TinyGpt model = new TinyGpt(region);
        double[] expected = new double[STEPS];
        double[] actual = new double[STEPS];
        for (int step = 0; step < STEPS; step++) {
            expected[step] = oracle.loss(step);
            oracle.adamW(step + 1, ADAM_RATE, BETA1, BETA2, EPSILON, DECAY);
            actual[step] = adamWStep(model, kernels(), step);
        }
        assertAgree(expected, actual);
        assertAgree(oracle, model);
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16"})
    void trainsToTheSameBitsOnTwoAndSevenThreads(DType weights) {
        double[] expected = adamWLosses(suite.backend(1).kernels(), weights);
        assertArrayEquals(expected, adamWLosses(suite.backend(2).kernels(), weights));
        assertArrayEquals(expected, adamWLosses(suite.backend(7).kernels(), weights));
    }

    /** The batch, and with it the number of the step, which rounds BF16 weights. */
    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16"})
    void aRecordedStepReplayedWithOtherBatchesAndScalarsEqualsEagerTraining(DType weights) {
        double[] expected = adamWLosses(kernels(), weights);
        TinyGpt model = new TinyGpt(region, weights, Rounding.STOCHASTIC);
        ReplayingBackend backend = new ReplayingBackend(suite.backend(1));
        double[] actual = new double[STEPS];
        actual[0] = adamWStep(model, backend.kernels(), 0);
        for (int step = 1; step < STEPS; step++) {
            model.load(step);
            model.loadSlots(slots(step));
            backend.replay();
            actual[step] = model.loss();
        }
        assertArrayEquals(expected, actual);
    }

    @Test
    void weightsOfHalfTheSizeLearnAsWellWithStochasticRounding() {
        double[] full = adamWLosses(kernels(), DType.F32);
        double[] half = adamWLosses(kernels(), DType.BF16);
        assertEquals(full[STEPS - 1], half[STEPS - 1], HALF_TOLERANCE * full[0],
                () -> "F32 " + Arrays.toString(full) + ", BF16 " + Arrays.toString(half));
    }

    @Test
    void allocatesNoNativeMemoryAndKeepsNothingOnTheHeapAfterTheFirstStep() {
        TinyGpt model = new TinyGpt(region);
        adamWStep(model, kernels(), 0);
        long allocations = MemoryStats.nativeAllocations();
        long bytes = MemoryStats.liveBytes();
        train(model, STEPS);
        long growth = leastHeapGrowth(model);
        assertEquals(allocations, MemoryStats.nativeAllocations(), "native allocations after step 1");
        assertEquals(bytes, MemoryStats.liveBytes(), "native bytes after step 1");
        assertTrue(growth < KEPT_BYTES, () -> "the heap grew by " + growth + " bytes in " + ROUND_STEPS + " steps");
    }

    private void train(TinyGpt model, int steps) {
        for (int step = 0; step < steps; step++) {
            adamWStep(model, kernels(), step);
        }
    }

    /** What is kept grows every time; what the JVM makes of the first hundreds of calls does not. */
    private long leastHeapGrowth(TinyGpt model) {
        long least = Long.MAX_VALUE;
        long before = usedHeap();
        for (int round = 0; round < ROUNDS && least >= KEPT_BYTES; round++) {
            train(model, ROUND_STEPS);
            long after = usedHeap();
            least = Math.min(least, after - before);
            before = after;
        }
        return least;
    }

    private static long usedHeap() {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < COLLECTIONS; i++) {
            System.gc();
            least = Math.min(least, Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory());
        }
        return least;
    }

    private double[] adamWLosses(Kernels kernels, DType weights) {
        Region.Mark mark = region.mark();
        TinyGpt model = new TinyGpt(region, weights, Rounding.STOCHASTIC);
        double[] losses = new double[STEPS];
        for (int step = 0; step < STEPS; step++) {
            losses[step] = adamWStep(model, kernels, step);
        }
        region.release(mark);
        return losses;
    }

    private static double sgdStep(TinyGpt model, Kernels kernels, int step) {
        model.load(step);
        model.loadSlots(UpdateSlots.sgdSlots(SGD_RATE, 1, 0, 0));
        model.forwardBackward(kernels);
        model.sgd(kernels);
        return model.loss();
    }

    private static double adamWStep(TinyGpt model, Kernels kernels, int step) {
        model.load(step);
        model.loadSlots(slots(step));
        model.forwardBackward(kernels);
        model.adamW(kernels);
        return model.loss();
    }

    private static float[] slots(int step) {
        return UpdateSlots.at(step, UpdateSlots.adamWSlots(ADAM_RATE, 1, DECAY, BETA1, BETA2, EPSILON, step + 1));
    }

    private void assertAgree(double[] expected, double[] actual) {
        assertTrue(expected[STEPS - 1] < 0.9 * expected[0], () -> "the oracle does not learn: " + Arrays.toString(expected));
        for (int step = 0; step < STEPS; step++) {
            int index = step;
            assertEquals(expected[step], actual[step], suite.tolerance().factor() * LOSS_TOLERANCE * expected[step],
                    () -> "loss of step " + index + "; oracle " + Arrays.toString(expected) + ", back end "
                    + Arrays.toString(actual));
        }
    }

    /** After the last step too, every parameter is where the oracle's is, relative to its largest element. */
    private void assertAgree(TinyGptOracle oracle, TinyGpt model) {
        oracle.parameters().forEach((name, expected) -> {
            double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
            double[] bound = new double[expected.length];
            Arrays.fill(bound, LOSS_TOLERANCE * largest);
            assertNull(suite.tolerance().compare(name, Data.toDoubles(model.parameters().get(name).toFloatArray()),
                    new Expected(expected, bound)));
        });
    }
}
