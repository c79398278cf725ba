package dev.smallbatch.tck;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A decoder of two layers, one scalar at a time in double on a {@link ScalarTape}: pre-norm RMSNorm without scale,
 * QK-norm, half-split rotary embedding, causal attention, GELU MLP of four times the width, untied head, no biases.
 */
final class TinyGptOracle {
    static final int B = 2;
    static final int T = 9;
    static final int D = 24;
    static final int H = 2;
    static final int L = 2;
    static final int F = 4 * D;
    static final int V = 19;
    /** Rows of the head, padded; the last ones take no part. */
    static final int VP = 24;
    static final double EPS = 1e-6;
    private static final int HEAD = D / H;

    private final Map<String, double[]> parameters = initial();
    private final Map<String, double[]> first = zeros();
    private final Map<String, double[]> second = zeros();
    private Map<String, double[]> gradients;

    /** Rows and columns of every parameter by name, weights as (out, in). */
    static Map<String, int[]> shapes() {
        Map<String, int[]> shapes = new LinkedHashMap<>();
        shapes.put("embedding", new int[] {V, D});
        for (int l = 0; l < L; l++) {
            shapes.put("qkv" + l, new int[] {3 * D, D});
            shapes.put("out" + l, new int[] {D, D});
            shapes.put("up" + l, new int[] {F, D});
            shapes.put("down" + l, new int[] {D, F});
        }
        shapes.put("head", new int[] {VP, D});
        return shapes;
    }

    /** Seeded floats, so that every implementation starts from the same numbers. */
    static Map<String, double[]> initial() {
        Map<String, double[]> values = new LinkedHashMap<>();
        shapes().forEach((name, s) -> values.put(name, Data.toDoubles(Data.normal(name.hashCode(), s[0] * s[1], 0, 0.2))));
        return values;
    }

    private static Map<String, double[]> zeros() {
        Map<String, double[]> values = new LinkedHashMap<>();
        shapes().forEach((name, s) -> values.put(name, new double[s[0] * s[1]]));
        return values;
    }

