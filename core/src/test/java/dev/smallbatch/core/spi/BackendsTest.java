package dev.smallbatch.core.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.ShapeException;
import dev.smallbatch.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class BackendsTest {
    private static final BackendOptions TWO_THREADS = new BackendOptions(2);

    /** A provider that opens the none back end under another name, or says why it cannot. */
    private record Fake(String name, int priority, Availability probe) implements BackendProvider {
        static Backends.Candidate usable(String name, int priority) {
            Availability availability = new Availability(true, "available");
            return new Backends.Candidate(new Fake(name, priority, availability), availability);
        }

        static Backends.Candidate unusable(String name, int priority, String reason) {
            Availability availability = new Availability(false, reason);
            return new Backends.Candidate(new Fake(name, priority, availability), availability);
        }

        @Override
        public Backend open(BackendOptions options) {
            assertTrue(probe.usable(), name + " was opened although it is unusable");
            Backend none = Backends.open("none", options);
            return new Backend() {
                @Override
                public BackendInfo info() {
                    return new BackendInfo(name, "fake", options.threads(), false);
                }

                @Override
                public Kernels kernels() {
                    return none.kernels();
                }

                @Override
                public void close() {
                    none.close();
                }
            };
        }
    }

    private static String opened(String request, Backends.Candidate... candidates) {
        List<Backends.Candidate> all = Stream.of(candidates)
                .sorted(Comparator.comparingInt((Backends.Candidate c) -> c.provider().priority()).reversed()).toList();
        try (Backend backend = Backends.open(request, TWO_THREADS, all)) {
            return backend.info().name();
        }
    }

    private static String refusal(String request, Backends.Candidate... candidates) {
        return assertThrows(IllegalStateException.class, () -> opened(request, candidates)).getMessage();
    }

    @Test
    void theSurveyFindsScalarAndNoneHighestPriorityFirst() {
        List<Backends.Candidate> survey = Backends.survey();
        List<String> names = survey.stream().map(c -> c.provider().name()).toList();
        assertTrue(names.containsAll(List.of("scalar", "none")), names.toString());
        assertEquals(survey.stream().sorted(Comparator.comparingInt(c -> -c.provider().priority())).toList(), survey);
    }

    @Test
    void scalarAndNoneAreAlwaysUsable() {
        for (Backends.Candidate candidate : Backends.survey()) {
            if (List.of("scalar", "none").contains(candidate.provider().name())) {
                assertTrue(candidate.availability().usable(), candidate.toString());
            }
        }
    }

    @Test
    void aNameOpensThatBackend() {
        try (Backend backend = Backends.open("scalar", TWO_THREADS)) {
            assertEquals("scalar", backend.info().name());
            assertEquals(2, backend.info().threads());
            assertTrue(backend.info().computes());
        }
        try (Backend backend = Backends.open("none", TWO_THREADS)) {
            assertEquals("none", backend.info().name());
            assertFalse(backend.info().computes());
        }
    }

    @Test
    void autoOpensTheUsableOneOfHighestPriority() {
        assertEquals("fast", opened("auto", Fake.usable("slow", 1), Fake.usable("fast", 2)));
        assertEquals("slow", opened("auto", Fake.usable("slow", 1), Fake.unusable("fast", 2, "no device")));
    }

    @Test
    void autoNeverOpensANegativePriority() {
        assertEquals("no backend is usable: [fast: no device, none: available]",
                refusal("auto", Fake.unusable("fast", 2, "no device"), Fake.usable("none", -1)));
    }

    @Test
    void autoWarnsWithTheReasonWhereVectorCannotBeUsed() {
        List<String> warnings = new ArrayList<>();
        Backends.Candidate best = Backends.best(List.of(Fake.unusable("tornado", 3, "no device"),
                Fake.unusable("vector", 2, "add --add-modules=x"), Fake.usable("scalar", 1)), warnings::add);
        assertEquals("scalar", best.provider().name());
        assertEquals(List.of("backend vector is unusable: add --add-modules=x. A much slower backend runs instead"), warnings);
    }

    @Test
    void aListOpensTheFirstUsableName() {
        assertEquals("b", opened("a, b, c", Fake.unusable("a", 3, "no"), Fake.usable("c", 2), Fake.usable("b", 1)));
    }

    @Test
    void anUnknownNameIsRefusedWithTheUsableOnes() {
        assertEquals("backend tpu does not exist here. Available: vector, scalar",
                refusal("tpu", Fake.usable("vector", 2), Fake.usable("scalar", 1)));
    }

    @Test
    void anUnusableNameIsRefusedWithItsReasonAndDoesNotFallBack() {
        assertEquals("backend tornado was requested but is unusable: TORNADOVM_HOME is not set. Available: scalar",
                refusal("tornado", Fake.unusable("tornado", 3, "TORNADOVM_HOME is not set"), Fake.usable("scalar", 1)));
    }

    @Test
    void aListThatCannotBeMetGivesEveryReason() {
        assertEquals("backend a was requested but is unusable: no; backend b does not exist here. Available: c",
                refusal("a,b", Fake.unusable("a", 3, "no"), Fake.usable("c", 2)));
    }

    @Test
    void fewerThanOneThreadIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> new BackendOptions(0));
    }

    @Test
    void kernelsOfAnOpenBackendCheckTheirArguments() {
        try (Backend backend = Backends.open("scalar", TWO_THREADS); Region region = Region.create("test", 4096)) {
            Tensor a = region.allocate(DType.F32, Shape.of(2));
            Tensor b = region.allocate(DType.F32, Shape.of(3));
            assertThrows(ShapeException.class, () -> backend.kernels().elementwise().axpy(a, 1, b));
        }
    }

    @Test
    void aClosedBackendRefusesToCompute() {
        Backend backend = Backends.open("scalar", TWO_THREADS);
        backend.close();
        backend.close();
        try (Region region = Region.create("test", 4096)) {
            Tensor a = region.allocate(DType.F32, Shape.of(2));
            assertThrows(IllegalStateException.class, () -> backend.kernels().elementwise().fill(a, 1));
        }
    }
}
