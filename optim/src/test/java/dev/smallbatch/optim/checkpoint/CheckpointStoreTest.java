package dev.smallbatch.optim.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.TinyRun;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LeakCheck.class)
class CheckpointStoreTest {
    @TempDir
    Path folder;

    private Path directory;

    @BeforeEach
    void nameDirectory() {
        directory = folder.resolve("checkpoint");
    }

    private static ObjectNode config() {
        ObjectNode config = JsonNodeFactory.instance.objectNode().put("lr", 3e-4).put("steps", 40);
        config.putObject("model").put("dim", 8).put("layers", 1);
        return config;
    }

    private static RunIdentity identity(ObjectNode config) {
        return new RunIdentity(TinyRun.SEED, config, "backend scalar: 1 thread", "0.1");
    }

    private CheckpointStore store() {
        return new CheckpointStore(directory, identity(config()));
    }

    /** Trains {@code from} to {@code to} and saves. */
    private void trainAndSave(TinyRun run, int from, int to) throws IOException {
        for (int step = from; step < to; step++) {
            run.train(step);
        }
        store().save(to, 100L * to, run.optimizer);
    }

    /** A load that must fail and change nothing. */
    private String refusal(CheckpointStore store) {
        try (TinyRun run = new TinyRun()) {
            float[] before = run.everything();
            String message = assertThrows(CheckpointException.class, () -> store.load(run.optimizer)).getMessage();
            assertArrayEquals(before, run.everything(), "a refused checkpoint must change nothing");
            assertTrue(message.startsWith("checkpoint " + directory), message);
            return message;
        }
    }

    private void assertRefused(String... parts) {
        String message = refusal(store());
        for (String part : parts) {
            assertTrue(message.contains(part), () -> "'" + part + "' is not in: " + message);
        }
    }

    private Path file(String name) {
        return directory.resolve(name);
    }

    @Test
    void goingOnFromACheckpointGivesTheSameBitsAsNeverHavingStopped() throws IOException {
        float[] uninterrupted;
        try (TinyRun run = new TinyRun()) {
            for (int step = 0; step < 12; step++) {
                run.train(step);
            }
            uninterrupted = run.everything();
        }
        try (TinyRun run = new TinyRun()) {
            trainAndSave(run, 0, 5);
        }
        try (TinyRun run = new TinyRun()) {
            CheckpointState state = store().load(run.optimizer);
            for (long step = state.step(); step < 12; step++) {
                run.train(step);
            }
            assertArrayEquals(uninterrupted, run.everything());
        }
    }

    @Test
    void aLoadedCheckpointIsSavedAsTheSameBytes() throws IOException {
        try (TinyRun run = new TinyRun()) {
            trainAndSave(run, 0, 3);
        }
        List<byte[]> first = contents();
        try (TinyRun run = new TinyRun()) {
            CheckpointState state = store().load(run.optimizer);
            store().save(state.step(), state.tokens(), run.optimizer);
        }
        List<byte[]> second = contents();
        for (int i = 0; i < 3; i++) {
            assertArrayEquals(first.get(i), second.get(i));
        }
    }

    private List<byte[]> contents() throws IOException {
        return List.of(Files.readAllBytes(file("model.safetensors")), Files.readAllBytes(file("optimizer.safetensors")),
                Files.readAllBytes(file("state.json")));
    }

    @Test
    void tellsWhatWasSaved() throws IOException {
        assertFalse(store().exists());
        try (TinyRun run = new TinyRun()) {
            trainAndSave(run, 0, 3);
        }
        assertTrue(store().exists());
        CheckpointState state = CheckpointStore.read(directory);
        assertEquals(3, state.step());
        assertEquals(300, state.tokens());
        assertEquals(identity(config()), state.run());
    }

    @Test
    void aCheckpointIsThreeFilesAndNothingBeside() throws IOException {
        try (TinyRun run = new TinyRun()) {
            trainAndSave(run, 0, 1);
            trainAndSave(run, 1, 2);
        }
        assertEquals(Set.of("model.safetensors", "optimizer.safetensors", "state.json"), names(directory));
        assertEquals(Set.of("checkpoint"), names(folder));
    }

