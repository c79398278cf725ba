package dev.smallbatch.model;

import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.model.gpt.GptConfig;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** A small model with fresh weights on a back end, for tests. */
public final class TestModel implements AutoCloseable {
    private final Backend backend;
    private final Region parameters;
    private final Region step = Region.create("step", 16L << 20);
    private final Gpt model;

    public TestModel(String backendName, GptConfig config, long seed) {
        this(backendName, config, seed, DType.F32);
    }

    public TestModel(String backendName, GptConfig config, long seed, DType dtype) {
        backend = Backends.open(backendName, new BackendOptions(2));
        parameters = Region.create("parameters", Gpt.parameterBytes(config, dtype));
        model = Gpt.initialized(config, parameters, seed, dtype);
    }

    /** The back ends of this build that compute on the processor; one that cannot be opened makes its test fail. */
    public static Stream<String> backends() {
        return Backends.survey().stream().map(candidate -> candidate.provider().name())
                .filter(name -> List.of("scalar", "vector").contains(name));
    }

    public Gpt model() {
        return model;
    }

    public Backend backend() {
        return backend;
    }

    /** Logits of one sequence or of several equally long ones, a row for each token. */
    public float[][] logits(int[]... sequences) {
        Tape tape = new Tape(backend.kernels(), step, Tape.Mode.FORWARD_ONLY);
        Tensor tokens = step.allocate(DType.I32, Shape.of(sequences.length, sequences[0].length));
        tokens.copyFrom(Arrays.stream(sequences).flatMapToInt(Arrays::stream).toArray());
        float[] all = model.forward(tape.ops(), tokens).value().toFloatArray();
        tape.reset();
        int vocabulary = model.config().vocabularySize();
        float[][] rows = new float[all.length / vocabulary][];
        for (int t = 0; t < rows.length; t++) {
            rows[t] = Arrays.copyOfRange(all, t * vocabulary, (t + 1) * vocabulary);
        }
        return rows;
    }

    @Override
    public void close() {
        step.close();
        parameters.close();
        backend.close();
    }
}
