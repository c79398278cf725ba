package dev.smallbatch.optim.curvature;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.autograd.Ops;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.MemoryStats;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.TinyModel;
import dev.smallbatch.optim.TinyRun;
import dev.smallbatch.optim.TinyText;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.train.Batch;
import dev.smallbatch.optim.train.LossModel;
import dev.smallbatch.tck.LeakCheck;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class HessianProductTest {
    private static final int N = TinyModel.VOCABULARY;

    /** Logits looked up in a table: its Hessian has a block {@code count / targets (diag p - p p')} for each token. */
    private record Bigram(Parameter table) implements LossModel {
        Bigram(Workbench bench) {
            this(new Parameter("table", normal(bench, N, N, "table"), Role.EMBEDDING));
        }

        @Override
        public List<Parameter> parameters() {
            return List.of(table);
        }

        @Override
        public Var loss(Ops ops, Batch batch, float scale) {
            return ops.crossEntropy(ops.embed(batch.tokens(), table, null), batch.targets().reshape(Shape.of(batch.tokenCount())),
                    N, scale);
        }

        /** In double. */
        double[] product(Batch batch, Tensor u) {
            double[] product = new double[N * N];
            for (int i = 0; i < batch.tokenCount(); i++) {
                int row = (int) batch.tokens().getFlat(i) * N;
                double sum = 0;
                double mean = 0;
                for (int j = row; j < row + N; j++) {
                    sum += Math.exp(table.value().getFlat(j));
                    mean += Math.exp(table.value().getFlat(j)) * u.getFlat(j);
                }
                for (int j = row; j < row + N; j++) {
                    product[j] += Math.exp(table.value().getFlat(j)) / sum * (u.getFlat(j) - mean / sum) / batch.tokenCount();
                }
            }
            return product;
        }
    }

    private static Tensor normal(Workbench bench, long rows, long cols, String name) {
        Tensor tensor = bench.region().allocate(DType.F32, Shape.of(rows, cols));
        new Init.Normal(1).fill(tensor, RandomKey.of(3).fork(name));
        return tensor;
    }

    private static Tensor vector(Workbench bench, HessianProduct hessian, String name) {
        return normal(bench, hessian.size(), 1, name).reshape(Shape.of(hessian.size()));
    }

    private static Batch batch(Workbench bench, int size) {
        Batch batch = Batch.allocate(bench.region(), size, TinyRun.LENGTH);
        batch.fill(new TinyText(1, TinyRun.LENGTH), 0);
        return batch;
    }

    private static HessianProduct hessian(Workbench bench, Workbench step, LossModel model, int microBatches) {
        return new HessianProduct(model, bench.kernels(), step.region(), microBatches, bench.region());
    }

    @Test
    void isThatOfASoftmax() {
        try (Workbench bench = new Workbench(); Workbench step = new Workbench()) {
            Bigram model = new Bigram(bench);
            HessianProduct hessian = hessian(bench, step, model, 1);
            Batch batch = batch(bench, 4);
            Tensor u = vector(bench, hessian, "u");
            Tensor product = vector(bench, hessian, "product");
            hessian.apply(batch, u, product);
            double[] expected = model.product(batch, u);
            for (int i = 0; i < expected.length; i++) {
                assertEquals(expected[i], product.getFlat(i), 2e-5, "element " + i);
            }
        }
    }

    @Test
    void isSymmetricThroughAWholeModel() {
        try (Workbench bench = new Workbench(); Workbench step = new Workbench()) {
            HessianProduct hessian = hessian(bench, step, new TinyModel(bench.region(), 5), 1);
            Batch batch = batch(bench, 4);
            Tensor u = vector(bench, hessian, "u");
            Tensor v = vector(bench, hessian, "v");
            Tensor product = vector(bench, hessian, "product");
            hessian.apply(batch, u, product);
            double vHu = dot(v, product);
            hessian.apply(batch, v, product);
            assertEquals(vHu, dot(u, product), 1e-3 * Math.abs(vHu));
        }
    }

    private static double dot(Tensor a, Tensor b) {
        double sum = 0;
        for (int i = 0; i < a.numel(); i++) {
            sum += (double) a.getFlat(i) * b.getFlat(i);
        }
        return sum;
    }

    @Test
    void leavesTheWeightsAsTheyWereEvenIfTheModelFails() {
        try (Workbench bench = new Workbench(); Workbench step = new Workbench()) {
            TinyModel model = new TinyModel(bench.region(), 5);
            LossModel failing = new LossModel() {
                @Override
                public List<Parameter> parameters() {
                    return model.parameters();
                }

                @Override
                public Var loss(Ops ops, Batch batch, float scale) {
                    throw new IllegalStateException("on purpose");
                }
            };
            Batch batch = batch(bench, 2);
            List<float[]> before = weights(model);
            for (LossModel either : List.of(model, failing)) {
                HessianProduct hessian = hessian(bench, step, either, 1);
                Tensor u = vector(bench, hessian, "u");
                Tensor product = vector(bench, hessian, "product");
                if (either == failing) {
                    assertThrows(IllegalStateException.class, () -> hessian.apply(batch, u, product));
                } else {
                    hessian.apply(batch, u, product);
                }
                List<float[]> after = weights(model);
                for (int i = 0; i < before.size(); i++) {
                    assertArrayEquals(before.get(i), after.get(i));
                }
            }
        }
    }

    private static List<float[]> weights(LossModel model) {
        return model.parameters().stream().map(parameter -> parameter.value().toFloatArray()).toList();
    }

    @Test
    void microBatchesAddUpToTheBatch() {
        try (Workbench bench = new Workbench(); Workbench step = new Workbench()) {
            TinyModel model = new TinyModel(bench.region(), 5);
            HessianProduct whole = hessian(bench, step, model, 1);
            Batch batch = batch(bench, 4);
            Tensor u = vector(bench, whole, "u");
            Tensor one = vector(bench, whole, "one");
            Tensor parts = vector(bench, whole, "parts");
            whole.apply(batch, u, one);
            hessian(bench, step, model, 4).apply(batch, u, parts);
            assertArrayEquals(one.toFloatArray(), parts.toFloatArray(), 1e-3f);
        }
    }

    @Test
    void theLengthOfTheVectorScalesTheProductAlone() {
        try (Workbench bench = new Workbench(); Workbench step = new Workbench()) {
            HessianProduct hessian = hessian(bench, step, new TinyModel(bench.region(), 5), 1);
            Batch batch = batch(bench, 2);
            Tensor u = vector(bench, hessian, "u");
            Tensor longer = vector(bench, hessian, "u");
            bench.kernels().elementwise().axpy(longer, 1023, u);
            Tensor product = vector(bench, hessian, "product");
            hessian.apply(batch, u, product);
            float[] once = product.toFloatArray();
            hessian.apply(batch, longer, product);
            for (int i = 0; i < once.length; i++) {
                assertEquals(once[i], product.getFlat(i) / 1024, 1e-4 * (1 + Math.abs(once[i])), "element " + i);
            }
        }
    }

    @Test
    void theSameBitsComeOutForAnyNumberOfThreads() {
        float[] first = null;
        for (int threads : new int[] {1, 7}) {
            try (Workbench bench = new Workbench("vector", threads); Workbench step = new Workbench()) {
                HessianProduct hessian = hessian(bench, step, new TinyModel(bench.region(), 5), 1);
                Tensor product = vector(bench, hessian, "product");
                hessian.apply(batch(bench, 4), vector(bench, hessian, "u"), product);
                first = first == null ? product.toFloatArray() : first;
                assertArrayEquals(first, product.toFloatArray());
            }
        }
    }

    @Test
    void allocatesWhatItSaysAtTheBeginning() {
        try (Workbench bench = new Workbench(); Workbench step = new Workbench()) {
            TinyModel model = new TinyModel(bench.region(), 5);
            long used = bench.region().used();
            HessianProduct hessian = hessian(bench, step, model, 1);
            assertEquals(HessianProduct.bytes(model.parameters()), bench.region().used() - used);
            Batch batch = batch(bench, 2);
            Tensor u = vector(bench, hessian, "u");
            Tensor product = vector(bench, hessian, "product");
            long before = MemoryStats.nativeAllocations();
            used = bench.region().used();
            hessian.apply(batch, u, product);
            assertEquals(before, MemoryStats.nativeAllocations());
            assertEquals(used, bench.region().used());
            assertEquals(0, step.region().used());
        }
    }

    @Test
    void refusesRoundedWeightsAndNoDirection() {
        try (Workbench bench = new Workbench(); Workbench step = new Workbench()) {
            TinyModel rounded = new TinyModel(bench.region(), 5, DType.BF16);
            String message = assertThrows(IllegalArgumentException.class, () -> hessian(bench, step, rounded, 1)).getMessage();
            assertTrue(message.contains("table") && message.contains("F32"), message);
            HessianProduct hessian = hessian(bench, step, new TinyModel(bench.region(), 5), 1);
            Tensor product = vector(bench, hessian, "product");
            Tensor zero = bench.vector(new float[(int) hessian.size()]);
            assertThrows(IllegalArgumentException.class, () -> hessian.apply(batch(bench, 1), zero, product));
        }
    }
}
