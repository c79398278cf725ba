package dev.smallbatch.model.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.model.run.OptimizerKind;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class OptimizersCommandTest {
    private static final Invocation LIST = Invocation.of("optimizers", "--preset", "gpt2s").requireSuccess();

    private static List<String> words(String name) {
        String row = LIST.out().lines().filter(line -> line.startsWith(name + " ")).findFirst().orElseThrow();
        return Arrays.asList(row.split(" +", 4));
    }

    @ParameterizedTest
    @EnumSource
    void everyOptimizerIsListedWithItsStateAndSettings(OptimizerKind kind) {
        List<String> row = words(kind.option());
        assertTrue(Double.parseDouble(row.get(1)) <= 20.01, LIST.out());
        assertTrue(row.get(2).equals("yes") || row.get(2).equals("no"), LIST.out());
        assertTrue(row.get(3).startsWith(kind.what()), LIST.out());
        kind.settings().forEach(setting -> assertTrue(row.get(3).contains(setting.name() + "=" + setting.usual()), LIST.out()));
    }

    @Test
    void statesAreThoseOfTheModel() {
        LIST.requireOut("bytes of state for each of 162M parameters (--preset gpt2s)");
        assertEquals(List.of("0.00", "yes"), words("sgd").subList(1, 3));
        assertEquals(List.of("8.00", "yes"), words("adamw").subList(1, 3));
        assertTrue(Double.parseDouble(words("adafactor").get(1)) < 0.02, LIST.out());
    }

    @Test
    void oneIsShownWithItsOptionsAndSettings() {
        Invocation.of("optimizers", "Muon", "--preset", "tiny").requireSuccess().requireOut("muon        orthogonal steps for",
                "gradients   not kept: it updates inside the backward pass", "option      --lr (default: 0.002 at a width of 256",
                "option      --weight-decay (default: 1.0E-4)",
                "setting     --set matrix-lr=0.02 (peak rate of hidden matrices; above 0)");
    }

    @Test
    void unknownNamesAreWrongUsage() {
        Invocation.of("optimizers", "moon").requireFailure(2, "--optimizer moon", "muon");
        Invocation.of("optimizers", "--preset", "vast").requireFailure(2, "optimizers: ", "vast");
    }
}
