package dev.smallbatch.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendInfo;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.NormKernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.MemoryStats;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;

/** The suite sees what it is meant to see: every fault planted into the scalar back end fails the check it concerns. */
class BrokenBackendTest {
    /** Done after the real rmsNorm, whose out, rstd, x and weight it gets. */
    private interface Fault {
        void after(Tensor[] arguments, int threads);
    }

    private static final class Broken extends BackendConformance {
        private final Fault fault;

        Broken(Fault fault) {
            this.fault = fault;
        }

        @Override
        protected Backend open(int threads) {
            Backend backend = Backends.open("scalar", new BackendOptions(threads));
            Kernels sound = backend.kernels();
            Kernels kernels = new Kernels(sound.matmul(), broken(sound.norm(), threads), sound.activation(), sound.attention(),
                    sound.embedding(), sound.loss(), sound.elementwise(), sound.update(), sound.quantized());
            return new Backend() {
                @Override
                public BackendInfo info() {
                    return backend.info();
                }

                @Override
                public Kernels kernels() {
                    return kernels;
                }

                @Override
                public void close() {
                    backend.close();
                }
            };
        }

        private NormKernels broken(NormKernels target, int threads) {
            Class<?>[] type = {NormKernels.class};
            return (NormKernels) Proxy.newProxyInstance(NormKernels.class.getClassLoader(), type, (proxy, method, arguments) -> {
                try {
                    Object result = method.invoke(target, arguments);
                    if (method.getName().equals("rmsNorm")) {
                        fault.after(Stream.of(arguments).limit(4).toArray(Tensor[]::new), threads);
                    }
                    return result;
                } catch (InvocationTargetException e) {
                    throw e.getCause();
                }
            });
        }
    }

    /** Number of dynamic tests of a check on the rmsNorm of {@link NormCases} that fail. */
    private static long failures(Fault fault, Function<NormCases, Stream<DynamicTest>> check) {
        Broken suite = new Broken(fault);
        suite.openBackends();
        NormCases cases = suite.new Norm();
        cases.prepare();
        try {
            return check.apply(cases).filter(test -> test.getDisplayName().startsWith("rmsNorm")).filter(test -> {
                try {
                    test.getExecutable().execute();
                    return false;
                } catch (AssertionError e) {
                    return true;
                } catch (Throwable e) {
                    throw new IllegalStateException(e);
                }
            }).count();
        } finally {
            cases.release();
            suite.closeBackends();
        }
    }

