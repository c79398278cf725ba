package dev.smallbatch.bench.peers;

import dev.smallbatch.bench.measure.Arguments;
import dev.smallbatch.bench.measure.LinearMap;
import dev.smallbatch.bench.measure.Operands;
import dev.smallbatch.bench.measure.Timings;
import dev.smallbatch.core.io.JsonWriter;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendInfo;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.MatmulKernels;
import dev.smallbatch.model.gpt.GptConfig;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Times every matrix product of a training step at batch size 1: each linear map of the presets, forward and both gradients,
 * as {@code torch_gemm.py} does. Prints one line of JSON for each product, in GFLOP/s, counting 2 M N K.
 */
public final class GemmPeer {
    private static final Map<String, String> DEFAULTS = Map.of("models", "tiny,lm11m,gpt2s", "threads", "2", "backend", "vector",
            "warmup-seconds", "5", "repetitions", "5", "seconds", "0.5");

    private final MatmulKernels kernels;
    private final BackendInfo backend;
    private final Arguments arguments;

    private GemmPeer(Backend backend, Arguments arguments) {
        this.kernels = backend.kernels().matmul();
        this.backend = backend.info();
        this.arguments = arguments;
    }

    /**
     * {@code --models --threads --backend}, and how long: {@code --warmup-seconds} over the products of the first model, then
     * each product two times and a third of {@code --seconds}, then timed at least {@code --repetitions} and {@code --seconds}.
     */
    public static void main(String[] arguments) {
        measure(line -> System.out.println(JsonWriter.write(line)), arguments);
    }

    static void measure(Consumer<Map<String, Object>> lines, String... arguments) {
        Arguments a = Arguments.parse(DEFAULTS, arguments);
        try (Backend backend = Backends.open(a.text("backend"), new BackendOptions(a.integer("threads")))) {
            GemmPeer peer = new GemmPeer(backend, a);
            List<String> models = List.of(a.text("models").split(","));
            peer.warmUp(LinearMap.of(GptConfig.preset(models.getFirst())));
            for (String model : models) {
                for (LinearMap map : LinearMap.of(GptConfig.preset(model))) {
                    try (Operands.Placed<List<LinearMap.Product>> products = Operands.place(map::products)) {
                        products.work().forEach(product ->
                                lines.accept(peer.time(model + " " + map.name() + " " + product.pass(), product)));
                    }
                }
            }
        }
    }

    private void warmUp(List<LinearMap> maps) {
        try (Operands.Placed<List<LinearMap.Product>> products = Operands.place(
                operands -> maps.stream().flatMap(map -> map.products(operands).stream()).toList())) {
            Timings.repeat(new Timings.AtLeast(1, arguments.number("warmup-seconds")),
                    () -> products.work().forEach(product -> product.call().accept(kernels)));
        }
    }

    private Map<String, Object> time(String item, LinearMap.Product product) {
        int repetitions = arguments.integer("repetitions");
        double seconds = arguments.number("seconds");
        Runnable call = () -> product.call().accept(kernels);
        Timings.repeat(new Timings.AtLeast(Math.min(2, repetitions), seconds / 3), call);
        Timings times = Timings.repeat(new Timings.AtLeast(repetitions, seconds), call);
        double gflop = 1e-9 * product.flops();
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("peer", "smallbatch");
        line.put("item", item);
        line.put("m", product.m());
        line.put("n", product.n());
        line.put("k", product.k());
        line.put("backend", backend.toString());
        line.put("threads", backend.threads());
        line.put("repetitions", times.count());
        line.put("gflops_median", gflop / times.median());
        line.put("gflops_best", gflop / times.best());
        return line;
    }
}
