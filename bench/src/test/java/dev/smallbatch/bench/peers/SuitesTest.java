package dev.smallbatch.bench.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class SuitesTest {
    private static Suites suites(Optional<String> python, boolean compile) {
        Launch launch = new Launch(Path.of("java"), Path.of("home/etc/jvm.options"), List.of("-Dx=1"), "classes",
                Path.of("scripts"), python);
        return new Suites(launch, 2, false, compile);
    }

    private static List<Comparison> all(Suites suites) {
        return Suites.NAMES.stream().flatMap(name -> suites.of(name).stream()).toList();
    }

    @Test
    void everySuiteComparesSomethingUnderANameOfItsOwn() {
        Suites suites = suites(Optional.of("python"), false);
        for (String name : Suites.NAMES) {
            assertFalse(suites.of(name).isEmpty(), name);
        }
        List<String> names = all(suites).stream().map(Comparison::name).toList();
        assertEquals(names.stream().distinct().toList(), names);
    }

    @Test
    void anUnknownSuiteIsRefusedWithThoseThereAre() {
        Suites suites = suites(Optional.empty(), false);
        String message = assertThrows(IllegalArgumentException.class, () -> suites.of("gpt5")).getMessage();
        assertTrue(message.contains("gpt5") && message.contains("gemm, lm11m"), message);
    }

    @Test
    void bothSidesOfATrainingStepGetTheSameOptions() {
        Comparison step = suites(Optional.of("python"), false).of("lm11m").getFirst();
        assertEquals(after("StepPeer", step.first()), after("torch_step.py", step.second().orElseThrow()));
    }

    private static String after(String program, Contestant contestant) {
        return contestant.shown().substring(contestant.shown().indexOf(program) + program.length());
    }

    @Test
    void onlyPyTorchCompilesItsModelOnRequest() {
        Comparison step = suites(Optional.of("python"), true).of("small").getFirst();
        assertTrue(step.second().orElseThrow().command().contains("--compile"));
        assertFalse(step.first().command().contains("--compile"));
    }

    @Test
    void withoutPyTorchSmallbatchRunsAloneButAgainstItselfInThreads() {
        Suites suites = suites(Optional.empty(), false);
        for (String name : Suites.NAMES) {
            for (Comparison comparison : suites.of(name)) {
                assertEquals(name.equals("threads"), comparison.second().isPresent(), comparison.name());
            }
        }
    }

    @Test
    void theCommandAsShownNamesNoPlaceOnThisMachine() {
        Contestant first = suites(Optional.of("python"), false).of("generate").getFirst().first();
        assertEquals("java @etc/jvm.options -Xms16m -Xmx256m -Dx=1 GeneratePeer --threads 2", first.shown());
        assertTrue(first.command().contains("@" + Path.of("home/etc/jvm.options")), first.command()::toString);
    }
}
