package dev.smallbatch.optim.curvature;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.MemoryStats;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.TinyModel;
import dev.smallbatch.optim.TinyRun;
import dev.smallbatch.optim.TinyText;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.train.Batch;
import dev.smallbatch.tck.LeakCheck;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class LanczosTest {
    private static final RandomKey KEY = RandomKey.of(4);

    private static SymmetricOperator diagonal(double... values) {
        return (x, y) -> {
            float[] product = new float[values.length];
            for (int i = 0; i < product.length; i++) {
                product[i] = (float) (values[i] * x.getFlat(i));
            }
            y.copyFrom(product);
        };
    }

    @Test
    void asManyStepsAsDimensionsFindEveryEigenvalueOnce() {
        double[] eigenvalues = {-7, -1, 0, 0.5, 3, 4, 4.5, 60};
        try (Region memory = Region.create("lanczos", 1 << 20)) {
            Spectrum spectrum = new Lanczos(8, 8, true, memory).run(diagonal(eigenvalues), KEY);
            assertArrayEquals(eigenvalues, spectrum.values(), 1e-5);
            assertEquals(-7, spectrum.smallest(), 1e-5);
        }
    }

    @Test
    void weightsAreAQuadratureOfTheSpectrum() {
        double[] eigenvalues = IntStream.range(0, 500).mapToDouble(i -> i < 3 ? 100 + 10 * i : i / 500.0).toArray();
        try (Region memory = Region.create("lanczos", 1 << 20)) {
            Lanczos lanczos = new Lanczos(500, 20, true, memory);
            Spectrum mean = Spectrum.mean(IntStream.range(0, 50).mapToObj(i -> lanczos.run(diagonal(eigenvalues), KEY.at(i)))
                    .toList());
            assertEquals(1, Arrays.stream(mean.weights()).sum(), 1e-12);
            assertEquals(Arrays.stream(eigenvalues).average().orElseThrow(), IntStream.range(0, mean.values().length)
                    .mapToDouble(i -> mean.weights()[i] * mean.values()[i]).sum(), 0.1);
            double inTheBulk = IntStream.range(0, mean.values().length).filter(i -> mean.values()[i] < 2)
                    .mapToDouble(i -> mean.weights()[i]).sum();
            assertEquals(0.994, inTheBulk, 2e-3);
            assertEquals(0.994, integral(mean), 5e-3);
        }
    }

    private static double integral(Spectrum spectrum) {
        return IntStream.range(-100, 300).mapToDouble(i -> 0.01 * spectrum.density(0.01 * i, 0.1)).sum();
    }

    @Test
    void threeVectorsFindTheLargestEigenvalueInLessMemory() {
        double[] eigenvalues = IntStream.range(0, 300).mapToDouble(i -> i == 0 ? 10 : i / 300.0).toArray();
        try (Region memory = Region.create("lanczos", 1 << 20)) {
            long used = memory.used();
            Lanczos few = new Lanczos(300, 30, false, memory);
            assertEquals(Lanczos.bytes(300, 30, false), memory.used() - used);
            Spectrum withGhosts = few.run(diagonal(eigenvalues), KEY);
            Spectrum all = new Lanczos(300, 30, true, memory).run(diagonal(eigenvalues), KEY);
            assertEquals(10, withGhosts.largest(), 1e-5);
            assertEquals(1, Arrays.stream(all.values()).filter(value -> value > 5).count());
            assertTrue(Arrays.stream(withGhosts.values()).filter(value -> value > 5).count() > 1, "copies are what it costs");
            assertEquals(3 * Region.bytesFor(DType.F32, Shape.of(300)), Lanczos.bytes(300, 30, false));
        }
    }

    @Test
    void endsWhenNothingIsLeft() {
        double[] eigenvalues = new double[50];
        Arrays.fill(eigenvalues, 2);
        try (Region memory = Region.create("lanczos", 1 << 20)) {
            Lanczos lanczos = new Lanczos(50, 10, true, memory);
            assertArrayEquals(new double[] {2}, lanczos.run(diagonal(eigenvalues), KEY).values(), 1e-6);
            assertArrayEquals(new double[] {0}, lanczos.run(diagonal(new double[50]), KEY).values());
        }
    }

    @Test
    void theBulkIsTheMeanOfWhatIsPositiveBelowTheLargest() {
        double[] eigenvalues = {-5, 1, 3, 100};
        try (Region memory = Region.create("lanczos", 1 << 20)) {
            Lanczos lanczos = new Lanczos(4, 4, true, memory);
            lanczos.start().copyFrom(new float[] {1, 1, 1, 1});
            assertEquals(2, Spectrum.of(lanczos.reduce(diagonal(eigenvalues))).positiveBulk(), 1e-5);
            assertEquals(-1, new Lanczos(2, 2, true, memory).run(diagonal(-1, -2), KEY).positiveBulk(), 1e-6);
        }
    }

    @Test
    void findsTheCurvatureOfAModelsLossWithoutAllocating() {
        try (Workbench bench = new Workbench(); Workbench step = new Workbench()) {
            TinyModel model = new TinyModel(bench.region(), 5);
            HessianProduct hessian = new HessianProduct(model, bench.kernels(), step.region(), 1, bench.region());
            Batch batch = Batch.allocate(bench.region(), 4, TinyRun.LENGTH);
            batch.fill(new TinyText(1, TinyRun.LENGTH), 0);
            Lanczos lanczos = new Lanczos(hessian.size(), 20, true, bench.region());
            long before = MemoryStats.nativeAllocations();
            double largest = lanczos.run(hessian.on(batch), KEY).largest();
            assertEquals(before, MemoryStats.nativeAllocations());
            Tensor u = bench.vector(new float[(int) hessian.size()]);
            new Init.Normal(1).fill(u, RandomKey.of(9));
            Tensor product = bench.vector(new float[(int) hessian.size()]);
            double quotient = 0;
            for (int i = 0; i < 300; i++) {
                hessian.apply(batch, u, product);
                quotient = dot(u, product) / dot(u, u);
                bench.kernels().elementwise().fill(u, 0);
                bench.kernels().elementwise().axpy(u, (float) (1 / Math.sqrt(dot(product, product))), product);
            }
            assertEquals(quotient, largest, 1e-3 * largest, "by the power method");
        }
    }

    private static double dot(Tensor a, Tensor b) {
        return IntStream.range(0, (int) a.numel()).mapToDouble(i -> (double) a.getFlat(i) * b.getFlat(i)).sum();
    }

    @Test
    void refusesMoreStepsThanDimensionsAndProductsThatAreNotFinite() {
        try (Region memory = Region.create("lanczos", 1 << 20)) {
            for (int steps : List.of(0, 5)) {
                assertThrows(IllegalArgumentException.class, () -> new Lanczos(4, steps, true, memory), "steps " + steps);
            }
            Lanczos lanczos = new Lanczos(4, 4, true, memory);
            assertThrows(ArithmeticException.class, () -> lanczos.run(diagonal(1, Double.NaN, 2, 3), KEY));
        }
    }
}
