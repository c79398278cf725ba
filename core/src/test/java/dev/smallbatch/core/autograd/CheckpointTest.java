package dev.smallbatch.core.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.replay.KernelCall;
import dev.smallbatch.core.replay.RecordingKernels;
import dev.smallbatch.core.spi.Activation;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.ShapeException;
import dev.smallbatch.tck.LeakCheck;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Activations that are computed again instead of being kept: the same bits from less memory. */
@ExtendWith(LeakCheck.class)
class CheckpointTest {
    private static final long ACTIVATION_BYTES = Region.bytesFor(DType.F32, Shape.of(2, 3, Bench.DIM));

    private final Bench bench = new Bench();
    private final Parameter table = bench.table("table");
    private final Parameter head = bench.matrix("head", Bench.VOCABULARY, Bench.DIM);

    @AfterEach
    void closeBench() {
        bench.close();
    }

    /** One block of a decoder. */
    private UnaryOperator<Var> block(Ops ops, Parameter norm, Parameter qkv, Parameter mlp) {
        return x -> {
            Var heads = ops.linear(ops.rmsNorm(x, norm, Bench.EPSILON), qkv, null);
            heads = ops.qkNormRope(heads, bench.cos, bench.sin, Bench.HEADS, Bench.EPSILON);
            Var attended = ops.add(x, ops.attention(heads, Bench.HEADS));
            return ops.linearAdd(attended, ops.activate(attended, Activation.GELU_TANH), mlp, null);
        };
    }

    private Bench.Graph decoder(int blocks) {
        List<Parameter> norms = new ArrayList<>();
        List<Parameter> qkv = new ArrayList<>();
        List<Parameter> mlp = new ArrayList<>();
        for (int i = 0; i < blocks; i++) {
            norms.add(bench.vector(i + ".norm"));
            qkv.add(bench.matrix(i + ".qkv", 3 * Bench.DIM, Bench.DIM));
            mlp.add(bench.matrix(i + ".mlp", Bench.DIM, Bench.DIM));
        }
        return ops -> {
            Var x = ops.embed(bench.tokens, table, null);
            for (int i = 0; i < blocks; i++) {
                x = ops.checkpoint(x, block(ops, norms.get(i), qkv.get(i), mlp.get(i)));
            }
            return ops.linear(x, table, null);
        };
    }

    private void assertSameBits(Bench.Graph graph) {
        Map<String, float[]> expected = bench.gradients(graph, Tape.Mode.RECORD);
        Map<String, float[]> actual = bench.gradients(graph, Tape.Mode.RECOMPUTE);
        assertEquals(List.copyOf(expected.keySet()), List.copyOf(actual.keySet()), "order of the sink");
        expected.forEach((name, gradient) -> assertArrayEquals(gradient, actual.get(name), name));
    }

    @Test
    void gradientsAndTheirOrderAreThoseOfKeptActivations() {
        assertSameBits(decoder(3));
    }

    @Test
    void lossesAreThoseOfKeptActivations() {
        Bench.Graph graph = decoder(3);
        float[] expected = null;
        for (Tape.Mode mode : Tape.Mode.values()) {
            Tape tape = new Tape(bench.kernels(), bench.step, mode);
            float[] losses = bench.loss(tape.ops(), graph).value().toFloatArray();
            tape.reset();
            expected = expected == null ? losses : expected;
            assertArrayEquals(expected, losses, mode.toString());
        }
    }

    /** Twice in one part, in another part, and outside of both: four uses. */
    @Test
    void aParameterOfSeveralPartsIsHandedOverOnceWithAllContributions() {
        Parameter shared = bench.matrix("shared", Bench.DIM, Bench.DIM);
        assertSameBits(ops -> {
            Var x = ops.linear(ops.embed(bench.tokens, table, null), shared, null);
            Var twice = ops.checkpoint(x, in -> ops.linear(ops.activate(ops.linear(in, shared, null), Activation.SILU), shared, null));
            Var once = ops.checkpoint(twice, in -> ops.linearAdd(in, in, shared, null));
            return ops.linear(once, head, null);
        });
    }