    /** The batch of a step: sequences of an affine rule modulo V from random starts. */
    static int[] tokens(int step) {
        int[] tokens = Data.ids(1000 + step, B * T, V);
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = i % T == 0 ? tokens[i] : (5 * tokens[i - 1] + 3) % V;
        }
        return tokens;
    }

    /** Inputs shifted left by one; the last of each sequence is ignored. */
    static int[] targets(int step) {
        int[] tokens = tokens(step);
        int[] targets = new int[tokens.length];
        Arrays.setAll(targets, i -> i % T == T - 1 ? -1 : tokens[i + 1]);
        return targets;
    }

    /** Mean loss of a step's batch; keeps the gradient of every parameter. */
    double loss(int step) {
        ScalarTape tape = new ScalarTape();
        Map<String, int[]> nodes = new LinkedHashMap<>();
        parameters.forEach((name, values) -> nodes.put(name, Arrays.stream(values).mapToInt(tape::input).toArray()));
        int loss = new Graph(tape, nodes).loss(tokens(step), targets(step));
        double[] gradient = tape.gradient(loss);
        gradients = new LinkedHashMap<>();
        nodes.forEach((name, n) -> gradients.put(name, Arrays.stream(n).mapToDouble(node -> gradient[node]).toArray()));
        return tape.value(loss);
    }

    Map<String, double[]> gradients() {
        return gradients;
    }

    Map<String, double[]> parameters() {
        return parameters;
    }

    /** Plain stochastic gradient descent. */
    void sgd(double learningRate) {
        parameters.replaceAll((name, p) -> ReferenceTransforms.applied(p,
                ReferenceTransforms.scaled(gradients.get(name), learningRate)));
    }

    /** AdamW as a chain of links; {@code step} counts from 1. */
    void adamW(int step, double learningRate, double beta1, double beta2, double epsilon, double decay) {
        parameters.replaceAll((name, p) -> {
            double[] g = gradients.get(name);
            double[] m = ReferenceTransforms.unbiased(ReferenceTransforms.averaged(g, first.get(name), beta1, 1), beta1, step);
            double[] v = ReferenceTransforms.unbiased(ReferenceTransforms.averaged(g, second.get(name), beta2, 2), beta2, step);
            double[] u = ReferenceTransforms.decayed(ReferenceTransforms.normalized(m, v, epsilon), p, decay);
            return ReferenceTransforms.applied(p, ReferenceTransforms.scaled(u, learningRate));
        });
    }

    /** The forward pass as scalar operations; vectors are arrays of nodes. */
    private record Graph(ScalarTape tape, Map<String, int[]> parameters) {
        int loss(int[] tokens, int[] targets) {
            int[] losses = new int[0];
            for (int b = 0; b < B; b++) {
                int[][] x = new int[T][];
                for (int t = 0; t < T; t++) {
                    x[t] = row("embedding", tokens[b * T + t], D);
                }
                for (int l = 0; l < L; l++) {
                    x = mlp(attention(x, l), l);
                }
                for (int t = 0; t < T; t++) {
                    if (targets[b * T + t] >= 0) {
                        losses = Arrays.copyOf(losses, losses.length + 1);
                        losses[losses.length - 1] = crossEntropy(norm(x[t]), targets[b * T + t]);
                    }
                }
            }
            return tape.affine(tape.sum(losses), 1.0 / losses.length, 0);
        }

        private int[] row(String parameter, int row, int cols) {
            return Arrays.copyOfRange(parameters.get(parameter), row * cols, (row + 1) * cols);
        }

        private int[] linear(String weight, int rows, int[] x) {
            int[] out = new int[rows];
            Arrays.setAll(out, i -> tape.dot(row(weight, i, x.length), x));
            return out;
        }

        private int[] norm(int[] x) {
            int meanSquare = tape.affine(tape.dot(x, x), 1.0 / x.length, EPS);
            int rstd = tape.power(meanSquare, -0.5);
            return Arrays.stream(x).map(node -> tape.multiply(node, rstd)).toArray();
        }

        private int[] add(int[] a, int[] b) {
            int[] sum = new int[a.length];
            Arrays.setAll(sum, i -> tape.add(a[i], b[i]));
            return sum;
        }

        private int[][] attention(int[][] x, int l) {
            int[][] qkv = new int[T][];
            for (int t = 0; t < T; t++) {
                qkv[t] = linear("qkv" + l, 3 * D, norm(x[t]));
            }
            int[][] result = new int[T][];
            for (int t = 0; t < T; t++) {
                int[] heads = new int[D];
                for (int h = 0; h < H; h++) {
                    System.arraycopy(head(qkv, h, t), 0, heads, h * HEAD, HEAD);
                }
                result[t] = add(x[t], linear("out" + l, D, heads));
            }
            return result;
        }

        private int[] head(int[][] qkv, int h, int t) {
            int[] query = rotated(norm(part(qkv[t], h)), t);
            int[] weights = new int[t + 1];
            for (int s = 0; s <= t; s++) {
                int[] key = rotated(norm(part(qkv[s], H + h)), s);
                weights[s] = tape.exp(tape.affine(tape.dot(query, key), 1 / Math.sqrt(HEAD), 0));
            }
            int inverse = tape.power(tape.sum(weights), -1);
            int[] out = new int[HEAD];
            Arrays.setAll(out, d -> {
                int[] terms = new int[t + 1];
                Arrays.setAll(terms, s -> tape.multiply(weights[s], part(qkv[s], 2 * H + h)[d]));
                return tape.multiply(tape.sum(terms), inverse);
            });
            return out;
        }

        private int[] part(int[] row, int head) {
            return Arrays.copyOfRange(row, head * HEAD, (head + 1) * HEAD);
        }

        private int[] rotated(int[] x, int t) {
            int[] out = new int[HEAD];
            for (int i = 0; i < HEAD / 2; i++) {
                double angle = t * Math.pow(10000, -2.0 * i / HEAD);
                int a = x[i];
                int b = x[i + HEAD / 2];
                out[i] = tape.add(tape.affine(a, Math.cos(angle), 0), tape.affine(b, -Math.sin(angle), 0));
                out[i + HEAD / 2] = tape.add(tape.affine(b, Math.cos(angle), 0), tape.affine(a, Math.sin(angle), 0));
            }
            return out;
        }

        private int[][] mlp(int[][] x, int l) {
            int[][] result = new int[T][];
            for (int t = 0; t < T; t++) {
                int[] hidden = Arrays.stream(linear("up" + l, F, norm(x[t]))).map(this::gelu).toArray();
                result[t] = add(x[t], linear("down" + l, D, hidden));
            }
            return result;
        }

        private int gelu(int x) {
            int cubic = tape.add(x, tape.affine(tape.power(x, 3), 0.044715, 0));
            int gate = tape.affine(tape.tanh(tape.affine(cubic, Math.sqrt(2 / Math.PI), 0)), 0.5, 0.5);
            return tape.multiply(x, gate);
        }

        private int crossEntropy(int[] x, int target) {
            int[] logits = linear("head", V, x);
            int[] exponentials = Arrays.stream(logits).map(tape::exp).toArray();
            return tape.add(tape.log(tape.sum(exponentials)), tape.affine(logits[target], -1, 0));
        }
    }
}
