package dev.smallbatch.tck;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.smallbatch.core.spi.MatmulKernels;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.ShapeException;
import dev.smallbatch.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Checks of {@link MatmulKernels}. */
public abstract class MatmulCases extends FamilyCases {
    private static final float[][] ALPHA_BETA = {{1, 0}, {1, 1}, {-0.5f, 0}, {0.37f, 1}, {0, 0}};
    /** Shapes of a transformer's products, across the blocks that kernels cut K, M and N into. */
    private static final int[][] LARGE = {{130, 770, 515}, {129, 67, 1100}, {1, 770, 1100}, {257, 5, 515}, {2, 1030, 300},
        {64, 64, 2051}, {1601, 35, 19}, {21, 4131, 19}, {1555, 2111, 3}};

    /** Stacks of as many products as the first number says. */
    private static final int[][] STACKS = {{7, 5, 6, 9}, {12, 33, 32, 129}, {5, 129, 8, 515}, {3, 130, 131, 132}, {1, 19, 33, 5}};

    MatmulCases(BackendConformance suite) {
        super(suite);
    }

    @Override
    final Class<?> family() {
        return MatmulKernels.class;
    }

    @Override
    final List<OpCase> cases() {
        List<OpCase> cases = new ArrayList<>();
        cases.add(matmul(5, 6, 4, Operands.F32, false, false, 1, 0));
        cases.add(linear(5, 6, 4, DType.F32, true));
        cases.add(biasBackward(5, 6));
        cases.add(matmulEach(3, 5, 6, 4, Operands.F32, false, false, 1, 0));
        int turn = 0;
        for (int size : Shapes.SIZES) {
            int small = Math.min(size, 129);
            for (int[] mnk : new int[][] {{size, 19, 9}, {9, size, 19}, {5, 17, size}, {small, small, size}}) {
                for (int t = 0; t < 4; t++) {
                    float[] ab = ALPHA_BETA[turn++ % ALPHA_BETA.length];
                    cases.add(matmul(mnk[0], mnk[1], mnk[2], Operands.F32, (t & 1) == 1, t > 1, ab[0], ab[1]));
                    cases.add(matmul(mnk[0], mnk[1], mnk[2], Operands.bf16(turn), (t & 1) == 1, t > 1, ab[0], ab[1]));
                }
                cases.add(linear(mnk[0], mnk[1], mnk[2], DType.F32, turn % 3 > 0));
                cases.add(linear(mnk[0], mnk[1], mnk[2], DType.BF16, turn % 3 > 0));
            }
            cases.add(linear(1 + turn % 4, 19, size, DType.BF16, turn % 3 > 0));
            cases.add(biasBackward(7, size));
            cases.add(biasBackward(size, 33));
        }
        for (int t = 0; t < 4; t++) {
            for (int[] imnk : STACKS) {
                float[] ab = ALPHA_BETA[turn++ % ALPHA_BETA.length];
                Operands types = t == 3 ? Operands.bf16(turn) : Operands.F32;
                cases.add(matmulEach(imnk[0], imnk[1], imnk[2], imnk[3], types, (t & 1) == 1, t > 1, ab[0], 1.75f * ab[1]));
            }
        }
        for (int[] mnk : LARGE) {
            for (int t = 0; t < 4; t++) {
                float[] ab = ALPHA_BETA[turn++ % 4];
                cases.add(matmul(mnk[0], mnk[1], mnk[2], Operands.F32, (t & 1) == 1, t > 1, ab[0], ab[1]));
            }
            int t = turn / 4 % 4;
            cases.add(matmul(mnk[0], mnk[1], mnk[2], Operands.bf16(2), (t & 1) == 1, t > 1, 1, 0));
            cases.add(linear(mnk[0], mnk[1], mnk[2], DType.F32, true));
            cases.add(linear(mnk[0], mnk[1], mnk[2], DType.BF16, true));
        }
        cases.add(biasBackward(400, 768));
        for (int beta = 0; beta <= 1; beta++) {
            cases.add(matmul(5, 19, 0, Operands.F32, false, false, 1, beta));
            cases.add(matmul(5, 19, 0, Operands.bf16(2), true, true, 1, beta));
        }
        cases.add(linear(3, 19, 0, DType.F32, true));
        cases.add(higherRank());
        return cases;
    }

