package dev.smallbatch.optim.batch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.io.SafeTensors;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.tck.LeakCheck;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Sixteen gradients of two tensors. The authors' release sums its statistics tensor by tensor,
 * and those of micro-batches from variances inside and between them with unlike divisors; both are shown below to be that.
 */
@ExtendWith(LeakCheck.class)
class GoldenGradientNoiseTest {
    private static final String CASE = "batchsize_tests";
    private static final List<float[]> WEIGHTS = samples("per_sample/w");
    private static final List<float[]> BIASES = samples("per_sample/b");
    private static final List<float[]> WHOLE = joined();
    private static final GradientNoise NOISE = GradientNoise.ofSamples(WHOLE);

    private static List<float[]> samples(String name) {
        String resource = "/dev/smallbatch/optim/golden/" + CASE + ".safetensors";
        try (SafeTensors file = SafeTensors.open(Path.of(GoldenGradientNoiseTest.class.getResource(resource).toURI()));
                Region region = Region.create("samples", 1 << 16)) {
            float[] all = file.read(name, region).toFloatArray();
            int length = all.length / 16;
            return IntStream.range(0, 16).mapToObj(i -> Arrays.copyOfRange(all, i * length, (i + 1) * length)).toList();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static List<float[]> joined() {
        List<float[]> joined = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            float[] sample = Arrays.copyOf(WEIGHTS.get(i), 19);
            System.arraycopy(BIASES.get(i), 0, sample, 15, 4);
            joined.add(sample);
        }
        return joined;
    }

    private static double batch(BatchTest test) {
        return test.conditions(NOISE, false).batchSize(test.quantile());
    }

    @Test
    void statisticsAreThoseOfTheReference() {
        assertEquals(16, NOISE.batchSize());
        assertEquals(6.303244245862784, NOISE.squaredNorm(), 1e-12);
        assertEquals(9.97958580579907, NOISE.variance(), 1e-12);
        assertEquals(3.7286735113246143, NOISE.samples().innerProductVariance(), 1e-12);
        assertEquals(9.388037491013083, NOISE.orthogonalVariance(), 1e-12);
    }

    @Test
    void testsWantTheBatchesOfTheReference() {
        assertEquals(159, Math.ceil(batch(new BatchTest.Norm(0.1))));
        assertEquals(38, Math.ceil(batch(new BatchTest.InnerProduct(0.05))));
        assertEquals(38, Math.ceil(batch(new BatchTest.Augmented(0.05, 0.3))));
        assertEquals(2821.6322090786025, batch(new BatchTest.CoordinateWise(1, 1)), 1e-9);
    }

    @Test
    void augmentedTestIsTheStricterOfItsTwo() {
        double orthogonal = 9.388037491013083 / (0.1 * 0.1 * 6.303244245862784);
        assertEquals(orthogonal, batch(new BatchTest.Augmented(10, 0.1)), 1e-9);
        assertEquals(batch(new BatchTest.InnerProduct(0.05)), batch(new BatchTest.Augmented(0.05, 10)), 1e-9);
    }

    @Test
    void partOfTheCoordinatesAsksForASmallerBatch() {
        double[] ratios = IntStream.range(0, 19)
                .mapToDouble(j -> NOISE.samples().variances()[j] / NOISE.samples().squaredMeans()[j]).sorted().toArray();
        assertEquals(ratios[9], batch(new BatchTest.CoordinateWise(1, 0.5)), 1e-9);
        assertEquals(ratios[17] / 4, batch(new BatchTest.CoordinateWise(2, 18 / 19.0)), 1e-9);
    }

    @Test
    void theReleaseAddsInnerProductsTensorByTensor() {
        GradientNoise w = GradientNoise.ofSamples(WEIGHTS);
        GradientNoise b = GradientNoise.ofSamples(BIASES);
        assertEquals(3.713586608879268, w.samples().innerProductVariance() + b.samples().innerProductVariance(), 1e-6);
        assertEquals(9.321342438459396, w.orthogonalVariance() + b.orthogonalVariance(), 1e-6);
    }

    @Test
    void theReleaseAddsVariancesInsideAndBetweenMicroBatches() {
        double inside = (GradientNoise.ofSamples(WHOLE.subList(0, 8)).variance()
                + GradientNoise.ofSamples(WHOLE.subList(8, 16)).variance()) / 2;
        double between = GradientNoise.ofSamples(means(8)).variance() / 2; // divisor J, not J - 1
        assertEquals(10.654586881399155, inside + between, 1e-6);
    }

    @Test
    void microBatchesOfOneSampleSayWhatSamplesSay() {
        double squares = WHOLE.stream().mapToDouble(GoldenGradientNoiseTest::squares).sum();
        GradientNoise noise = GradientNoise.ofMicroBatches(16, 1, squares, NOISE.squaredNorm());
        assertEquals(NOISE.variance(), noise.variance(), 1e-12);
        assertEquals(16, noise.batchSize());
    }

    @Test
    void microBatchesOfSeveralSamplesEstimateTheVarianceOfOne() {
        List<float[]> means = means(4);
        double squares = means.stream().mapToDouble(GoldenGradientNoiseTest::squares).sum();
        double expected = 4 * GradientNoise.ofSamples(means).variance();
        assertEquals(expected, GradientNoise.ofMicroBatches(4, 4, squares, NOISE.squaredNorm()).variance(), 1e-5);
    }

    @Test
    void equalSamplesHaveNoNoise() {
        float[] sample = WHOLE.getFirst();
        GradientNoise noise = GradientNoise.ofSamples(List.of(sample, sample, sample));
        assertEquals(0, noise.variance(), 1e-30);
        assertEquals(0, GradientNoise.ofMicroBatches(2, 8, 2 * 3.7, 3.7000000000000006).variance(), "rounding below 0");
    }

    @Test
    void unbiasedSignalIsShorterByTheVarianceOfTheMean() {
        assertEquals(6.303244245862784 - 9.97958580579907 / 16, NOISE.signal(true), 1e-12);
        assertEquals(0, new GradientNoise(2, 1, 10, null).signal(true));
    }

    @Test
    void oneSampleHasNoVariance() {
        assertThrows(IllegalArgumentException.class, () -> GradientNoise.ofSamples(WHOLE.subList(0, 1)));
        String message = assertThrows(IllegalArgumentException.class, () ->
                GradientNoise.ofMicroBatches(1, 8, 1, 1)).getMessage();
        assertTrue(message.contains("1 micro-batches of 8 samples; at least 2 of 1"), message);
    }

    @Test
    void testsOfSamplesRefuseMicroBatches() {
        GradientNoise noise = GradientNoise.ofMicroBatches(2, 1, 3, 1);
        for (BatchTest test : List.of(new BatchTest.InnerProduct(1), new BatchTest.Augmented(1, 1),
                new BatchTest.CoordinateWise(1, 1))) {
            assertTrue(test.needsSamples(), test.toString());
            assertThrows(NullPointerException.class, () -> test.conditions(noise, false), test.toString());
        }
    }

    @Test
    void testsAreMadeOfText() {
        assertEquals(new BatchTest.Norm(1), BatchTest.of("norm"));
        assertEquals(new BatchTest.InnerProduct(0.2), BatchTest.of("inner-product:theta=0.2"));
        assertEquals(new BatchTest.Augmented(0.5, 2), BatchTest.of("augmented:nu=2"));
        assertEquals(new BatchTest.CoordinateWise(3, 0.9), BatchTest.of("coordinate-wise:quantile=0.9,eta=3"));
        for (String text : List.of("nom", "norm:nu=2", "norm:eta", "norm:eta=-1", "augmented:theta=1;nu=2", "norm:eta=1.2.3")) {
            String message = assertThrows(IllegalArgumentException.class, () -> BatchTest.of(text)).getMessage();
            assertTrue(message.contains("'" + text + "'; it is norm:eta=1, inner-product:theta=0.5,"), message);
        }
    }

    @Test
    void coordinatesWithoutAnyGradientSayNothing() {
        BatchTest.Conditions conditions = new BatchTest.Conditions(new double[] {0, 8, 0, 0, 2}, new double[] {0, 1, 0, 0, 1});
        assertEquals(2, conditions.batchSize(0.5));
        assertEquals(8, conditions.batchSize(1));
        assertEquals(0, new BatchTest.Conditions(new double[1], new double[1]).batchSize(1));
    }

    @Test
    void impossibleFactorsAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> new BatchTest.Norm(0));
        assertThrows(IllegalArgumentException.class, () -> new BatchTest.InnerProduct(Double.NaN));
        assertThrows(IllegalArgumentException.class, () -> new BatchTest.Augmented(1, -1));
        assertThrows(IllegalArgumentException.class, () -> new BatchTest.CoordinateWise(1, 1.5));
    }

    private static List<float[]> means(int size) {
        List<float[]> means = new ArrayList<>();
        for (int first = 0; first < 16; first += size) {
            float[] mean = new float[19];
            for (float[] sample : WHOLE.subList(first, first + size)) {
                for (int j = 0; j < 19; j++) {
                    mean[j] += sample[j] / size;
                }
            }
            means.add(mean);
        }
        return means;
    }

    private static double squares(float[] values) {
        return IntStream.range(0, values.length).mapToDouble(i -> (double) values[i] * values[i]).sum();
    }
}
