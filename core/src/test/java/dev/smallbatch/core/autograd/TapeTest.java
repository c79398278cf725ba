package dev.smallbatch.core.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.replay.KernelCall;
import dev.smallbatch.core.replay.RecordingKernels;
import dev.smallbatch.core.spi.Activation;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.MemoryStats;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.tck.LeakCheck;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What the tape promises besides right numbers, on a small decoder of two blocks with a tied table. */
@ExtendWith(LeakCheck.class)
class TapeTest {
    private final Bench bench = new Bench();
    private final Bench.Graph decoder = decoder();

    @AfterEach
    void closeBench() {
        bench.close();
    }

    private Bench.Graph decoder() {
        Parameter table = bench.table("table");
        List<Parameter> norms = new ArrayList<>();
        List<Parameter> qkv = new ArrayList<>();
        List<Parameter> mlp = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            norms.add(bench.vector(i + ".norm"));
            qkv.add(bench.matrix(i + ".qkv", 3 * Bench.DIM, Bench.DIM));
            mlp.add(bench.matrix(i + ".mlp", Bench.DIM, Bench.DIM));
        }
        return ops -> {
            Var x = ops.embed(bench.tokens, table, null);
            for (int i = 0; i < 2; i++) {
                Var heads = ops.linear(ops.rmsNorm(x, norms.get(i), Bench.EPSILON), qkv.get(i), null);
                x = ops.add(x, ops.attention(ops.qkNorm(heads, Bench.HEADS, Bench.EPSILON), Bench.HEADS));
                x = ops.add(x, ops.activate(ops.linear(x, mlp.get(i), null), Activation.GELU_TANH));
            }
            return ops.linear(x, table, null);
        };
    }

    @Test
    void theSinkGetsEveryParameterOnceFromLastToFirst() {
        assertEquals(List.of("1.mlp", "1.qkv", "1.norm", "0.mlp", "0.qkv", "0.norm", "table"),
                List.copyOf(bench.gradients(decoder).keySet()));
    }

    @Test
    void theOrderIsTheSameInEveryStep() {
        List<String> first = List.copyOf(bench.gradients(decoder).keySet());
        for (int step = 0; step < 5; step++) {
            assertEquals(first, List.copyOf(bench.gradients(decoder).keySet()));
        }
    }

    @Test
    void gradientsAreTheSameBitsInEveryStep() {
        Map<String, float[]> first = bench.gradients(decoder);
        bench.gradients(decoder).forEach((name, gradient) -> assertArrayEquals(first.get(name), gradient, name));
    }

    /** Whoever gets a gradient may update the parameter at once: destroying it must not reach any other gradient. */
    @Test
    void aParameterIsNotReadAfterItsGradientWasHandedOver() {
        Map<String, float[]> expected = bench.gradients(decoder);
        Tape tape = bench.tape();
        Map<String, float[]> actual = new LinkedHashMap<>();
        tape.backward(bench.loss(tape.ops(), decoder), (parameter, gradient) -> {
            actual.put(parameter.name(), gradient.toFloatArray());
            bench.kernels().elementwise().fill(parameter.value(), Float.NaN);
            bench.kernels().elementwise().fill(gradient, Float.NaN);
        });
        assertEquals(expected.keySet(), actual.keySet());
        expected.forEach((name, gradient) -> assertArrayEquals(gradient, actual.get(name), name));
    }

    @Test
    void aTiedTableGetsTheSumOfItsTwoGradients() {
        Parameter tied = bench.table("tied");
        Parameter input = bench.table("input");
        Parameter output = bench.table("output");
        input.value().copyFrom(tied.value().toFloatArray());
        output.value().copyFrom(tied.value().toFloatArray());
        float[] whole = bench.gradients(ops -> ops.linear(ops.embed(bench.tokens, tied, null), tied, null)).get("tied");
        Map<String, float[]> parts = bench.gradients(ops -> ops.linear(ops.embed(bench.tokens, input, null), output, null));
        for (int i = 0; i < whole.length; i++) {
            assertEquals(parts.get("input")[i] + parts.get("output")[i], whole[i], 1e-6f);
        }
    }

    @Test
    void aParameterOffThePathToTheLossIsNotHandedOver() {
        Parameter table = bench.table("on the path");
        Parameter aside = bench.matrix("aside", Bench.DIM, Bench.DIM);
        Map<String, float[]> gradients = bench.gradients(ops -> {
            Var x = ops.embed(bench.tokens, table, null);
            ops.linear(x, aside, null);
            return ops.linear(x, table, null);
        });
        assertEquals(List.of("on the path"), List.copyOf(gradients.keySet()));
    }

    @Test
    void aParameterWithOneUseOffThePathStillGetsTheGradientOfTheOther() {
        Parameter table = bench.table("table of both");
        Parameter matrix = bench.matrix("matrix", Bench.DIM, Bench.DIM);
        Bench.Graph once = ops -> ops.linear(ops.linear(ops.embed(bench.tokens, table, null), matrix, null), table, null);
        Bench.Graph inVain = ops -> {
            Var x = ops.embed(bench.tokens, table, null);
            ops.linear(x, matrix, null);
            return ops.linear(ops.linear(x, matrix, null), table, null);
        };
        Map<String, float[]> expected = bench.gradients(once);
        Map<String, float[]> actual = bench.gradients(inVain);
        assertEquals(expected.keySet(), actual.keySet());
        expected.forEach((name, gradient) -> assertArrayEquals(gradient, actual.get(name), name));
    }

    @Test
    void productsOverwriteTheirFirstTargetAndAddAfterwards() {
        Parameter table = bench.table("tied");
        List<KernelCall> calls = callsOfAStep(ops -> ops.linear(ops.embed(bench.tokens, table, null), table, null));
        assertEquals(List.of(), calls.stream().filter(call -> call.method().equals("fill")).toList(),
                "a product came first, so nothing needs zeros");
        List<Object> betas = calls.stream().filter(call -> call.method().equals("matmul"))
                .map(call -> call.arguments().getLast()).toList();
        assertEquals(List.of(0f, 0f), betas);
        assertEquals(1, calls.stream().filter(call -> call.method().equals("embedBackward")).count());
    }

    @Test
    void theBackwardPassOfADecoderFillsOnlyTheTargetsOfKernelsThatAccumulate() {
        List<KernelCall> calls = callsOfAStep(decoder);
        long fills = calls.stream().filter(call -> call.method().equals("fill")).count();
        assertEquals(2, fills, "one for the weight of each norm; every dx already holds the residual gradient");
        assertEquals(0, calls.stream().filter(call -> call.method().equals("convert")).count(), "no shared buffer needs a copy");
    }

    @Test
    void everyStepMakesTheSameCallsOnTheSameAddresses() {
        List<String> first = addresses(callsOfAStep(decoder));
        assertEquals(40, first.size(), "19 forward, 21 backward");
        for (int step = 0; step < 3; step++) {
            assertEquals(first, addresses(callsOfAStep(decoder)));
        }
    }

    @Test
    void resetGivesTheWholeRegionBack() {
        Tape tape = bench.tape();
        for (int step = 0; step < 3; step++) {
            tape.backward(bench.loss(tape.ops(), decoder), (parameter, gradient) -> {});
            assertTrue(bench.step.used() > 0);
            tape.reset();
            assertEquals(0, bench.step.used());
        }
    }

    @Test
    void resetKeepsWhatTheRegionHeldBefore() {
        bench.step.allocate(DType.F32, Shape.of(100));
        long used = bench.step.used();
        Tape tape = bench.tape();
        bench.loss(tape.ops(), decoder);
        tape.reset();
        assertEquals(used, bench.step.used());
    }

    @Test
    void aTapeGoesOnAfterAStepThatWasGivenUp() {
        Map<String, float[]> expected = bench.gradients(decoder);
        Tape tape = bench.tape();
        Var loss = bench.loss(tape.ops(), decoder);
        assertThrows(ArithmeticException.class, () -> tape.backward(loss, (parameter, gradient) -> {
            throw new ArithmeticException("stop");
        }));
        tape.reset();
        Map<String, float[]> actual = new LinkedHashMap<>();
        tape.backward(bench.loss(tape.ops(), decoder), (parameter, gradient) ->
                actual.put(parameter.name(), gradient.toFloatArray()));
        expected.forEach((name, gradient) -> assertArrayEquals(gradient, actual.get(name), name));
    }

    @Test
    void backwardGivesActivationsBackAsItPassesThem() {
        Tape tape = bench.tape();
        List<Var> blocks = new ArrayList<>();
        Var loss = bench.loss(tape.ops(), ops -> {
            blocks.add(ops.embed(bench.tokens, bench.table("input"), null));
            for (int i = 0; i < 3; i++) {
                blocks.add(ops.linear(blocks.get(i), bench.matrix("matrix " + i, Bench.DIM, Bench.DIM), null));
            }
            return ops.linear(blocks.getLast(), bench.table("output"), null);
        });
        List<String> gone = new ArrayList<>();
        tape.backward(loss, (parameter, gradient) -> gone.add(parameter.name() + ": "
                + blocks.stream().filter(block -> Float.isNaN(block.value().getFlat(0))).count()));
        assertEquals(List.of("output: 0", "matrix 2: 0", "matrix 1: 1", "matrix 0: 2", "input: 3"), gone);
    }

    @Test
    void gradientsUseTheMemoryOfActivationsThatArePassed() {
        Tape tape = bench.tape();
        Var loss = bench.loss(tape.ops(), decoder);
        long used = bench.step.used();
        tape.backward(loss, (parameter, gradient) -> {});
        long activation = Region.bytesFor(DType.F32, Shape.of(2, 3, 4 * Bench.DIM));
        long table = Region.bytesFor(DType.F32, Shape.of(Bench.VOCABULARY, Bench.DIM));
        assertTrue(bench.step.peak() <= used + table + 2 * activation, bench.step.peak() + " bytes, forward took " + used);
        tape.reset();
    }

    /** The logits become their own gradient in the stack of activations, which is taken down: no other may get that memory. */
    @Test
    void gradientsNeverUseTheMemoryOfLogits() {
        Parameter table = bench.table("first");
        Parameter wide = bench.matrix("wide", Bench.VOCABULARY, Bench.DIM);
        Parameter square = bench.matrix("square", Bench.VOCABULARY, Bench.VOCABULARY);
        RecordingKernels recording = bench.recordingKernels();
        Tape tape = new Tape(recording.kernels(), bench.step, Tape.Mode.RECORD);
        Var loss = bench.loss(tape.ops(), ops -> ops.linear(ops.linear(ops.linear(ops.embed(bench.tokens, table, null), wide, null),
                square, null), square, null));
        tape.backward(loss, (parameter, gradient) -> {});
        List<KernelCall> calls = recording.calls();
        long front = ((Tensor) calls.getFirst().arguments().getFirst()).segment().address();
        List<Long> distances = calls.stream().filter(call -> call.method().equals("matmul"))
                .map(call -> ((Tensor) call.arguments().getFirst()).segment().address() - front).toList();
        assertEquals(6, distances.size());
        assertTrue(distances.stream().allMatch(distance -> distance > bench.step.capacity() / 2), distances.toString());
        tape.reset();
    }

    @Test
    void operationsInOneGiveTheBitsOfThoseOneByOne() {
        Parameter qkv = bench.matrix("fused qkv", 3 * Bench.DIM, Bench.DIM);
        Parameter out = bench.matrix("fused out", Bench.DIM, Bench.DIM);
        Parameter up = bench.matrix("fused up", 2 * Bench.DIM, Bench.DIM);
        Parameter down = bench.matrix("fused down", Bench.DIM, 2 * Bench.DIM);
        Parameter bias = bench.vector("fused bias");
        Parameter table = bench.table("fused table");
        Map<String, float[]> expected = bench.gradients(ops -> {
            Var x = ops.embed(bench.tokens, table, null);
            Var heads = ops.linear(ops.rmsNorm(x, null, Bench.EPSILON), qkv, null);
            x = ops.add(x, ops.linear(ops.attention(heads, Bench.HEADS), out, bias));
            x = ops.add(x, ops.linear(ops.activate(ops.linear(x, up, null), Activation.GELU_TANH), down, bias));
            return ops.linear(x, table, null);
        });
        Map<String, float[]> actual = bench.gradients(ops -> {
            Var x = ops.embed(bench.tokens, table, null);
            Var heads = ops.normalizedLinear(x, Bench.EPSILON, qkv, null);
            x = ops.linearAdd(x, ops.attention(heads, Bench.HEADS), out, bias);
            x = ops.activatedLinearAdd(x, ops.linear(x, up, null), Activation.GELU_TANH, down, bias);
            return ops.linear(x, table, null);
        });
        assertEquals(List.copyOf(expected.keySet()), List.copyOf(actual.keySet()));
        expected.forEach((name, gradient) -> assertArrayEquals(gradient, actual.get(name), name));
    }

    @Test
    void lossesOutliveBackward() {
        Tape tape = bench.tape();
        Var loss = bench.loss(tape.ops(), decoder);
        float[] before = loss.value().toFloatArray();
        tape.backward(loss, (parameter, gradient) -> {});
        assertArrayEquals(before, loss.value().toFloatArray());
    }

    @Test
    void noNativeMemoryIsAllocatedByAnyStep() {
        long before = MemoryStats.nativeAllocations();
        for (int step = 0; step < 3; step++) {
            bench.gradients(decoder);
        }
        assertEquals(before, MemoryStats.nativeAllocations());
    }

    @Test
    void aStepNeedsNoMoreMemoryThanTheOneBefore() {
        bench.gradients(decoder);
        long peak = bench.step.peak();
        bench.gradients(decoder);
        assertEquals(peak, bench.step.peak());
    }

    @Test
    void gradientBuffersGoRoundFromBlockToBlock() {
        Tape tape = bench.tape();
        Var loss = bench.loss(tape.ops(), decoder);
        List<Long> matrices = new ArrayList<>();
        tape.backward(loss, (parameter, gradient) -> {
            if (parameter.name().endsWith("qkv")) {
                matrices.add(gradient.segment().address());
            }
        });
        assertEquals(2, matrices.size());
        assertEquals(matrices.getFirst(), matrices.getLast());
    }

    @Test
    void aForwardOnlyTapeComputesTheSameBits() {
        Tape recording = bench.tape();
        float[] expected = decoder.logits(recording.ops()).value().toFloatArray();
        recording.reset();
        Tape forward = new Tape(bench.kernels(), bench.step, Tape.Mode.FORWARD_ONLY);
        assertArrayEquals(expected, decoder.logits(forward.ops()).value().toFloatArray());
    }

    @Test
    void aForwardOnlyTapeRefusesToGoBackward() {
        Tape tape = new Tape(bench.kernels(), bench.step, Tape.Mode.FORWARD_ONLY);
        Var loss = bench.loss(tape.ops(), decoder);
        var error = assertThrows(IllegalStateException.class, () -> tape.backward(loss, (parameter, gradient) -> {}));
        assertTrue(error.getMessage().contains("FORWARD_ONLY") && error.getMessage().contains("RECORD"), error.getMessage());
    }

    @Test
    void aForwardOnlyTapeLeavesTheLogitsAlone() {
        Tape tape = new Tape(bench.kernels(), bench.step, Tape.Mode.FORWARD_ONLY);
        Tensor logits = decoder.logits(tape.ops()).value();
        float[] before = logits.toFloatArray();
        tape.ops().crossEntropy(new Var(logits, -1), bench.targets, Bench.VOCABULARY, 1);
        assertArrayEquals(before, logits.toFloatArray());
    }

    private List<KernelCall> callsOfAStep(Bench.Graph graph) {
        RecordingKernels recording = bench.recordingKernels();
        Tape tape = new Tape(recording.kernels(), bench.step, Tape.Mode.RECORD);
        tape.backward(bench.loss(tape.ops(), graph), (parameter, gradient) -> {});
        tape.reset();
        return recording.calls();
    }

    private static List<String> addresses(List<KernelCall> calls) {
        List<String> addresses = new ArrayList<>();
        for (KernelCall call : calls) {
            List<Object> arguments = new ArrayList<>();
            for (Object argument : call.arguments()) {
                arguments.add(argument instanceof Tensor tensor ? tensor.segment().address() : String.valueOf(argument));
            }
            addresses.add(call.method() + arguments);
        }
        return addresses;
    }
}