    /** Element types of a and b. */
    private record Operands(DType a, DType b) {
        static final Operands F32 = new Operands(DType.F32, DType.F32);

        /** BF16 is a, b or both, in turn. */
        static Operands bf16(int turn) {
            return switch (turn % 3) {
                case 0 -> new Operands(DType.BF16, DType.F32);
                case 1 -> new Operands(DType.F32, DType.BF16);
                default -> new Operands(DType.BF16, DType.BF16);
            };
        }
    }

    private static OpCase matmul(int M, int N, int K, Operands types, boolean ta, boolean tb, float alpha, float beta) {
        String label = "M %d N %d K %d %s%s %s%s alpha %s beta %s";
        OpCase c = OpCase.of("matmul", label.formatted(M, N, K, types.a(), ta ? "^T" : "", types.b(), tb ? "^T" : "", alpha, beta));
        if (beta == 0) {
            c.written("out", M, N);
        } else {
            c.accumulated("out", M, N);
        }
        c.read("a", ta ? new long[] {K, M} : new long[] {M, K}).weight(types.a());
        c.read("b", tb ? new long[] {N, K} : new long[] {K, N}).weight(types.b());
        return c.call((k, t) -> k.matmul().matmul(t[0], t[1], transpose(ta), t[2], transpose(tb), alpha, beta))
                .expect(x -> {
                    double[] a = ta ? MatmulOracle.transpose(x.get("a"), K, M) : x.get("a");
                    double[] b = tb ? MatmulOracle.transpose(x.get("b"), N, K) : x.get("b");
                    return List.of(MatmulOracle.expected(a, b, alpha, beta == 0 ? null : x.get("out"), M, N, K));
                });
    }

    private static OpCase matmulEach(int I, int M, int N, int K, Operands types, boolean ta, boolean tb, float alpha,
            float beta) {
        String label = "I %d M %d N %d K %d %s%s %s%s alpha %s beta %s";
        OpCase c = OpCase.of("matmulEach", label.formatted(I, M, N, K, types.a(), ta ? "^T" : "", types.b(), tb ? "^T" : "", alpha,
                beta)).written("out", I, M, N);
        c.read("a", ta ? new long[] {I, K, M} : new long[] {I, M, K}).weight(types.a());
        c.read("b", tb ? new long[] {I, N, K} : new long[] {I, K, N}).weight(types.b());
        if (beta == 0) {
            c.absent("c");
        } else {
            c.read("c", I, M, N).optional();
        }
        return c.call((k, t) -> k.matmul().matmulEach(t[0], t[1], transpose(ta), t[2], transpose(tb), alpha, t[3], beta))
                .expect(x -> {
                    double[] value = new double[I * M * N];
                    double[] bound = new double[I * M * N];
                    for (int i = 0; i < I; i++) {
                        double[] a = Arrays.copyOfRange(x.get("a"), i * M * K, (i + 1) * M * K);
                        double[] b = Arrays.copyOfRange(x.get("b"), i * N * K, (i + 1) * N * K);
                        Expected one = MatmulOracle.expected(ta ? MatmulOracle.transpose(a, K, M) : a,
                                tb ? MatmulOracle.transpose(b, N, K) : b, alpha,
                                x.get("c") == null ? null : added(x.get("c"), beta, i * M * N, (i + 1) * M * N), M, N, K);
                        System.arraycopy(one.value(), 0, value, i * M * N, M * N);
                        System.arraycopy(one.bound(), 0, bound, i * M * N, M * N);
                    }
                    return List.of(new Expected(value, bound));
                });
    }

    private static double[] added(double[] c, double beta, int from, int to) {
        return Arrays.stream(c, from, to).map(x -> beta * x).toArray();
    }

    private static OpCase linear(int N, int cOut, int cIn, DType weight, boolean bias) {
        OpCase c = OpCase.of("linear", "N %d Cout %d Cin %d %s%s".formatted(N, cOut, cIn, weight, bias ? " bias" : ""))
                .written("out", N, cOut)
                .read("x", N, cIn).read("weight", cOut, cIn).weight(weight);
        return affine(bias ? c.read("bias", cOut).optional() : c.absent("bias"), N, cOut, cIn);
    }

