package dev.smallbatch.model.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SamplerTest {
    private static final long SEED = 5;
    private static final int DRAWS = 40_000;
    /** Probabilities 0.4, 0.05, 0.3, 0.15, 0.1 at temperature 1. */
    private static final float[] LOGITS = logs(0.4, 0.05, 0.3, 0.15, 0.1);

    @Test
    void temperatureZeroTakesTheMostLikely() {
        assertEquals(2, Sampler.greedy().sample(new float[] {0, -1, 3, 2.9f}, 0));
    }

    @Test
    void amongEquallyLikelyTokensGreedyTakesTheFirst() {
        assertEquals(1, Sampler.greedy().sample(new float[] {0, 3, 3, 3}, 0));
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.5, 1, 2})
    void tokensAreDrawnByTheirProbabilityAtTheTemperature(double temperature) {
        double[] expected = new double[LOGITS.length];
        for (int i = 0; i < expected.length; i++) {
            expected[i] = Math.exp(LOGITS[i] / temperature);
        }
        assertFrequencies(expected, new Sampler(temperature, 0, 1, SEED));
    }

    @Test
    void topKLeavesTheMostLikelyInProportion() {
        assertFrequencies(new double[] {0.4, 0, 0.3, 0.15, 0}, new Sampler(1, 3, 1, SEED));
    }

    @Test
    void topKOfTheWholeVocabularyOrMoreChangesNothing() {
        double[] all = {0.4, 0.05, 0.3, 0.15, 0.1};
        assertFrequencies(all, new Sampler(1, 5, 1, SEED));
        assertFrequencies(all, new Sampler(1, 100, 1, SEED));
    }

    @ParameterizedTest
    @CsvSource({"0.39, 1", "0.41, 2", "0.69, 2", "0.71, 3", "0.86, 4", "0.96, 5"})
    void topPLeavesTheFewestThatHoldIt(double topP, int kept) {
        double[] falling = {0.4, 0.3, 0.15, 0.1, 0.05};
        int[] places = {0, 2, 3, 4, 1};
        double[] expected = new double[5];
        for (int rank = 0; rank < kept; rank++) {
            expected[places[rank]] = falling[rank];
        }
        assertFrequencies(expected, new Sampler(1, 0, topP, SEED));
    }

    @Test
    void topPIsTakenOfWhatTopKLeaves() {
        // Of 0.4, 0.3 and 0.15 the first two hold 0.82.
        assertFrequencies(new double[] {0.4, 0, 0.3, 0, 0}, new Sampler(1, 3, 0.8, SEED));
    }

    @Test
    void amongEquallyLikelyTokensTopKKeepsTheFirst() {
        assertFrequencies(new double[] {0, 1, 1, 0}, new Sampler(1, 2, 1, SEED), new float[] {-1, 2, 2, 2});
    }

    @Test
    void negativeAndPositiveLogitsAreRankedByValue() {
        assertFrequencies(new double[] {0, Math.exp(0.5), 0, 1}, new Sampler(1, 2, 1, SEED), new float[] {-3, 0.5f, -0.1f, 0});
    }

    @Test
    void aTinyTemperatureIsGreedyAndDoesNotOverflow() {
        assertFrequencies(new double[] {1, 0, 0, 0, 0}, new Sampler(1e-300, 0, 1, SEED));
    }

    @Test
    void aTokenWithLogitMinusInfinityIsNeverDrawn() {
        float[] logits = {0, Float.NEGATIVE_INFINITY, 0, Float.NEGATIVE_INFINITY};
        assertFrequencies(new double[] {1, 0, 1, 0}, new Sampler(1, 0, 1, SEED), logits);
    }

    @Test
    void aChoiceDependsOnSeedAndIndexAlone() {
        int[] forward = draws(new Sampler(1, 0, 1, SEED), IntStream.range(0, 50));
        int[] backward = draws(new Sampler(1, 0, 1, SEED), IntStream.range(0, 50).map(i -> 49 - i));
        int[] reversed = IntStream.range(0, 50).map(i -> backward[49 - i]).toArray();
        assertArrayEquals(forward, reversed);
        assertNotEquals(Arrays.toString(forward), Arrays.toString(draws(new Sampler(1, 0, 1, SEED + 1), IntStream.range(0, 50))));
    }

    @Test
    void oneSamplerServesVocabulariesOfAnySize() {
        Sampler sampler = new Sampler(1, 2, 1, SEED);
        sampler.sample(new float[100], 0);
        assertFrequencies(new double[] {0.4, 0, 0.3, 0, 0}, sampler);
    }

    @Test
    void logitsAreNotChanged() {
        float[] logits = LOGITS.clone();
        new Sampler(0.7, 3, 0.9, SEED).sample(logits, 0);
        assertArrayEquals(LOGITS, logits);
    }

    @Test
    void logitsThatAreNoNumbersAreAnError() {
        assertDiverged(new float[] {0, Float.NaN}, "token 1 is NaN");
        assertDiverged(new float[] {0, Float.POSITIVE_INFINITY}, "Infinity");
        assertDiverged(new float[] {Float.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY}, "-Infinity");
    }

    @ParameterizedTest
    @CsvSource({"-1,0,1,temperature -1", "NaN,0,1,temperature NaN", "Infinity,0,1,temperature Infinity", "1,-1,1,top-k -1",
        "1,0,0,top-p 0", "1,0,1.1,top-p 1.1", "1,0,NaN,top-p NaN"})
    void impossibleSettingsAreRefusedWithTheirValue(double temperature, int topK, double topP, String expected) {
        String message = assertThrows(IllegalArgumentException.class, () -> new Sampler(temperature, topK, topP, 0)).getMessage();
        assertTrue(message.contains(expected), message);
    }

    private static void assertDiverged(float[] logits, String expected) {
        String message = assertThrows(IllegalStateException.class, () -> new Sampler(1, 0, 1, 0).sample(logits, 0)).getMessage();
        assertTrue(message.contains(expected) && message.contains("diverged"), message);
    }

    private static int[] draws(Sampler sampler, IntStream indices) {
        return indices.map(index -> sampler.sample(LOGITS, index)).toArray();
    }

    private static void assertFrequencies(double[] weights, Sampler sampler) {
        assertFrequencies(weights, sampler, LOGITS);
    }

    /** Each count within five standard deviations of what the weights say; exactly 0 where the weight is. */
    private static void assertFrequencies(double[] weights, Sampler sampler, float[] logits) {
        int[] counts = new int[weights.length];
        for (int i = 0; i < DRAWS; i++) {
            counts[sampler.sample(logits, i)]++;
        }
        double total = Arrays.stream(weights).sum();
        for (int i = 0; i < weights.length; i++) {
            double p = weights[i] / total;
            assertEquals(p * DRAWS, counts[i], 5 * Math.sqrt(DRAWS * p * (1 - p)), "token " + i + " of seed " + SEED);
        }
    }

    private static float[] logs(double... probabilities) {
        float[] logits = new float[probabilities.length];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) Math.log(probabilities[i]);
        }
        return logits;
    }
}
