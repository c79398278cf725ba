package dev.smallbatch.tck;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.smallbatch.core.spi.AttentionKernels;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.ShapeException;
import dev.smallbatch.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Checks of {@link AttentionKernels}. */
public abstract class AttentionCases extends FamilyCases {
    AttentionCases(BackendConformance suite) {
        super(suite);
    }

    @Override
    final Class<?> family() {
        return AttentionKernels.class;
    }

    @Override
    final List<OpCase> cases() {
        List<OpCase> cases = new ArrayList<>();
        for (AttentionSpec s : Shapes.attentions()) {
            cases.add(rope(s, false));
            cases.add(rope(s, true));
            both(cases, s, "", normal(s));
        }
        AttentionSpec s = new AttentionSpec(1, 65, 2, 1, 16);
        both(cases, s, " logits to 1e4", Data.normal(1, s.qkvShape().numel(), 0, 50));
        both(cases, s, " equal rows", Data.constant(0.7f, s.qkvShape().numel()));
        both(cases, s, " zero", Data.constant(0, s.qkvShape().numel()));
        both(cases, s, " rising logits", rising(s));
        cases.add(decode(2, 5, 3, 4, 2, 6));
        for (int length : new int[] {1, 2, 5, 64, 65, 200}) {
            cases.add(decode(1, length, length, 3, 3, 32));
            cases.add(decode(2, length + 3, length, 4, 1, 10));
        }
        cases.add(decode(1, 700, 700, 2, 2, 128));
        return cases;
    }

    private static void both(List<OpCase> cases, AttentionSpec s, String label, float[] qkv) {
        cases.add(attention(s, label, qkv));
        cases.add(attentionBackward(s, label, qkv));
    }

    private static float[] normal(AttentionSpec s) {
        return Data.normal(s.hashCode(), s.qkvShape().numel());
    }

    /** Every new key beats all earlier ones, so that an online softmax rescales in every block. */
    private static float[] rising(AttentionSpec s) {
        float[] qkv = normal(s);
        for (int i = 0; i < qkv.length; i++) {
            int col = i % s.qkvCols();
            int time = i / s.qkvCols() % s.time();
            qkv[i] = col < s.keyCol() ? 1 : col < s.valueCol() ? 0.5f * time : qkv[i];
        }
        return qkv;
    }

    private static OpCase rope(AttentionSpec s, boolean inverse) {
        float[] cos = new float[s.time() * s.headSize() / 2];
        float[] sin = new float[cos.length];
        for (int i = 0; i < cos.length; i++) {
            double angle = i / (s.headSize() / 2) * Math.pow(10000, -2.0 * (i % (s.headSize() / 2)) / s.headSize());
            cos[i] = (float) Math.cos(angle);
            sin[i] = (float) Math.sin(angle);
        }
        return OpCase.of("rope", s + (inverse ? " inverse" : "")).written("out", s.batch(), s.time(), s.qkvCols()).mayBe("x")
                .read("x", s.batch(), s.time(), s.qkvCols()).read("cos", cos, s.time(), s.headSize() / 2)
                .read("sin", sin, s.time(), s.headSize() / 2)
                .call((k, t) -> k.attention().rope(t[0], t[1], t[2], t[3], s, inverse))
                .expect(o -> List.of(new AttentionOracle(s).rope(o.get("x"), o.get("cos"), o.get("sin"), inverse)));
    }

    private static OpCase attention(AttentionSpec s, String label, float[] qkv) {
        return OpCase.of("attention", s + label).written("out", s.batch(), s.time(), s.outCols())
                .written("lse", s.batch(), s.heads(), s.time()).read("qkv", qkv, s.batch(), s.time(), s.qkvCols())
                .call((k, t) -> k.attention().attention(t[0], t[1], t[2], s))
                .expect(o -> new AttentionOracle(s).attention(o.get("qkv")));
    }

    private static OpCase attentionBackward(AttentionSpec s, String label, float[] qkv) {
        List<Expected> forward = new AttentionOracle(s).attention(Data.toDoubles(qkv));
        return OpCase.of("attentionBackward", s + label).written("dqkv", s.batch(), s.time(), s.qkvCols())
                .read("dout", s.batch(), s.time(), s.outCols())
                .read("out", Data.toFloats(forward.getFirst().value()), s.batch(), s.time(), s.outCols())
                .read("lse", Data.toFloats(forward.getLast().value()), s.batch(), s.heads(), s.time())
                .read("qkv", qkv, s.batch(), s.time(), s.qkvCols())
                .call((k, t) -> k.attention().attentionBackward(t[0], t[1], t[2], t[3], t[4], s))
                .expect(o -> List.of(new AttentionOracle(s).backward(o.get("dout"), o.get("out"), o.get("lse"), o.get("qkv"))));
    }

