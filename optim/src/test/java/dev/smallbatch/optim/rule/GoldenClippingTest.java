package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.smallbatch.core.autograd.GradientSink;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.io.SafeTensors;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clipping by the norm of all gradients together, against PyTorch's. */
@ExtendWith(LeakCheck.class)
class GoldenClippingTest {
    private static final String CASE = "clip_grad_norm";

    /** Of parameters that are 0, one step of SGD at rate 1 leaves minus the clipped gradient. */
    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector"})
    void gradientsAreClippedAsByPyTorch(String backend) throws Exception {
        try (Workbench bench = new Workbench(backend, 1);
                SafeTensors inputs = GoldenTrajectory.open("inputs");
                SafeTensors expected = GoldenTrajectory.open(CASE)) {
            List<Parameter> parameters = new ArrayList<>();
            for (String name : List.of("w_small", "w_big", "b")) {
                Tensor start = inputs.read("p0/" + name, bench.region());
                Tensor zeros = bench.region().allocate(DType.F32, start.shape());
                zeros.segment().fill((byte) 0);
                parameters.add(new Parameter(name, zeros, Role.MATRIX));
            }
            Optimizer optimizer = new Optimizer(List.of(ParameterGroup.all(new Sgd(new Constant(1)))),
                    new Clipping.GlobalNorm(1), parameters, bench.kernels(), bench.region());
            GradientSink sink = optimizer.accumulate();
            for (Parameter parameter : parameters) {
                sink.accept(parameter, inputs.read("g/t1/" + parameter.name(), bench.region()));
            }
            optimizer.apply(new StepContext(0, 1), true);
            double norm = expected.read(CASE + "/total_norm", bench.region()).getFlat(0);
            assertEquals(norm, optimizer.gradientNorm().orElseThrow(), 1e-6 * norm);
            Tensor indices = inputs.read("idx/w_big", bench.region());
            for (Parameter parameter : parameters) {
                Tensor clipped = expected.read(CASE + "/t1/" + parameter.name(), bench.region());
                for (int i = 0; i < clipped.numel(); i++) {
                    long at = clipped.numel() < parameter.value().numel() ? (long) indices.getFlat(i) : i;
                    double value = clipped.getFlat(i);
                    assertEquals(value, -parameter.value().getFlat(at), 1e-6 * Math.abs(value) + 1e-12, parameter + " " + i);
                }
            }
        }
    }
}
