package dev.smallbatch.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.autograd.GradientSink;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.rule.StepContext;
import dev.smallbatch.optim.rule.UpdateRule;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class OptimizerTest {
    private static final UpdateRule PLAIN = new Sgd(new Constant(1));
    private static final StepContext STEP = new StepContext(0, 64);

    private final Workbench bench = new Workbench();
    private final Parameter a = bench.parameter("a", Shape.of(2), 1, 2);
    private final Parameter b = bench.parameter("b", Shape.of(3), 0, 0, 0);
    private final Tensor ga = bench.vector(3, 0);
    private final Tensor gb = bench.vector(0, 4, 0);

    @AfterEach
    void close() {
        bench.close();
    }

    private Optimizer optimizer(UpdateRule rule, Clipping clipping) {
        return new Optimizer(List.of(ParameterGroup.all(rule)), clipping, List.of(a, b), bench.kernels(), bench.region());
    }

    private void accumulateAndApply(Optimizer optimizer, boolean measureNorm) {
        GradientSink sink = optimizer.accumulate();
        sink.accept(b, gb);
        sink.accept(a, ga);
        optimizer.apply(STEP, measureNorm);
    }

    @Test
    void updatesAParameterAsSoonAsItsGradientArrives() {
        GradientSink sink = optimizer(PLAIN, Clipping.none()).applyDuringBackward(STEP, false);
        sink.accept(b, gb);
        assertArrayEquals(new float[] {0, -4, 0}, b.value().toFloatArray());
        assertArrayEquals(new float[] {1, 2}, a.value().toFloatArray());
    }

    @Test
    void accumulatingChangesNothingUntilApplied() {
        Optimizer optimizer = optimizer(PLAIN, Clipping.none());
        optimizer.accumulate().accept(b, gb);
        assertArrayEquals(new float[] {0, 0, 0}, b.value().toFloatArray());
        optimizer.apply(STEP, false);
        assertArrayEquals(new float[] {0, -4, 0}, b.value().toFloatArray());
    }

    @Test
    void accumulatesTheGradientsOfAllMicroBatchesOfAStepAndNoOther() {
        Optimizer optimizer = optimizer(PLAIN, Clipping.none());
        for (int step = 1; step <= 2; step++) {
            GradientSink sink = optimizer.accumulate();
            sink.accept(b, gb);
            sink.accept(b, gb);
            optimizer.apply(STEP, false);
            assertArrayEquals(new float[] {0, -8 * step, 0}, b.value().toFloatArray(), "step " + step);
        }
    }

    @Test
    void gradientsMayBeOverwrittenOnceAccumulated() {
        Optimizer optimizer = optimizer(PLAIN, Clipping.none());
        optimizer.accumulate().accept(b, gb);
        gb.copyFrom(new float[] {9, 9, 9});
        optimizer.apply(STEP, false);
        assertArrayEquals(new float[] {0, -4, 0}, b.value().toFloatArray());
    }

    @Test
    void aParameterWithoutGradientStaysAsItIs() {
        Optimizer optimizer = optimizer(new Sgd(new Constant(1), 0, 0.5), Clipping.none());
        optimizer.accumulate().accept(b, gb);
        optimizer.apply(STEP, false);
        assertArrayEquals(new float[] {1, 2}, a.value().toFloatArray());
    }

    @Test
    void clippingScalesAllGradientsToTheLargestNorm() {
        Optimizer optimizer = optimizer(PLAIN, new Clipping.GlobalNorm(1));
        accumulateAndApply(optimizer, false);
        assertArrayEquals(new float[] {1 - 0.6f, 2}, a.value().toFloatArray(), 1e-6f);
        assertArrayEquals(new float[] {0, -0.8f, 0}, b.value().toFloatArray(), 1e-6f);
    }

    @Test
    void clippingLeavesSmallerGradientsAlone() {
        accumulateAndApply(optimizer(PLAIN, new Clipping.GlobalNorm(10)), false);
        assertArrayEquals(new float[] {-2, 2}, a.value().toFloatArray());
        assertArrayEquals(new float[] {0, -4, 0}, b.value().toFloatArray());
    }

    @Test
    void theNormIsThatOfAllGradientsBeforeClipping() {
        Optimizer optimizer = optimizer(PLAIN, new Clipping.GlobalNorm(1));
        accumulateAndApply(optimizer, false);
        assertEquals(5, optimizer.gradientNorm().orElseThrow(), 1e-12);
    }

    @Test
    void theNormIsTheSameInsideBackward() {
        Optimizer optimizer = optimizer(PLAIN, Clipping.none());
        GradientSink sink = optimizer.applyDuringBackward(STEP, true);
        sink.accept(b, gb);
        sink.accept(a, ga);
        assertEquals(5, optimizer.gradientNorm().orElseThrow(), 1e-12);
    }

    @Test
    void theNormIsMeasuredOnlyWhenAskedFor() {
        Optimizer optimizer = optimizer(PLAIN, Clipping.none());
        accumulateAndApply(optimizer, true);
        accumulateAndApply(optimizer, false);
        assertEquals(OptionalDouble.empty(), optimizer.gradientNorm());
        optimizer.applyDuringBackward(STEP, false).accept(a, ga);
        assertEquals(OptionalDouble.empty(), optimizer.gradientNorm());
    }

    @Test
    void aNormThatIsNotFiniteUpdatesNothing() {
        Optimizer optimizer = optimizer(PLAIN, new Clipping.GlobalNorm(1));
        ga.copyFrom(new float[] {Float.NaN, 0});
        accumulateAndApply(optimizer, false);
        assertArrayEquals(new float[] {0, 0, 0}, b.value().toFloatArray());
        assertTrue(Double.isNaN(optimizer.gradientNorm().orElseThrow()));
    }

    @Test
    void clippingByGlobalNormCannotWorkInsideBackwardAndSaysWhy() {
        Optimizer optimizer = optimizer(PLAIN, new Clipping.GlobalNorm(1));
        String message = assertThrows(IllegalStateException.class, () -> optimizer.applyDuringBackward(STEP, false)).getMessage();
        assertTrue(message.contains("needs every gradient before the first update"), message);
        assertTrue(message.contains("Use accumulate() and apply(), which keep 256 bytes of gradients"), message);
    }

    @Test
    void aRuleThatNeedsAllGradientsGetsTheirNorm() {
        accumulateAndApply(optimizer(new ByNorm(PLAIN), Clipping.none()), false);
        assertArrayEquals(new float[] {1 - 3 / 5f, 2}, a.value().toFloatArray());
        assertArrayEquals(new float[] {0, -4 / 5f, 0}, b.value().toFloatArray());
    }

    @Test
    void theNormThatARuleGetsIsThatOfClippedGradients() {
        accumulateAndApply(optimizer(new ByNorm(PLAIN), new Clipping.GlobalNorm(0.5)), false);
        assertEquals(-4 / 5f, b.value().getFlat(1), 1e-7);
    }

    @Test
    void aRuleThatNeedsAllGradientsCannotWorkInsideBackwardAndSaysSo() {
        Optimizer optimizer = optimizer(new ByNorm(PLAIN), Clipping.none());
        String message = assertThrows(IllegalStateException.class, () -> optimizer.applyDuringBackward(STEP, false)).getMessage();
        assertTrue(message.startsWith("optimizer: ByNorm[rule=Sgd["), message);
        assertTrue(message.contains("needs every gradient before the first update"), message);
    }

    @Test
    void eachGroupHasItsOwnRule() {
        Parameter head = new Parameter("head", bench.vector(1, 1), Role.HEAD);
        Optimizer optimizer = new Optimizer(List.of(
                new ParameterGroup("head", p -> p.role() == Role.HEAD, new Sgd(new Constant(0.5))),
                new ParameterGroup("rest", p -> p.role() != Role.HEAD, PLAIN)),
                Clipping.none(), List.of(a, head), bench.kernels(), bench.region());
        GradientSink sink = optimizer.applyDuringBackward(STEP, false);
        sink.accept(a, ga);
        sink.accept(head, ga);
        assertArrayEquals(new float[] {-2, 2}, a.value().toFloatArray());
        assertArrayEquals(new float[] {-0.5f, 1}, head.value().toFloatArray());
        assertEquals(0.5, optimizer.learningRate(STEP));
    }

    @Test
    void aParameterInTwoGroupsIsRefusedByName() {
        List<ParameterGroup> groups = List.of(new ParameterGroup("matrix", p -> true, PLAIN),
                new ParameterGroup("bees", p -> p.name().startsWith("b"), PLAIN));
        assertEquals("optimizer groups: b is in groups 'matrix' and 'bees'; a parameter belongs to exactly one",
                refusal(groups, List.of(a, b)));
    }

    @Test
    void parametersInNoGroupAreRefusedByName() {
        List<ParameterGroup> groups = List.of(new ParameterGroup("none", p -> false, PLAIN));
        assertEquals("optimizer groups: no group selects a, b; every parameter belongs to exactly one",
                refusal(groups, List.of(a, b)));
    }

    @Test
    void twoParametersOfOneNameAreRefused() {
        Parameter twin = bench.parameter("a", Shape.of(1), 0);
        assertEquals("optimizer: two parameters are named a", refusal(List.of(ParameterGroup.all(PLAIN)), List.of(a, twin)));
    }

    private String refusal(List<ParameterGroup> groups, List<Parameter> parameters) {
        return assertThrows(IllegalArgumentException.class, () ->
                new Optimizer(groups, Clipping.none(), parameters, bench.kernels(), bench.region())).getMessage();
    }

    @Test
    void theGradientOfAStrangerIsRefusedByName() {
        Optimizer optimizer = optimizer(PLAIN, Clipping.none());
        Parameter stranger = bench.parameter("stranger", Shape.of(2), 0, 0);
        for (GradientSink sink : List.of(optimizer.accumulate(), optimizer.applyDuringBackward(STEP, false))) {
            String message = assertThrows(IllegalArgumentException.class, () -> sink.accept(stranger, ga)).getMessage();
            assertTrue(message.contains("stranger"), message);
        }
    }

    @Test
    void stateIsNamedAfterParameterAndRole() {
        assertEquals(List.of("a/m", "a/v", "b/m", "b/v"), stateNames(TinyRun.adamW()));
        assertEquals(List.of("a/m", "b/m"), stateNames(new Sgd(new Constant(1), 0.9, 0)));
        assertEquals(List.of(), stateNames(PLAIN));
    }

    private List<String> stateNames(UpdateRule rule) {
        return List.copyOf(optimizer(rule, Clipping.none()).state().keySet());
    }

    @Test
    void theBytesOfStateAndGradientsAreKnownBeforehand() {
        List<ParameterGroup> groups = List.of(ParameterGroup.all(TinyRun.adamW()));
        long before = bench.region().used();
        Optimizer optimizer = new Optimizer(groups, Clipping.none(), List.of(a, b), bench.kernels(), bench.region());
        assertEquals(Optimizer.stateBytes(groups, List.of(a, b)), bench.region().used() - before);
        before = bench.region().used();
        optimizer.accumulate();
        assertEquals(Optimizer.gradientBytes(List.of(a, b)), bench.region().used() - before);
        optimizer.accumulate();
        assertEquals(Optimizer.gradientBytes(List.of(a, b)), bench.region().used() - before, "the same memory again");
    }

    @Test
    void updatesInsideBackwardTakeNoMemory() {
        Optimizer optimizer = optimizer(TinyRun.adamW(), Clipping.none());
        long before = bench.region().used();
        optimizer.applyDuringBackward(STEP, true).accept(a, ga);
        assertEquals(before, bench.region().used());
    }

    @Test
    void insideBackwardOnlyAParameterWhoseGradientIsNotFiniteStaysAsItIs() {
        Optimizer optimizer = optimizer(new Sgd(new Constant(1), 0.5, 0), Clipping.none());
        GradientSink sink = optimizer.applyDuringBackward(STEP, false);
        sink.accept(b, bench.vector(0, Float.NaN, 0));
        sink.accept(a, ga);
        assertTrue(optimizer.hasSkipped());
        assertArrayEquals(new float[3], b.value().toFloatArray());
        assertArrayEquals(new float[3], optimizer.state().get("b/m").toFloatArray());
        assertArrayEquals(new float[] {-2, 2}, a.value().toFloatArray());
        optimizer.applyDuringBackward(STEP, false).accept(b, gb);
        assertFalse(optimizer.hasSkipped());
    }

    @Test
    void oneKeptGradientThatIsNotFiniteLeavesEverythingAsItIs() {
        Optimizer optimizer = optimizer(new Sgd(new Constant(1), 0.5, 0), Clipping.none());
        GradientSink sink = optimizer.accumulate();
        sink.accept(a, ga);
        sink.accept(b, bench.vector(0, Float.POSITIVE_INFINITY, 0));
        optimizer.apply(STEP, false);
        assertTrue(optimizer.hasSkipped());
        assertArrayEquals(new float[] {1, 2}, a.value().toFloatArray());
        assertArrayEquals(new float[2], optimizer.state().get("a/m").toFloatArray());
    }

    @Test
    void findsAParameterThatIsNotFinite() {
        Optimizer optimizer = optimizer(PLAIN, Clipping.none());
        assertTrue(optimizer.findNonFinite().isEmpty());
        b.value().copyFrom(new float[] {0, Float.NEGATIVE_INFINITY, 0});
        assertEquals(b, optimizer.findNonFinite().orElseThrow());
    }
}
