package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.optim.schedule.Schedule;
import dev.smallbatch.tck.LeakCheck;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** One weight that is 1, gradients 0.5, -0.25 and 1, a rate of 0.1: what a pocket calculator gives. */
@ExtendWith(LeakCheck.class)
class HandValuesTest {
    private static final Schedule RATE = new Constant(0.1);
    private static final float[] GRADIENTS = {0.5f, -0.25f, 1};
    private static final Decay BETA1 = new Decay.PerStep(0.9);
    private static final Decay BETA2 = new Decay.PerStep(0.999);

    private static Stream<Arguments> trajectories() {
        return Stream.of(
                of("sgd", new Sgd(RATE), 0.95, 0.975, 0.875),
                of("momentum", new Sgd(RATE, 0.9, 0), 0.95, 0.93, 0.812),
                of("nesterov", new Sgd(RATE, 0.9, true, 0), 0.905, 0.912, 0.7058),
                of("signum", new Signum(RATE, 0.9, 0), 0.9, 0.8, 0.7),
                of("adam", new AdamW(RATE, BETA1, BETA2), 0.900000002, 0.873366299, 0.807555140),
                of("adamw", new AdamW(RATE, BETA1, BETA2, 1e-8, 0.1), 0.890000002, 0.854466299, 0.780110477),
                of("adagrad", new AdaGrad(RATE, 1e-10, 0), 0.9, 0.944721360, 0.857434203),
                of("rmsprop", new RmsProp(RATE, new Decay.PerStep(0.99), 1e-8, 0), 0.000000200, 0.449013374, -0.425726216),
                of("lion", new Lion(RATE, BETA1, new Decay.PerStep(0.99), 0), 0.9, 1, 0.9),
                of("adabelief", adaBelief(AdaBelief.FirstSteps.CORRECTED), 0.888888889, 0.860518810, 0.787054962),
                of("rectified adabelief", adaBelief(AdaBelief.FirstSteps.RECTIFIED), 0.95, 0.939473684, 0.895931249),
                of("schedule-free sgd", new ScheduleFree(RATE, 0.9, 0), 0.95, 0.96375, 0.9275));
    }

    private static Arguments of(String name, UpdateRule rule, double... expected) {
        return Arguments.of(name, rule, expected);
    }

    private static AdaBelief adaBelief(AdaBelief.FirstSteps firstSteps) {
        return new AdaBelief(RATE, BETA1, BETA2, 1e-16, 1e-16, firstSteps, 0);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("trajectories")
    void threeUpdates(String name, UpdateRule rule, double[] expected) {
        try (Workbench bench = new Workbench()) {
            SingleParameter p = new SingleParameter(bench, rule, bench.parameter("p", Shape.of(1), 1));
            for (int i = 0; i < GRADIENTS.length; i++) {
                p.update(bench.vector(GRADIENTS[i]));
                assertEquals(expected[i], p.values()[0], 3e-7, name + " after update " + (i + 1));
            }
        }
    }
}
