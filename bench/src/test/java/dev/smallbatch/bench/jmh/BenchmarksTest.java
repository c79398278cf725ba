package dev.smallbatch.bench.jmh;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.run.OptimizerKind;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.openjdk.jmh.annotations.Benchmark;

/** Benchmarks are run seldom and by hand; here each method runs once, so that they work when they are needed. */
class BenchmarksTest {
    @TestFactory
    Stream<DynamicTest> everyBenchmarkOfAKernelRunsAndCountsItsWork() {
        return Stream.concat(Stream.of("QKV", "OUT", "UP", "DOWN", "HEAD").map(BenchmarksTest::matmul),
                        Stream.concat(Stream.of(attention(), rowwise(), crossEntropy()),
                                Arrays.stream(OptimizerKind.values()).map(BenchmarksTest::update)))
                .flatMap(benchmark -> benchmarkMethods(benchmark).map(method -> DynamicTest.dynamicTest(
                        benchmark.getClass().getSimpleName() + "." + method.getName(), () -> {
                            KernelBenchmark.Speed speed = new KernelBenchmark.Speed();
                            call(benchmark, method, speed);
                            assertTrue(speed.gigabytes > 0, "bytes of " + method);
                        })));
    }

    @TestFactory
    Stream<DynamicTest> everyBenchmarkOfOverheadsRuns() {
        Dispatch dispatch = new Dispatch();
        return benchmarkMethods(dispatch).map(method -> DynamicTest.dynamicTest(method.getName(), () -> call(dispatch, method)));
    }

    private static Stream<Method> benchmarkMethods(KernelBenchmark benchmark) {
        List<Method> methods = Stream.of(benchmark.getClass().getMethods())
                .filter(method -> method.isAnnotationPresent(Benchmark.class)).toList();
        assertFalse(methods.isEmpty(), benchmark.getClass().getName());
        return methods.stream();
    }

    private static void call(KernelBenchmark benchmark, Method method, Object... arguments) throws ReflectiveOperationException {
        benchmark.backend = "auto";
        benchmark.open();
        try {
            method.invoke(benchmark, arguments);
        } finally {
            benchmark.close();
        }
    }

    private static KernelBenchmark matmul(String layer) {
        Matmul matmul = new Matmul();
        matmul.model = "tiny";
        matmul.layer = layer;
        return matmul;
    }

    private static KernelBenchmark attention() {
        Attention attention = new Attention();
        attention.model = "tiny";
        return attention;
    }

    private static KernelBenchmark rowwise() {
        Rowwise rowwise = new Rowwise();
        rowwise.model = "tiny";
        return rowwise;
    }

    private static KernelBenchmark crossEntropy() {
        CrossEntropy crossEntropy = new CrossEntropy();
        crossEntropy.model = "tiny";
        return crossEntropy;
    }

    private static KernelBenchmark update(OptimizerKind optimizer) {
        Update update = new Update();
        update.optimizer = optimizer;
        update.rows = 10;
        update.weights = Update.Weights.BF16_STOCHASTIC;
        return update;
    }

    @Test
    void aProductHasTwoOperationsForEachOfItsTerms() throws ReflectiveOperationException {
        KernelBenchmark.Speed speed = new KernelBenchmark.Speed();
        call(matmul("DOWN"), Matmul.class.getMethod("forward", KernelBenchmark.Speed.class), speed);
        assertEquals(2e-9 * 128 * 512 * 128, speed.gflop, 1e-12);
    }

    @Test
    void theFusedLossCountsItsThreeProducts() throws ReflectiveOperationException {
        KernelBenchmark.Speed speed = new KernelBenchmark.Speed();
        call(crossEntropy(), CrossEntropy.class.getMethod("linearCrossEntropy", KernelBenchmark.Speed.class), speed);
        assertEquals(3 * 2e-9 * 128 * 128 * 256, speed.gflop, 1e-12);
    }

    @ParameterizedTest
    @EnumSource(OptimizerKind.class)
    void aStepTrainsAndCountsItsTokens(OptimizerKind optimizer) {
        Step step = new Step();
        step.model = "tiny";
        step.optimizer = optimizer;
        step.dtype = DType.F32;
        step.backend = "auto";
        step.open();
        Step.Work work = new Step.Work();
        double first = step.train(work);
        double second = step.train(work);
        step.close();
        assertEquals(256, work.tokens);
        assertTrue(second < first, first + " then " + second);
    }
}