    private static void change(Tensor tensor, long i, float by) {
        tensor.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, tensor.getFlat(i) * (1 + by));
    }

    private static void assertSeen(Fault fault, Function<NormCases, Stream<DynamicTest>> check) {
        assertEquals(1, failures(fault, check), "failing dynamic tests, one per broken operation");
    }

    @Test
    void aSoundBackEndPasses() {
        assertEquals(0, failures((t, threads) -> {}, FamilyCases::agreesWithTheOracle));
        assertEquals(0, failures((t, threads) -> {}, FamilyCases::propagatesNotANumber));
        assertEquals(0, failures((t, threads) -> {}, FamilyCases::refusesWhatItsContractExcludes));
    }

    @Test
    void anElementThatIsNotWrittenFails() {
        assertSeen((t, threads) -> t[0].segment().setAtIndex(ValueLayout.JAVA_FLOAT, t[0].numel() - 1, Float.NaN),
                FamilyCases::agreesWithTheOracle);
    }

    @Test
    void anErrorOfSixUnitsInOneShortRowFails() {
        assertSeen((t, threads) -> {
            if (t[0].numel() == 5) {
                change(t[0], 3, 6 * 0x1p-23f);
            }
        }, FamilyCases::agreesWithTheOracle);
    }

    @Test
    void anErrorInASavedStatisticFails() {
        assertSeen((t, threads) -> change(t[1], 0, 1e-4f), FamilyCases::agreesWithTheOracle);
    }

    @Test
    void aChangedInputFails() {
        assertSeen((t, threads) -> change(t[2], t[2].numel() - 1, 1), FamilyCases::writesNothingButItsOutputs);
    }

    /** The guards are reached through another tensor on the same memory. */
    @Test
    void aWriteBesideATensorIsDamage() {
        try (Region region = Region.create("guards", 4096)) {
            Region.Mark mark = region.mark();
            Canary canary = new Canary(region, "x", DType.F32, Shape.of(5), 3);
            assertNull(canary.damage());
            int[] bits = Bits.read(canary.carrier());
            region.release(mark);
            Tensor same = region.allocate(DType.F32, canary.carrier().shape());
            Bits.write(same, bits);
            assertNull(canary.damage());
            same.segment().setAtIndex(ValueLayout.JAVA_FLOAT, 3 + 5, 0);
            assertEquals("x: element 5 was written, the tensor has elements 0 to 4", canary.damage());
            Bits.write(same, bits);
            same.segment().setAtIndex(ValueLayout.JAVA_FLOAT, 3 - 1, 0);
            assertEquals("x: element -1 was written, the tensor has elements 0 to 4", canary.damage());
        }
    }

    @Test
    void bitsThatDependOnTheNumberOfThreadsFail() {
        assertSeen((t, threads) -> change(t[0], 0, threads == 7 ? 0x1p-22f : 0),
                FamilyCases::givesTheSameBitsOnTwoAndSevenThreads);
    }

    @Test
    void bitsThatDependOnTheCallFail() {
        int[] calls = {0};
        assertSeen((t, threads) -> change(t[0], 0, calls[0]++ % 2 == 0 ? 0x1p-22f : 0), FamilyCases::givesTheSameBitsAgain);
    }

    @Test
    void bitsThatDependOnTheAddressFail() {
        assertSeen((t, threads) -> change(t[0], 0, t[0].segment().address() % 64 == 0 ? 0 : 0x1p-22f),
                FamilyCases::givesTheSameBitsAtOddOffsets);
    }

    @Test
    void swallowedNotANumberFails() {
        assertSeen((t, threads) -> {
            for (long i = 0; i < t[0].numel(); i++) {
                if (Float.isNaN(t[0].getFlat(i))) {
                    t[0].segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, 0);
                }
            }
        }, FamilyCases::propagatesNotANumber);
    }

    @Test
    void spreadNotANumberFails() {
        assertSeen((t, threads) -> {
            if (Float.isNaN(t[2].getFlat(0))) {
                t[0].segment().setAtIndex(ValueLayout.JAVA_FLOAT, t[0].numel() - 1, Float.NaN);
            }
        }, FamilyCases::propagatesNotANumber);
    }

    @Test
    void aNativeAllocationInACallFails() {
        assertSeen((t, threads) -> Region.create("scratch", 64).close(),
                cases -> Stream.of(dynamicTest("rmsNorm allocates", cases::allocatesNoNativeMemory)));
    }

    @Test
    void aKeptTensorFails() {
        List<Tensor> kept = new ArrayList<>();
        assertSeen((t, threads) -> kept.add(t[1]),
                cases -> Stream.of(dynamicTest("rmsNorm keeps", cases::keepsNoTensorAfterTheCall)));
        assertEquals(1, kept.size());
    }

    @Test
    void aLeakedRegionFailsItsClass() {
        LeakCheck check = new LeakCheck();
        List<Throwable> before = MemoryStats.openRegions();
        try (Region leaked = Region.create("leaked", 64)) {
            AssertionError error = assertThrows(AssertionError.class, () -> check.requireNoneSince(before, "the class"));
            assertEquals(1, error.getSuppressed().length);
            assertEquals("region leaked was created here", error.getSuppressed()[0].getMessage());
            assertEquals(0, leaked.used());
        }
        check.requireNoneSince(before, "the class");
    }
}
