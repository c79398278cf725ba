package dev.smallbatch.model.gpt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.model.TestModel;
import dev.smallbatch.tck.LeakCheck;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the forward pass promises beyond the numbers, which the witnesses check. */
@ExtendWith(LeakCheck.class)
class GptTest {
    private static final int[] TOKENS = {5, 0, 12, 5, 3, 9};

    static Stream<GptConfig> styles() {
        return Stream.of(GptConfig.paper(2, 16, 2, 8, 13), GptConfig.gpt2(2, 16, 4, 8, 13),
                GptConfig.gpt2(2, 16, 4, 8, 13).withStableEmbedding(true));
    }

    @ParameterizedTest
    @MethodSource("styles")
    void aTokenDoesNotChangeTheLogitsBeforeIt(GptConfig config) {
        try (TestModel test = new TestModel("scalar", config, 1)) {
            float[][] before = test.logits(TOKENS);
            int[] changed = TOKENS.clone();
            changed[4] = 11;
            float[][] after = test.logits(changed);
            for (int t = 0; t < 4; t++) {
                assertArrayEquals(before[t], after[t], "position " + t);
            }
            assertFalse(Arrays.equals(before[4], after[4]));
            assertFalse(Arrays.equals(before[5], after[5]));
        }
    }

    @ParameterizedTest
    @MethodSource("styles")
    void theOrderOfEarlierTokensMatters(GptConfig config) {
        try (TestModel test = new TestModel("scalar", config, 1)) {
            float[][] one = test.logits(new int[] {1, 2, 3, 4});
            float[][] other = test.logits(new int[] {2, 1, 3, 4});
            assertFalse(Arrays.equals(one[3], other[3]));
        }
    }

    @ParameterizedTest
    @MethodSource("styles")
    void sequencesOfABatchDoNotSeeEachOther(GptConfig config) {
        try (TestModel test = new TestModel("scalar", config, 1)) {
            float[][] together = test.logits(TOKENS, new int[] {1, 2, 3, 4, 5, 6});
            float[][] alone = test.logits(TOKENS);
            for (int t = 0; t < TOKENS.length; t++) {
                assertArrayEquals(alone[t], together[t], 1e-6f, "position " + t);
            }
        }
    }

    @Test
    void aSequenceLongerThanTheModelsIsRefusedWithBothLengths() {
        assertRefused(new int[9], "9 tokens", "longest is 8");
    }

    @Test
    void aTokenOutsideTheVocabularyIsRefused() {
        assertRefused(new int[] {1, 13}, "13");
        assertRefused(new int[] {-1, 1}, "-1");
    }

    private static void assertRefused(int[] tokens, String... parts) {
        try (TestModel test = new TestModel("scalar", GptConfig.paper(1, 16, 2, 8, 13), 1)) {
            String message = assertThrows(IllegalArgumentException.class, () -> test.logits(tokens)).getMessage();
            for (String part : parts) {
                assertTrue(message.contains(part), message);
            }
        }
    }

    @Test
    void freshLogitsOfThePapersModelHaveAboutUnitSize() {
        try (TestModel test = new TestModel("scalar", GptConfig.paper(2, 64, 4, 8, 200), 3)) {
            double squares = 0;
            float[][] logits = test.logits(TOKENS);
            for (float[] row : logits) {
                for (float logit : row) {
                    squares += logit * logit;
                }
            }
            assertEquals(1, Math.sqrt(squares / (logits.length * 200)), 0.1, "seed 3");
        }
    }
}
