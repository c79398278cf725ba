package dev.smallbatch.optim.rule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.spi.Quantization;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Workbench;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.tck.LeakCheck;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which state is kept in 8 bits, in how many bytes, and what a step sees of it. */
@ExtendWith(LeakCheck.class)
class QuantizedStateTest {
    private static final Decay DECAY = new Decay.PerStep(0.9);
    private static final UpdateRule ADAM = new AdamW(new Constant(0.01), DECAY, DECAY);

    private static OptimizerState planned(UpdateRule rule, Role role, long... dims) {
        try (Region counting = Region.counting("plan")) {
            Tensor value = counting.allocate(DType.F32, Shape.of(dims));
            return rule.init(new Parameter("p", value, role), counting);
        }
    }

    /** The table of the specification: 2.031 and 2.004 bytes for Adam, 1.016 and 1.002 for one state. */
    @ParameterizedTest
    @CsvSource({"256,2.03125,1.015625", "2048,2.00390625,1.001953125"})
    void statesTakeOneByteAndAShareOfAScale(int block, double two, double one) {
        Quantization how = new Quantization(block, false);
        UpdateRule lion = new Lion(new Constant(0.01), DECAY, DECAY, 0);
        assertEquals(two, bytes(planned(new QuantizedState(ADAM, how, 4096, false), Role.MATRIX, 1024, 512)) / (1024 * 512.0));
        assertEquals(one, bytes(planned(new QuantizedState(lion, how, 4096, false), Role.MATRIX, 1024, 512)) / (1024 * 512.0));
    }

    private static double bytes(OptimizerState state) {
        return state.tensors().values().stream().mapToLong(Tensor::bytes).sum();
    }

    @Test
    void theLastBlockMayBeShort() {
        OptimizerState state = planned(new QuantizedState(ADAM), Role.MATRIX, 130, 140);
        assertEquals(List.of("m", "m.scale", "v", "v.scale"), List.copyOf(state.tensors().keySet()));
        assertEquals(Shape.of(130, 140), state.get("v").shape());
        assertEquals(Shape.of(72), state.get("v.scale").shape());
    }

    @Test
    void fewerThan4096EntriesKeep32Bits() {
        assertEquals(DType.F32, planned(new QuantizedState(ADAM), Role.MATRIX, 4095).get("m").dtype());
        assertEquals(DType.U8, planned(new QuantizedState(ADAM), Role.MATRIX, 4096).get("m").dtype());
    }

    @Test
    void embeddingsKeep32BitsUnlessAskedFor() {
        UpdateRule tables = new QuantizedState(ADAM, new Quantization(), QuantizedState.SMALLEST, true);
        assertEquals(DType.F32, planned(new QuantizedState(ADAM), Role.EMBEDDING, 100, 64).get("m").dtype());
        assertEquals(DType.U8, planned(new QuantizedState(ADAM), Role.HEAD, 100, 64).get("m").dtype());
        assertEquals(DType.U8, planned(tables, Role.EMBEDDING, 100, 64).get("m").dtype());
    }

    /** A first step is that of 32 bits: it begins at 0 and is not rounded; the second sees the first one's error. */
    @Test
    void weightsAreUpdatedFromStateThatIsNotYetEncoded() {
        float[] gradient = {1, 0.011f, -0.37f, 2e-9f};
        try (Workbench bench = new Workbench("vector", 1)) {
            SingleParameter exact = new SingleParameter(bench, ADAM, bench.parameter("p", Shape.of(4), 1, 2, 3, 4));
            SingleParameter coded = new SingleParameter(bench, new QuantizedState(ADAM, new Quantization(), 1, false),
                    bench.parameter("p", Shape.of(4), 1, 2, 3, 4));
            exact.update(bench.vector(gradient));
            coded.update(bench.vector(gradient));
            assertArrayEquals(exact.values(), coded.values());
            exact.update(bench.vector(gradient));
            coded.update(bench.vector(gradient));
            assertArrayEquals(exact.values(), coded.values(), 2e-3f);
            assertTrue(exact.values()[1] != coded.values()[1]);
        }
    }

    @Test
    void rulesWithoutA8BitFormAreRefused() {
        List<UpdateRule> without = List.of(new Sgd(new Constant(1)), new Signum(new Constant(1), 0, 0),
                new Adafactor(new Constant(1)), new Muon(new Constant(1), DECAY), new QuantizedState(ADAM));
        for (UpdateRule rule : without) {
            String message = assertThrows(IllegalArgumentException.class, () -> new QuantizedState(rule)).getMessage();
            assertTrue(message.startsWith("8-bit state: " + rule), message);
        }
        assertThrows(IllegalArgumentException.class, () -> new QuantizedState(ADAM, new Quantization(), 0, false));
        for (int block : new int[] {32, 300, 8192}) {
            assertThrows(IllegalArgumentException.class, () -> new Quantization(block, false));
        }
    }
}
