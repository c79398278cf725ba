package dev.smallbatch.bench.peers;

import dev.smallbatch.bench.measure.Arguments;
import dev.smallbatch.bench.measure.Bandwidth;
import dev.smallbatch.bench.measure.Timings;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.io.JsonWriter;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.model.generate.Generator;
import dev.smallbatch.model.generate.Sampler;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.model.gpt.GptConfig;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Times the continuation of one sequence by a model with random weights, token by token, and sets it against the speed at which
 * this process reads memory, measured before and after: a token needs every weight but the table of embeddings once, so it
 * cannot take less time than reading them. Prints one line of JSON.
 */
public final class GeneratePeer {
    private static final Map<String, String> DEFAULTS = Map.of("preset", "gpt2s", "threads", "2", "backend", "vector",
            "prompt", "16", "tokens", "128", "warmup-seconds", "5", "bandwidth-mib", "1024", "bandwidth-seconds", "2");

    private GeneratePeer() {}

    /**
     * {@code --preset --threads --backend --prompt --tokens --warmup-seconds}, and for the bandwidth {@code --bandwidth-mib}
     * read in each pass and {@code --bandwidth-seconds} for each way of reading.
     */
    public static void main(String[] arguments) {
        System.out.println(JsonWriter.write(measure(arguments)));
    }

    static Map<String, Object> measure(String... arguments) {
        Arguments a = Arguments.parse(DEFAULTS, arguments);
        GptConfig config = GptConfig.preset(a.text("preset"));
        Timings.AtLeast passes = new Timings.AtLeast(3, a.number("bandwidth-seconds"));
        long buffer = (long) a.integer("bandwidth-mib") << 20;
        try (Backend backend = Backends.open(a.text("backend"), new BackendOptions(a.integer("threads")))) {
            Bandwidth before = Bandwidth.measure(backend.kernels(), buffer, passes);
            Timings perToken;
            long weightBytes;
            try (Region parameters = Region.create("parameters", Gpt.parameterBytes(config))) {
                Gpt gpt = Gpt.initialized(config, parameters, 1);
                weightBytes = bytesPerToken(gpt.parameters());
                try (Generator generator = new Generator(gpt, backend.kernels())) {
                    perToken = generate(generator, config, a);
                }
            }
            Bandwidth bandwidth = before.better(Bandwidth.measure(backend.kernels(), buffer, passes));
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("peer", "smallbatch");
            line.put("item", "generate");
            line.put("backend", backend.info().toString());
            line.put("threads", backend.info().threads());
            report(line, perToken, weightBytes, bandwidth);
            return line;
        }
    }

    private static void report(Map<String, Object> line, Timings perToken, long weightBytes, Bandwidth bandwidth) {
        line.put("tokens", perToken.count());
        line.put("tokens_per_s_median", 1 / perToken.median());
        line.put("tokens_per_s_best", 1 / perToken.best());
        line.put("weight_bytes_per_token", weightBytes);
        line.put("bandwidth_sum_gb_s", 1e-9 * bandwidth.sum());
        line.put("bandwidth_linear_gb_s", 1e-9 * bandwidth.linear());
        line.put("bandwidth_gb_s", 1e-9 * bandwidth.best());
        line.put("share_of_bandwidth", weightBytes / perToken.median() / bandwidth.best());
    }

    /** Every weight is read once for a token, but of the table of embeddings only one row, which does not count. */
    static long bytesPerToken(List<Parameter> parameters) {
        return parameters.stream().filter(p -> p.role() != Role.EMBEDDING).mapToLong(p -> p.value().bytes()).sum();
    }

    /** The times between one token and the next: the reading of the prompt, which ends with the first, is not among them. */
    private static Timings generate(Generator generator, GptConfig config, Arguments a) {
        RandomKey key = RandomKey.of(1).fork("prompt");
        int[] prompt = IntStream.range(0, a.integer("prompt"))
                .map(i -> (int) (key.uniform(i) * config.vocabularySize())).toArray();
        int tokens = a.integer("tokens");
        Timings.repeat(new Timings.AtLeast(1, a.number("warmup-seconds")),
                () -> generator.generate(prompt, tokens, Sampler.greedy(), token -> true));
        List<Long> arrivals = new ArrayList<>();
        generator.generate(prompt, tokens, Sampler.greedy(), token -> arrivals.add(System.nanoTime()));
        return new Timings(IntStream.range(1, arrivals.size())
                .mapToObj(i -> 1e-9 * (arrivals.get(i) - arrivals.get(i - 1))).toList());
    }
}
