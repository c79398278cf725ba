package dev.smallbatch.bench.peers;

import dev.smallbatch.bench.measure.Arguments;
import dev.smallbatch.bench.measure.Bandwidth;
import dev.smallbatch.bench.measure.Generation;
import dev.smallbatch.bench.measure.Timings;
import dev.smallbatch.core.io.JsonWriter;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.gpt.GptConfig;
import java.util.LinkedHashMap;
import java.util.Map;

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
            Generation generation = Generation.measure(config, DType.F32, backend.kernels(), a.integer("prompt"),
                    a.integer("tokens"), new Timings.AtLeast(1, a.number("warmup-seconds")));
            Bandwidth bandwidth = before.better(Bandwidth.measure(backend.kernels(), buffer, passes));
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("peer", "smallbatch");
            line.put("item", "generate");
            line.put("backend", backend.info().toString());
            line.put("threads", backend.info().threads());
            report(line, generation, bandwidth);
            return line;
        }
    }

    private static void report(Map<String, Object> line, Generation generation, Bandwidth bandwidth) {
        line.put("tokens", generation.perToken().count());
        line.put("tokens_per_s_median", 1 / generation.perToken().median());
        line.put("tokens_per_s_best", 1 / generation.perToken().best());
        line.put("weight_bytes_per_token", generation.weightBytes());
        line.put("bandwidth_sum_gb_s", 1e-9 * bandwidth.sum());
        line.put("bandwidth_linear_gb_s", 1e-9 * bandwidth.linear());
        line.put("bandwidth_gb_s", 1e-9 * bandwidth.best());
        line.put("share_of_bandwidth", generation.bytesPerSecond() / bandwidth.best());
    }
}
