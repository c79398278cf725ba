package dev.smallbatch.optim.batch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.optim.batch.BatchController.Settings;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BatchControllerTest {
    private static final BatchTest TEST = new BatchTest.Norm(0.5);

    private static BatchController controller(int microBatch, int initial, int max, double growthLimit) {
        return new BatchController(new Settings(TEST, microBatch, initial, max, 1, growthLimit, false, 0));
    }

    /** Noise that asks eta 0.5 for a batch of that size. */
    private static GradientNoise wanting(double batchSize) {
        return new GradientNoise(4, 1, batchSize / 4, null);
    }

    @Test
    void growsToTheSizeThatWouldHavePassed() {
        BatchController controller = controller(1, 4, 1000, 1000);
        controller.observe(wanting(18.5));
        assertEquals(19, controller.batchSize());
    }

    @Test
    void neverShrinks() {
        BatchController controller = controller(1, 4, 1000, 1000);
        controller.observe(wanting(100));
        controller.observe(wanting(3));
        assertEquals(100, controller.batchSize());
    }

    @Test
    void roundsUpToWholeMicroBatches() {
        BatchController controller = controller(8, 16, 1024, 1000);
        controller.observe(wanting(17));
        assertEquals(24, controller.batchSize());
        assertEquals(3, controller.microBatches());
    }

    @Test
    void oneSpikeLetsItGrowNoMoreThanTheLimit() {
        BatchController controller = controller(1, 4, 1000, 2);
        controller.observe(wanting(1e9));
        assertEquals(8, controller.batchSize());
        BatchController slow = controller(2, 4, 1000, 1.01);
        slow.observe(wanting(1e9));
        assertEquals(6, slow.batchSize(), "at least by a micro-batch");
    }

    @Test
    void aMissingSignalIsInfiniteNoise() {
        BatchController controller = controller(1, 4, 64, 2);
        controller.observe(new GradientNoise(4, 0, 1, null));
        assertEquals(8, controller.batchSize());
    }

    @Test
    void withoutNoiseItStays() {
        BatchController controller = controller(1, 4, 64, 2);
        controller.observe(new GradientNoise(4, 1, 0, null));
        controller.observe(new GradientNoise(4, 0, 0, null));
        assertEquals(4, controller.batchSize());
    }

    @Test
    void noiseThatIsNotFiniteSaysNothing() {
        BatchController controller = controller(1, 4, 64, 2);
        controller.observe(new GradientNoise(4, Double.NaN, 1, null));
        controller.observe(new GradientNoise(4, Double.POSITIVE_INFINITY, 1, null));
        assertEquals(new BatchController.State(4, List.of(), List.of()), controller.state());
    }

    @Test
    void testsEveryIntervalUntilItHasItsLargestSize() {
        BatchController controller = new BatchController(new Settings(TEST, 1, 4, 10, 5, 2, false, 0));
        assertFalse(controller.isDue(0));
        assertTrue(controller.isDue(4));
        assertTrue(controller.isDue(9));
        controller.observe(wanting(100));
        assertTrue(controller.isDue(4));
        controller.observe(wanting(100));
        assertEquals(10, controller.batchSize());
        assertFalse(controller.isDue(4));
    }

    @Test
    void smoothingAveragesNoiseAndSignalApart() {
        BatchController controller = new BatchController(new Settings(TEST, 1, 4, 1000, 1, 1000, false, 0.75));
        controller.observe(new GradientNoise(4, 1, 0.5, null));
        assertEquals(4, controller.batchSize());
        controller.observe(new GradientNoise(4, 3, 32.5, null));
        double noise = 0.75 * 0.5 + 0.25 * 32.5;
        double signal = 0.25 * (0.75 * 1 + 0.25 * 3);
        assertEquals(new BatchController.State((int) Math.ceil(noise / signal), List.of(noise), List.of(signal)),
                controller.state());
    }

    @Test
    void withoutItsBiasTheSignalAsksForLargerBatches() {
        GradientNoise noise = new GradientNoise(4, 1, 2, null);
        BatchController biased = controller(1, 4, 1000, 1000);
        biased.observe(noise);
        assertEquals(8, biased.batchSize());
        BatchController unbiased = new BatchController(new Settings(TEST, 1, 4, 1000, 1, 1000, true, 0));
        unbiased.observe(noise);
        assertEquals(16, unbiased.batchSize());
    }

    @Test
    void goesOnFromItsState() {
        BatchController before = new BatchController(new Settings(TEST, 1, 4, 1000, 1, 2, true, 0.9));
        before.observe(wanting(7));
        BatchController after = new BatchController(before.settings());
        after.restore(before.state());
        for (double size : new double[] {3, 50, 1000}) {
            before.observe(wanting(size));
            after.observe(wanting(size));
            assertEquals(before.state(), after.state());
        }
    }

    @Test
    void impossibleSettingsAreRefused() {
        for (int[] sizes : new int[][] {{0, 4, 8}, {4, 4, 8}, {1, 8, 4}, {4, 10, 20}, {4, 8, 18}}) {
            String message = assertThrows(IllegalArgumentException.class, () ->
                    new Settings(TEST, sizes[0], sizes[1], sizes[2])).getMessage();
            assertTrue(message.startsWith("adaptive batch: from " + sizes[1] + " to " + sizes[2]), message);
        }
        assertThrows(IllegalArgumentException.class, () -> new Settings(TEST, 1, 2, 4, 0, 2, false, 0));
        assertThrows(IllegalArgumentException.class, () -> new Settings(TEST, 1, 2, 4, 1, 1, false, 0));
        assertThrows(IllegalArgumentException.class, () -> new Settings(TEST, 1, 2, 4, 1, 2, false, 1));
        String message = assertThrows(IllegalArgumentException.class, () ->
                new Settings(new BatchTest.InnerProduct(1), 2, 4, 8)).getMessage();
        assertTrue(message.contains("needs the gradient of every sample, and 2 go through the model at once"), message);
    }

    /** Logistic regression with labels that are sometimes wrong: the gradient vanishes, its noise does not. */
    private record Logistic(long seed, double wrong) {
        private static final int WIDTH = 2;

        /** The batch size of every step of a run over so many samples. */
        List<Integer> history(BatchTest test, int samples, boolean alike) {
            BatchController controller = new BatchController(new Settings(test, 1, 4, 4096, 1, 2, true, 0.9));
            double[] weights = new double[WIDTH];
            List<Integer> history = new ArrayList<>();
            for (int seen = 0; seen < samples; seen += history.getLast()) {
                history.add(controller.batchSize());
                List<float[]> gradients = new ArrayList<>();
                for (int i = 0; i < history.getLast(); i++) {
                    gradients.add(gradient(weights, alike ? 0 : seen + i));
                }
                for (float[] gradient : gradients) {
                    for (int j = 0; j < WIDTH; j++) {
                        weights[j] -= 0.5 * gradient[j] / gradients.size();
                    }
                }
                controller.observe(GradientNoise.ofSamples(gradients));
            }
            return history;
        }

        private float[] gradient(double[] weights, long sample) {
            RandomKey key = RandomKey.of(seed).at(sample);
            double[] x = new double[WIDTH];
            double score = 0;
            for (int j = 0; j < WIDTH; j++) {
                x[j] = 2 * key.uniform(j) - 1;
                score += weights[j] * x[j];
            }
            boolean label = x[0] + x[1] > 0 ^ key.uniform(WIDTH) < wrong;
            double error = 1 / (1 + Math.exp(-score)) - (label ? 1 : 0);
            float[] gradient = new float[WIDTH];
            for (int j = 0; j < WIDTH; j++) {
                gradient[j] = (float) (error * x[j]);
            }
            return gradient;
        }
    }

    @Test
    void growsAsTheGradientVanishes() {
        for (BatchTest test : List.of(new BatchTest.Norm(0.6), new BatchTest.InnerProduct(0.5),
                new BatchTest.Augmented(0.5, 0.6), new BatchTest.CoordinateWise(0.6, 0.5))) {
            List<Integer> history = new Logistic(3, 0.2).history(test, 20_000, false);
            String seen = test + ", seed 3, after 0, 5, 10 and all steps: " + history.getFirst() + ", " + history.get(5) + ", "
                    + history.get(10) + ", " + history.getLast();
            assertTrue(history.get(5) <= 64, seen);
            assertTrue(history.getLast() > 4 * history.get(5), seen);
        }
    }

    @Test
    void largerEtaMeansSmallerBatches() {
        List<Integer> strict = new Logistic(3, 0.2).history(new BatchTest.Norm(0.4), 20_000, false);
        List<Integer> lenient = new Logistic(3, 0.2).history(new BatchTest.Norm(0.8), 20_000, false);
        assertTrue(lenient.size() > strict.size(), "seed 3: " + strict.size() + " and " + lenient.size() + " steps");
        assertTrue(lenient.getLast() < strict.getLast(), "seed 3: " + strict.getLast() + " and " + lenient.getLast());
    }

    @Test
    void equalSamplesKeepTheBatch() {
        assertEquals(List.of(4), new Logistic(3, 0).history(new BatchTest.Norm(0.1), 400, true).stream().distinct().toList());
    }
}
