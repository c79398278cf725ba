package dev.smallbatch.model.gpt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.io.SafeTensors;
import dev.smallbatch.core.io.SafeTensorsWriter;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.tck.LeakCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(LeakCheck.class)
class ModelDirectoryTest {
    private static final GptConfig CONFIG = GptConfig.paper(1, 8, 2, 4, 5);

    @TempDir
    private Path directory;

    static Stream<GptConfig> styles() {
        return Stream.of(CONFIG, GptConfig.gpt2(2, 16, 4, 8, 13), CONFIG.withStableEmbedding(true));
    }

    @ParameterizedTest
    @MethodSource("styles")
    void aModelComesBackBitForBit(GptConfig config) throws IOException {
        try (Region saved = Region.create("saved", Gpt.parameterBytes(config));
                Region loaded = Region.create("loaded", Gpt.parameterBytes(config))) {
            List<Parameter> expected = save(config, saved).parameters();
            List<Parameter> actual = ModelDirectory.load(directory, loaded).parameters();
            assertEquals(config, ModelDirectory.config(directory));
            assertEquals(expected.size(), actual.size());
            for (int i = 0; i < expected.size(); i++) {
                assertEquals(expected.get(i).name(), actual.get(i).name());
                assertEquals(expected.get(i).role(), actual.get(i).role());
                assertArrayEquals(expected.get(i).value().toFloatArray(), actual.get(i).value().toFloatArray());
            }
        }
    }

    @Test
    void savingWhatWasLoadedGivesTheSameBytes() throws IOException {
        try (Region saved = Region.create("saved", Gpt.parameterBytes(CONFIG));
                Region loaded = Region.create("loaded", Gpt.parameterBytes(CONFIG))) {
            save(CONFIG, saved);
            Path again = Files.createDirectory(directory.resolve("again"));
            ModelDirectory.save(ModelDirectory.load(directory, loaded), again);
            for (String file : List.of("config.json", "model.safetensors")) {
                assertArrayEquals(Files.readAllBytes(directory.resolve(file)), Files.readAllBytes(again.resolve(file)), file);
            }
        }
    }

    @Test
    void savingLeavesOtherFilesAlone() throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), "{}");
        saved();
        assertEquals("{}", Files.readString(directory.resolve("tokenizer.json")));
    }

    @Test
    void aDirectoryThatIsNotThereIsNamed() {
        assertFails(directory.resolve("nowhere"), "nowhere", "no such directory");
    }

    @Test
    void aDirectoryWithoutAConfigurationIsNoModel() {
        assertFails(directory, "config.json", "no such file", "a model's directory?");
    }

    @Test
    void missingWeightsAreNamed() throws IOException {
        saved();
        Files.delete(directory.resolve("model.safetensors"));
        assertFails(directory, "model.safetensors", "no such file");
    }

    @Test
    void truncatedWeightsAreRefused() throws IOException {
        saved();
        Path file = directory.resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(bytes, bytes.length - 100));
        assertFails(directory, "model.safetensors");
    }

    @Test
    void aDamagedConfigurationIsRefused() throws IOException {
        saved();
        Files.writeString(directory.resolve("config.json"), "{\"format\": 1,");
        assertFails(directory, "config.json", "not JSON");
    }

    @Test
    void aMissingTensorIsNamed() throws IOException {
        saved();
        rewrite(tensors -> tensors.remove("h.0.mlp.up.weight"));
        assertFails(directory, "model.safetensors", "h.0.mlp.up.weight is missing");
    }

    @Test
    void aTensorTooManyIsNamed() throws IOException {
        saved();
        rewrite(tensors -> tensors.put("h.1.mlp.up.weight", tensors.get("h.0.mlp.up.weight")));
        assertFails(directory, "h.1.mlp.up.weight belongs to no layer");
    }

    @Test
    void aTensorOfAnotherShapeIsNamedWithBoth() throws IOException {
        saved();
        rewrite(tensors -> tensors.computeIfPresent("embed.weight", (name, tensor) -> tensor.reshape(Shape.of(8, 5))));
        assertFails(directory, "embed.weight is [8, 5], expected [5, 8]");
    }

    @Test
    void weightsOfAnotherModelAreRefusedWithAFewExamples() throws IOException {
        saved();
        Files.writeString(directory.resolve("config.json"), GptConfigJson.write(GptConfig.gpt2(3, 16, 2, 4, 5)).toString());
        assertFails(directory, "embed.weight is [5, 8], expected [5, 16]", "positions.weight is missing", "more",
                "Keep both files of one model together");
    }

    @Test
    void aRegionTooSmallIsSaidWithBothSizes() throws IOException {
        saved();
        try (Region small = Region.create("parameters", 500)) {
            String message = assertThrows(IllegalStateException.class, () -> ModelDirectory.load(directory, small)).getMessage();
            assertTrue(message.contains("region parameters") && message.contains("requested"), message);
        }
    }

    private Gpt save(GptConfig config, Region region) throws IOException {
        Gpt model = Gpt.initialized(config, region, 11);
        ModelDirectory.save(model, directory);
        return model;
    }

    private void saved() throws IOException {
        try (Region region = Region.create("saved", Gpt.parameterBytes(CONFIG))) {
            save(CONFIG, region);
        }
    }

    private interface Change {
        void apply(SequencedMap<String, Tensor> tensors);
    }

    private void rewrite(Change change) throws IOException {
        Path path = directory.resolve("model.safetensors");
        SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
        try (Region region = Region.create("file", 1 << 16)) {
            try (SafeTensors file = SafeTensors.open(path)) {
                for (String name : file.header().entries().keySet()) {
                    tensors.put(name, file.read(name, region));
                }
            }
            change.apply(tensors);
            SafeTensorsWriter.write(path, tensors, new LinkedHashMap<>());
        }
    }

    private static void assertFails(Path directory, String... parts) {
        try (Region region = Region.create("parameters", 1 << 20)) {
            String message = assertThrows(IOException.class, () -> ModelDirectory.load(directory, region)).getMessage();
            for (String part : parts) {
                assertTrue(message.contains(part), message);
            }
        }
    }
}
