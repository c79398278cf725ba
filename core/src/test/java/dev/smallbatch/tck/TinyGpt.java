package dev.smallbatch.tck;

import static dev.smallbatch.tck.TinyGptOracle.B;
import static dev.smallbatch.tck.TinyGptOracle.D;
import static dev.smallbatch.tck.TinyGptOracle.F;
import static dev.smallbatch.tck.TinyGptOracle.H;
import static dev.smallbatch.tck.TinyGptOracle.L;
import static dev.smallbatch.tck.TinyGptOracle.T;
import static dev.smallbatch.tck.TinyGptOracle.V;
import static dev.smallbatch.tck.TinyGptOracle.VP;

import dev.smallbatch.core.spi.Activation;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;

/** The model of {@link TinyGptOracle} as calls of kernels, forward and backward by hand. Owns no memory: its region does. */
final class TinyGpt {
    private static final float EPS = (float) TinyGptOracle.EPS;
    private static final int N = B * T;
    private static final AttentionSpec SPEC = new AttentionSpec(B, T, H, H, D / H);

    /** Activations of one block, in the order they are computed. */
    private record Block(Tensor normed, Tensor rstd, Tensor qkv, Tensor headNormed, Tensor headRstd, Tensor rotated,
            Tensor attended, Tensor lse, Tensor projected, Tensor middle, Tensor middleNormed, Tensor middleRstd, Tensor up,
            Tensor active, Tensor down, Tensor out) {}

    private final Region region;
    private final Rounding rounding;
    private final Map<String, Tensor> parameters = new LinkedHashMap<>();
    private final Map<String, Tensor> gradients = new LinkedHashMap<>();
    private final Map<String, Tensor> first = new LinkedHashMap<>();
    private final Map<String, Tensor> second = new LinkedHashMap<>();
    private final Block[] blocks = new Block[L];
    private final Tensor tokens;
    private final Tensor targets;
    private final Tensor cos;
    private final Tensor sin;
    private final Tensor embedded;
    private final Tensor normed;
    private final Tensor rstd;
    private final Tensor logits;
    private final Tensor losses;
    private final Tensor dx;
    private final Tensor dnormed;
    private final Tensor dwide;
    private final Tensor dqkv;
    private final Tensor dattended;
    private final Tensor slots;

    /** @param region has room for a few hundred kilobytes */
    TinyGpt(Region region) {
        this(region, DType.F32, Rounding.NEAREST_EVEN);
    }

    /**
     * @param weights element type of the parameters
     * @param rounding of BF16 ones
     */
    TinyGpt(Region region, DType weights, Rounding rounding) {
        this.region = region;
        this.rounding = rounding;
        Map<String, double[]> initial = TinyGptOracle.initial();
        TinyGptOracle.shapes().forEach((name, s) -> {
            parameters.put(name, region.allocate(weights, Shape.of(s[0], s[1])));
            gradients.put(name, f32(s[0], s[1]));
            first.put(name, f32(s[0], s[1]));
            second.put(name, f32(s[0], s[1]));
            int[] start = Bits.ofFloats(Data.toFloats(initial.get(name)));
            Bits.write(parameters.get(name), weights == DType.F32 ? start
                    : ElementwiseOracle.rounded(start, Rounding.NEAREST_EVEN, 0));
            first.get(name).copyFrom(new float[s[0] * s[1]]);
            second.get(name).copyFrom(new float[s[0] * s[1]]);
        });
        for (int l = 0; l < L; l++) {
            blocks[l] = new Block(f32(N, D), f32(N), f32(B, T, 3 * D), f32(B, T, 3 * D), f32(B, T, 2 * H), f32(B, T, 3 * D),
                    f32(B, T, D), f32(B, H, T), f32(N, D), f32(N, D), f32(N, D), f32(N), f32(N, F), f32(N, F), f32(N, D),
                    f32(N, D));
        }
        tokens = region.allocate(DType.I32, Shape.of(B, T));
        targets = region.allocate(DType.I32, Shape.of(N));
        cos = f32(T, D / H / 2);
        sin = f32(T, D / H / 2);
        embedded = f32(B, T, D);
        normed = f32(N, D);
        rstd = f32(N);
        logits = f32(N, VP);
        losses = f32(N);
        dx = f32(N, D);
        dnormed = f32(N, D);
        dwide = f32(N, F);
        dqkv = f32(B, T, 3 * D);
        dattended = f32(B, T, D);
        slots = f32(UpdateKernels.ADAMW_SLOTS);
        angles();
    }

    private Tensor f32(long... dims) {
        return region.allocate(DType.F32, Shape.of(dims));
    }

    private void angles() {
        int half = D / H / 2;
        float[] c = new float[T * half];
        float[] s = new float[T * half];
        for (int i = 0; i < c.length; i++) {
            double angle = i / half * Math.pow(10000, -2.0 * (i % half) / (2 * half));
            c[i] = (float) Math.cos(angle);
            s[i] = (float) Math.sin(angle);
        }
        cos.copyFrom(c);
        sin.copyFrom(s);
    }

