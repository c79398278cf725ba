package dev.smallbatch.model.gpt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.tck.LeakCheck;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Names, counts and first values. Sizes and bounds are those that the paper's models have. */
@ExtendWith(LeakCheck.class)
class GptParametersTest {
    @ParameterizedTest
    @CsvSource({"6,384,3,512,50257,49214208,29915520", "6,512,4,512,32101,51745792,35310080",
        "12,768,6,1024,50257,162129408,123532032", "24,2048,16,2048,50257,1413812224,1310885888"})
    void thePapersModelsHaveThePapersCounts(int layers, int dim, int heads, int seqLen, int vocabulary, long actual,
            long active) {
        GptConfig config = GptConfig.paper(layers, dim, heads, seqLen, vocabulary);
        assertEquals(actual, countedIn(config));
        assertEquals(actual, config.parameterCount());
        assertEquals(active, config.activeParameterCount());
    }

    @Test
    void gpt2SmallHasItsPublishedCount() {
        GptConfig config = GptConfig.gpt2(12, 768, 12, 1024, 50257);
        assertEquals(124_439_808, countedIn(config));
        assertEquals(124_439_808, config.parameterCount());
    }

    @Test
    void presetsAreThePapersModels() {
        assertEquals(49_214_208, GptConfig.preset("lm11m").parameterCount());
        assertEquals(162_129_408, GptConfig.preset("gpt2s").parameterCount());
        assertEquals(1_413_812_224, GptConfig.preset("gpt3xl").parameterCount());
        assertEquals(1_310_885_888, GptConfig.preset("gpt3xl").activeParameterCount());
    }

    @Test
    void thePapersModelHasMatricesOnly() {
        assertEquals(List.of("embed.weight (13, 8) EMBEDDING", "h.0.attn.qkv.weight (24, 8) MATRIX",
                "h.0.attn.out.weight (8, 8) MATRIX", "h.0.mlp.up.weight (32, 8) MATRIX", "h.0.mlp.down.weight (8, 32) MATRIX",
                "head.weight (13, 8) HEAD"), described(GptConfig.paper(1, 8, 2, 5, 13)));
    }

    /** Three heads of 8: a matrix for each one's queries, keys, values and results. */
    @Test
    void everyHeadHasMatricesOfItsOwn() {
        List<Shape> blocks = Gpt.planned(GptConfig.paper(1, 24, 3, 5, 13)).parameters().stream().map(Parameter::block).toList();
        assertEquals(List.of(Shape.of(13, 24), Shape.of(8, 24), Shape.of(24, 8), Shape.of(96, 24), Shape.of(24, 96),
                Shape.of(13, 24)), blocks);
    }

    @Test
    void gpt2HasPositionsBiasesAndNormsButNoHead() {
        assertEquals(List.of("embed.weight (13, 8) TIED", "positions.weight (5, 8) EMBEDDING",
                "h.0.norm1.weight (8) VECTOR", "h.0.norm1.bias (8) VECTOR", "h.0.attn.qkv.weight (24, 8) MATRIX",
                "h.0.attn.qkv.bias (24) VECTOR", "h.0.attn.out.weight (8, 8) MATRIX", "h.0.attn.out.bias (8) VECTOR",
                "h.0.norm2.weight (8) VECTOR", "h.0.norm2.bias (8) VECTOR", "h.0.mlp.up.weight (32, 8) MATRIX",
                "h.0.mlp.up.bias (32) VECTOR", "h.0.mlp.down.weight (8, 32) MATRIX", "h.0.mlp.down.bias (8) VECTOR",
                "norm.weight (8) VECTOR", "norm.bias (8) VECTOR"), described(GptConfig.gpt2(1, 8, 2, 5, 13)));
    }

    @Test
    void parameterBytesAreExactlyWhatAModelTakes() {
        GptConfig config = GptConfig.paper(2, 16, 2, 7, 13);
        try (Region region = Region.create("parameters", Gpt.parameterBytes(config))) {
            Gpt.initialized(config, region, 1);
            assertEquals(region.capacity(), region.used());
        }
    }

    @ParameterizedTest
    @CsvSource({"6,384,3,50257,0.036084,0.062500,0.055902,0.051031", "6,512,4,32101,0.027951,0.048412,0.048412,0.044194",
        "12,768,6,50257,0.019288,0.033408,0.039528,0.036084", "24,2048,16,50257,0.007579,0.013128,0.024206,0.022097"})
    void paperInitialScalesAreThePapers(int layers, int dim, int heads, int vocabulary, double qkv, double out, double mlp,
            double table) {
        GptInit init = GptInit.of(GptConfig.paper(layers, dim, heads, 512, vocabulary));
        assertEquals(qkv, ((Init.Uniform) init.qkv()).bound(), 5e-7);
        assertEquals(out, ((Init.Uniform) init.attentionOut()).bound(), 5e-7);
        assertEquals(mlp, ((Init.Uniform) init.up()).bound(), 5e-7);
        assertEquals(mlp, ((Init.Uniform) init.down()).bound(), 5e-7);
        assertEquals(table, ((Init.Normal) init.embed()).std(), 5e-7);
        assertEquals(table, ((Init.Normal) init.head()).std(), 5e-7);
    }

