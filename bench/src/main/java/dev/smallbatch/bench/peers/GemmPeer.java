package dev.smallbatch.bench.peers;

import dev.smallbatch.bench.measure.Arguments;
import dev.smallbatch.bench.measure.Timings;
import dev.smallbatch.core.io.JsonWriter;
import dev.smallbatch.core.rand.Init;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendInfo;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.MatmulKernels;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.model.gpt.GptConfig;
import java.util.ArrayList;
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

    /** A linear map, {@code fanIn} to {@code fanOut}, of {@code time} rows. */
    private record LinearMap(String name, int time, int fanIn, int fanOut) {
        static List<LinearMap> of(String model) {
            GptConfig config = GptConfig.preset(model);
            int time = config.seqLen();
            int dim = config.dim();
            return List.of(new LinearMap(model + " QKV", time, dim, 3 * dim), new LinearMap(model + " OUT", time, dim, dim),
                    new LinearMap(model + " UP", time, dim, config.mlpDim()),
                    new LinearMap(model + " DOWN", time, config.mlpDim(), dim),
                    new LinearMap(model + " HEAD", time, dim, config.vocabularySize()));
        }

        long operandBytes() {
            return 2 * Region.bytesFor(DType.F32, Shape.of(time, fanIn)) + 2 * Region.bytesFor(DType.F32, Shape.of(fanOut, fanIn))
                    + Region.bytesFor(DType.F32, Shape.of(time, fanOut));
        }
    }

    /** {@code out} is (M, N); the sums run over K. */
    private record Product(String item, long m, long n, long k, Runnable call) {}

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
            peer.warmUp(LinearMap.of(models.getFirst()));
            for (String model : models) {
                for (LinearMap map : LinearMap.of(model)) {
                    try (Region region = Region.create("operands", map.operandBytes())) {
                        peer.products(map, region).forEach(product -> lines.accept(peer.time(product)));
                    }
                }
            }
        }
    }

    private void warmUp(List<LinearMap> maps) {
        try (Region region = Region.create("operands", maps.stream().mapToLong(LinearMap::operandBytes).sum())) {
            List<Product> all = new ArrayList<>();
            maps.forEach(map -> all.addAll(products(map, region)));
            Timings.repeat(new Timings.AtLeast(1, arguments.number("warmup-seconds")),
                    () -> all.forEach(product -> product.call.run()));
        }
    }

    private List<Product> products(LinearMap map, Region region) {
        Tensor x = uniform(region, Shape.of(map.time, map.fanIn), "x");
        Tensor weight = uniform(region, Shape.of(map.fanOut, map.fanIn), "weight");
        Tensor y = uniform(region, Shape.of(map.time, map.fanOut), "y");
        Tensor dx = region.allocate(DType.F32, x.shape());
        Tensor dweight = region.allocate(DType.F32, weight.shape());
        return List.of(
                new Product(map.name + " forward", map.time, map.fanOut, map.fanIn,
                        () -> kernels.linear(y, x, weight, null)),
                new Product(map.name + " dX", map.time, map.fanIn, map.fanOut,
                        () -> kernels.matmul(dx, y, Transpose.NO, weight, Transpose.NO, 1, 0)),
                new Product(map.name + " dW", map.fanOut, map.fanIn, map.time,
                        () -> kernels.matmul(dweight, y, Transpose.YES, x, Transpose.NO, 1, 0)));
    }

    private static Tensor uniform(Region region, Shape shape, String name) {
        Tensor tensor = region.allocate(DType.F32, shape);
        new Init.Uniform(1).fill(tensor, RandomKey.of(1).fork(name));
        return tensor;
    }

    private Map<String, Object> time(Product product) {
        int repetitions = arguments.integer("repetitions");
        double seconds = arguments.number("seconds");
        Timings.repeat(new Timings.AtLeast(Math.min(2, repetitions), seconds / 3), product.call);
        Timings times = Timings.repeat(new Timings.AtLeast(repetitions, seconds), product.call);
        double gflop = 2e-9 * product.m * product.n * product.k;
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("peer", "smallbatch");
        line.put("item", product.item);
        line.put("m", product.m);
        line.put("n", product.n);
        line.put("k", product.k);
        line.put("backend", backend.toString());
        line.put("threads", backend.threads());
        line.put("repetitions", times.count());
        line.put("gflops_median", gflop / times.median());
        line.put("gflops_best", gflop / times.best());
        return line;
    }
}
