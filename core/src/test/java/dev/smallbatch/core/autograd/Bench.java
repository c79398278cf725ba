package dev.smallbatch.core.autograd;

import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.replay.RecordingKernels;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A back end, regions, tokens and parameters to write small graphs with: B 2, T 3, C 8, V 11, two heads. */
final class Bench implements AutoCloseable {
    static final int DIM = 8;
    static final int VOCABULARY = 11;
    static final AttentionSpec HEADS = new AttentionSpec(2, 3, 2, 2, 4);
    static final float EPSILON = 1e-6f;

    /** A forward pass up to the logits. */
    @FunctionalInterface
    interface Graph {
        Var logits(Ops ops);
    }

    private final Backend backend = Backends.open("scalar", new BackendOptions(1));
    private final Region parameterRegion = Region.create("parameters", 1 << 17);
    private final List<Parameter> parameters = new ArrayList<>();
    final Region step = Region.create("step", 1 << 18);
    final Tensor tokens = parameterRegion.allocate(DType.I32, Shape.of(2, 3));
    final Tensor targets = parameterRegion.allocate(DType.I32, Shape.of(6));
    final Tensor cos = parameterRegion.allocate(DType.F32, Shape.of(3, 2));
    final Tensor sin = parameterRegion.allocate(DType.F32, Shape.of(3, 2));

    Bench() {
        tokens.copyFrom(new int[] {3, 7, 3, 0, 10, 7});
        targets.copyFrom(new int[] {7, 3, -1, 10, 7, 2});
        float[] cosines = new float[6];
        float[] sines = new float[6];
        for (int i = 0; i < cosines.length; i++) {
            cosines[i] = (float) Math.cos(0.7 * i);
            sines[i] = (float) Math.sin(0.7 * i);
        }
        cos.copyFrom(cosines);
        sin.copyFrom(sines);
    }

    Kernels kernels() {
        return backend.kernels();
    }

    RecordingKernels recordingKernels() {
        return new RecordingKernels(backend.kernels());
    }

    /** A new parameter with values that depend on its name alone. */
    Parameter parameter(String name, Role role, long... dims) {
        Parameter parameter = new Parameter(name, parameterRegion.allocate(DType.F32, Shape.of(dims)), role);
        new Init.Normal(0.5).fill(parameter.value(), RandomKey.of(7).fork(name));
        parameters.add(parameter);
        return parameter;
    }

    Parameter table(String name) {
        return parameter(name, Role.EMBEDDING, VOCABULARY, DIM);
    }

    Parameter matrix(String name, int out, int in) {
        return parameter(name, Role.MATRIX, out, in);
    }

    Parameter vector(String name) {
        return parameter(name, Role.VECTOR, DIM);
    }

    List<Parameter> parameters() {
        return parameters;
    }

    Tape tape() {
        return new Tape(backend.kernels(), step, Tape.Mode.RECORD);
    }

    Var loss(Ops ops, Graph graph) {
        return ops.crossEntropy(graph.logits(ops), targets, VOCABULARY, 0.2f);
    }

    /** The mean loss over the five targets, in double. */
    double meanLoss(Graph graph) {
        Tape tape = new Tape(backend.kernels(), step, Tape.Mode.FORWARD_ONLY);
        double sum = 0;
        for (float loss : loss(tape.ops(), graph).value().toFloatArray()) {
            sum += loss;
        }
        tape.reset();
        return sum / 5;
    }

    /** Copies of all gradients in the order in which the sink got them. */
    Map<String, float[]> gradients(Graph graph) {
        return gradients(graph, Tape.Mode.RECORD);
    }

    Map<String, float[]> gradients(Graph graph, Tape.Mode mode) {
        Tape tape = new Tape(backend.kernels(), step, mode);
        Map<String, float[]> gradients = new LinkedHashMap<>();
        tape.backward(loss(tape.ops(), graph), (parameter, gradient) -> {
            if (gradients.put(parameter.name(), gradient.toFloatArray()) != null) {
                throw new AssertionError("the sink got " + parameter.name() + " twice");
            }
        });
        tape.reset();
        return gradients;
    }

    @Override
    public void close() {
        step.close();
        parameterRegion.close();
        backend.close();
    }
}
