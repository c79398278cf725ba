package dev.smallbatch.bench.profile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.bench.measure.PreparedStep;
import dev.smallbatch.bench.measure.Roofline;
import dev.smallbatch.bench.measure.Timings;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.model.run.OptimizerKind;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class StepProfileTest {
    private static final int LAYERS = 2;
    private static final int DIM = 16;
    private static final int TIME = 8;
    private static final int VOCABULARY = 32;
    private static final GptConfig CONFIG = GptConfig.paper(LAYERS, DIM, 2, TIME, VOCABULARY);

    private static StepProfile profile() {
        try (Backend backend = Backends.open("auto", BackendOptions.defaults())) {
            Timings.AtLeast steps = new Timings.AtLeast(3, 0);
            PreparedStep.Setup setup = PreparedStep.Setup.of(CONFIG, OptimizerKind.ADAMW, DType.F32, false);
            return StepProfile.measure(setup, backend.kernels(), steps, steps);
        }
    }

    @Test
    void everyOperationOfAStepsProductsIsFound() {
        double products = profile().rows().stream().filter(row -> !row.kernel().startsWith("attention"))
                .mapToDouble(row -> row.work().flops()).sum();
        assertEquals(6.0 * CONFIG.activeParameterCount() * TIME, products);
    }

    @Test
    void attentionCountsThePairsUnderTheCausalMask() {
        Map<String, Double> flops = profile().byKernel().stream()
                .collect(Collectors.toMap(StepProfile.Row::kernel, row -> row.work().flops()));
        double product = 2.0 * DIM * TIME * (TIME + 1) / 2 * LAYERS;
        assertEquals(2 * product, flops.get("attention"));
        assertEquals(5 * product, flops.get("attentionBackward"));
    }

    @Test
    void anUpdateReadsFourNumbersPerParameterAndWritesThree() {
        double bytes = profile().rows().stream().filter(row -> row.kernel().equals("adamWStep"))
                .mapToDouble(row -> row.work().bytes()).sum();
        double scalars = 4.0 * UpdateKernels.ADAMW_SLOTS * (4 * LAYERS + 2);
        assertEquals(7 * 4.0 * CONFIG.parameterCount() + scalars, bytes);
    }

    @Test
    void theTimesOfTheKernelsAndBetweenThemMakeUpTheStep() {
        StepProfile profile = profile();
        double kernels = profile.rows().stream().mapToDouble(StepProfile.Row::seconds).sum();
        assertTrue(kernels > 0 && profile.outside() > 0, "kernels " + kernels + " s, between them " + profile.outside() + " s");
        assertTrue(kernels < 2 * profile.seconds(), "kernels " + kernels + " s of a step of " + profile.seconds() + " s");
    }

    @Test
    void theTableSetsEveryKernelAgainstTheRoof() {
        StepProfile profile = profile();
        String table = ProfileTable.of(profile, profile.rows(), new Roofline(1e12, 1e11, 1e11)).toString();
        assertEquals(profile.rows().size() + 4, table.lines().count(), table);
        assertTrue(table.lines().allMatch(line -> line.startsWith("|") && line.endsWith("|")), table);
    }
}
