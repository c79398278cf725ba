package dev.smallbatch.model.gpt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.model.TestModel;
import dev.smallbatch.model.layer.AttentionContext;
import dev.smallbatch.tck.LeakCheck;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Token vectors that start uniform and are normalized before positions are added. */
@ExtendWith(LeakCheck.class)
class StableEmbeddingTest {
    private static final int VOCABULARY = 13;
    private static final int[] TOKENS = {5, 0, 12, 5};
    private static final int[] TARGETS = {0, 12, 5, 3};

    static Stream<GptConfig> styles() {
        return Stream.of(GptConfig.paper(1, 8, 2, 8, VOCABULARY), GptConfig.gpt2(1, 8, 2, 8, VOCABULARY))
                .map(config -> config.withStableEmbedding(true));
    }

    @ParameterizedTest
    @MethodSource("styles")
    void itAddsTheParametersOfANormalizationBehindTheTable(GptConfig config) {
        List<Parameter> parameters = Gpt.planned(config).parameters();
        assertEquals("embed.norm.weight", parameters.get(1).name());
        assertEquals("embed.norm.bias", parameters.get(2).name());
        long counted = parameters.stream().mapToLong(p -> p.value().numel()).sum();
        assertEquals(counted, config.parameterCount());
        assertEquals(2 * 8, counted - config.withStableEmbedding(false).parameterCount());
    }

    @ParameterizedTest
    @MethodSource("styles")
    void theTableStartsUniformByItsFans(GptConfig config) {
        assertEquals(new Init.Uniform(Math.sqrt(6.0 / (VOCABULARY + 8))), GptInit.of(config).embed());
        assertEquals(GptInit.of(config.withStableEmbedding(false)).head(), GptInit.of(config).head());
    }

    @Test
    void theSizeOfATokensVectorDoesNotMatter() {
        GptConfig config = GptConfig.gpt2(1, 8, 2, 8, VOCABULARY).withStableEmbedding(true);
        try (TestModel test = new TestModel("scalar", config, 1)) {
            Tensor table = test.model().parameters().getFirst().value();
            float[] before = hidden(test);
            for (long i = 5 * 8; i < 6 * 8; i++) {
                table.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, 64 * table.getFlat(i));
            }
            assertArrayEquals(before, hidden(test), 1e-3f);
        }
    }

    private static float[] hidden(TestModel test) {
        try (Region region = Region.create("forward", 1 << 20)) {
            Tape tape = new Tape(test.backend().kernels(), region, Tape.Mode.FORWARD_ONLY);
            Tensor tokens = region.allocate(DType.I32, Shape.of(1, TOKENS.length));
            tokens.copyFrom(TOKENS);
            return test.model().hidden(tape.ops(), tokens, new AttentionContext.WholeSequence()).value()
                    .toFloatArray();
        }
    }

    /** Two sequences, and every parameter along its own gradient. */
    @ParameterizedTest
    @MethodSource("styles")
    void gradientsAreThoseOfTheLoss(GptConfig config) {
        try (TestModel test = new TestModel("scalar", config, 1)) {
            Map<String, float[]> gradients = new LinkedHashMap<>();
            loss(test, gradients);
            for (Parameter parameter : test.model().parameters()) {
                float[] gradient = gradients.get(parameter.name());
                float[] values = parameter.value().toFloatArray();
                double squares = 0;
                for (float g : gradient) {
                    squares += (double) g * g;
                }
                double norm = Math.sqrt(squares);
                double step = 2e-3;
                double up = lossAt(test, parameter, values, gradient, step / norm);
                double down = lossAt(test, parameter, values, gradient, -step / norm);
                parameter.value().copyFrom(values);
                assertEquals(norm, (up - down) / (2 * step), 2e-2 * norm + 1e-3, parameter.name() + " of " + config);
            }
        }
    }

    private static double lossAt(TestModel test, Parameter parameter, float[] values, float[] gradient, double by) {
        float[] moved = values.clone();
        for (int i = 0; i < moved.length; i++) {
            moved[i] += (float) (by * gradient[i]);
        }
        parameter.value().copyFrom(moved);
        return loss(test, null);
    }

    /** @param gradients of all parameters; null if they are not wanted */
    private static double loss(TestModel test, Map<String, float[]> gradients) {
        try (Region region = Region.create("loss", 1 << 20)) {
            Tensor tokens = region.allocate(DType.I32, Shape.of(2, 2));
            tokens.copyFrom(TOKENS);
            Tensor targets = region.allocate(DType.I32, Shape.of(4));
            targets.copyFrom(TARGETS);
            Tape tape = new Tape(test.backend().kernels(), region, Tape.Mode.RECORD);
            Var losses = tape.ops().crossEntropy(test.model().forward(tape.ops(), tokens), targets, VOCABULARY, 1);
            double sum = 0;
            for (float loss : losses.value().toFloatArray()) {
                sum += loss;
            }
            tape.backward(losses, (parameter, gradient) -> {
                if (gradients != null) {
                    gradients.put(parameter.name(), gradient.toFloatArray());
                }
            });
            return sum;
        }
    }

    @Test
    void configurationsWithoutItAreWrittenAsBefore() throws IOException {
        GptConfig plain = GptConfig.paper(1, 8, 2, 8, VOCABULARY);
        assertFalse(GptConfigJson.write(plain).has("stable_embedding"));
        assertTrue(GptConfigJson.write(plain.withStableEmbedding(true)).get("stable_embedding").booleanValue());
        assertEquals(plain.withStableEmbedding(true),
                GptConfigJson.read(GptConfigJson.write(plain.withStableEmbedding(true)), "config.json"));
    }
}
