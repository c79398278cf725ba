package dev.smallbatch.core.cpu.none;

import dev.smallbatch.core.spi.Activation;
import dev.smallbatch.core.spi.ActivationKernels;
import dev.smallbatch.core.spi.AttentionKernels;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendInfo;
import dev.smallbatch.core.spi.ElementwiseKernels;
import dev.smallbatch.core.spi.EmbeddingKernels;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.LossKernels;
import dev.smallbatch.core.spi.MatmulKernels;
import dev.smallbatch.core.spi.NormKernels;
import dev.smallbatch.core.spi.Quantization;
import dev.smallbatch.core.spi.QuantizedUpdateKernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Tensor;

/** Kernels without effect: outputs keep what they held. Opened through Backends it still checks every argument. */
final class NullBackend implements Backend {
    private final Kernels kernels = new Kernels(new NullMatmul(), new NullNorm(), new NullActivation(), new NullAttention(),
            new NullEmbedding(), new NullLoss(), new NullElementwise(), new NullUpdate(), new NullQuantizedUpdate());

    @Override
    public BackendInfo info() {
        return new BackendInfo("none", "computes nothing", 1, false);
    }

    @Override
    public Kernels kernels() {
        return kernels;
    }

    @Override
    public void close() {
        // Holds nothing.
    }

    private static final class NullMatmul implements MatmulKernels {
        @Override
        public void matmul(Tensor out, Tensor a, Transpose ta, Tensor b, Transpose tb, float alpha, float beta) {}

        @Override
        public void matmulEach(Tensor out, Tensor a, Transpose ta, Tensor b, Transpose tb, float alpha, Tensor c, float beta) {}

        @Override
        public void linear(Tensor out, Tensor x, Tensor weight, Tensor bias) {}

        @Override
        public void biasBackward(Tensor dbias, Tensor dout) {}
    }

    private static final class NullNorm implements NormKernels {
        @Override
        public void layerNorm(Tensor out, Tensor mean, Tensor rstd, Tensor x, Tensor weight, Tensor bias, float eps) {}

        @Override
        public void layerNormBackward(Tensor dx, Tensor dweight, Tensor dbias, Tensor dout, Tensor x, Tensor weight,
                Tensor mean, Tensor rstd) {}

        @Override
        public void rmsNorm(Tensor out, Tensor rstd, Tensor x, Tensor weight, float eps) {}

        @Override
        public void rmsNormBackward(Tensor dx, Tensor dweight, Tensor dout, Tensor x, Tensor weight, Tensor rstd) {}

        @Override
        public void qkNorm(Tensor out, Tensor rstd, Tensor x, AttentionSpec spec, float eps) {}

        @Override
        public void qkNormBackward(Tensor dx, Tensor dout, Tensor h, Tensor rstd, AttentionSpec spec) {}
    }

    private static final class NullActivation implements ActivationKernels {
        @Override
        public void activate(Tensor out, Tensor x, Activation kind) {}

        @Override
        public void activateBackward(Tensor dx, Tensor dout, Tensor x, Activation kind) {}
    }

    private static final class NullAttention implements AttentionKernels {
        @Override
        public void rope(Tensor out, Tensor x, Tensor cos, Tensor sin, AttentionSpec spec, boolean inverse) {}

        @Override
        public void attention(Tensor out, Tensor lse, Tensor qkv, AttentionSpec spec) {}

        @Override
        public void attentionBackward(Tensor dqkv, Tensor dout, Tensor out, Tensor lse, Tensor qkv, AttentionSpec spec) {}

        @Override
        public void attentionDecode(Tensor out, Tensor qkv, Tensor keys, Tensor values, int length, AttentionSpec spec) {}
    }

    private static final class NullEmbedding implements EmbeddingKernels {
        @Override
        public void embed(Tensor out, Tensor tokens, Tensor table, Tensor positions) {}

        @Override
        public void embedBackward(Tensor dtable, Tensor dpositions, Tensor dout, Tensor tokens) {}
    }

    private static final class NullLoss implements LossKernels {
        @Override
        public void crossEntropy(Tensor losses, Tensor dlogits, Tensor logits, Tensor targets, int vocabulary, float scale) {}

        @Override
        public void drawTargets(Tensor dlogits, Tensor targets, int vocabulary, float scale, long key, long first) {}
    }

    private static final class NullElementwise implements ElementwiseKernels {
        @Override
        public void fill(Tensor out, float value) {}

        @Override
        public void convert(Tensor out, Tensor in, Rounding rounding, long key) {}

        @Override
        public void axpy(Tensor y, float a, Tensor x) {}

        @Override
        public void lerp(Tensor y, float a, Tensor x) {}

        @Override
        public void exchange(Tensor a, Tensor b) {}

        @Override
        public void addProduct(Tensor y, float keep, float factor, Tensor a, Tensor b) {}

        @Override
        public void add(Tensor out, Tensor a, Tensor b) {}

        @Override
        public void sumOfSquares(Tensor result, Tensor x) {}

        @Override
        public void limitGrowth(Tensor x, Tensor length, float growth) {}
    }

    private static final class NullUpdate implements UpdateKernels {
        @Override
        public void sgdStep(Tensor p, Tensor m, Tensor g, Tensor s, Rounding rounding, long key) {}

        @Override
        public void signStep(Tensor p, Tensor m, Tensor g, Tensor s, Rounding rounding, long key) {}

        @Override
        public void rootStep(Tensor p, Tensor v, Tensor g, Tensor s, Rounding rounding, long key) {}

        @Override
        public void adamWStep(Tensor p, Tensor m, Tensor v, Tensor g, Tensor s, Rounding rounding, long key) {}

        @Override
        public void scheduleFreeStep(Tensor p, Tensor m, Tensor v, Tensor g, Tensor s, Rounding rounding, long key) {}

        @Override
        public void sophiaStep(Tensor p, Tensor m, Tensor c, Tensor g, Tensor s, Rounding rounding, long key) {}

        @Override
        public void adafactorStep(Tensor p, Tensor v, Tensor g, Tensor s, Rounding rounding, long key) {}

        @Override
        public void factoredAdafactorStep(Tensor p, Tensor r, Tensor c, Tensor g, Tensor s, Rounding rounding, long key) {}

        @Override
        public void muonMoment(Tensor m, Tensor x, Tensor g, Tensor s) {}

        @Override
        public void muonStep(Tensor p, Tensor x, Tensor s, float factor, Rounding rounding, long key) {}

        @Override
        public void balance(Tensor r, Tensor c, Tensor x, Lines lines, float floor) {}

        @Override
        public void balancedStep(Tensor p, Tensor r, Tensor c, Tensor x, Tensor s, Rounding rounding, long key) {}
    }

    private static final class NullQuantizedUpdate implements QuantizedUpdateKernels {
        @Override
        public void quantizedSgdStep(Tensor p, Tensor m, Tensor mScale, Tensor g, Tensor s, Quantization how,
                Rounding rounding, long key) {}

        @Override
        public void quantizedSignStep(Tensor p, Tensor m, Tensor mScale, Tensor g, Tensor s, Quantization how,
                Rounding rounding, long key) {}

        @Override
        public void quantizedRootStep(Tensor p, Tensor v, Tensor vScale, Tensor g, Tensor s, Quantization how,
                Rounding rounding, long key) {}

        @Override
        public void quantizedAdamWStep(Tensor p, Tensor m, Tensor mScale, Tensor v, Tensor vScale, Tensor g, Tensor s,
                Quantization how, Rounding rounding, long key) {}
    }
}
