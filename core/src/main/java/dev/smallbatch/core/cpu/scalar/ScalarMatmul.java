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

    @Override
    public void matmul(Tensor out, Tensor a, Transpose ta, Tensor b, Transpose tb, float alpha, float beta) {
        product(out, a, ta, b, tb, alpha, beta == 0 ? null : out, beta);
    }

    @Override
    public void matmulEach(Tensor out, Tensor a, Transpose ta, Tensor b, Transpose tb, float alpha, Tensor c, float beta) {
        for (long i = 0; i < out.shape().dim(0); i++) {
            Tensor added = c == null ? null : c.rows(i, i + 1);
            product(out.rows(i, i + 1), a.rows(i, i + 1), ta, b.rows(i, i + 1), tb, alpha, added, beta);
        }
    }

    /** out[m, n] = alpha sum_k op(a)[m, k] op(b)[k, n] + beta c[m, n]. */
    private void product(Tensor out, Tensor a, Transpose ta, Tensor b, Transpose tb, float alpha, Tensor c, float beta) {
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
        Floats cs = c == null ? null : new Floats(c);
        Grid.split(parallel, M, N * K, (from, to) -> {
            for (long m = from; m < to; m++) {
                for (long n = 0; n < N; n++) {
                    double sum = 0;
                    for (long k = 0; k < K; k++) {
                        sum += as.get(m * aRow + k * aCol) * bs.get(k * bRow + n * bCol);
                    }
                    double added = cs == null ? 0 : beta * cs.get(m * N + n);
                    outs.set(m * N + n, alpha * sum + added);
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