    @Test
    void paperWeightsFillTheirRanges() {
        GptConfig config = GptConfig.paper(1, 64, 4, 8, 300);
        try (Region region = Region.create("parameters", Gpt.parameterBytes(config))) {
            Gpt model = Gpt.initialized(config, region, 1);
            assertUniform(model, "h.0.attn.qkv.weight", Math.sqrt(2 / (4.0 * (64 + 16))));
            assertUniform(model, "h.0.attn.out.weight", Math.sqrt(6 / (64.0 * (1 + 4))));
            assertUniform(model, "h.0.mlp.up.weight", Math.sqrt(6 / (5.0 * 64)));
            assertUniform(model, "h.0.mlp.down.weight", Math.sqrt(6 / (5.0 * 64)));
            assertEquals(1 / 8.0, std(values(model, "embed.weight")), 0.004);
            assertEquals(1 / 8.0, std(values(model, "head.weight")), 0.004);
        }
    }

    @Test
    void gpt2WeightsHaveTheirScales() {
        GptConfig config = GptConfig.gpt2(2, 64, 4, 50, 300);
        try (Region region = Region.create("parameters", Gpt.parameterBytes(config))) {
            Gpt model = Gpt.initialized(config, region, 1);
            for (String name : List.of("embed", "positions", "h.1.attn.qkv", "h.1.mlp.up")) {
                assertEquals(0.02, std(values(model, name + ".weight")), 0.001, name);
            }
            for (String name : List.of("h.1.attn.out", "h.1.mlp.down")) {
                assertEquals(0.01, std(values(model, name + ".weight")), 0.0005, name);
            }
            for (Parameter parameter : model.parameters()) {
                if (parameter.name().endsWith(".bias")) {
                    assertArrayEquals(new float[(int) parameter.value().numel()], parameter.value().toFloatArray());
                } else if (parameter.name().contains("norm")) {
                    assertEquals(64, sum(parameter.value().toFloatArray()));
                }
            }
        }
    }

    @Test
    void aSeedDeterminesEveryWeightAndAnotherChangesEveryMatrix() {
        GptConfig config = GptConfig.paper(2, 16, 2, 8, 20);
        long bytes = Gpt.parameterBytes(config);
        try (Region first = Region.create("first", bytes);
                Region again = Region.create("again", bytes);
                Region other = Region.create("other", bytes)) {
            Gpt a = Gpt.initialized(config, first, 7);
            Gpt b = Gpt.initialized(config, again, 7);
            Gpt c = Gpt.initialized(config, other, 8);
            for (Parameter parameter : a.parameters()) {
                float[] values = parameter.value().toFloatArray();
                assertArrayEquals(values, values(b, parameter.name()));
                assertFalse(Arrays.equals(values, values(c, parameter.name())), parameter.name());
            }
        }
    }

    @Test
    void equallyShapedTensorsStartDifferently() {
        GptConfig config = GptConfig.paper(3, 16, 2, 8, 20);
        try (Region region = Region.create("parameters", Gpt.parameterBytes(config))) {
            List<Parameter> parameters = Gpt.initialized(config, region, 7).parameters();
            var starts = new HashSet<Float>();
            parameters.forEach(parameter -> starts.add(parameter.value().getFlat(0)));
            assertEquals(parameters.size(), starts.size());
        }
    }

    private static long countedIn(GptConfig config) {
        return Gpt.planned(config).parameters().stream().mapToLong(parameter -> parameter.value().numel()).sum();
    }

    private static List<String> described(GptConfig config) {
        return Gpt.planned(config).parameters().stream()
                .map(parameter -> parameter.name() + " " + parameter.value().shape() + " " + parameter.role()).toList();
    }

    private static float[] values(Gpt model, String name) {
        return model.parameters().stream().filter(parameter -> parameter.name().equals(name)).findFirst().orElseThrow()
                .value().toFloatArray();
    }

    private static void assertUniform(Gpt model, String name, double bound) {
        float[] values = values(model, name);
        double largest = 0;
        for (float value : values) {
            largest = Math.max(largest, Math.abs(value));
        }
        assertTrue(largest <= bound * (1 + 1e-6) && largest > 0.99 * bound, name + ": largest " + largest + ", bound " + bound);
        assertEquals(bound / Math.sqrt(3), std(values), 0.02 * bound, name);
    }

    private static double sum(float[] values) {
        double sum = 0;
        for (float value : values) {
            sum += value;
        }
        return sum;
    }

    private static double std(float[] values) {
        double mean = sum(values) / values.length;
        double squares = 0;
        for (float value : values) {
            squares += (value - mean) * (value - mean);
        }
        return Math.sqrt(squares / values.length);
    }
}
