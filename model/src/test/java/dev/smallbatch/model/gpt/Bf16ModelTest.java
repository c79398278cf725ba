package dev.smallbatch.model.gpt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.io.SafeTensorsWriter;
import dev.smallbatch.core.tensor.BFloat16;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.model.TestModel;
import dev.smallbatch.tck.LeakCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Models whose matrices and tables are BF16. */
@ExtendWith(LeakCheck.class)
class Bf16ModelTest {
    private static final GptConfig PAPER = GptConfig.paper(2, 16, 2, 8, 29);
    private static final GptConfig GPT2 = GptConfig.gpt2(2, 16, 2, 8, 29);
    private static final long SEED = 11;

    @TempDir
    private Path directory;

    static Stream<GptConfig> styles() {
        return Stream.of(PAPER, GPT2);
    }

    static Stream<Arguments> stylesOnBackends() {
        return styles().flatMap(config -> TestModel.backends().map(backend -> Arguments.of(config, backend)));
    }

    private static Region region(GptConfig config, DType dtype) {
        return Region.create("parameters", Gpt.parameterBytes(config, dtype));
    }

    private static float[] floats(Tensor tensor) {
        float[] values = new float[(int) tensor.numel()];
        for (int i = 0; i < values.length; i++) {
            values[i] = tensor.getFlat(i);
        }
        return values;
    }

    @ParameterizedTest
    @MethodSource("styles")
    void startsWithTheNearestNumbersToThoseOfAnF32ModelAndKeepsVectorsInF32(GptConfig config) {
        try (Region full = region(config, DType.F32); Region half = region(config, DType.BF16)) {
            List<Parameter> expected = Gpt.initialized(config, full, SEED).parameters();
            List<Parameter> actual = Gpt.initialized(config, half, SEED, DType.BF16).parameters();
            assertEquals(half.capacity(), half.used());
            for (int i = 0; i < actual.size(); i++) {
                Parameter parameter = actual.get(i);
                boolean vector = parameter.role() == Role.VECTOR;
                assertEquals(vector ? DType.F32 : DType.BF16, parameter.value().dtype(), parameter.name());
                float[] values = expected.get(i).value().toFloatArray();
                for (int j = 0; j < values.length && !vector; j++) {
                    values[j] = BFloat16.toFloat(BFloat16.nearestEven(values[j]));
                }
                assertArrayEquals(values, floats(parameter.value()), parameter.name());
            }
        }
    }

    /** Weights are widened when they are read, and nothing else differs. */
    @ParameterizedTest
    @MethodSource("stylesOnBackends")
    void computesWhatAnF32ModelOfTheSameNumbersDoes(GptConfig config, String backend) {
        int[] text = {1, 5, 28, 0, 3, 3, 7};
        try (TestModel half = new TestModel(backend, config, SEED, DType.BF16); TestModel full = new TestModel(backend, config, SEED)) {
            List<Parameter> values = half.model().parameters();
            List<Parameter> copies = full.model().parameters();
            for (int i = 0; i < copies.size(); i++) {
                copies.get(i).value().copyFrom(floats(values.get(i).value()));
            }
            assertArrayEquals(full.logits(text), half.logits(text));
        }
    }

    @ParameterizedTest
    @MethodSource("styles")
    void comesBackBitForBitInItsOwnType(GptConfig config) throws IOException {
        try (Region saved = region(config, DType.BF16); Region loaded = region(config, DType.BF16)) {
            ModelDirectory.save(Gpt.initialized(config, saved, SEED, DType.BF16), directory);
            assertEquals(DType.BF16, ModelDirectory.dtype(directory.resolve("model.safetensors")));
            Path again = Files.createDirectory(directory.resolve("again"));
            ModelDirectory.save(ModelDirectory.load(directory, loaded), again);
            assertArrayEquals(Files.readAllBytes(directory.resolve("model.safetensors")),
                    Files.readAllBytes(again.resolve("model.safetensors")));
        }
    }

    /** BF16 to F32 is exact; F32 to BF16 gives what initializing in BF16 does. */
    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16"})
    void canBeLoadedInTheOtherType(DType stored) throws IOException {
        DType other = stored == DType.F32 ? DType.BF16 : DType.F32;
        Path weights = directory.resolve("model.safetensors");
        try (Region saved = region(GPT2, stored); Region loaded = region(GPT2, other); Region half = region(GPT2, DType.BF16)) {
            ModelDirectory.save(Gpt.initialized(GPT2, saved, SEED, stored), directory);
            assertEquals(stored, ModelDirectory.dtype(weights));
            List<Parameter> actual = ModelDirectory.load(weights, GPT2, loaded, other).parameters();
            List<Parameter> expected = Gpt.initialized(GPT2, half, SEED, DType.BF16).parameters();
            for (int i = 0; i < actual.size(); i++) {
                Parameter parameter = actual.get(i);
                assertEquals(parameter.role() == Role.VECTOR ? DType.F32 : other, parameter.value().dtype());
                assertArrayEquals(floats(expected.get(i).value()), floats(parameter.value()), parameter.name());
            }
        }
    }

    @Test
    void halfPrecisionOfTheOtherKindIsLoadedAsF32Only() throws IOException {
        try (Region region = Region.create("half", 1 << 16); Region full = region(PAPER, DType.F32); Region half = region(PAPER, DType.BF16)) {
            var tensors = new LinkedHashMap<String, Tensor>();
            Gpt.planned(PAPER).parameters(parameter -> {
                Tensor tensor = region.allocate(DType.F16, parameter.value().shape());
                tensor.segment().fill((byte) 0x3C);
                tensors.put(parameter.name(), tensor);
            });
            Path weights = directory.resolve("model.safetensors");
            SafeTensorsWriter.write(weights, tensors, new LinkedHashMap<>());
            assertEquals(DType.F32, ModelDirectory.dtype(weights));
            Gpt model = ModelDirectory.load(weights, PAPER, full, DType.F32);
            assertEquals(Float.float16ToFloat((short) 0x3C3C), model.parameters().getFirst().value().getFlat(7));
            String message = assertThrows(IOException.class, () -> ModelDirectory.load(weights, PAPER, half, DType.BF16)).getMessage();
            assertTrue(message.contains("is stored as F16, wanted as BF16"), message);
        }
    }

    @Test
    void otherTypesAreRefused() {
        String message = assertThrows(IllegalArgumentException.class, () -> Gpt.planned(PAPER, DType.F16)).getMessage();
        assertEquals("parameters: weights of type F16; they are F32 or BF16", message);
    }
}
