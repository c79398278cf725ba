package dev.smallbatch.model.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.data.CorpusProgress;
import dev.smallbatch.model.generate.Sampler;
import dev.smallbatch.model.gpt.ModelDirectory;
import dev.smallbatch.tck.LeakCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Runs with BF16 weights. */
@ExtendWith(LeakCheck.class)
class Bf16RunTest {
    private static final CorpusProgress QUIET = (stage, done, total) -> { };

    @TempDir
    private Path directory;
    private Path text;

    @BeforeEach
    void write() throws IOException {
        text = SmallRun.text(directory, 6000);
    }

    private Path train(TrainingOptions options, long stopAfter) throws IOException {
        try (TrainingRun run = TrainingRun.open(options, QUIET)) {
            run.train(List.of(stats -> {
                if (stats.step() == stopAfter) {
                    run.requestStop();
                }
            }));
            return run.directory().root();
        }
    }

    private TrainingOptions options(String name, Rounding rounding) {
        return SmallRun.options(text, directory.resolve(name)).dtype(DType.BF16).rounding(rounding);
    }

    private static byte[] weights(Path run) throws IOException {
        return Files.readAllBytes(run.resolve("model/model.safetensors"));
    }

    @Test
    void resumingGivesTheSameBitsOnAnyNumberOfThreads() throws IOException {
        Path straight = train(options("straight", Rounding.STOCHASTIC), Long.MAX_VALUE);
        Path stopped = train(options("stopped", null).threads(2), 13);
        train(TrainingOptions.into(stopped).resume(true).threads(2), Long.MAX_VALUE);
        assertArrayEquals(weights(straight), weights(stopped));
        Path nearest = train(options("nearest", Rounding.NEAREST_EVEN), Long.MAX_VALUE);
        assertFalse(Arrays.equals(weights(straight), weights(nearest)), "rounding made no difference");
    }

    @Test
    void theModelIsStoredInBf16AndGenerates() throws IOException {
        Path run = train(options("run", null), Long.MAX_VALUE);
        assertEquals(DType.BF16, ModelDirectory.dtype(run.resolve("model/model.safetensors")));
        try (Backend backend = Backends.open("scalar", new BackendOptions(1)); TrainedModel model = TrainedModel.load(run, backend)) {
            assertEquals(DType.BF16, model.gpt().parameters().getFirst().value().dtype());
            assertFalse(model.generate("a", 5, Sampler.greedy(), part -> { }).isEmpty());
        }
    }

    @Test
    void theTypeOfTheRunCannotBeChangedWhenItIsResumed() throws IOException {
        Path run = train(options("run", null), 3);
        String message = assertThrows(UsageException.class, () -> TrainingRun.open(
                TrainingOptions.into(run).resume(true).dtype(DType.F32), QUIET)).getMessage();
        assertTrue(message.contains("--dtype F32 contradicts the run"), message);
    }

    @Test
    void roundingWithoutBf16AndOtherTypesAreRefused() {
        for (TrainingOptions options : List.of(SmallRun.options(text, directory.resolve("a")).rounding(Rounding.STOCHASTIC),
                SmallRun.options(text, directory.resolve("b")).rounding(Rounding.STOCHASTIC).dtype(DType.F32),
                SmallRun.options(text, directory.resolve("c")).dtype(DType.F16))) {
            assertThrows(UsageException.class, options::check);
        }
    }
}
