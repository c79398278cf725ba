package dev.smallbatch.bench.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.bench.measure.Operands;
import dev.smallbatch.bench.measure.Work;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.tensor.Tensor;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

class KernelLabTest {
    private final Backend one = Backends.open("auto", new BackendOptions(1));
    private final Backend all = Backends.open("auto", BackendOptions.defaults());
    private final LabRunner runner = new LabRunner(one, all, 0);

    @AfterEach
    void close() {
        one.close();
        all.close();
    }

    @ParameterizedTest
    @FieldSource("dev.smallbatch.bench.lab.KernelLab#ALL")
    void everyVersionPassesTheOracleAtOddSizes(KernelLab lab) {
        assertEquals(Set.of(), runner.wrong(lab), lab.name());
    }

    @Test
    void aVersionThatIsWrongInOneElementIsNotTimed() {
        KernelLab lab = new KernelLab("doubling", "y = 2 x", new int[] {100}, List.of(new int[] {7}),
                (sizes, operands, some, every) -> new Doubling(operands, sizes[0]));
        String table = runner.run(lab).toString();
        List<String> rows = table.lines().skip(2).toList();
        assertEquals(3, rows.size(), table);
        assertFalse(rows.get(0).contains("REFUSED"), table);
        assertTrue(rows.get(1).contains("REFUSED, not timed: wrong. forgets the last"), table);
        assertTrue(rows.get(2).contains("REFUSED, not timed: wrong. a millionth too much"), table);
        assertEquals(1, runner.run(lab).toJson().stream().filter(row -> row.get("ms") != null).count());
    }

    /** A right version and two wrong ones. */
    private record Doubling(Tensor x, Tensor y, int count) implements LabCase {
        Doubling(Operands operands, int count) {
            this(operands.uniform(count), operands.uniform(count), count);
        }

        private void run(int end, float factor) {
            for (int i = 0; i < end; i++) {
                Floats.set(y.segment(), i, factor * Floats.get(x.segment(), i));
            }
        }

        @Override
        public List<Version> versions() {
            return List.of(Version.of("a loop", () -> run(count, 2)), Version.of("forgets the last", () -> run(count - 1, 2)),
                    Version.of("a millionth too much", () -> run(count, 2.000002f)));
        }

        @Override
        public void reset() {
            Floats.spoil(y);
        }

        @Override
        public List<Expected> expected() {
            double[] values = new double[count];
            double[] scales = new double[count];
            for (int i = 0; i < count; i++) {
                values[i] = 2.0 * x.getFlat(i);
                scales[i] = Math.abs(values[i]);
            }
            return List.of(new Expected(y, values, scales));
        }

        @Override
        public double tolerance() {
            return 1e-7;
        }

        @Override
        public Work work() {
            return new Work(0, 8.0 * count);
        }
    }
}
