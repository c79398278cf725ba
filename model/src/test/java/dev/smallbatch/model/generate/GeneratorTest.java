package dev.smallbatch.model.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.MemoryStats;
import dev.smallbatch.model.TestModel;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.tck.LeakCheck;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(LeakCheck.class)
class GeneratorTest {
    private static final double TOLERANCE = 1e-5;
    private static final int VOCABULARY = 29;
    private static final int SEQ_LEN = 100;
    private static final GptConfig PAPER = GptConfig.paper(2, 32, 2, SEQ_LEN, VOCABULARY);
    private static final GptConfig GPT2 = GptConfig.gpt2(2, 32, 4, SEQ_LEN, VOCABULARY);
    private static final GptConfig SHORT = GptConfig.paper(1, 16, 2, 8, VOCABULARY);

    static Stream<Arguments> stylesOnBackends() {
        return Stream.of(PAPER, GPT2).flatMap(config -> TestModel.backends().map(backend -> Arguments.of(config, backend)));
    }

    @ParameterizedTest
    @MethodSource("stylesOnBackends")
    void tokensOneByOneGiveTheLogitsOfTheFullForward(GptConfig config, String backend) {
        int[] text = text(SEQ_LEN);
        try (TestModel test = new TestModel(backend, config, 1); Generator generator = generator(test)) {
            float[][] full = test.logits(text);
            for (int t = 0; t < SEQ_LEN; t++) {
                assertClose("position " + t, full[t], generator.feed(text, t, t + 1));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("stylesOnBackends")
    void bf16WeightsGiveTheLogitsOfTheFullForwardToo(GptConfig config, String backend) {
        int[] text = text(20);
        try (TestModel test = new TestModel(backend, config, 1, DType.BF16); Generator generator = generator(test)) {
            float[][] full = test.logits(text);
            assertClose("a prompt", full[9], generator.feed(text, 0, 10));
            for (int t = 10; t < 20; t++) {
                assertClose("position " + t, full[t], generator.feed(text, t, t + 1));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("stylesOnBackends")
    void aPromptAtOnceGivesTheLogitsOfTheFullForward(GptConfig config, String backend) {
        int[] text = text(SEQ_LEN);
        try (TestModel test = new TestModel(backend, config, 1)) {
            float[][] full = test.logits(text);
            for (int length : new int[] {1, 2, 63, 64, 65, SEQ_LEN}) {
                try (Generator generator = generator(test)) {
                    assertClose("length " + length, full[length - 1], generator.feed(text, 0, length));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("stylesOnBackends")
    void greedyTextIsThatOfRepeatedFullForwards(GptConfig config, String backend) {
        try (TestModel test = new TestModel(backend, config, 1); Generator generator = generator(test)) {
            int[] text = text(3);
            int[] generated = generator.generate(text, 20, Sampler.greedy(), token -> true);
            assertEquals(20, generated.length);
            for (int token : generated) {
                float[][] logits = test.logits(text);
                assertEquals(Sampler.greedy().sample(logits[logits.length - 1], 0), token);
                text = Arrays.copyOf(text, text.length + 1);
                text[text.length - 1] = token;
            }
        }
    }

    @Test
    void aTextThatOutgrowsTheModelGoesOnFromItsLastHalf() {
        try (TestModel test = new TestModel("scalar", SHORT, 1); Generator generator = generator(test)) {
            int[] prompt = text(8);
            int[] generated = generator.generate(prompt, 5, Sampler.greedy(), token -> true);
            int[] whole = IntStream.concat(Arrays.stream(prompt), Arrays.stream(generated)).toArray();
            for (int t = 8; t < 13; t++) {
                // The first choice sees all eight tokens, the second the last four, and from then on one more each time.
                int[] seen = Arrays.copyOfRange(whole, t == 8 ? 0 : 5, t);
                float[][] logits = test.logits(seen);
                assertEquals(Sampler.greedy().sample(logits[seen.length - 1], 0), whole[t], "token " + t);
            }
        }
    }

    @Test
    void aTextMayGrowToManyTimesTheModelsLength() {
        try (TestModel test = new TestModel("scalar", SHORT, 1); Generator generator = generator(test)) {
            assertEquals(100, generator.generate(text(3), 100, new Sampler(1, 0, 1, 3), token -> true).length);
        }
    }

    @Test
    void aModelOfOneTokenGenerates() {
        GptConfig config = GptConfig.gpt2(1, 16, 2, 1, VOCABULARY);
        try (TestModel test = new TestModel("scalar", config, 1); Generator generator = generator(test)) {
            assertEquals(5, generator.generate(text(2), 5, Sampler.greedy(), token -> true).length);
        }
    }

    @Test
    void ofALongPromptOnlyTheEndCounts() {
        try (TestModel test = new TestModel("scalar", SHORT, 1); Generator generator = generator(test)) {
            int[] prompt = text(20);
            int[] end = Arrays.copyOfRange(prompt, 12, 20);
            assertArrayEquals(generator.generate(end, 6, Sampler.greedy(), token -> true),
                    generator.generate(prompt, 6, Sampler.greedy(), token -> true));
        }
    }

    @Test
    void theSameSeedGivesTheSameTextAndAnotherDoesNot() {
        try (TestModel test = new TestModel("scalar", PAPER, 1); Generator generator = generator(test)) {
            int[] first = generator.generate(text(3), 30, new Sampler(1, 0, 1, 3), token -> true);
            int[] again = generator.generate(text(3), 30, new Sampler(1, 0, 1, 3), token -> true);
            int[] other = generator.generate(text(3), 30, new Sampler(1, 0, 1, 4), token -> true);
            assertArrayEquals(first, again);
            assertFalse(Arrays.equals(first, other));
        }
    }

    @Test
    void tokensAreToldInOrderAsTheyCome() {
        try (TestModel test = new TestModel("scalar", PAPER, 1); Generator generator = generator(test)) {
            List<Integer> told = new ArrayList<>();
            int[] generated = generator.generate(text(3), 10, new Sampler(1, 0, 1, 3), told::add);
            assertEquals(Arrays.stream(generated).boxed().toList(), told);
        }
    }

    @Test
    void theListenerStopsWithTheTokenItWasTold() {
        try (TestModel test = new TestModel("scalar", PAPER, 1); Generator generator = generator(test)) {
            List<Integer> told = new ArrayList<>();
            int[] generated = generator.generate(text(3), 10, new Sampler(1, 0, 1, 3), token -> {
                told.add(token);
                return told.size() < 4;
            });
            assertEquals(4, generated.length);
            assertEquals(4, told.size());
        }
    }

    @Test
    void nothingIsGeneratedIfNothingIsAsked() {
        try (TestModel test = new TestModel("scalar", PAPER, 1); Generator generator = generator(test)) {
            assertEquals(0, generator.generate(text(3), 0, Sampler.greedy(), token -> true).length);
        }
    }

    @Test
    void generatingAllocatesNothingNative() {
        try (TestModel test = new TestModel("scalar", SHORT, 1); Generator generator = generator(test)) {
            long allocations = MemoryStats.nativeAllocations();
            generator.generate(text(8), 20, Sampler.greedy(), token -> true);
            assertEquals(allocations, MemoryStats.nativeAllocations());
        }
    }

    @Test
    void closingFreesEverything() {
        try (TestModel test = new TestModel("scalar", SHORT, 1)) {
            long before = MemoryStats.liveBytes();
            generator(test).close();
            assertEquals(before, MemoryStats.liveBytes());
        }
    }

    @Test
    void aListenerThatFailsLeavesTheGeneratorUsable() {
        try (TestModel test = new TestModel("scalar", PAPER, 1); Generator generator = generator(test)) {
            int[] expected = generator.generate(text(3), 5, Sampler.greedy(), token -> true);
            assertThrows(ArithmeticException.class, () -> generator.generate(text(9), 5, Sampler.greedy(), token -> {
                throw new ArithmeticException("stop");
            }));
            assertArrayEquals(expected, generator.generate(text(3), 5, Sampler.greedy(), token -> true));
        }
    }

    @Test
    void impossibleRequestsAreRefusedWithTheirValues() {
        assertRefused(new int[0], 5, "prompt is empty");
        assertRefused(new int[] {1, VOCABULARY}, 5, "token 29 at position 1", "vocabulary of 29");
        assertRefused(new int[] {-1}, 5, "token -1 at position 0");
        assertRefused(new int[] {1}, -1, "-1 tokens");
    }

    private static void assertRefused(int[] prompt, int maxTokens, String... parts) {
        try (TestModel test = new TestModel("scalar", SHORT, 1); Generator generator = generator(test)) {
            String message = assertThrows(IllegalArgumentException.class,
                    () -> generator.generate(prompt, maxTokens, Sampler.greedy(), token -> true)).getMessage();
            for (String part : parts) {
                assertTrue(message.contains(part), message);
            }
        }
    }

    private static Generator generator(TestModel test) {
        return new Generator(test.model(), test.backend().kernels());
    }

    private static int[] text(int length) {
        return IntStream.range(0, length).map(i -> (int) (RandomKey.of(17).uniform(i) * VOCABULARY)).toArray();
    }

    private static void assertClose(String what, float[] expected, float[] actual) {
        double largest = 0;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], actual[i], TOLERANCE * largest, what + ", logit " + i);
        }
    }
}
