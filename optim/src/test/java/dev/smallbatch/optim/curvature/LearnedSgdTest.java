package dev.smallbatch.optim.curvature;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.tensor.MemoryStats;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.TinyRun;
import dev.smallbatch.optim.TinyText;
import dev.smallbatch.optim.checkpoint.CheckpointStore;
import dev.smallbatch.optim.checkpoint.RunIdentity;
import dev.smallbatch.optim.rule.StepContext;
import dev.smallbatch.optim.train.Batch;
import dev.smallbatch.tck.LeakCheck;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class LearnedSgdTest {
    private static final int BATCH = 4;
    private static final int STEPS = 60;

    @TempDir
    Path directory;

    /** Of a matrix with these eigenvalues, each with the same weight. */
    private static Spectrum spectrum(double... values) {
        return Spectrum.mean(Arrays.stream(values)
                .mapToObj(value -> Spectrum.of(new Lanczos.Tridiagonal(new double[] {value}, new double[0]))).toList());
    }

    @Test
    void theHeavyBallsOptimumForTwoCurvatures() {
        LearnedRate rate = LearnedRate.heavyBall(spectrum(1, 100), 1);
        assertEquals(4.0 / 121, rate.lr(), 1e-15);
        assertEquals(81.0 / 121, rate.momentum(), 1e-15);
        assertEquals(0.7 * 4 / 121, LearnedRate.heavyBall(spectrum(-5, 1, 100), 0.7).lr(), 1e-15, "what is negative does not count");
        assertEquals(0.99, LearnedRate.heavyBall(spectrum(1e-6, 100), 1).momentum());
        assertEquals(new LearnedRate(0.25, 0), LearnedRate.heavyBall(spectrum(4), 1), "nothing below the largest");
    }

    @Test
    void aFixedMomentumHasAShareOfTheLargestStableRate() {
        assertEquals(new LearnedRate(0.5 * 2 * 1.9 / 10, 0.9), LearnedRate.ofMomentum(spectrum(1, 10), 0.9, 0.5));
    }

    @Test
    void ratesAreSmoothedAndAtMostDoubled() {
        LearnedRate before = new LearnedRate(0.1, 0.5);
        assertEquals(0.05, new LearnedRate(0.025, 0.9).after(before).lr(), 1e-15);
        assertEquals(0.15, new LearnedRate(0.225, 0.9).after(before).lr(), 1e-15);
        assertEquals(0.2, new LearnedRate(100, 0.9).after(before).lr());
        assertEquals(0.9, new LearnedRate(100, 0.9).after(before).momentum());
    }

    @Test
    void curvatureIsMeasuredEverySoManySteps() {
        List<Long> asked = new ArrayList<>();
        LearnedSgd rule = learner(step -> {
            asked.add(step);
            return spectrum(step == 6 ? -1 : 4 + step);
        });
        for (long step = 0; step < 10; step++) {
            rule.scalars(new StepContext(step, 8));
            rule.scalars(new StepContext(step, 8));
        }
        assertEquals(List.of(0L, 3L, 6L, 9L), asked);
        double first = 2 * 0.5 * 1.5 / 4;
        double second = Math.sqrt(first * 2 * 0.5 * 1.5 / 7);
        assertEquals((float) Math.sqrt(second * 2 * 0.5 * 1.5 / 13), rule.learned().lr(), 1e-7,
                "before step 6 there is no positive curvature, and nothing changes");
    }

    @Test
    void aScheduleSaysWhatPartOfTheRateIsTaken() {
        LearnedSgd rule = new LearnedSgd(step -> 0.1 * step, spectrum -> LearnedRate.ofMomentum(spectrum, 0.5, 1), 3, 0);
        rule.learnFrom(step -> spectrum(4));
        for (long step : new long[] {0, 1, 2}) {
            StepContext context = new StepContext(step, 8);
            rule.scalars(context);
            assertEquals(0.1 * step * 2 * 1.5 / 4, context.value(rule.lr()), 1e-7);
        }
    }

    /** Such an update is skipped anyway. */
    @Test
    void curvatureThatIsNotFiniteTeachesNothingAndIsMeasuredAgain() {
        LearnedSgd rule = learner(step -> spectrum(step == 0 ? Double.NaN : 4));
        rule.scalars(new StepContext(0, 8));
        assertNull(rule.learned());
        rule.scalars(new StepContext(1, 8));
        assertEquals(0.5 * 2 * 1.5 / 4, rule.learned().lr(), 1e-7);
    }

    private static LearnedSgd learner(LongFunction<Spectrum> curvature) {
        LearnedSgd rule = new LearnedSgd(step -> 1, spectrum -> LearnedRate.ofMomentum(spectrum, 0.5, 0.5), 3, 0);
        rule.learnFrom(curvature);
        return rule;
    }

    @Test
    void withoutCurvatureItRefuses() {
        assertThrows(ArithmeticException.class, () -> learner(step -> spectrum(-1)).scalars(new StepContext(0, 8)));
        String message = assertThrows(IllegalStateException.class,
                () -> learner(null).scalars(new StepContext(0, 8))).getMessage();
        assertTrue(message.contains("call learnFrom"), message);
        assertThrows(IllegalArgumentException.class, () -> new LearnedSgd(step -> 1, any -> null, 0, 0));
    }

    /** A run whose rule measures the curvature of the run's own model: the model exists before the rule is asked. */
    private static final class Learning implements AutoCloseable {
        private final Region memory = Region.create("curvature", 1 << 20);
        private Lanczos lanczos;
        private HessianProduct hessian;
        private Batch fresh;
        private final LearnedSgd rule = new LearnedSgd(step -> 1, spectrum -> LearnedRate.heavyBall(spectrum, 0.7), 10, 0);
        private final TinyRun run = new TinyRun(rule, Clipping.none(), BATCH, 1);

        Learning() {
            fresh = Batch.allocate(memory, BATCH, TinyRun.LENGTH);
            hessian = new HessianProduct(run.model, run.backend.kernels(), run.step, 1, memory);
            lanczos = new Lanczos(hessian.size(), 10, true, memory);
            rule.learnFrom(step -> {
                fresh.fill(new TinyText(77, TinyRun.LENGTH), step);
                return lanczos.run(hessian.on(fresh), RandomKey.of(5).at(step));
            });
        }

        @Override
        public void close() {
            run.close();
            memory.close();
        }
    }

    @Test
    void learnsWithoutARateAndWithoutAllocating() {
        try (Learning learning = new Learning()) {
            double first = learning.run.train(0).loss();
            long before = MemoryStats.nativeAllocations();
            double last = 0;
            for (long step = 1; step < STEPS; step++) {
                last = learning.run.train(step).loss();
            }
            assertEquals(before, MemoryStats.nativeAllocations());
            assertTrue(last < 0.5 * first, first + " to " + last + " with " + learning.rule.learned());
        }
    }

    @Test
    void aResumedRunHasTheBitsOfOneThatNeverStopped() throws Exception {
        CheckpointStore store = new CheckpointStore(directory.resolve("checkpoint"),
                new RunIdentity(1, JsonNodeFactory.instance.objectNode(), "scalar", "test"));
        // Before step 20 the rate is learned anew, from the one before; before 25 it is not.
        for (int stop : new int[] {20, 25}) {
            float[] whole;
            try (Learning learning = new Learning()) {
                train(learning.run, 0, stop);
                store.save(stop, stop, learning.run.optimizer);
                train(learning.run, stop, 40);
                whole = learning.run.everything();
            }
            try (Learning learning = new Learning()) {
                store.load(learning.run.optimizer);
                train(learning.run, stop, 40);
                assertArrayEquals(whole, learning.run.everything(), "stopped at " + stop);
            }
        }
    }

    private static void train(TinyRun run, long from, long to) {
        for (long step = from; step < to; step++) {
            run.train(step);
        }
    }
}
