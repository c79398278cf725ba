package dev.smallbatch.bench.measure;

import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.model.generate.Generator;
import dev.smallbatch.model.generate.Sampler;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.model.gpt.GptConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The continuation of one sequence by a model with random weights, token by token.
 *
 * @param perToken the times between one token and the next: the reading of the prompt, which ends with the first, is not among
 *     them
 * @param weightBytes read for each token: every weight once, but of the table of embeddings only one row, which does not count
 */
public record Generation(Timings perToken, long weightBytes) {
    /**
     * Generates.
     *
     * @param promptLength random tokens to begin with
     * @param tokens to generate and time, at least 2
     * @param warmUp the same, before it is timed
     */
    public static Generation measure(GptConfig config, DType dtype, Kernels kernels, int promptLength, int tokens,
            Timings.AtLeast warmUp) {
        RandomKey key = RandomKey.of(1).fork("prompt");
        int[] prompt = IntStream.range(0, promptLength).map(i -> (int) (key.uniform(i) * config.vocabularySize())).toArray();
        try (Region parameters = Region.create("parameters", Gpt.parameterBytes(config, dtype))) {
            Gpt gpt = Gpt.initialized(config, parameters, 1, dtype);
            long weightBytes = gpt.parameters().stream().filter(p -> p.role() != Role.EMBEDDING)
                    .mapToLong(p -> p.value().bytes()).sum();
            try (Generator generator = new Generator(gpt, kernels)) {
                Timings.repeat(warmUp, () -> generator.generate(prompt, tokens, Sampler.greedy(), token -> true));
                List<Long> arrivals = new ArrayList<>();
                generator.generate(prompt, tokens, Sampler.greedy(), token -> arrivals.add(System.nanoTime()));
                return new Generation(new Timings(IntStream.range(1, arrivals.size())
                        .mapToObj(i -> 1e-9 * (arrivals.get(i) - arrivals.get(i - 1))).toList()), weightBytes);
            }
        }
    }

    /** Bytes of weights read in a second, the median over the tokens. */
    public double bytesPerSecond() {
        return weightBytes / perToken.median();
    }
}