    /** Writes the batch of a step into the tensors that {@link #forwardBackward} reads. */
    void load(int step) {
        tokens.copyFrom(TinyGptOracle.tokens(step));
        targets.copyFrom(TinyGptOracle.targets(step));
    }

    void loadSlots(float[] values) {
        slots.rows(0, values.length).copyFrom(values);
    }

    /** Losses, and the gradient of their mean over targets that count into {@link #gradients}. */
    void forwardBackward(Kernels k) {
        k.embedding().embed(embedded, tokens, parameters.get("embedding"), null);
        Tensor x = embedded.reshape(Shape.of(N, D));
        for (int l = 0; l < L; l++) {
            forward(k, l, x);
            x = blocks[l].out();
        }
        k.norm().rmsNorm(normed, rstd, x, null, EPS);
        k.matmul().linear(logits, normed, parameters.get("head"), null);
        k.loss().crossEntropy(losses, logits, logits, targets, V, 1f / (B * (T - 1)));

        k.elementwise().fill(dx, 0);
        linearBackward(k, "head", dnormed, logits, normed);
        k.norm().rmsNormBackward(dx, null, dnormed, x, null, rstd);
        for (int l = L - 1; l >= 0; l--) {
            backward(k, l, l == 0 ? embedded.reshape(Shape.of(N, D)) : blocks[l - 1].out());
        }
        k.elementwise().fill(gradients.get("embedding"), 0);
        k.embedding().embedBackward(gradients.get("embedding"), null, dx.reshape(Shape.of(B, T, D)), tokens);
    }

    private void forward(Kernels k, int l, Tensor x) {
        Block b = blocks[l];
        k.norm().rmsNorm(b.normed(), b.rstd(), x, null, EPS);
        k.matmul().linear(b.qkv(), b.normed(), parameters.get("qkv" + l), null);
        k.norm().qkNorm(b.headNormed(), b.headRstd(), b.qkv(), SPEC, EPS);
        k.attention().rope(b.rotated(), b.headNormed(), cos, sin, SPEC, false);
        k.attention().attention(b.attended(), b.lse(), b.rotated(), SPEC);
        k.matmul().linear(b.projected(), b.attended(), parameters.get("out" + l), null);
        k.elementwise().add(b.middle(), x, b.projected());
        k.norm().rmsNorm(b.middleNormed(), b.middleRstd(), b.middle(), null, EPS);
        k.matmul().linear(b.up(), b.middleNormed(), parameters.get("up" + l), null);
        k.activation().activate(b.active(), b.up(), Activation.GELU_TANH);
        k.matmul().linear(b.down(), b.active(), parameters.get("down" + l), null);
        k.elementwise().add(b.out(), b.middle(), b.down());
    }

    /** {@code dx} holds the gradient of the block's output and then that of its input: both adds pass it on. */
    private void backward(Kernels k, int l, Tensor x) {
        Block b = blocks[l];
        linearBackward(k, "down" + l, dwide, dx, b.active());
        k.activation().activateBackward(dwide, dwide, b.up(), Activation.GELU_TANH);
        linearBackward(k, "up" + l, dnormed, dwide, b.middleNormed());
        k.norm().rmsNormBackward(dx, null, dnormed, b.middle(), null, b.middleRstd());
        linearBackward(k, "out" + l, dattended, dx, b.attended());
        k.attention().attentionBackward(dqkv, dattended, b.attended(), b.lse(), b.rotated(), SPEC);
        k.attention().rope(dqkv, dqkv, cos, sin, SPEC, true);
        k.norm().qkNormBackward(dqkv, dqkv, b.headNormed(), b.headRstd(), SPEC);
        linearBackward(k, "qkv" + l, dnormed, dqkv, b.normed());
        k.norm().rmsNormBackward(dx, null, dnormed, x, null, b.rstd());
    }

    /** {@code dweight = dout^T x}, {@code din = dout weight}. */
    private void linearBackward(Kernels k, String name, Tensor din, Tensor dout, Tensor x) {
        k.matmul().matmul(gradients.get(name), dout, Transpose.YES, x, Transpose.NO, 1, 0);
        k.matmul().matmul(din, dout, Transpose.NO, parameters.get(name), Transpose.NO, 1, 0);
    }

    private static long key(String name) {
        return name.hashCode();
    }

    void sgd(Kernels k) {
        Tensor s = slots.rows(0, UpdateKernels.MOMENTUM_SLOTS);
        parameters.forEach((name, p) -> k.update().sgdStep(p, null, gradients.get(name), s, rounding, key(name)));
    }

    void adamW(Kernels k) {
        parameters.forEach((name, p) -> k.update().adamWStep(p, first.get(name), second.get(name), gradients.get(name), slots, rounding,
                key(name)));
    }

    /** Mean of the losses whose targets count. */
    double loss() {
        double sum = 0;
        for (float loss : losses.toFloatArray()) {
            sum += loss;
        }
        return sum / (B * (T - 1));
    }

    Map<String, Tensor> gradients() {
        return gradients;
    }

    Map<String, Tensor> parameters() {
        return parameters;
    }
}
