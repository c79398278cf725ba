package dev.smallbatch.core.cpu.scalar;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.spi.MatmulKernels;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.tensor.Tensor;

/** Matrix products, each element one sum over K in ascending order. Tasks are rows of the output. */
final class ScalarMatmul implements MatmulKernels {
    private final Parallel parallel;

    ScalarMatmul(Parallel parallel) {
        this.parallel = parallel;
    }

    /** out[m, n] = alpha sum_k op(a)[m, k] op(b)[k, n] + beta out[m, n]. */
    @Override
    public void matmul(Tensor out, Tensor a, Transpose ta, Tensor b, Transpose tb, float alpha, float beta) {
        long M = out.shape().rows();
        long N = out.shape().cols();
        long K = ta == Transpose.NO ? a.shape().cols() : a.shape().rows();
        long aRow = ta == Transpose.NO ? K : 1;
        long aCol = ta == Transpose.NO ? 1 : M;
        long bRow = tb == Transpose.NO ? N : 1;
        long bCol = tb == Transpose.NO ? 1 : K;
        Floats outs = new Floats(out);
        Floats as = new Floats(a);
        Floats bs = new Floats(b);
        Grid.split(parallel, M, N * K, (from, to) -> {
            for (long m = from; m < to; m++) {
                for (long n = 0; n < N; n++) {
                    double sum = 0;
                    for (long k = 0; k < K; k++) {
                        sum += as.get(m * aRow + k * aCol) * bs.get(k * bRow + n * bCol);
                    }
                    double old = beta == 0 ? 0 : outs.get(m * N + n);
                    outs.set(m * N + n, alpha * sum + old);
                }
            }
        });
    }

    /** out[n, i] = sum_j x[n, j] weight[i, j] + bias[i]. */
    @Override
    public void linear(Tensor out, Tensor x, Tensor weight, Tensor bias) {
        long N = x.shape().rows();
        long inputs = x.shape().cols();
        long outputs = out.shape().cols();
        Floats outs = new Floats(out);
        Floats xs = new Floats(x);
        Floats weights = new Floats(weight);
        Floats biases = bias == null ? null : new Floats(bias);
        Grid.split(parallel, N, inputs * outputs, (from, to) -> {
            for (long n = from; n < to; n++) {
                for (long i = 0; i < outputs; i++) {
                    double sum = biases == null ? 0 : biases.get(i);
                    for (long j = 0; j < inputs; j++) {
                        sum += xs.get(n * inputs + j) * weights.get(i * inputs + j);
                    }
                    outs.set(n * outputs + i, sum);
                }
            }
        });
    }

    /** dbias[c] += sum_n dout[n, c]. */
    @Override
    public void biasBackward(Tensor dbias, Tensor dout) {
        long N = dout.shape().rows();
        long C = dout.shape().cols();
        Floats dbiases = new Floats(dbias);
        Floats douts = new Floats(dout);
        Grid.split(parallel, C, N, (from, to) -> {
            for (long c = from; c < to; c++) {
                double sum = 0;
                for (long n = 0; n < N; n++) {
                    sum += douts.get(n * C + c);
                }
                dbiases.add(c, sum);
            }
        });
    }
}