    @Test
    void partsMayBeNested() {
        Parameter first = bench.matrix("first", Bench.DIM, Bench.DIM);
        Parameter second = bench.matrix("second", Bench.DIM, Bench.DIM);
        assertSameBits(ops -> {
            Var x = ops.embed(bench.tokens, table, null);
            Var outer = ops.checkpoint(x, in -> {
                Var inner = ops.checkpoint(ops.activate(in, Activation.SILU), deep -> ops.linearAdd(deep, deep, first, null));
                return ops.linearAdd(in, ops.activate(inner, Activation.GELU_TANH), second, null);
            });
            return ops.linear(outer, head, null);
        });
    }

    @Test
    void aPartMayReadValuesFromOutside() {
        Parameter matrix = bench.matrix("matrix", Bench.DIM, Bench.DIM);
        assertSameBits(ops -> {
            Var x = ops.embed(bench.tokens, table, null);
            Var outside = ops.activate(x, Activation.GELU_TANH);
            return ops.linear(ops.checkpoint(x, in -> ops.linearAdd(outside, in, matrix, null)), head, null);
        });
    }

    @Test
    void aPartMayReturnItsInput() {
        assertSameBits(ops -> ops.linear(ops.checkpoint(ops.embed(bench.tokens, table, null), in -> in), head, null));
    }

    @Test
    void aPartOffThePathToTheLossIsNotRunAgain() {
        Parameter aside = bench.matrix("aside", Bench.DIM, Bench.DIM);
        int[] runs = new int[1];
        Bench.Graph graph = ops -> {
            Var x = ops.embed(bench.tokens, table, null);
            ops.checkpoint(x, in -> {
                runs[0]++;
                return ops.linear(in, aside, null);
            });
            return ops.linear(x, head, null);
        };
        assertEquals(List.of("head", "table"), List.copyOf(bench.gradients(graph, Tape.Mode.RECOMPUTE).keySet()));
        assertEquals(1, runs[0]);
    }

    @Test
    void aParameterIsNotReadAfterItsGradientWasHandedOver() {
        Bench.Graph graph = decoder(2);
        Map<String, float[]> expected = bench.gradients(graph);
        Tape tape = new Tape(bench.kernels(), bench.step, Tape.Mode.RECOMPUTE);
        Map<String, float[]> actual = new LinkedHashMap<>();
        tape.backward(bench.loss(tape.ops(), graph), (parameter, gradient) -> {
            actual.put(parameter.name(), gradient.toFloatArray());
            bench.kernels().elementwise().fill(parameter.value(), Float.NaN);
            bench.kernels().elementwise().fill(gradient, Float.NaN);
        });
        tape.reset();
        assertEquals(expected.keySet(), actual.keySet());
        expected.forEach((name, gradient) -> assertArrayEquals(gradient, actual.get(name), name));
    }

    @Test
    void everyPartIsRunTwice() {
        Bench.Graph graph = decoder(2);
        assertEquals(2, attentions(graph, Tape.Mode.RECORD));
        assertEquals(4, attentions(graph, Tape.Mode.RECOMPUTE));
    }

    private long attentions(Bench.Graph graph, Tape.Mode mode) {
        return calls(graph, mode).stream().filter(call -> call.method().equals("attention")).count();
    }

    @Test
    void gradientsAreNeitherCopiedNorFilledMoreThanWithoutIt() {
        Bench.Graph graph = decoder(2);
        List<String> recorded = backward(graph, Tape.Mode.RECORD);
        List<String> recomputed = backward(graph, Tape.Mode.RECOMPUTE);
        List<String> again = new ArrayList<>(recomputed);
        List<String> block = List.of("rmsNorm", "linear", "qkNorm", "rope", "attention", "add", "activate", "linear", "add");
        for (int i = 0; i < 2; i++) {
            for (String call : block) {
                assertTrue(again.remove(call), call);
            }
        }
        assertEquals(recorded.stream().sorted().toList(), again.stream().sorted().toList());
    }

