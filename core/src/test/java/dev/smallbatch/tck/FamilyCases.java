package dev.smallbatch.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.MemoryStats;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/**
 * The checks that every operation of a family passes, each over every call of the family's table. One dynamic test per
 * check and operation; its failure lists the calls that fail.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class FamilyCases {
    private static final long CAPACITY_BYTES = 48 << 20;
    private static final int LISTED_FAILURES = 5;
    /** Elements of calls that are made many times over. */
    private static final long SMALL = 20_000;
    /** Calls per operation into which NaN and infinity are planted one element at a time. */
    private static final int PLANTED = 12;

    private final BackendConformance suite;
    private final Map<OpCase, CaseRunner.Outcome> outcomes = new IdentityHashMap<>();
    private Region region;
    private CaseRunner runner;
    private Map<String, List<OpCase>> table;

    FamilyCases(BackendConformance suite) {
        this.suite = suite;
    }

    /** The interface whose methods the table covers. */
    abstract Class<?> family();

    /** The table; the first call of every operation has at least three elements along every axis of every argument. */
    abstract List<OpCase> cases();

    /** Directional derivatives to compare with central differences of the oracle. */
    abstract List<GradientCheck> gradients();

    /** Kernels on one thread. */
    final Kernels kernels() {
        return kernels(1);
    }

    private Kernels kernels(int threads) {
        return suite.backend(threads).kernels();
    }

    final CaseRunner runner() {
        return runner;
    }

    final Region region() {
        return region;
    }

    final Tolerance tolerance() {
        return suite.tolerance();
    }

    @BeforeAll
    void prepare() {
        region = Region.create("tck " + family().getSimpleName(), CAPACITY_BYTES);
        runner = new CaseRunner(region);
        table = cases().stream().collect(Collectors.groupingBy(OpCase::op, TreeMap::new, Collectors.toList()));
    }

    @AfterAll
    void release() {
        region.close();
    }

    @TestFactory
    Stream<DynamicTest> agreesWithTheOracle() {
        return check(c -> true, c -> compare(c, outcome(c)));
    }

    @TestFactory
    Stream<DynamicTest> writesNothingButItsOutputs() {
        return check(c -> true, c -> outcome(c).damage().isEmpty() ? null : outcome(c).damage().toString());
    }

    @TestFactory
    Stream<DynamicTest> givesTheSameBitsAgain() {
        return check(c -> true, c -> outcome(c).difference(c, runner.run(kernels(), c)));
    }

    @TestFactory
    Stream<DynamicTest> givesTheSameBitsOnTwoAndSevenThreads() {
        return check(c -> true, c -> {
            String two = outcome(c).difference(c, runner.run(kernels(2), c));
            return two != null ? "2 threads: " + two : outcome(c).difference(c, runner.run(kernels(7), c));
        });
    }

    @TestFactory
    Stream<DynamicTest> givesTheSameBitsAtOddOffsets() {
        return check(c -> true, c -> {
            CaseRunner.Outcome odd = runner.runAtOddOffsets(kernels(), c);
            return odd.damage().isEmpty() ? outcome(c).difference(c, odd) : odd.damage().toString();
        });
    }

    @TestFactory
    Stream<DynamicTest> givesTheSameBitsWhenRecordedAndReplayed() {
        return check(c -> true, c -> outcome(c).difference(c, runner.runReplayed(new ReplayingBackend(suite.backend(1)), c)));
    }

    @TestFactory
    Stream<DynamicTest> mayWriteOverTheInputsItNames() {
        return check(c -> c.args().stream().anyMatch(a -> !a.mayBe().isEmpty()), this::inPlace);
    }

    @TestFactory
    Stream<DynamicTest> propagatesNotANumber() {
        return plant(Float.NaN);
    }

    @TestFactory
    Stream<DynamicTest> propagatesInfinity() {
        return plant(Float.POSITIVE_INFINITY);
    }

    @Test
    void allocatesNoNativeMemory() {
        List<OpCase> calls = table.values().stream().flatMap(c -> small(c).stream()).toList();
        long before = MemoryStats.nativeAllocations();
        for (OpCase c : calls) {
            runner.run(kernels(2), c);
        }
        assertEquals(before, MemoryStats.nativeAllocations(), "native allocations after " + calls.size() + " calls");
    }

    @Test
    void keepsNoTensorAfterTheCall() {
        List<WeakReference<Tensor>> passed = new ArrayList<>();
        for (List<OpCase> calls : table.values()) {
            runner.run(kernels(2), calls.getFirst(), passed);
        }
        System.gc();
        List<Tensor> kept = passed.stream().map(WeakReference::get).filter(Objects::nonNull).toList();
        assertEquals(List.of(), kept, "tensors still referenced");
    }

    @TestFactory
    Stream<DynamicTest> refusesWhatItsContractExcludes() {
        return table.values().stream().map(List::getFirst)
                .flatMap(c -> new Refusals(region, runner, kernels(), c).tests());
    }

    @TestFactory
    Stream<DynamicTest> gradientsMatchCentralDifferencesOfTheOracle() {
        return gradients().stream().map(g -> dynamicTest(g.toString(), () -> g.run(runner, kernels(), tolerance())));
    }

    private static List<OpCase> small(List<OpCase> calls) {
        return calls.stream().filter(c -> c.size() <= SMALL).toList();
    }

    /** One dynamic test per operation that has a matching call. The function returns null or what is wrong. */
    private Stream<DynamicTest> check(Predicate<OpCase> applies, Function<OpCase, String> check) {
        return table.entrySet().stream().filter(e -> e.getValue().stream().anyMatch(applies)).map(e -> {
            List<OpCase> calls = e.getValue().stream().filter(applies).toList();
            return dynamicTest(e.getKey() + ", " + calls.size() + " calls", () -> all(calls, check));
        });
    }

    private static void all(List<OpCase> calls, Function<OpCase, String> check) {
        List<String> failures = new ArrayList<>();
        for (OpCase c : calls) {
            String failure = check.apply(c);
            if (failure != null) {
                failures.add(c + ": " + failure);
            }
        }
        assertEquals(0, failures.size(), () -> failures.size() + " of " + calls.size() + " calls fail:\n  "
                + String.join("\n  ", failures.subList(0, Math.min(LISTED_FAILURES, failures.size()))) + "\n");
    }

    /** What a call on one thread with aligned arguments leaves; computed once. */
    private CaseRunner.Outcome outcome(OpCase c) {
        return outcomes.computeIfAbsent(c, key -> runner.run(kernels(), key));
    }

    /** Null if the outputs agree with the oracle, else the first that does not. */
    final String compare(OpCase c, CaseRunner.Outcome outcome) {
        List<Arg> outputs = c.args().stream().filter(Arg::isOutput).toList();
        List<Expected> expected = c.expected();
        assertEquals(outputs.size(), expected.size(), () -> c + ": outputs without an expectation");
        for (int o = 0; o < outputs.size(); o++) {
            Arg arg = outputs.get(o);
            String failure = tolerance().compare(arg.name(), Bits.toDoubles(arg.dtype(), outcome.outputs().get(o)),
                    expected.get(o));
            if (failure != null) {
                return failure;
            }
        }
        return null;
    }

    private String inPlace(OpCase c) {
        for (int output = 0; output < c.args().size(); output++) {
            for (String input : c.args().get(output).mayBe()) {
                CaseRunner.Outcome outcome = runner.runInPlace(kernels(), c, output, c.index(input));
                String failure = outcome.damage().isEmpty() ? compare(c, outcome) : outcome.damage().toString();
                if (failure != null) {
                    return "in place of " + input + ": " + failure;
                }
            }
        }
        return null;
    }

    private Stream<DynamicTest> plant(float poison) {
        return table.entrySet().stream().map(e -> {
            List<OpCase> small = small(e.getValue());
            assertFalse(small.isEmpty(), () -> e.getKey() + " has no small call");
            int step = (small.size() + PLANTED - 1) / PLANTED;
            List<OpCase> calls = IntStream.range(0, small.size()).filter(i -> i % step == 0).mapToObj(small::get)
                    .flatMap(c -> Planted.in(c, poison)).toList();
            return dynamicTest(e.getKey() + ", " + calls.size() + " calls",
                    () -> all(calls, c -> Planted.compare(c, runner.run(kernels(), c))));
        });
    }
}