    private static Set<String> names(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return new TreeSet<>(files.map(file -> file.getFileName().toString()).toList());
        }
    }

    @Test
    void aRunMayGoOnWithAnotherBackEndAndBuild() throws IOException {
        try (TinyRun run = new TinyRun()) {
            trainAndSave(run, 0, 1);
            RunIdentity elsewhere = new RunIdentity(TinyRun.SEED, config(), "backend vector: 2 threads", "0.2");
            assertEquals(1, new CheckpointStore(directory, elsewhere).load(run.optimizer).step());
        }
    }

    @Test
    void configurationsAreComparedByValueNotByNumberType() throws IOException {
        try (TinyRun run = new TinyRun()) {
            trainAndSave(run, 0, 1);
            CheckpointStore store = new CheckpointStore(directory, identity(config().put("steps", 40L)));
            assertEquals(1, store.load(run.optimizer).step());
        }
    }

    @Test
    void noCheckpointIsRefused() {
        assertRefused("there is none; check the path or start a new run");
    }

    @ParameterizedTest
    @ValueSource(strings = {"model.safetensors", "optimizer.safetensors", "state.json"})
    void aMissingFileIsRefused(String name) throws IOException {
        save();
        Files.delete(file(name));
        assertRefused(name + " is missing", "start a new run");
    }

    @ParameterizedTest
    @ValueSource(strings = {"model.safetensors", "optimizer.safetensors"})
    void aFileCutShortIsRefusedWithBothLengths(String name) throws IOException {
        save();
        byte[] bytes = Files.readAllBytes(file(name));
        Files.write(file(name), Arrays.copyOf(bytes, bytes.length - 1));
        assertRefused(name + " has " + (bytes.length - 1) + " bytes, state.json says " + bytes.length, "damaged");
    }

    @ParameterizedTest
    @ValueSource(strings = {"model.safetensors", "optimizer.safetensors"})
    void anyFlippedBitOfATensorFileIsNoticed(String name) throws IOException {
        save();
        byte[] bytes = Files.readAllBytes(file(name));
        for (int at : new int[] {0, 9, bytes.length / 2, bytes.length - 1}) {
            byte[] flipped = bytes.clone();
            flipped[at] ^= 4;
            Files.write(file(name), flipped);
            assertRefused(name + " has checksum ", "state.json says ", "damaged");
        }
    }

    @Test
    void anyFlippedBitOfTheStateIsNoticed() throws IOException {
        save();
        String text = Files.readString(file("state.json"));
        String compact = text.replaceAll("\\s+", "");
        assertTrue(compact.length() > 200, compact);
        for (int at = 0; at < compact.length(); at++) {
            byte[] flipped = compact.getBytes(StandardCharsets.US_ASCII);
            flipped[at] ^= 1;
            Files.write(file("state.json"), flipped);
            assertRefused("state.json");
        }
    }

    @Test
    void aStateCutShortIsRefused() throws IOException {
        save();
        String text = Files.readString(file("state.json"));
        for (int length : new int[] {0, 1, text.length() / 2, text.length() - 3}) {
            Files.writeString(file("state.json"), text.substring(0, length));
            assertRefused("state.json is not", "damaged");
        }
    }

    @Test
    void aStateThatWasEditedIsRefused() throws IOException {
        save();
        String text = Files.readString(file("state.json"));
        Files.writeString(file("state.json"), text.replace("\"step\" : 1", "\"step\" : 2"));
        assertRefused("state.json has checksum", "damaged");
    }

    @Test
    void aNewerFormatIsRefusedWithBothVersions() throws IOException {
        save();
        String text = Files.readString(file("state.json"));
        Files.writeString(file("state.json"), text.replace("\"format\" : 1", "\"format\" : 3"));
        assertRefused("state.json: format 3, this build reads 1..1. Use a newer build");
    }

    @Test
    void anotherConfigurationIsRefusedWithEveryKeyAndBothValues() throws IOException {
        save();
        ObjectNode other = config().put("lr", 1e-3);
        other.withObject("/model").put("dim", 16).put("heads", 2).remove("layers");
        String message = refusal(new CheckpointStore(directory, identity(other)));
        assertTrue(message.endsWith("is of another run: config.lr is 3.0E-4 in the checkpoint, 0.001 in this run; "
                + "config.model.dim is 8 in the checkpoint, 16 in this run; "
                + "config.model.heads is absent in the checkpoint, 2 in this run; "
                + "config.model.layers is 1 in the checkpoint, absent in this run. "
                + "Go on with its values, or start a new run in another directory"), message);
    }

    @Test
    void anotherSeedIsRefused() throws IOException {
        save();
        String message = refusal(new CheckpointStore(directory, new RunIdentity(12, config(), "", "")));
        assertTrue(message.contains("seed is 11 in the checkpoint, 12 in this run"), message);
    }

    @Test
    void aLongListOfDifferencesIsCutShort() throws IOException {
        save();
        ObjectNode other = config();
        for (int i = 0; i < 30; i++) {
            other.put("option" + i, i);
        }
        String message = refusal(new CheckpointStore(directory, identity(other)));
        assertTrue(message.contains("; 20 more."), message);
    }

    @Test
    void otherTensorsAreRefusedByNameAndShape() throws IOException {
        save();
        try (Workbench bench = new Workbench()) {
            Parameter head = bench.parameter("head", Shape.of(2, 2), 1, 2, 3, 4);
            Optimizer optimizer = new Optimizer(List.of(ParameterGroup.all(new Sgd(new Constant(1)))), Clipping.none(),
                    List.of(head), bench.kernels(), bench.region());
            String message = assertThrows(CheckpointException.class, () -> store().load(optimizer)).getMessage();
            assertTrue(message.contains("model.safetensors holds other tensors than this run"), message);
            assertTrue(message.contains("head is F32 [13, 8] in the checkpoint, F32 [2, 2] in this run"), message);
            assertTrue(message.contains("table is F32 [13, 8] in the checkpoint, absent in this run"), message);
            assertArrayEquals(new float[] {1, 2, 3, 4}, head.value().toFloatArray());
        }
    }

    @Test
    void theStateOfAnotherRuleIsRefused() throws IOException {
        save();
        try (TinyRun run = new TinyRun(new Sgd(new Constant(1), 0.9, 0), Clipping.none(), 2, 1)) {
            float[] before = run.everything();
            String message = assertThrows(CheckpointException.class, () -> store().load(run.optimizer)).getMessage();
            assertTrue(message.contains("bias/v is F32 [16] in the checkpoint, absent in this run"), message);
            assertArrayEquals(before, run.everything());
        }
    }

    @Test
    void aDirectoryThatCannotBeWrittenIsOneClearError() throws IOException {
        Path notADirectory = Files.writeString(folder.resolve("file"), "content");
        CheckpointStore store = new CheckpointStore(notADirectory.resolve("checkpoint"), identity(config()));
        try (TinyRun run = new TinyRun()) {
            String message = assertThrows(CheckpointException.class, () -> store.save(7, 0, run.optimizer)).getMessage();
            assertTrue(message.contains("step 7 cannot be saved"), message);
            assertTrue(message.contains("there is no directory " + notADirectory), message);
        }
        assertEquals("content", Files.readString(notADirectory));
    }

    @ParameterizedTest
    @ValueSource(strings = {"tmp", "new", "new+old", "old", "old+checkpoint"})
    void whateverAnInterruptedSaveLeavesLoads(String left) throws IOException {
        save();
        Path beside = folder.resolve("checkpoint.new");
        try (TinyRun run = new TinyRun()) {
            new CheckpointStore(beside, identity(config())).save(2, 200, run.optimizer);
        }
        long expected = switch (left) {
            case "tmp" -> {
                Files.move(beside, folder.resolve("checkpoint.tmp"));
                Files.delete(folder.resolve("checkpoint.tmp/state.json"));
                yield 1;
            }
            case "new" -> 2;
            case "new+old" -> {
                Files.move(directory, folder.resolve("checkpoint.old"));
                yield 2;
            }
            case "old" -> {
                deleteTree(beside);
                Files.move(directory, folder.resolve("checkpoint.old"));
                yield 1;
            }
            case "old+checkpoint" -> {
                Files.move(directory, folder.resolve("checkpoint.old"));
                Files.move(beside, directory);
                Files.delete(folder.resolve("checkpoint.old/model.safetensors"));
                yield 2;
            }
            default -> throw new AssertionError(left);
        };
        try (TinyRun run = new TinyRun()) {
            assertEquals(expected, store().load(run.optimizer).step());
        }
        assertEquals(Set.of("checkpoint"), names(folder));
    }

    private static void deleteTree(Path directory) throws IOException {
        for (String name : names(directory)) {
            Files.delete(directory.resolve(name));
        }
        Files.delete(directory);
    }

    private void save() throws IOException {
        try (TinyRun run = new TinyRun()) {
            trainAndSave(run, 0, 1);
        }
    }
}
