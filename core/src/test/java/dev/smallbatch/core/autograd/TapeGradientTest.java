package dev.smallbatch.core.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Activation;
import dev.smallbatch.tck.LeakCheck;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The tape's gradients against central differences of the forward pass, for graphs in which gradient buffers are shared. */
@ExtendWith(LeakCheck.class)
class TapeGradientTest {
    private static final double STEP = 4e-3;
    private static final double TOLERANCE = 1e-3;

    static Stream<Arguments> graphs() {
        return Stream.of(
                graph("a chain", bench -> {
                    Parameter table = bench.table("table");
                    Parameter head = bench.matrix("head", Bench.VOCABULARY, Bench.DIM);
                    return ops -> ops.linear(ops.rmsNorm(ops.embed(bench.tokens, table, null), null, Bench.EPSILON), head, null);
                }),
                graph("a residual sum whose other term works in place", bench -> {
                    Parameter table = bench.table("table");
                    Parameter head = bench.matrix("head", Bench.VOCABULARY, Bench.DIM);
                    return ops -> {
                        Var x = ops.embed(bench.tokens, table, null);
                        return ops.linear(ops.add(x, ops.activate(x, Activation.GELU_TANH)), head, null);
                    };
                }),
                graph("a residual sum with its terms exchanged", bench -> {
                    Parameter table = bench.table("table");
                    Parameter head = bench.matrix("head", Bench.VOCABULARY, Bench.DIM);
                    return ops -> {
                        Var x = ops.embed(bench.tokens, table, null);
                        return ops.linear(ops.add(ops.activate(x, Activation.SILU), x), head, null);
                    };
                }),
                graph("a residual sum whose other term works in place, then multiplies", bench -> {
                    Parameter table = bench.table("table");
                    Parameter matrix = bench.matrix("matrix", Bench.DIM, Bench.DIM);
                    Parameter head = bench.matrix("head", Bench.VOCABULARY, Bench.DIM);
                    return ops -> {
                        Var x = ops.embed(bench.tokens, table, null);
                        Var inner = ops.activate(ops.linear(x, matrix, null), Activation.GELU_TANH);
                        return ops.linear(ops.add(x, inner), head, null);
                    };
                }),
                graph("in-place operations behind one another, then a sum", bench -> {
                    Parameter table = bench.table("table");
                    Parameter head = bench.matrix("head", Bench.VOCABULARY, Bench.DIM);
                    return ops -> {
                        Var x = ops.embed(bench.tokens, table, null);
                        Var y = ops.activate(ops.activate(x, Activation.GELU_TANH), Activation.SILU);
                        return ops.linear(ops.add(y, ops.activate(y, Activation.GELU_ERF)), head, null);
                    };
                }),
                graph("a value added to itself", bench -> {
                    Parameter table = bench.table("table");
                    Parameter head = bench.matrix("head", Bench.VOCABULARY, Bench.DIM);
                    return ops -> {
                        Var x = ops.activate(ops.embed(bench.tokens, table, null), Activation.SILU);
                        return ops.linear(ops.add(x, x), head, null);
                    };
                }),
                graph("one value in three operations", bench -> {
                    Parameter table = bench.table("table");
                    Parameter first = bench.matrix("first", Bench.DIM, Bench.DIM);
                    Parameter second = bench.matrix("second", Bench.DIM, Bench.DIM);
                    Parameter head = bench.matrix("head", Bench.VOCABULARY, Bench.DIM);
                    return ops -> {
                        Var x = ops.embed(bench.tokens, table, null);
                        Var sum = ops.add(ops.linear(x, first, null), ops.add(ops.linear(x, second, null), x));
                        return ops.linear(ops.add(sum, ops.rmsNorm(x, null, Bench.EPSILON)), head, null);
                    };
                }),
                graph("a table that is input and output", bench -> {
                    Parameter table = bench.table("table");
                    Parameter positions = bench.parameter("positions", Role.EMBEDDING, 4, Bench.DIM);
                    return ops -> ops.linear(ops.embed(bench.tokens, table, positions), table, null);
                }),
                graph("positions added to normalized vectors", bench -> {
                    Parameter table = bench.table("table");
                    Parameter weight = bench.vector("weight");
                    Parameter bias = bench.vector("bias");
                    Parameter positions = bench.parameter("positions", Role.EMBEDDING, 4, Bench.DIM);
                    return ops -> {
                        Var x = ops.layerNorm(ops.embed(bench.tokens, table, null), weight, bias, 1e-5f);
                        return ops.linear(ops.add(ops.addPositions(x, positions), x), table, null);
                    };
                }),
                graph("one norm and one matrix used twice", bench -> {
                    Parameter table = bench.table("table");
                    Parameter weight = bench.vector("weight");
                    Parameter bias = bench.vector("bias");
                    Parameter matrix = bench.matrix("matrix", Bench.DIM, Bench.DIM);
                    Parameter matrixBias = bench.vector("matrixBias");
                    Parameter head = bench.matrix("head", Bench.VOCABULARY, Bench.DIM);
                    return ops -> {
                        Var x = ops.embed(bench.tokens, table, null);
                        for (int i = 0; i < 2; i++) {
                            x = ops.add(x, ops.linear(ops.layerNorm(x, weight, bias, 1e-5f), matrix, matrixBias));
                        }
                        return ops.linear(x, head, null);
                    };
                }),
                graph("a product added to its own input", bench -> {
                    Parameter table = bench.table("table");
                    Parameter matrix = bench.matrix("matrix", Bench.DIM, Bench.DIM);
                    Parameter head = bench.matrix("head", Bench.VOCABULARY, Bench.DIM);
                    return ops -> {
                        Var x = ops.embed(bench.tokens, table, null);
                        return ops.linear(ops.linearAdd(x, x, matrix, null), head, null);
                    };
                }),
                graph("a product added to what another operation needs", bench -> {
                    Parameter table = bench.table("table");
                    Parameter matrix = bench.matrix("matrix", Bench.DIM, Bench.DIM);
                    Parameter bias = bench.vector("bias");
                    Parameter head = bench.matrix("head", Bench.VOCABULARY, Bench.DIM);
                    return ops -> {
                        Var x = ops.activate(ops.embed(bench.tokens, table, null), Activation.SILU);
                        Var sum = ops.linearAdd(x, ops.activate(x, Activation.GELU_TANH), matrix, bias);
                        return ops.linear(ops.add(sum, x), head, null);
                    };
                }),
                graph("an activation and a product in one", bench -> {
                    Parameter table = bench.table("table");
                    Parameter up = bench.matrix("up", 2 * Bench.DIM, Bench.DIM);
                    Parameter down = bench.matrix("down", Bench.DIM, 2 * Bench.DIM);
                    Parameter bias = bench.vector("bias");
                    Parameter head = bench.matrix("head", Bench.VOCABULARY, Bench.DIM);
                    return ops -> {
                        Var x = ops.embed(bench.tokens, table, null);
                        Var sum = ops.activatedLinearAdd(x, ops.linear(x, up, null), Activation.GELU_TANH, down, bias);
                        return ops.linear(sum, head, null);
                    };
                }),
                graph("an activation and a product in one, added to its own input, which another operation needs", bench -> {
                    Parameter table = bench.table("table");
                    Parameter matrix = bench.matrix("matrix", Bench.DIM, Bench.DIM);
                    Parameter head = bench.matrix("head", Bench.VOCABULARY, Bench.DIM);
                    return ops -> {
                        Var x = ops.embed(bench.tokens, table, null);
                        Var sum = ops.activatedLinearAdd(x, x, Activation.SILU, matrix, null);
                        return ops.linear(ops.add(ops.activate(x, Activation.GELU_ERF), sum), head, null);
                    };
                }),
                graph("a norm and a product in one, with a bias, of what another operation needs, too", bench -> {
                    Parameter table = bench.table("table");
                    Parameter matrix = bench.matrix("matrix", Bench.DIM, Bench.DIM);
                    Parameter bias = bench.vector("bias");
                    Parameter head = bench.matrix("head", Bench.VOCABULARY, Bench.DIM);
                    return ops -> {
                        Var x = ops.embed(bench.tokens, table, null);
                        return ops.linear(ops.add(x, ops.normalizedLinear(x, Bench.EPSILON, matrix, bias)), head, null);
                    };
                }),
                graph("logits that are a sum", bench -> {
                    Parameter table = bench.table("table");
                    Parameter head = bench.matrix("head", Bench.VOCABULARY, Bench.DIM);
                    Parameter other = bench.matrix("other", Bench.VOCABULARY, Bench.DIM);
                    return ops -> {
                        Var x = ops.embed(bench.tokens, table, null);
                        return ops.linearAdd(ops.add(ops.linear(x, head, null), ops.linear(x, other, null)), x, head, null);
                    };
                }),
                graph("logits that went through an in-place operation", bench -> {
                    Parameter table = bench.table("table");
                    Parameter head = bench.matrix("head", Bench.VOCABULARY, Bench.DIM);
                    return ops -> ops.activate(ops.linear(ops.embed(bench.tokens, table, null), head, null), Activation.SILU);
                }),
                graph("attention with norm and rotation in one", bench -> {
                    Parameter table = bench.table("table");
                    Parameter qkv = bench.matrix("qkv", 3 * Bench.DIM, Bench.DIM);
                    Parameter out = bench.matrix("out", Bench.DIM, Bench.DIM);
                    Parameter head = bench.matrix("head", Bench.VOCABULARY, Bench.DIM);
                    return ops -> {
                        Var x = ops.embed(bench.tokens, table, null);
                        Var heads = ops.qkNormRope(ops.linear(x, qkv, null), bench.cos, bench.sin, Bench.HEADS, Bench.EPSILON);
                        return ops.linear(ops.linearAdd(x, ops.attention(heads, Bench.HEADS), out, null), head, null);
                    };
                }),
                graph("norm and rotation in one, whose gradient another operation shares", bench -> {
                    Parameter table = bench.table("table");
                    Parameter first = bench.matrix("first", 3 * Bench.DIM, Bench.DIM);
                    Parameter second = bench.matrix("second", 3 * Bench.DIM, Bench.DIM);
                    Parameter head = bench.matrix("head", Bench.VOCABULARY, 3 * Bench.DIM);
                    return ops -> {
                        Var x = ops.embed(bench.tokens, table, null);
                        Var other = ops.linear(x, second, null);
                        Var heads = ops.qkNormRope(ops.linear(x, first, null), bench.cos, bench.sin, Bench.HEADS, Bench.EPSILON);
                        return ops.linear(ops.add(other, heads), head, null);
                    };
                }),
                graph("attention with in-place norm and rotation", bench -> {
                    Parameter table = bench.table("table");
                    Parameter qkv = bench.matrix("qkv", 3 * Bench.DIM, Bench.DIM);
                    Parameter weight = bench.vector("weight");
                    Parameter head = bench.matrix("head", Bench.VOCABULARY, Bench.DIM);
                    return ops -> {
                        Var x = ops.embed(bench.tokens, table, null);
                        Var heads = ops.linear(ops.rmsNorm(x, weight, Bench.EPSILON), qkv, null);
                        heads = ops.rope(ops.qkNorm(heads, Bench.HEADS, Bench.EPSILON), bench.cos, bench.sin, Bench.HEADS);
                        return ops.linear(ops.add(x, ops.attention(heads, Bench.HEADS)), head, null);
                    };
                }));
    }

