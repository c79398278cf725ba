package dev.smallbatch.model.gpt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelSizesTest {
    @ParameterizedTest
    @CsvSource({"30000000, lm11m", "124000000, gpt2s", "162000000, gpt2s", "1300000000, gpt3xl", "1400000000, gpt3xl"})
    void numbersOfThePapersModelsMeanThem(long parameters, String preset) {
        assertEquals(GptConfig.preset(preset), ModelSizes.forParameters(parameters));
    }

    @ParameterizedTest
    @ValueSource(longs = {1_000_000, 3_000_000, 10_000_000, 60_000_000, 350_000_000, 760_000_000, 2_700_000_000L, 6_700_000_000L,
        13_000_000_000L})
    void otherNumbersGetAShapeLikeTheirs(long parameters) {
        GptConfig config = ModelSizes.forParameters(parameters);
        assertEquals(1, (double) config.activeParameterCount() / parameters, 0.1, config.toString());
        double aspect = (double) config.dim() / config.layers();
        assertTrue(aspect >= 30 && aspect <= 140, config.toString());
        assertTrue(config.headSize() == 64 || config.headSize() == 128, config.toString());
    }

    @Test
    void whatNoShapeHasIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> ModelSizes.forParameters(1));
        assertThrows(IllegalArgumentException.class, () -> ModelSizes.forParameters(Long.MAX_VALUE));
    }
}