    /** What is called after the loss. */
    private List<String> backward(Bench.Graph graph, Tape.Mode mode) {
        List<String> names = calls(graph, mode).stream().map(KernelCall::method).toList();
        return names.subList(names.indexOf("crossEntropy") + 1, names.size());
    }

    private List<KernelCall> calls(Bench.Graph graph, Tape.Mode mode) {
        RecordingKernels recording = bench.recordingKernels();
        Tape tape = new Tape(recording.kernels(), bench.step, mode);
        tape.backward(bench.loss(tape.ops(), graph), (parameter, gradient) -> {});
        tape.reset();
        return recording.calls();
    }

    @Test
    void aBlockMoreTakesTheMemoryOfItsInputAlone() {
        long more = peak(decoder(6), Tape.Mode.RECOMPUTE) - peak(decoder(5), Tape.Mode.RECOMPUTE);
        assertEquals(ACTIVATION_BYTES, more);
        assertTrue(peak(decoder(6), Tape.Mode.RECORD) - peak(decoder(5), Tape.Mode.RECORD) > 5 * more);
    }

    @Test
    void aForwardPassAloneKeepsNothingOfAPart() {
        Bench.Graph graph = decoder(4);
        Tape tape = new Tape(bench.kernels(), bench.step, Tape.Mode.FORWARD_ONLY);
        graph.logits(tape.ops());
        long used = bench.step.used();
        tape.reset();
        long logits = Region.bytesFor(DType.F32, Shape.of(2, 3, Bench.VOCABULARY));
        assertEquals(5 * ACTIVATION_BYTES + logits, used, "inputs and outputs of the blocks, and the logits");
    }

    private long peak(Bench.Graph graph, Tape.Mode mode) {
        try (Region step = Region.create("step", 1 << 18)) {
            Tape tape = new Tape(bench.kernels(), step, mode);
            tape.backward(bench.loss(tape.ops(), graph), (parameter, gradient) -> {});
            tape.reset();
            assertEquals(0, step.used());
            return step.peak();
        }
    }

    @Test
    void aResultOfAnotherShapeIsRefusedWithBothShapes() {
        for (Tape.Mode mode : List.of(Tape.Mode.RECOMPUTE, Tape.Mode.FORWARD_ONLY)) {
            Tape tape = new Tape(bench.kernels(), bench.step, mode);
            Var x = tape.ops().embed(bench.tokens, table, null);
            String message = assertThrows(ShapeException.class, () ->
                    tape.ops().checkpoint(x, in -> tape.ops().linear(in, head, null))).getMessage();
            tape.reset();
            assertEquals("checkpoint: the input is f32 (2, 3, 8), the result f32 (2, 3, 11); they must have the same shape", message);
        }
    }

    @Test
    void aTapeGoesOnAfterAPartThatFailed() {
        Bench.Graph graph = decoder(2);
        Map<String, float[]> expected = bench.gradients(graph, Tape.Mode.RECOMPUTE);
        Tape tape = new Tape(bench.kernels(), bench.step, Tape.Mode.RECOMPUTE);
        Var x = tape.ops().embed(bench.tokens, table, null);
        assertThrows(ArithmeticException.class, () -> tape.ops().checkpoint(x, in -> {
            throw new ArithmeticException("forward");
        }));
        tape.reset();
        int[] runs = new int[1];
        Var loss = bench.loss(tape.ops(), ops -> ops.linear(ops.checkpoint(ops.embed(bench.tokens, table, null), in -> {
            if (runs[0]++ == 1) {
                throw new ArithmeticException("again");
            }
            return ops.activate(in, Activation.SILU);
        }), head, null));
        assertThrows(ArithmeticException.class, () -> tape.backward(loss, (parameter, gradient) -> {}));
        tape.reset();
        Map<String, float[]> actual = new LinkedHashMap<>();
        tape.backward(bench.loss(tape.ops(), graph), (parameter, gradient) -> actual.put(parameter.name(), gradient.toFloatArray()));
        tape.reset();
        assertEquals(expected.keySet(), actual.keySet());
        expected.forEach((name, gradient) -> assertArrayEquals(gradient, actual.get(name), name));
    }
}
