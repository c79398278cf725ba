package dev.smallbatch.model.witness;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.autograd.Ops;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.model.layer.ParameterFactory;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.train.Batch;
import dev.smallbatch.optim.train.BatchSource;
import dev.smallbatch.optim.train.TrainStep;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A model with given weights on one back end, and everything a witness can be asked about. */
final class Witnessed implements AutoCloseable {
    private static final long STEP_BYTES = 32L << 20;

    private final Backend backend;
    private final Region parameters;
    private final Region step = Region.create("step", STEP_BYTES);
    private final Region data;
    private final Batch batch;
    private final Gpt model;

    /** @param weights by name; exactly those of the model */
    Witnessed(String backendName, GptConfig config, Map<String, float[]> weights, int batchSize) {
        backend = Backends.open(backendName, new BackendOptions(2));
        parameters = Region.create("parameters", Gpt.parameterBytes(config));
        data = Region.create("data", Batch.bytes(batchSize, config.seqLen()));
        batch = Batch.allocate(data, batchSize, config.seqLen());
        model = new Gpt(config, ParameterFactory.uninitialized(parameters, DType.F32));
        assertEquals(model.parameters().stream().map(Parameter::name).sorted().toList(),
                weights.keySet().stream().sorted().toList());
        model.parameters(parameter -> parameter.value().copyFrom(weights.get(parameter.name())));
    }

    float[] logits(BatchSource source) {
        batch.fill(source, 0);
        Tape tape = new Tape(backend.kernels(), step, Tape.Mode.FORWARD_ONLY);
        float[] logits = model.forward(tape.ops(), batch.tokens()).value().toFloatArray();
        tape.reset();
        return logits;
    }

    /** The mean loss of step 0 and its gradient by parameter. */
    double gradients(BatchSource source, Map<String, float[]> gradients) {
        return gradients(source, gradients, model::loss);
    }

    /** As {@link #gradients}, with a loss of the logits that generation uses. */
    double gradientsByLogits(BatchSource source, Map<String, float[]> gradients) {
        return gradients(source, gradients, (ops, all, scale) -> ops.crossEntropy(model.forward(ops, all.tokens()), all.targets(),
                model.config().vocabularySize(), scale));
    }

    private double gradients(BatchSource source, Map<String, float[]> gradients, Loss forward) {
        batch.fill(source, 0);
        Tape tape = new Tape(backend.kernels(), step, Tape.Mode.RECORD);
        Var losses = forward.of(tape.ops(), batch, (float) (1.0 / batch.targetCount()));
        double sum = 0;
        for (float loss : losses.value().toFloatArray()) {
            sum += loss;
        }
        tape.backward(losses, (parameter, gradient) -> gradients.put(parameter.name(), gradient.toFloatArray()));
        tape.reset();
        return sum / batch.targetCount();
    }

    /** A forward pass with its loss. */
    @FunctionalInterface
    private interface Loss {
        Var of(Ops ops, Batch batch, float scale);
    }

    /** Losses before each update, updates made inside backward. */
    double[] train(List<ParameterGroup> groups, BatchSource source, int steps) {
        double[] losses = new double[steps];
        try (Region state = Region.create("optimizer", Optimizer.stateBytes(groups, model.parameters()))) {
            var optimizer = new Optimizer(groups, Clipping.none(), model.parameters(), backend.kernels(), state);
            var trainStep = new TrainStep(model, optimizer, backend.kernels(), step, 1);
            for (int i = 0; i < steps; i++) {
                batch.fill(source, i);
                losses[i] = trainStep.run(batch, i, false).loss();
            }
        }
        return losses;
    }

    /** The largest difference is within {@code tolerance} times the largest magnitude expected. */
    static void assertClose(String what, float[] expected, float[] actual, double tolerance) {
        assertEquals(expected.length, actual.length, what);
        double largest = 0;
        double worst = 0;
        int at = 0;
        for (int i = 0; i < expected.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            double difference = Math.abs((double) expected[i] - actual[i]);
            if (!(difference <= worst)) {
                worst = difference;
                at = i;
            }
        }
        String message = "%s: element %d is %s, expected %s; relative to the largest magnitude %s that is %.3g";
        assertTrue(worst <= tolerance * largest,
                message.formatted(what, at, actual[at], expected[at], largest, worst / largest));
    }

    /** Expected and actual gradients have the same names, and each is close. */
    static void assertAllClose(Map<String, float[]> expected, Map<String, float[]> actual, double tolerance) {
        assertEquals(expected.keySet().stream().sorted().toList(), actual.keySet().stream().sorted().toList());
        expected.forEach((name, values) -> assertClose("gradient of " + name, values, actual.get(name), tolerance));
    }

    /** Part of a map whose names begin with a prefix, without it. */
    static Map<String, float[]> below(String prefix, Map<String, float[]> all) {
        Map<String, float[]> part = new LinkedHashMap<>();
        all.forEach((name, values) -> {
            if (name.startsWith(prefix)) {
                part.put(name.substring(prefix.length()), values);
            }
        });
        return part;
    }

    @Override
    public void close() {
        step.close();
        data.close();
        parameters.close();
        backend.close();
    }
}
