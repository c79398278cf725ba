package dev.smallbatch.model.gpt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GptConfigTest {
    private static final GptConfig CONFIG = GptConfig.paper(2, 64, 4, 48, 97);

    @ParameterizedTest
    @CsvSource({"0,64,4,48,97,layers is 0", "2,-64,4,48,97,dim is -64", "2,64,0,48,97,heads is 0", "2,64,4,0,97,seq_len is 0",
        "2,64,4,48,0,vocabulary_size is 0"})
    void sizesBelowOneAreRefusedByName(int layers, int dim, int heads, int seqLen, int vocabulary, String expected) {
        String message = refusal(layers, dim, heads, seqLen, vocabulary);
        assertTrue(message.contains(expected), message);
    }

    @ParameterizedTest
    @CsvSource({"100,3,use dim 96 or dim 102", "60,4,use dim 56 or dim 64", "2,4,use dim 8", "64,2000000000,use dim 4000000000"})
    void aDimThatDoesNotSplitIntoEvenHeadsIsRefusedWithTheNearestThatDoes(int dim, int heads, String expected) {
        String message = refusal(2, dim, heads, 48, 97);
        assertTrue(message.contains("dim " + dim) && message.contains(heads + " heads") && message.contains(expected), message);
    }

    @Test
    void aDimWhoseMlpWouldOverflowIsRefused() {
        assertTrue(refusal(2, 1 << 30, 1, 48, 97).contains("too large"));
    }

    @Test
    void moreLayersThanAnyoneTrainsAreRefusedBeforeTheirMemoryIsPlanned() {
        assertTrue(refusal(2_000_000_000, 64, 4, 48, 97).contains("2000000000 layers are too many"));
    }

    @Test
    void moreParametersThanALongCountsAreRefused() {
        assertTrue(refusal(10_000, 1 << 28, 1, 48, 97).contains("more than 2^63 parameters"));
    }

    @Test
    void anUnknownPresetIsRefusedWithTheKnownOnes() {
        var error = assertThrows(IllegalArgumentException.class, () -> GptConfig.preset("gpt3"));
        assertTrue(error.getMessage().contains("'gpt3'") && error.getMessage().contains("lm11m"), error.getMessage());
    }

    @Test
    void flopsPerTokenAreThePapersFormula() {
        GptConfig config = GptConfig.preset("gpt2s");
        double expected = 6.0 * (12 * 12 * 768 * 768 + 768 * 50257) + 12.0 * 12 * 768 * 1024;
        assertEquals(expected, config.flopsPerToken(1024));
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny", "small", "lm11m", "gpt2s", "gpt3xl"})
    void presetsSurviveJson(String name) throws IOException {
        GptConfig config = GptConfig.preset(name);
        assertEquals(config, GptConfigJson.parse(GptConfigJson.write(config).toString(), "config.json"));
    }

    @Test
    void everyOptionSurvivesJson() throws IOException {
        GptConfig config = GptConfig.gpt2(3, 32, 2, 16, 11);
        assertEquals(config, GptConfigJson.parse(GptConfigJson.write(config).toPrettyString(), "config.json"));
    }

    @Test
    void aMissingKeyIsNamed() {
        ObjectNode node = GptConfigJson.write(CONFIG);
        node.remove("heads");
        assertMessage(node.toString(), "config.json", "missing keys [heads]");
    }

    @Test
    void anUnknownKeyIsNamed() {
        assertMessage(GptConfigJson.write(CONFIG).put("dropout", 0.1).toString(), "unknown keys [dropout]");
    }

    @Test
    void aWrongTypeIsNamedWithItsValue() {
        assertMessage(GptConfigJson.write(CONFIG).put("dim", "wide").toString(), "dim is \"wide\"", "integer");
        assertMessage(GptConfigJson.write(CONFIG).put("biases", 1).toString(), "biases is 1", "true or false");
        assertMessage(GptConfigJson.write(CONFIG).put("dim", 1L << 40).toString(), "dim is 1099511627776", "integer");
    }

    @Test
    void anUnknownChoiceIsAnsweredWithTheKnownOnes() {
        assertMessage(GptConfigJson.write(CONFIG).put("norm", "batch").toString(), "norm is \"batch\"", "[rms, layer]");
    }

    @Test
    void impossibleSizesInAFileAreFileErrors() {
        assertMessage(GptConfigJson.write(CONFIG).put("heads", 5).toString(), "config.json", "5 heads");
    }

    @Test
    void aNewerFormatIsNamedBeforeItsKeysAreJudged() {
        String newer = GptConfigJson.write(CONFIG).put("format", 2).put("experts", 8).toString();
        assertMessage(newer, "format 2", "reads 1", "newer build");
    }

    @Test
    void aKeyGivenTwiceIsRefused() {
        String text = GptConfigJson.write(CONFIG).toString().replace("\"dim\":64", "\"dim\":64,\"dim\":128");
        assertMessage(text, "config.json", "Duplicate", "dim");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{\"format\": 1, \"lay", "not json", "[]", "null", "{} {}"})
    void textThatIsNoObjectIsAFileError(String text) {
        assertMessage(text, "config.json");
    }

    private static String refusal(int layers, int dim, int heads, int seqLen, int vocabulary) {
        return assertThrows(IllegalArgumentException.class, () -> GptConfig.paper(layers, dim, heads, seqLen, vocabulary))
                .getMessage();
    }

    private static void assertMessage(String json, String... parts) {
        String message = assertThrows(IOException.class, () -> GptConfigJson.parse(json, "config.json")).getMessage();
        for (String part : parts) {
            assertTrue(message.contains(part), message);
        }
    }
}
