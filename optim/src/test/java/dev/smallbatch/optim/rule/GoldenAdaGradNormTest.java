package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.autograd.GradientSink;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.io.SafeTensors;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** AdaGradNorm with one sum of squares for three tensors together, against a reference in double. */
@ExtendWith(LeakCheck.class)
class GoldenAdaGradNormTest {
    private static final String CASE = "adagradnorm_global";
    private static final double B0 = 0.1;

    private static Optimizer optimizer(List<Parameter> parameters, Workbench bench) {
        return new Optimizer(List.of(ParameterGroup.all(new AdaGradNorm(new Constant(1), B0, 0))), Clipping.none(), parameters,
                bench.kernels(), bench.region());
    }

    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector"})
    void parametersAndTheSumOfSquaresAreThoseOfTheReference(String backend) throws Exception {
        try (Workbench bench = new Workbench(backend, 1);
                SafeTensors inputs = GoldenTrajectory.open("inputs");
                SafeTensors expected = GoldenTrajectory.open(CASE)) {
            List<Parameter> parameters = new ArrayList<>();
            for (String name : List.of("b", "w_big", "w_small")) {
                parameters.add(new Parameter(name, inputs.read("p0/" + name, bench.region()), Role.MATRIX));
            }
            Optimizer optimizer = optimizer(parameters, bench);
            Tensor indices = inputs.read("idx/w_big", bench.region());
            Tensor squares = expected.read(CASE + "/b_squared", bench.region());
            for (int t = 1; t <= 8; t++) {
                GradientSink sink = optimizer.accumulate();
                for (Parameter parameter : parameters) {
                    sink.accept(parameter, inputs.read("g/t" + t + "/" + parameter.name(), bench.region()));
                }
                optimizer.apply(new StepContext(t - 1, 64), false);
                for (Parameter parameter : parameters) {
                    Tensor sum = optimizer.state().get(parameter.name() + "/sum");
                    double b2 = B0 * B0 + sum.getFlat(0) + (double) sum.getFlat(1);
                    assertEquals(squares.getFlat(t - 1), b2, 1e-6 * b2, "step " + t + " of " + parameter);
                    Tensor after = expected.read(CASE + "/t" + t + "/" + parameter.name(), bench.region());
                    for (int i = 0; i < after.numel(); i++) {
                        long at = after.numel() < parameter.value().numel() ? (long) indices.getFlat(i) : i;
                        assertEquals(after.getFlat(i), parameter.value().getFlat(at), 1e-6 + 1e-5 * Math.abs(after.getFlat(i)),
                                parameter + " step " + t + " element " + at);
                    }
                }
            }
        }
    }

    /** A float would stay at 2^24 when ones are added to it. */
    @Test
    void theSumGrowsByWhatAFloatWouldRoundAway() {
        try (Workbench bench = new Workbench()) {
            SingleParameter p = new SingleParameter(bench, new AdaGradNorm(new Constant(1), B0, 0),
                    bench.parameter("p", Shape.of(1), 0));
            p.update(bench.vector(0x1p12f));
            Tensor one = bench.vector(1);
            for (int i = 0; i < 10; i++) {
                p.update(one);
            }
            assertEquals(0x1p24 + 10, AdaGradNorm.sum(p.state));
        }
    }

    @Test
    void updatesInsideBackwardAreRefused() {
        try (Workbench bench = new Workbench()) {
            Optimizer optimizer = optimizer(List.of(bench.parameter("p", Shape.of(1), 0)), bench);
            String message = assertThrows(IllegalStateException.class,
                    () -> optimizer.applyDuringBackward(new StepContext(0, 1), false)).getMessage();
            assertTrue(message.contains("accumulate() and apply()"), message);
        }
    }
}
