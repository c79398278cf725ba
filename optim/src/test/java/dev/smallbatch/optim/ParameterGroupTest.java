package dev.smallbatch.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.smallbatch.core.autograd.GradientSink;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.rule.StepContext;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Which rule is for which parameter. */
@ExtendWith(LeakCheck.class)
class ParameterGroupTest {
    private static final Shape SHAPE = Shape.of(2, 2);

    private static Optimizer scale(Workbench bench, List<Parameter> parameters) {
        return new Optimizer(ParameterGroup.scale(new Constant(1), new Decay.PerStep(0.75), 0, new Sgd(new Constant(1))),
                Clipping.none(), parameters, bench.kernels(), bench.region());
    }

    private static List<Parameter> oneOfEachRole(Workbench bench) {
        List<Parameter> parameters = new ArrayList<>();
        for (Role role : Role.values()) {
            parameters.add(new Parameter(role.name(), bench.tensor(SHAPE, new float[4]), role));
        }
        return parameters;
    }

    @Test
    void scaleRemembersTheGradientsOfTheHeadOrOfATiedTableAlone() {
        try (Workbench bench = new Workbench()) {
            assertEquals(Set.of("HEAD/m", "TIED/m"), scale(bench, oneOfEachRole(bench)).state().keySet());
        }
    }

    /** The average of equal gradients points where each does. */
    @Test
    void scaleNormalizesRowsButColumnsOfInputTablesAndNothingOfVectors() {
        try (Workbench bench = new Workbench()) {
            List<Parameter> parameters = oneOfEachRole(bench);
            Optimizer optimizer = scale(bench, parameters);
            Tensor gradient = bench.tensor(SHAPE, -3, -4, 0, -2);
            for (int step = 0; step < 2; step++) {
                GradientSink sink = optimizer.applyDuringBackward(new StepContext(step, 1), false);
                parameters.forEach(parameter -> sink.accept(parameter, gradient));
            }
            float[] rows = {2 * 0.8485281f, 2 * 1.1313708f, 0, 2 * 1.4142136f};
            float[] columns = {2 * 1.4142136f, 2 * 1.2649111f, 0, 2 * 0.6324555f};
            for (Parameter parameter : parameters) {
                float[] expected = switch (parameter.role()) {
                    case MATRIX, HEAD, TIED -> rows;
                    case EMBEDDING -> columns;
                    case VECTOR -> new float[] {6, 8, 0, 4};
                };
                assertArrayEquals(expected, parameter.value().toFloatArray(), 1e-6f, parameter.name());
            }
        }
    }
}
