package dev.smallbatch.model.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The primitive collections of the package against the JDK's. */
class TablesTest {
    @Test
    void aPairTableIsAMap() {
        PairTable table = new PairTable();
        Map<Long, Integer> map = new HashMap<>();
        Random random = new Random(3);
        for (int i = 0; i < 50_000; i++) {
            int left = random.nextInt(300);
            int right = random.nextInt(300);
            long key = (long) left << 32 | right;
            assertEquals(map.getOrDefault(key, PairTable.ABSENT), table.get(left, right));
            if (random.nextBoolean()) {
                map.put(key, i);
                table.put(left, right, i);
            } else {
                assertEquals(map.merge(key, 2, Integer::sum), table.add(left, right, 2));
            }
        }
        assertEquals(map.size(), table.size());
        table.forEach((left, right, value) -> assertEquals(map.remove((long) left << 32 | right), value));
        assertEquals(0, map.size());
    }

    @Test
    void aWordIndexNumbersDistinctWordsInOrder() {
        WordIndex index = new WordIndex();
        Map<String, Integer> map = new HashMap<>();
        Random random = new Random(4);
        for (int i = 0; i < 50_000; i++) {
            String word = Integer.toString(random.nextInt(20_000), 30);
            byte[] bytes = ("." + word + ".").getBytes(StandardCharsets.UTF_8);
            map.putIfAbsent(word, map.size());
            assertEquals(map.get(word), index.add(bytes, 1, bytes.length - 1));
        }
        assertEquals(map.size(), index.size());
        map.forEach((word, number) -> assertEquals(word, new String(index.bytes(), index.start(number),
                index.end(number) - index.start(number), StandardCharsets.UTF_8)));
    }

    @Test
    void aTokenBufferKeepsWhatIsAppended() {
        TokenBuffer buffer = new TokenBuffer();
        for (int i = 0; i < 100; i++) {
            buffer.add(i);
        }
        buffer.add(new int[] {7, 8, 9}, 1, 2);
        assertEquals(102, buffer.size());
        assertEquals(99, buffer.get(99));
        assertEquals(9, buffer.toArray()[101]);
        assertThrows(IndexOutOfBoundsException.class, () -> buffer.get(102));
        buffer.clear();
        assertEquals(0, buffer.toArray().length);
    }

    @Test
    void theByteAlphabetWritesEveryByteAsAnotherVisibleCharacter() {
        byte[] all = new byte[256];
        for (int i = 0; i < all.length; i++) {
            all[i] = (byte) ByteAlphabet.byteAt(i);
        }
        String text = ByteAlphabet.write(all);
        assertEquals(256, text.chars().distinct().count());
        assertEquals("!", text.substring(0, 1));
        assertEquals("\u0120", ByteAlphabet.write(new byte[] {' '}));
        assertArrayEquals(all, ByteAlphabet.read(text));
        assertNull(ByteAlphabet.read(" "));
        assertNull(ByteAlphabet.read("\u0144"));
    }

    @Test
    void findsTheMarkerOfTheEndOfText() {
        byte[] text = "a<|endoftext<|endoftext|>b".getBytes(StandardCharsets.UTF_8);
        assertEquals(12, EndOfTextMarker.find(text, 0, text.length));
        assertEquals(-1, EndOfTextMarker.find(text, 13, text.length));
        assertEquals(-1, EndOfTextMarker.find(text, 0, text.length - 2));
    }
}
