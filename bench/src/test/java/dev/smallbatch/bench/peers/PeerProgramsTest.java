package dev.smallbatch.bench.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.bench.measure.Timings;
import dev.smallbatch.model.gpt.GptConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The programs that measure run once each, with sizes that take no time, so that they work when they are needed. */
class PeerProgramsTest {
    private static final String[] STEP = {"--dim", "16", "--layers", "2", "--heads", "2", "--seq", "8", "--vocab", "11",
            "--batch", "2", "--backend", "auto", "--warmup-steps", "2", "--warmup-seconds", "0", "--steps", "3", "--seconds", "0",
            "--opt"};

    @ParameterizedTest
    @ValueSource(strings = {"sgd", "adamw"})
    void aStepIsTimedAfterTheWarmUp(String optimizer) {
        String[] arguments = Arrays.copyOf(STEP, STEP.length + 1);
        arguments[STEP.length] = optimizer;
        Map<String, Object> line = StepPeer.measure(arguments);

        assertEquals(2, line.get("warmup_steps"));
        assertEquals(3, line.get("steps"));
        assertEquals(GptConfig.paper(2, 16, 2, 8, 11).parameterCount(), line.get("params"));
        double tokensPerMillisecond = (double) line.get("tokens_per_s_median") / 1e3;
        assertEquals(2 * 8, tokensPerMillisecond * (double) line.get("ms_per_step_median"), 1e-9);
        double loss = (double) line.get("loss");
        assertTrue(loss > 1 && loss < 5, "loss " + loss + " of random tokens, about ln 11");
    }

    @Test
    void anUnknownOptimizerIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> StepPeer.measure("--opt", "adam"));
    }

    @Test
    void everyProductOfAStepIsTimedOnce() {
        List<Map<String, Object>> lines = new ArrayList<>();
        GemmPeer.measure(lines::add, "--models", "tiny", "--backend", "auto", "--warmup-seconds", "0", "--repetitions", "1",
                "--seconds", "0");
        assertEquals(5 * 3, new HashSet<>(lines.stream().map(line -> line.get("item")).toList()).size());
        Map<String, Object> down = lines.stream().filter(line -> line.get("item").equals("tiny DOWN dW"))
                .findFirst().orElseThrow();
        assertEquals(List.of(128L, 512L, 128L), List.of(down.get("m"), down.get("n"), down.get("k")));
    }

    @Test
    void generationIsSetAgainstTheBandwidth() {
        Map<String, Object> line = GeneratePeer.measure("--preset", "tiny", "--backend", "auto", "--prompt", "3", "--tokens", "6",
                "--warmup-seconds", "0", "--bandwidth-mib", "1", "--bandwidth-seconds", "0");
        assertEquals(5, line.get("tokens"), "the times between six tokens");
        assertEquals(4 * GptConfig.preset("tiny").activeParameterCount(), line.get("weight_bytes_per_token"));
        double bytesPerSecond = (double) line.get("tokens_per_s_median") * (long) line.get("weight_bytes_per_token");
        double allowed = 1e9 * (double) line.get("bandwidth_gb_s");
        assertEquals(bytesPerSecond / allowed, (double) line.get("share_of_bandwidth"), 1e-9);
    }

    @Test
    void peakMemoryIsReadFromTheSystemsReport() {
        assertEquals(OptionalDouble.of(1.5), PeakMemory.parse(List.of("VmPeak:\t 9 kB", "VmHWM:\t    1536 kB", "Threads:\t1")));
        assertEquals(OptionalDouble.empty(), PeakMemory.parse(List.of("VmRSS:\t 1024 kB")));
    }

    @Test
    void repetitionsGoOnUntilTheirNumberIsReachedEachAfterItsPreparation() {
        List<String> calls = new ArrayList<>();
        Timings timings = Timings.repeat(new Timings.AtLeast(3, 0), () -> calls.add("prepare"), () -> calls.add("work"));
        assertEquals(3, timings.count());
        assertEquals(List.of("prepare", "work", "prepare", "work", "prepare", "work"), calls);
    }
}
