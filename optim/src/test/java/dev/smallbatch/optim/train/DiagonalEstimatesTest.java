package dev.smallbatch.optim.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.autograd.Ops;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.TinyRun;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.rule.Sophia;
import dev.smallbatch.optim.rule.Sophia.Form;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Estimates of curvature between the steps of a model. */
@ExtendWith(LeakCheck.class)
class DiagonalEstimatesTest {
    private static final Decay NOTHING_KEPT = new Decay.PerStep(1e-12);

    private static Sophia sophia(Form form, double lr, int interval) {
        return new Sophia(new Constant(lr), new Decay.PerStep(0.9), NOTHING_KEPT, form, 0.05, 1e-12, interval, 0);
    }

    /** The logit of each of 13 tokens, for one of two classes: in the table the Hessian is diagonal. */
    private record Coins(Parameter table, Parameter head) implements LossModel {
        @Override
        public List<Parameter> parameters() {
            return List.of(table, head);
        }

        @Override
        public Var loss(Ops ops, Batch batch, float scale) {
            Var logits = ops.linear(ops.embed(batch.tokens(), table, null), head, null);
            return ops.crossEntropy(logits, batch.targets().reshape(Shape.of(batch.tokenCount())), 2, scale);
        }
    }

    @Test
    void oneProbeOfSignsIsExactWhereTheHessianIsDiagonal() {
        float[] logits = {0.3f, -1.2f, 2, 0.1f, -0.4f, 0.9f, -2, 1.5f, 0.6f, -0.7f, 1.1f, -0.2f, 0.8f};
        try (Workbench bench = new Workbench(); Region step = Region.create("step", 1 << 16)) {
            Coins model = new Coins(new Parameter("table", bench.tensor(Shape.of(13, 1), logits), Role.EMBEDDING),
                    new Parameter("head", bench.tensor(Shape.of(2, 1), 1, 0), Role.HEAD));
            List<ParameterGroup> groups = List.of(new ParameterGroup("table", p -> p == model.table, sophia(Form.H, 0, 1)),
                    new ParameterGroup("head", p -> p == model.head, new Sgd(new Constant(0))));
            Optimizer optimizer = new Optimizer(groups, Clipping.none(), model.parameters(), bench.kernels(), bench.region());
            Batch batch = Batch.allocate(bench.region(), 4, 5);
            batch.fill((number, tokens, targets) -> {
                for (int i = 0; i < tokens.length; i++) {
                    tokens[i] = i * i % 13;
                    targets[i] = i % 2;
                }
            }, 0);
            new TrainStep(model, optimizer, bench.kernels(), step, 1).run(batch, 0, false);
            double[] exact = new double[13];
            for (int i = 0; i < 20; i++) {
                double p = 1 / (1 + Math.exp(-logits[i * i % 13]));
                exact[i * i % 13] += p * (1 - p) / 20;
            }
            float[] h = optimizer.state().get("table/h").toFloatArray();
            for (int i = 0; i < exact.length; i++) {
                assertEquals(exact[i], h[i], 1e-4, "token " + i);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void microBatchesAreOneEstimate(Form form) {
        try (TinyRun whole = new TinyRun(sophia(form, 0, 1), Clipping.none(), 4, 1);
                TinyRun parts = new TinyRun(sophia(form, 0, 1), Clipping.none(), 4, 4)) {
            whole.train(0);
            parts.train(0);
            double largest = 0;
            double difference = 0;
            for (String name : whole.optimizer.state().keySet()) {
                float[] expected = whole.optimizer.state().get(name).toFloatArray();
                float[] actual = parts.optimizer.state().get(name).toFloatArray();
                for (int i = 0; i < expected.length; i++) {
                    largest = Math.max(largest, Math.abs(expected[i]));
                    difference = Math.max(difference, Math.abs(expected[i] - actual[i]));
                }
            }
            assertTrue(difference < 1e-3 * largest, form + ", seed " + TinyRun.SEED + ": " + difference + " of " + largest);
        }
    }

    @ParameterizedTest
    @EnumSource
    void stepsMeasureTheWinRateFromTheFirstEstimateOn(Form form) {
        try (TinyRun run = new TinyRun(sophia(form, 0.01, 3), Clipping.none(), 2, 1)) {
            boolean first = form == Form.OPTAX;
            assertEquals(first, run.train(0).winRate().isPresent());
            assertEquals(first, run.train(1).winRate().isPresent());
            double rate = run.train(2).winRate().orElseThrow();
            assertTrue(rate >= 0 && rate <= 1, form + ": " + rate);
            assertEquals(rate, run.train(3).winRate().orElseThrow(), form == Form.OPTAX ? 1 : 0);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aSkippedStepMakesNoEstimate(Form form) {
        try (TinyRun run = new TinyRun(sophia(form, 0.01, 1), Clipping.none(), 2, 1)) {
            TrainStep exploding = new TrainStep(new Exploding(run.model, 0), run.optimizer, run.backend.kernels(), run.step, 1);
            run.batch.fill(run.source, 0);
            float[] before = run.everything();
            StepResult result = exploding.run(run.batch, 0, false);
            assertTrue(result.skipped());
            assertFalse(result.winRate().isPresent());
            assertArrayEquals(before, run.everything());
        }
    }

    @Test
    void onlyTheHutchinsonEstimateTakesMemoryOfItsOwn() {
        try (TinyRun g = new TinyRun(sophia(Form.G, 0.01, 1), Clipping.none(), 2, 1);
                TinyRun h = new TinyRun(sophia(Form.H, 0.01, 1), Clipping.none(), 2, 1)) {
            long weights = 4L * g.weights().length;
            long more = h.plan.optimizerState() - g.plan.optimizerState();
            assertEquals(g.plan.step(), h.plan.step());
            assertTrue(more >= 3 * weights && more < 3 * weights + 1024, more + " bytes for " + weights);
        }
    }

    @Test
    void hutchinsonIsRefusedInBf16BeforeAnythingIsAllocated() {
        String message = assertThrows(IllegalArgumentException.class, () ->
                new TinyRun(sophia(Form.H, 0.01, 1), Clipping.none(), 2, 1, DType.BF16, Rounding.STOCHASTIC)).getMessage();
        assertTrue(message.contains("BF16") && message.contains("train in F32"), message);
        new TinyRun(sophia(Form.G, 0.01, 1), Clipping.none(), 2, 1, DType.BF16, Rounding.STOCHASTIC).close();
    }
}