    private static OpCase decode(int B, int capacity, int length, int heads, int kvHeads, int D) {
        AttentionSpec s = new AttentionSpec(B, 1, heads, kvHeads, D);
        return OpCase.of("attentionDecode", s + " length " + length + " of " + capacity).written("out", B, s.outCols())
                .read("qkv", B, s.qkvCols()).read("keys", B, capacity, kvHeads * D).read("values", B, capacity, kvHeads * D)
                .call((k, t) -> k.attention().attentionDecode(t[0], t[1], t[2], t[3], length, s))
                .expect(o -> List.of(
                        new AttentionOracle(s).decode(o.get("qkv"), o.get("keys"), o.get("values"), length, capacity)));
    }

    @Override
    final List<GradientCheck> gradients() {
        List<GradientCheck> checks = new ArrayList<>();
        for (AttentionSpec s : List.of(new AttentionSpec(2, 5, 4, 2, 6), new AttentionSpec(1, 17, 3, 3, 8))) {
            OpCase backward = attentionBackward(s, " gradient", normal(s));
            checks.add(new GradientCheck("attention by qkv", backward, "dqkv", backward.get("qkv"),
                    p -> new AttentionOracle(s).attention(p).getFirst().value(), backward.get("dout")));
            OpCase inverse = rope(s, true);
            double[] cos = inverse.get("cos");
            double[] sin = inverse.get("sin");
            checks.add(new GradientCheck("rope by x", inverse, "out", Data.toDoubles(normal(s)),
                    p -> new AttentionOracle(s).rope(p, cos, sin, false).value(), inverse.get("x")));
        }
        return checks;
    }

    /** What lies in the future of a query, or behind the filled part of a cache, must not be read: it may be anything. */
    @Test
    void theFutureTakesNoPart() {
        AttentionSpec s = new AttentionSpec(1, 70, 2, 1, 8);
        int now = 33;
        float[] qkv = normal(s);
        Arrays.fill(qkv, (now + 1) * s.qkvCols(), qkv.length, Float.NaN);
        OpCase c = attention(s, " NaN after " + now, qkv);
        Expected all = c.expected().getFirst();
        Expected past = new Expected(Arrays.copyOf(all.value(), (now + 1) * s.outCols()), all.bound());
        double[] out = Bits.toDoubles(DType.F32, runner().run(kernels(), c).outputs().getFirst());
        assertNull(tolerance().compare("out", Arrays.copyOf(out, (now + 1) * s.outCols()), past));
    }

    @Test
    void rowsOfTheCacheBehindTheLengthTakeNoPart() {
        OpCase c = decode(1, 9, 4, 2, 2, 8);
        int[] keys = c.bits("keys").clone();
        int[] values = c.bits("values").clone();
        Arrays.fill(keys, 4 * 16, keys.length, Bits.nan(DType.F32));
        Arrays.fill(values, 4 * 16, values.length, Bits.nan(DType.F32));
        OpCase poisoned = c.with("keys", keys).with("values", values);
        assertNull(compare(poisoned, runner().run(kernels(), poisoned)));
    }

    @Test
    void onlyTheQueryColumnsOfADecodedRowAreRead() {
        AttentionSpec s = new AttentionSpec(1, 1, 2, 1, 8);
        OpCase c = decode(1, 5, 5, 2, 1, 8);
        int[] qkv = c.bits("qkv").clone();
        Arrays.fill(qkv, s.keyCol(), qkv.length, Bits.nan(DType.F32));
        OpCase poisoned = c.with("qkv", qkv);
        assertNull(compare(poisoned, runner().run(kernels(), poisoned)));
    }

    @Test
    void refusesALengthOutsideTheCache() {
        AttentionSpec s = new AttentionSpec(1, 1, 2, 1, 8);
        Tensor out = region().allocate(DType.F32, Shape.of(1, s.outCols()));
        Tensor qkv = region().allocate(DType.F32, Shape.of(1, s.qkvCols()));
        Tensor keys = region().allocate(DType.F32, Shape.of(1, 4, 8));
        Tensor values = region().allocate(DType.F32, Shape.of(1, 4, 8));
        for (int length : new int[] {-1, 0, 5}) {
            assertThrows(ShapeException.class, () -> kernels().attention().attentionDecode(out, qkv, keys, values, length, s));
        }
    }

    @Test
    void refusesToDecodeMoreThanOnePosition() {
        AttentionSpec s = new AttentionSpec(1, 2, 2, 1, 8);
        Tensor out = region().allocate(DType.F32, Shape.of(2, s.outCols()));
        Tensor qkv = region().allocate(DType.F32, Shape.of(2, s.qkvCols()));
        Tensor keys = region().allocate(DType.F32, Shape.of(1, 4, 8));
        Tensor values = region().allocate(DType.F32, Shape.of(1, 4, 8));
        assertThrows(ShapeException.class, () -> kernels().attention().attentionDecode(out, qkv, keys, values, 2, s));
    }
}