    private static Arguments graph(String name, Function<Bench, Bench.Graph> make) {
        return Arguments.of(name, make);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("graphs")
    void gradientsAreThoseOfCentralDifferences(String name, Function<Bench, Bench.Graph> make) {
        try (Bench bench = new Bench()) {
            Bench.Graph graph = make.apply(bench);
            Map<String, float[]> gradients = bench.gradients(graph);
            assertEquals(bench.parameters().size(), gradients.size());
            for (Parameter parameter : bench.parameters()) {
                float[] gradient = gradients.get(parameter.name());
                double norm = Math.sqrt(dot(gradient, asDoubles(gradient)));
                assertTrue(norm > 1e-3, name + ": the gradient of " + parameter + " vanishes, nothing is tested");
                for (int seed = 0; seed < 6; seed++) {
                    double[] direction = direction(gradient, norm, seed);
                    double expected = difference(bench, graph, parameter, direction);
                    assertEquals(expected, dot(gradient, direction), TOLERANCE * norm,
                            name + ": " + parameter + ", direction " + seed + ", norm " + norm);
                }
            }
        }
    }

    /** A unit vector: along the gradient for seed 0, else at random. */
    private static double[] direction(float[] gradient, double norm, int seed) {
        double[] direction = asDoubles(gradient);
        double length = norm;
        if (seed > 0) {
            double squares = 0;
            for (int i = 0; i < direction.length; i++) {
                direction[i] = RandomKey.of(seed).normal(i);
                squares += direction[i] * direction[i];
            }
            length = Math.sqrt(squares);
        }
        for (int i = 0; i < direction.length; i++) {
            direction[i] /= length;
        }
        return direction;
    }

    /** The derivative along a direction, by Richardson's extrapolation of two central differences. */
    private static double difference(Bench bench, Bench.Graph graph, Parameter parameter, double[] direction) {
        double wide = central(bench, graph, parameter, direction, 2 * STEP);
        double narrow = central(bench, graph, parameter, direction, STEP);
        return (4 * narrow - wide) / 3;
    }

    private static double central(Bench bench, Bench.Graph graph, Parameter parameter, double[] direction, double step) {
        float[] values = parameter.value().toFloatArray();
        double up = shifted(bench, graph, parameter, values, direction, step);
        double down = shifted(bench, graph, parameter, values, direction, -step);
        parameter.value().copyFrom(values);
        return (up - down) / (2 * step);
    }

    private static double shifted(Bench bench, Bench.Graph graph, Parameter parameter, float[] values, double[] direction,
            double step) {
        float[] moved = new float[values.length];
        for (int i = 0; i < moved.length; i++) {
            moved[i] = (float) (values[i] + step * direction[i]);
        }
        parameter.value().copyFrom(moved);
        return bench.meanLoss(graph);
    }

    private static double dot(float[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    private static double[] asDoubles(float[] values) {
        double[] doubles = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            doubles[i] = values[i];
        }
        return doubles;
    }
}
