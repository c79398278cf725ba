package dev.smallbatch.model.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StreamingDecoderTest {
    private final Tokenizer bytes = new ByteTokenizer();

    @Test
    void holdsACharacterBackUntilItsLastByte() {
        StreamingDecoder decoder = new StreamingDecoder(bytes);
        List<String> parts = new ArrayList<>();
        for (int id : bytes.encode("aé\uD83D\uDE00")) {
            parts.add(decoder.push(id));
        }
        assertEquals(List.of("a", "", "é", "", "", "", "\uD83D\uDE00"), parts);
        assertEquals("", decoder.finish());
    }

    @Test
    void replacesWhatStaysIncomplete() {
        StreamingDecoder decoder = new StreamingDecoder(bytes);
        assertEquals("", decoder.push(0xE2));
        assertEquals("\uFFFD", decoder.finish());
    }

    @Test
    void startsAnewAfterTheEnd() {
        StreamingDecoder decoder = new StreamingDecoder(bytes);
        decoder.push(0xE2);
        decoder.finish();
        assertEquals("x", decoder.push('x'));
        assertEquals("", decoder.finish());
    }

    @Test
    void allPartsTogetherAreTheDecodedWhole() {
        for (int seed = 0; seed < 2000; seed++) {
            Random random = new Random(seed);
            int[] ids = new int[random.nextInt(12)];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = "a\u00E2\u0082\u00AC\u00F0\u009F\u0098\u0080\u00C3\u00ED\u00FF".charAt(random.nextInt(11));
            }
            StreamingDecoder decoder = new StreamingDecoder(bytes);
            StringBuilder text = new StringBuilder();
            for (int id : ids) {
                text.append(decoder.push(id));
            }
            assertEquals(bytes.decode(ids), text.append(decoder.finish()).toString(), "seed " + seed);
        }
    }
}