    /** Tensors of rank 3 and 4 are matrices of their last axis. */
    private static OpCase higherRank() {
        return affine(OpCase.of("linear", "x (2, 3, 5, 8)").written("out", 2, 3, 5, 7).read("x", 2, 3, 5, 8).read("weight", 7, 8)
                .read("bias", 7).optional(), 30, 7, 8);
    }

    private static OpCase affine(OpCase c, int N, int cOut, int cIn) {
        return c.call((k, t) -> k.matmul().linear(t[0], t[1], t[2], t[3])).expect(x -> {
            double[] added = x.get("bias") == null ? null : MatmulOracle.rowsOf(x.get("bias"), N);
            double[] transposed = MatmulOracle.transpose(x.get("weight"), cOut, cIn);
            return List.of(MatmulOracle.expected(x.get("x"), transposed, 1, added, N, cOut, cIn));
        });
    }

    private static OpCase biasBackward(int N, int C) {
        return OpCase.of("biasBackward", "N %d C %d".formatted(N, C)).accumulated("dbias", C).read("dout", N, C).freeAxes(0)
                .call((k, t) -> k.matmul().biasBackward(t[0], t[1]))
                .expect(x -> List.of(MatmulOracle.columnSums(x.get("dbias"), x.get("dout"), N, C)));
    }

    private static Transpose transpose(boolean yes) {
        return yes ? Transpose.YES : Transpose.NO;
    }

    /** The gradients of out = x weight^T + bias are dx = dout weight, dweight = dout^T x and the column sums. */
    @Override
    final List<GradientCheck> gradients() {
        int N = 5;
        int cOut = 11;
        int cIn = 7;
        OpCase f = linear(N, cOut, cIn, DType.F32, true);
        double[] x = f.get("x");
        double[] weight = f.get("weight");
        double[] bias = f.get("bias");
        float[] dout = Data.normal(7, N * cOut);
        OpCase dx = matmul(N, cIn, cOut, Operands.F32, false, false, 1, 1).with("a", Bits.ofFloats(dout)).with("b", f.bits("weight"));
        OpCase dweight = matmul(cOut, cIn, N, Operands.F32, true, false, 1, 1).with("a", Bits.ofFloats(dout)).with("b", f.bits("x"));
        OpCase dbias = biasBackward(N, cOut).with("dout", Bits.ofFloats(dout));
        double[] d = Data.toDoubles(dout);
        return List.of(new GradientCheck("linear by x", dx, "out", x, p -> affine(p, weight, bias, N, cOut, cIn), d),
                new GradientCheck("linear by weight", dweight, "out", weight, p -> affine(x, p, bias, N, cOut, cIn), d),
                new GradientCheck("linear by bias", dbias, "dbias", bias, p -> affine(x, weight, p, N, cOut, cIn), d));
    }

    private static double[] affine(double[] x, double[] weight, double[] bias, int N, int cOut, int cIn) {
        double[] transposed = MatmulOracle.transpose(weight, cOut, cIn);
        return MatmulOracle.expected(x, transposed, 1, MatmulOracle.rowsOf(bias, N), N, cOut, cIn).value();
    }

    @Test
    void bothFactorsMayBeTheSameTensor() {
        OpCase c = OpCase.of("matmul", "x times x^T").written("out", 19, 19).read("x", 19, 35)
                .call((k, t) -> k.matmul().matmul(t[0], t[1], Transpose.NO, t[1], Transpose.YES, 1, 0))
                .expect(x -> {
                    double[] transposed = MatmulOracle.transpose(x.get("x"), 19, 35);
                    return List.of(MatmulOracle.expected(x.get("x"), transposed, 1, null, 19, 19, 35));
                });
        assertNull(compare(c, runner().run(kernels(), c)));
    }

    @Test
    void refusesABetaThatIsNeitherZeroNorOne() {
        Tensor out = region().allocate(DType.F32, Shape.of(2, 2));
        Tensor a = region().allocate(DType.F32, Shape.of(2, 2));
        assertThrows(ShapeException.class, () -> kernels().matmul().matmul(out, a, Transpose.NO, a, Transpose.NO, 1, 0.5f));
    }
}
